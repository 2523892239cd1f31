// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "model/event.h"
#include "model/page.h"

static char path[64];
static char message[CONFIG_MESSAGE_MAX];
static struct config config;
static struct keymap *keymap;

static int read_text(const char *text)
{
	FILE *file = fopen(path, "we");
	int r;

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	keymap_free(keymap);
	keymap = keymap_new();
	config_default(&config);
	message[0] = '\0';
	r = config_read(path, &config, keymap, message);
	return r;
}

static int setup(void **state)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/pmtop-test-config-XXXXXX");
	fd = mkstemp(path);
	close(fd);
	return fd < 0;
}

static int teardown(void **state)
{
	unlink(path);
	keymap_free(keymap);
	return 0;
}

static void test_all_settings(void **state)
{
	assert_int_equal(read_text("# a comment\n"
				   "theme = light\n"
				   "[pmtop]\n"
				   "color = never\n"
				   "interval = 250ms\n"
				   "history=128M ; and another one\n"
				   "mouse = no\n"
				   "ascii = yes\n"
				   "\n"
				   "[keys]\n"
				   "zoom-in = + = PgUp\n"
				   "screen-up =\n"
				   "[colors]\n"
				   "where.shared-swap = 201\n"
				   "page-size.not-huge = default\n"),
			 0);
	assert_string_equal(config.theme, "light");
	assert_string_equal(config.colour, "never");
	assert_int_equal(config.interval_ns, 250000000);
	assert_int_equal(config.history_bytes, 128 << 20);
	assert_false(config.mouse);
	assert_true(config.ascii);
	assert_int_equal(keymap_find(keymap, SCREEN_PAGES, UIKEY_PAGE_UP), REQ_ZOOM_IN);
	assert_int_equal(keymap_find(keymap, SCREEN_PAGES, '='), REQ_ZOOM_IN);
	assert_int_equal(config.colours.value[LENS_WHERE][PAGE_SHARED_SWAP], 201);
	assert_int_equal(config.colours.value[LENS_SIZE][SIZE_SMALL], COLOUR_DEFAULT);
	assert_int_equal(config.colours.value[LENS_WHERE][PAGE_SWAP], THEME_AS_IT_IS);
}

static void test_two_requests_can_swap_keys(void **state)
{
	assert_int_equal(read_text("[keys]\nquit = ?\nhelp = q\n"), 0);
	assert_int_equal(keymap_find(keymap, SCREEN_PAGES, 'q'), REQ_HELP);
	assert_int_equal(keymap_find(keymap, SCREEN_PAGES, '?'), REQ_QUIT);
}

static void test_errors_name_the_line(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "theme = pink\n", ":1: theme is auto, dark, light or monochrome, not pink" },
		{ "\n\ncolor = red\n", ":3: color is auto, always or never, not red" },
		{ "interval = 5d\n", ":1: interval: 5d " },
		{ "interval = 0\n", ":1: interval is from 1ms to 24h, not 0" },
		{ "history = much\n", ":1: history: much " },
		{ "mouse = maybe\n", ":1: mouse is yes or no, not maybe" },
		{ "speed = 5\n", ":1: there is no setting speed" },
		{ "[pmtop]\n[nothing]\na = b\n", ":3: there is no section [nothing]" },
		{ "theme = dark\nnonsense\n", ":2: this is neither" },
		{ "[keys]\nfly = x\n", ":2: there is no request fly" },
		{ "[keys]\nquit = q Hyper-q\n", ":2: Hyper-q is no key" },
		{ "[keys]\n\nbaseline = q\n", ":3: q is the key of " },
		{ "[keys]\nquit = X\nhelp = X\n", ":3: X is the key of quit and of help" },
		{ "[keys]\nhelp = X\nquit = X\n", ":3: X is the key of help and of quit" },
		{ "[colors]\nwhere.nowhere = 1\n", ":2: there is no colour where.nowhere" },
		{ "[colors]\nwhere = 1\n", ":2: there is no colour where" },
		{ "[colors]\nwhere.anon = 256\n", ":2: a colour is 0 to 255 or default, not 256" },
		{ "[colors]\nwhere.anon = blue\n", ":2: a colour is 0 to 255 or default" },
		{ "[colors]\nwhere.anon =\n", ":2: a colour is 0 to 255 or default" },
		{ "theme = \x1b]0;x\x07\n",
		  ":1: theme is auto, dark, light or monochrome, not \\x1b" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char expected[256];

		assert_int_equal(read_text(rows[i].text), -EINVAL);
		snprintf(expected, sizeof(expected), "%s%s", path, rows[i].message);
		if (strncmp(message, expected, strlen(expected)) != 0)
			fail_msg("expected %s\nis       %s", expected, message);
		for (const char *c = message; *c; c++)
			assert_true((unsigned char)*c >= ' ');
	}
}

