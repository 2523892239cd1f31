// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/view.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/signals.h"
#include "system/census_source.h"
#include "ui/config.h"
#include "ui/loop.h"
#include "ui/theme.h"

#define CENSUS_NS ((int64_t)2 * 1000000000)

struct view_screen {
	struct view_options options;
	struct terminal *terminal;
	struct app *app;
	struct keymap *keymap;
	struct config config;
	struct theme theme;
	bool ask_background;
	int signals;
};

const struct option_row view_option_rows[] = {
	{ "theme", 0, "NAME", "auto, dark, light or monochrome", option_text,
	  offsetof(struct view_options, theme) },
	{ "color", 0, "WHEN", "auto, always or never", option_text,
	  offsetof(struct view_options, colour) },
	{ "colour", 0, "WHEN", NULL, option_text, offsetof(struct view_options, colour) },
	{ "config", 0, "FILE", "instead of the usual pmtop.conf", option_text,
	  offsetof(struct view_options, config) },
	{ "no-mouse", 0, NULL, "leave the mouse to the terminal", option_flag,
	  offsetof(struct view_options, no_mouse) },
	{ "ascii", 0, NULL, "no glyphs beyond ASCII", option_flag,
	  offsetof(struct view_options, ascii) },
	{ 0 },
};

/* What stands in the configuration file, where no option says otherwise. */
static int screen_read_config(struct view_screen *screen)
{
	struct view_options *options = &screen->options;
	char message[CONFIG_MESSAGE_MAX];
	int r = config_load(options->config, &screen->config, screen->keymap, message);

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", options->word, message);
		return EXIT_USAGE;
	}
	if (!options->theme)
		options->theme = screen->config.theme;
	if (!options->colour)
		options->colour = screen->config.colour;
	options->no_mouse = options->no_mouse || !screen->config.mouse;
	options->ascii = options->ascii || screen->config.ascii;
	return EXIT_DONE;
}

static const char *screen_theme_word(const struct view_options *options)
{
	return options->theme ? options->theme : "auto";
}

static const char *screen_colour_word(const struct view_options *options)
{
	return options->colour ? options->colour : "auto";
}

static int screen_check_options(const struct view_options *options)
{
	enum theme_kind kind;

	if (strcmp(screen_theme_word(options), "auto") &&
	    theme_parse(screen_theme_word(options), &kind) < 0) {
		fprintf(stderr, "%s: --theme is auto, dark, light or monochrome\n", options->word);
		return EXIT_USAGE;
	}
	if (theme_colours(screen_colour_word(options), NULL, 256) < 0) {
		fprintf(stderr, "%s: --color is auto, always or never\n", options->word);
		return EXIT_USAGE;
	}
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		fprintf(stderr,
			"%s: standard %s is not a terminal; %s prints the same without one\n",
			options->word, isatty(STDIN_FILENO) ? "output" : "input", options->batch);
		return EXIT_ERROR;
	}
	return EXIT_DONE;
}

/* Theme from the option, else COLORFGBG, else dark until the terminal has answered. */
static void screen_choose_theme(struct view_screen *screen)
{
	const char *fgbg = getenv("COLORFGBG");
	enum theme_kind kind = THEME_DARK;
	int colours = theme_colours(screen_colour_word(&screen->options), getenv("NO_COLOR"),
				    terminal_colours(screen->terminal));

	if (theme_parse(screen_theme_word(&screen->options), &kind) < 0 &&
	    (!fgbg || theme_from_colorfgbg(fgbg, &kind) < 0))
		screen->ask_background = colours > 0;
	screen->theme = theme_make(kind, colours);
	screen->theme.own = screen->config.colours;
	app_set_colours(screen->app, colours);
}

static int screen_open_terminal(struct view_screen *screen)
{
	const struct terminal_options options = {
		.mouse = !screen->options.no_mouse,
		.colour = theme_colours(screen_colour_word(&screen->options), getenv("NO_COLOR"),
					256) > 0,
	};
	const char *term = getenv("TERM");
	int r = terminal_open(&options, &screen->terminal);

	if (r == -ENXIO)
		fprintf(stderr,
			"%s: this terminal (TERM=%s) is unknown here; try TERM=xterm, or %s\n",
			screen->options.word, term ? term : "not set", screen->options.batch);
	else if (r < 0)
		fprintf(stderr, "%s: cannot use the terminal: %s\n", screen->options.word,
			strerror(-r));
	return r < 0 ? EXIT_ERROR : EXIT_DONE;
}

