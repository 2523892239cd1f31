// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "base/units.h"

/* One file while it is read. */
struct reading {
	const char *path;
	FILE *file;
	unsigned line; /* the one that the parser has */
	struct config *config;
	struct keymap *keymap;
	unsigned bound[REQUESTS]; /* line that bound the request; 0: none */
	char *message; /* CONFIG_MESSAGE_MAX */
	bool failed;
};

/* The first problem counts; text from the file is made fit to print. */
__attribute__((format(printf, 3, 4))) static int config_fail(struct reading *r, unsigned line,
							     const char *format, ...)
{
	char raw[CONFIG_MESSAGE_MAX], head[PATH_MAX + 32];
	va_list args;
	int n;

	if (r->failed)
		return 0;
	va_start(args, format);
	n = vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	r->failed = true;
	snprintf(head, sizeof(head), "%s:%u: ", r->path, line);
	n = (int)escape_text(head, strlen(head), r->message, CONFIG_MESSAGE_MAX / 2);
	escape_text(raw, strlen(raw), r->message + n, (size_t)(CONFIG_MESSAGE_MAX - n));
	return 0;
}

void config_default(struct config *config)
{
	memset(config, 0, sizeof(*config));
	snprintf(config->theme, sizeof(config->theme), "auto");
	snprintf(config->colour, sizeof(config->colour), "auto");
	config->mouse = true;
	theme_own_nothing(&config->colours);
}

static int config_take_theme(struct reading *r, const char *value)
{
	enum theme_kind kind;

	if (strcmp(value, "auto") && theme_parse(value, &kind) < 0)
		return config_fail(r, r->line, "theme is auto, dark, light or monochrome, not %s",
				   value);
	snprintf(r->config->theme, sizeof(r->config->theme), "%s", value);
	return 1;
}

static int config_take_colour(struct reading *r, const char *value)
{
	if (theme_colours(value, NULL, 256) < 0)
		return config_fail(r, r->line, "color is auto, always or never, not %s", value);
	snprintf(r->config->colour, sizeof(r->config->colour), "%s", value);
	return 1;
}

#define INTERVAL_LEAST_NS ((uint64_t)1000000)
#define INTERVAL_MOST_NS  ((uint64_t)86400 * 1000000000)

static int config_take_interval(struct reading *r, const char *value)
{
	uint64_t ns;
	int error = units_parse_duration(value, &ns);

	if (error < 0)
		return config_fail(r, r->line, "interval: %s %s", value,
				   units_duration_problem(error));
	if (ns < INTERVAL_LEAST_NS || ns > INTERVAL_MOST_NS)
		return config_fail(r, r->line, "interval is from 1ms to 24h, not %s", value);
	r->config->interval_ns = (int64_t)ns;
	return 1;
}

static int config_take_history(struct reading *r, const char *value)
{
	int error = units_parse_size(value, &r->config->history_bytes);

	if (error < 0)
		return config_fail(r, r->line, "history: %s %s", value, units_size_problem(error));
	return 1;
}

static int config_take_switch(struct reading *r, const char *name, const char *value, bool *ret_on)
{
	if (strcmp(value, "yes") && strcmp(value, "no"))
		return config_fail(r, r->line, "%s is yes or no, not %s", name, value);
	*ret_on = !strcmp(value, "yes");
	return 1;
}

static int config_take_setting(struct reading *r, const char *name, const char *value)
{
	if (!strcmp(name, "theme"))
		return config_take_theme(r, value);
	if (!strcmp(name, "color"))
		return config_take_colour(r, value);
	if (!strcmp(name, "interval"))
		return config_take_interval(r, value);
	if (!strcmp(name, "history"))
		return config_take_history(r, value);
	if (!strcmp(name, "mouse"))
		return config_take_switch(r, name, value, &r->config->mouse);
	if (!strcmp(name, "ascii"))
		return config_take_switch(r, name, value, &r->config->ascii);
	return config_fail(r, r->line, "there is no setting %s", name);
}

static int config_take_keys(struct reading *r, const char *name, const char *value)
{
	const char *bad = value;
	int error = keymap_bind_later(r->keymap, name, value, &bad);

	if (error == -ENOENT)
		return config_fail(r, r->line, "there is no request %s; pmtop.conf(5) lists them",
				   name);
	if (error < 0)
		return config_fail(r, r->line, "%.*s is no key", (int)strcspn(bad, " "), bad);
	r->bound[request_parse(name)] = r->line;
	return 1;
}