/* The first problem is the one that is told, and long lines are one. */
static void test_first_problem_counts(void **state)
{
	char text[1200];

	assert_int_equal(read_text("theme = dark\ncolor = red\nspeed = 5\nnonsense\n"), -EINVAL);
	assert_non_null(strstr(message, ":2: color"));
	memset(text, 'x', sizeof(text));
	memcpy(text, "\ntheme = ", 9);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(read_text(text), -EINVAL);
	assert_non_null(strstr(message, ":2: the line is longer than"));
}

static void test_missing_file(void **state)
{
	config_default(&config);
	assert_int_equal(config_read("/nonexistent/pmtop\x1b.conf", &config, keymap, message),
			 -ENOENT);
	assert_string_equal(message, "/nonexistent/pmtop\\x1b.conf: No such file or directory");
	assert_int_equal(config_load("/nonexistent/pmtop.conf", &config, keymap, message), -ENOENT);
}

/* The person's file lies on top of the machine's; it is looked for where the standard says. */
/* Whoever waits for a writer waits for ever. */
static void test_fifo(void **state)
{
	char folder[] = "/tmp/pmtop-config-XXXXXX", name[64];

	assert_non_null(mkdtemp(folder));
	snprintf(name, sizeof(name), "%s/fifo", folder);
	assert_int_equal(mkfifo(name, 0600), 0);
	assert_int_equal(config_read(name, &config, keymap, message), -EINVAL);
	assert_non_null(strstr(message, "not a regular file"));
	unlink(name);
	rmdir(folder);
}

static void test_places(void **state)
{
	char directory[] = "/tmp/pmtop-test-home-XXXXXX", name[96];
	FILE *file;

	assert_non_null(mkdtemp(directory));
	snprintf(name, sizeof(name), "%s/pmtop", directory);
	assert_int_equal(mkdir(name, 0700), 0);
	snprintf(name, sizeof(name), "%s/pmtop/pmtop.conf", directory);
	file = fopen(name, "we");
	fputs("theme = light\n", file);
	fclose(file);
	setenv("XDG_CONFIG_HOME", directory, 1);
	assert_int_equal(config_load(NULL, &config, keymap, message), 0);
	assert_string_equal(config.theme, "light");
	/* Somebody else's home, as sudo can leave it: not ours to read, and no reason to fail. */
	if (!geteuid()) {
		assert_int_equal(chmod(directory, 0700), 0);
		assert_int_equal(seteuid(65534), 0);
		assert_int_equal(config_load(NULL, &config, keymap, message), 0);
		assert_string_not_equal(config.theme, "light");
		assert_int_equal(seteuid(0), 0);
	}
	setenv("XDG_CONFIG_HOME", "relative", 1);
	setenv("HOME", "/nonexistent", 1);
	assert_int_equal(config_load(NULL, &config, keymap, message), 0);
	unlink(name);
	snprintf(name, sizeof(name), "%s/pmtop", directory);
	rmdir(name);
	rmdir(directory);
}

/* Every name that the manual and the help may use can be written. */
static void test_every_colour_has_a_name(void **state)
{
	for (int lens = 0; lens < LENSES; lens++)
		for (unsigned v = 0; v < lens_value_count(lens); v++) {
			char text[96], name[64];

			snprintf(name, sizeof(name), "%s.%s", lens_name(lens),
				 lens_value(lens, v).name);
			for (char *c = name; *c; c++)
				*c = *c == ' ' ? '-' : *c;
			snprintf(text, sizeof(text), "[colors]\n%s = 99\n", name);
			if (read_text(text))
				fail_msg("%s: %s", name, message);
			assert_int_equal(config.colours.value[lens][v], 99);
		}
}