int view_begin(const struct view_options *options, struct view_screen **ret_screen)
{
	struct view_screen *screen;
	int status = screen_check_options(options);

	if (status)
		return status;
	setlocale(LC_ALL, "");
	screen = calloc(1, sizeof(*screen));
	if (!screen)
		return EXIT_ERROR;
	screen->options = *options;
	screen->signals = loop_signals();
	screen->keymap = keymap_new();
	if (screen->keymap) {
		struct app_options app = { .theme = &screen->theme, .keymap = screen->keymap };

		status = screen_read_config(screen);
		if (status) {
			view_abandon(screen);
			return status;
		}
		app.utf8 = terminal_utf8() && !screen->options.ascii;
		app.history_bytes = screen->config.history_bytes;

		screen->app = app_new(&app);
	}
	if (screen->signals < 0 || !screen->app) {
		fprintf(stderr, "%s: cannot start: %s\n", options->word,
			strerror(screen->signals < 0 ? -screen->signals : ENOMEM));
		view_abandon(screen);
		return EXIT_ERROR;
	}
	*ret_screen = screen;
	return EXIT_DONE;
}

int64_t view_interval_ns(const struct view_screen *screen)
{
	return screen->config.interval_ns;
}

struct app *view_app(struct view_screen *screen)
{
	return screen->app;
}

void view_set_hooks(struct view_screen *screen, const struct app_hooks *hooks)
{
	app_set_hooks(screen->app, hooks);
}

int view_open_census(const struct probe *probe, struct census_feed **ret_feed)
{
	struct census_source *source;
	struct census_feed *feed;
	int r = census_open(probe, CENSUS_NS, &source);

	if (r < 0)
		return r;
	feed = census_feed_new(source);
	if (!feed) {
		census_close(source);
		return -ENOMEM;
	}
	*ret_feed = feed;
	return 0;
}

void view_abandon(struct view_screen *screen)
{
	terminal_close(screen->terminal);
	app_free(screen->app);
	keymap_free(screen->keymap);
	if (screen->signals >= 0)
		close(screen->signals);
	free(screen);
}

/* What ended the process that was watched, since the screen that told it is gone now. */
static void screen_say_target(const struct view_screen *screen)
{
	const struct scene *scene = app_scene(screen->app);
	const struct source_status *s = &scene->status;

	if (!scene->source || !scene->snapshot || source_is_replay(scene->source))
		return;
	if (s->state == SOURCE_FAILED)
		fprintf(stderr, "%s: process %d could not be sampled any more: %s\n",
			screen->options.word, scene->snapshot->pid, strerror(s->error));
	else if (s->state == SOURCE_ENDED)
		fprintf(stderr, "%s: process %d had ended%s\n", screen->options.word,
			scene->snapshot->pid, s->oom_killed ? ", killed by the OOM killer" : "");
}

int view_source(struct view_screen *screen, struct source *source, int *ret_signal)
{
	struct loop_options options = { .signals = screen->signals, .theme = &screen->theme };
	const char *word = screen->options.word;
	enum loop_end end;
	int status;

	*ret_signal = 0;
	status = screen_open_terminal(screen);
	if (status) {
		if (source)
			source_free(source);
		view_abandon(screen);
		return status;
	}
	screen_choose_theme(screen);
	options.ask_background = screen->ask_background;
	if (source)
		app_set_source(screen->app, source);
	end = loop_run(screen->app, screen->terminal, &options, ret_signal);
	terminal_close(screen->terminal);
	screen->terminal = NULL;
	if (end == LOOP_SIGNAL)
		fprintf(stderr, "%s: ended by SIG%s\n", word, sigabbrev_np(*ret_signal));
	else if (end == LOOP_INPUT_ENDED)
		fprintf(stderr, "%s: standard input has ended\n", word);
	screen_say_target(screen);
	view_abandon(screen);
	if (end == LOOP_SIGNAL)
		return 128 + *ret_signal;
	return end == LOOP_INPUT_ENDED ? EXIT_ERROR : EXIT_DONE;
}

int view_end(int status, int signal)
{
	return signal ? signals_die_of(signal) : status;
}