static int config_take_own_colour(struct reading *r, const char *name, const char *value)
{
	enum lens lens;
	unsigned which;
	char *end;
	long colour = strtol(value, &end, 10);

	if (theme_find_value(name, &lens, &which) < 0)
		return config_fail(r, r->line, "there is no colour %s; pmtop.conf(5) lists them",
				   name);
	if (!strcmp(value, "default"))
		colour = COLOUR_DEFAULT;
	else if (*end || end == value || colour < 0 || colour > 255)
		return config_fail(r, r->line, "a colour is 0 to 255 or default, not %s", value);
	r->config->colours.value[lens][which] = (int16_t)colour;
	return 1;
}

/* Called by the parser with each "name = value"; 0 says that it is wrong. */
static int config_on_value(void *context, const char *section, const char *name, const char *value)
{
	struct reading *r = context;

	if (r->failed)
		return 0;
	if (!*section || !strcmp(section, "pmtop"))
		return config_take_setting(r, name, value);
	if (!strcmp(section, "keys"))
		return config_take_keys(r, name, value);
	if (!strcmp(section, "colors"))
		return config_take_own_colour(r, name, value);
	return config_fail(r, r->line, "there is no section [%s]: pmtop, keys and colors are there",
			   section);
}

/* Gives the parser a line; that is how the handler knows which one it is at. */
static char *config_next_line(char *buf, int size, void *context)
{
	struct reading *r = context;

	if (!fgets(buf, size, r->file))
		return NULL;
	r->line++;
	if (!strchr(buf, '\n') && (int)strlen(buf) == size - 1)
		config_fail(r, r->line, "the line is longer than %d characters", size - 2);
	return buf;
}

/* The clash is the fault of the later of the two lines; one that only took its default has none. */
static void config_check_keys(struct reading *r)
{
	enum request a, b;
	char name[32];
	int key;

	if (r->failed || keymap_check(r->keymap, &a, &b, &key) != -EEXIST)
		return;
	if (r->bound[b] < r->bound[a]) {
		enum request later = a;

		a = b;
		b = later;
	}
	config_fail(r, r->bound[b], "%s is the key of %s and of %s",
		    ui_key_name(key, name, sizeof(name)), requests[a].name, requests[b].name);
}

/* Nobody may ever write to a FIFO, nor answer for a device. */
static FILE *config_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *file;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && !S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) {
		close(fd);
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return NULL;
	}
	file = fdopen(fd, "r");
	if (!file)
		close(fd);
	return file;
}

int config_read(const char *path, struct config *config, struct keymap *keymap,
		char message[static CONFIG_MESSAGE_MAX])
{
	CLEANUP(cleanup_fclose) FILE *file = config_open(path);
	struct reading r = { .path = path, .file = file, .config = config, .keymap = keymap };
	char safe[CONFIG_MESSAGE_MAX / 2];
	int line;

	r.message = message;
	if (!file) {
		int error = errno;

		escape_text(path, strlen(path), safe, sizeof(safe));
		snprintf(message, CONFIG_MESSAGE_MAX, "%s: %s", safe,
			 error == EINVAL ? "not a regular file" : strerror(error));
		return -error;
	}
	line = ini_parse_stream(config_next_line, &r, config_on_value, &r);
	if (line > 0)
		config_fail(&r, (unsigned)line, "this is neither [section] nor name = value");
	config_check_keys(&r);
	return r.failed || line ? -EINVAL : 0;
}

/*
 * A home that one may not look into is somebody else's: su and sudo can leave HOME as it was. What
 * is there is then no business of this user, and no reason not to start.
 */
static int config_read_if_there(const char *path, struct config *config, struct keymap *keymap,
				char message[static CONFIG_MESSAGE_MAX])
{
	int r = config_read(path, config, keymap, message);

	return r == -ENOENT || r == -ENOTDIR || r == -EACCES ? 0 : r;
}

int config_load(const char *option, struct config *config, struct keymap *keymap,
		char message[static CONFIG_MESSAGE_MAX])
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char path[PATH_MAX];
	int r;

	config_default(config);
	if (option)
		return config_read(option, config, keymap, message);
	r = config_read_if_there("/etc/pmtop.conf", config, keymap, message);
	/* The base directory specification: a path that is not absolute is to be ignored. */
	if (base && base[0] == '/')
		snprintf(path, sizeof(path), "%s/pmtop/pmtop.conf", base);
	else if (home)
		snprintf(path, sizeof(path), "%s/.config/pmtop/pmtop.conf", home);
	else
		return r;
	return r < 0 ? r : config_read_if_there(path, config, keymap, message);
}