static char *file_text(const char *name)
{
	char *text = NULL, full[256];
	size_t size = 0;
	FILE *file;

	snprintf(full, sizeof(full), FIXTURES "/../../%s", name);
	file = fopen(full, "re");
	assert_non_null(file);
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	fclose(file);
	return text;
}

/* The manual lists the same requests, keys and colours as the tables. */
static void test_manual(void **state)
{
	char *manual = file_text("man/pmtop.conf.5"), *main_manual = file_text("man/pmtop.1");
	char *keys = NULL;
	size_t size;
	FILE *out = open_memstream(&keys, &size);

	keymap_print_mdoc(out);
	fclose(out);
	if (!strstr(manual, keys))
		fail_msg("man/pmtop.conf.5 lists other requests: man/update-requests PMTOP");
	if (!strstr(main_manual, keys))
		fail_msg("man/pmtop.1 lists other keys: man/update-requests PMTOP");
	free(main_manual);
	for (int lens = 0; lens < LENSES; lens++) {
		char *list = NULL;

		out = open_memstream(&list, &size);
		fprintf(out, ".It Sy %s\n", lens_name(lens));
		for (unsigned v = 0; v < lens_value_count(lens); v++)
			fprintf(out, "%s%s", v ? ",\n" : "", lens_value(lens, v).name);
		fprintf(out, "\n.");
		fclose(out);
		for (char *c = list + 7; *c; c++)
			*c = *c == ' ' ? '-' : *c;
		if (!strstr(manual, list))
			fail_msg("man/pmtop.conf.5 does not hold %s", list);
		free(list);
	}
	free(manual);
	free(keys);
}

static void test_manual_of_events(void **state)
{
	char *manual = file_text("man/pmtop-log.5"), *events = NULL;
	size_t size;
	FILE *out = open_memstream(&events, &size);

	event_print_mdoc(out);
	fclose(out);
	if (!strstr(manual, events))
		fail_msg("man/pmtop-log.5 lists other events: man/update-requests PMTOP");
	free(manual);
	free(events);
}

/* The example is right, and says the defaults: reading it changes nothing. */
static void test_example(void **state)
{
	struct config plain;
	char *text = file_text("data/pmtop.conf");

	assert_int_equal(read_text(text), 0);
	config_default(&plain);
	assert_string_equal(config.theme, plain.theme);
	assert_string_equal(config.colour, plain.colour);
	assert_int_equal(config.interval_ns, 100000000);
	assert_int_equal(config.history_bytes, 64 << 20);
	assert_int_equal(config.mouse, plain.mouse);
	assert_int_equal(config.ascii, plain.ascii);
	/* What is commented out is right as well. */
	for (char *c = text; *c; c++)
		if (c[0] == '\n' && c[1] == '#' && c[2] != ' ')
			c[1] = '\n';
	assert_int_equal(read_text(text), 0);
	assert_int_equal(config.colours.value[LENS_WHERE][PAGE_SHARED_SWAP], 226);
	free(text);
}

static void test_own_colours_are_used(void **state)
{
	struct theme theme = theme_make(THEME_DARK, 256), few = theme_make(THEME_DARK, 16);

	theme.own.value[LENS_WHERE][PAGE_ANON] = 99;
	few.own.value[LENS_WHERE][PAGE_ANON] = 99;
	assert_int_equal(theme_value(&theme, LENS_WHERE, PAGE_ANON).fg, 99);
	assert_int_equal(theme_value(&theme, LENS_WHERE, PAGE_FILE).fg, 108);
	assert_int_equal(theme_value(&few, LENS_WHERE, PAGE_ANON).fg, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_settings),
		cmocka_unit_test(test_two_requests_can_swap_keys),
		cmocka_unit_test(test_errors_name_the_line),
		cmocka_unit_test(test_first_problem_counts),
		cmocka_unit_test(test_missing_file),
		cmocka_unit_test(test_fifo),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_every_colour_has_a_name),
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_manual_of_events),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_own_colours_are_used),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
