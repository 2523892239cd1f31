// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/view.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/options.h"
#include "command/view_record.h"
#include "model/event.h"
#include "model/units.h"
#include "sample/census_source.h"
#include "sample/live.h"

/*
 * pmtop -p PID: watch one process; pmtop alone: choose one from the list of processes.
 */

#define WORD		  "" /* the screens need none */
#define INTERVAL_NS	  ((int64_t)100 * 1000000)
#define CENSUS_NS	  ((int64_t)2 * 1000000000)
#define INTERVAL_LEAST_NS ((uint64_t)1000000)
#define INTERVAL_MOST_NS  ((uint64_t)86400 * 1000000000)

struct view_command {
	struct view_options options;
	struct probe probe;
	const char *without;
	pid_t pid;
	int64_t interval_ns;
	struct view_record record;
	bool list_keys, list_events, help;
};

void command_view_options(FILE *out)
{
	fprintf(out,
		"  -p, --pid PID         watch this process; without it, choose one from a list\n"
		"      --interval TIME   time between samples (100ms)\n"
		"      --theme NAME      auto, dark, light or monochrome\n"
		"      --color WHEN      auto, always or never\n"
		"      --config FILE     instead of the usual pmtop.conf\n"
		"      --no-mouse        leave the mouse to the terminal\n"
		"      --ascii           no glyphs beyond ASCII\n"
		"      --without LIST    do as if the kernel lacked these (see pmtop doctor)\n");
}

static void print_help(void)
{
	printf("Usage: pmtop [-p PID] [OPTION...]\n"
	       "Watch the pages of a process; without -p, choose it from a list.\n\n");
	command_view_options(stdout);
	printf("  -h, --help            this text; ? on the screen says more\n"
	       "  -V, --version         the version\n");
}

static int take_interval(struct view_command *view, const char *text)
{
	uint64_t ns;
	int r = units_parse_duration(text, &ns);

	if (r < 0) {
		fprintf(stderr, "pmtop: --interval %s\n", units_duration_problem(r));
		return EXIT_USAGE;
	}
	if (ns < INTERVAL_LEAST_NS || ns > INTERVAL_MOST_NS) {
		fprintf(stderr, "pmtop: --interval is from 1ms to 24h\n");
		return EXIT_USAGE;
	}
	view->interval_ns = (int64_t)ns;
	return EXIT_DONE;
}

static int read_options(struct view_command *view, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "interval", required_argument, NULL, 'i' },
		{ "without", required_argument, NULL, 'w' },
		{ "list-keys", no_argument, NULL, 'K' },
		{ "list-events", no_argument, NULL, 'E' },
		{ "help", no_argument, NULL, 'h' },
		VIEW_LONG_OPTIONS,
		{ 0 },
	};
	int id, status = EXIT_DONE;

	opterr = 0;
	while (!status && (id = options_next(argc, argv, ":p:h", options, NULL)) != -1) {
		if (id == 'p')
			status = options_pid(WORD, optarg, &view->pid);
		else if (id == 'i')
			status = take_interval(view, optarg);
		else if (id == 'w')
			view->without = optarg;
		else if (id == 'K')
			view->list_keys = true;
		else if (id == 'E')
			view->list_events = true;
		else if (id == 'h')
			view->help = true;
		else if (!view_option(&view->options, id, optarg))
			status = options_refuse(WORD, id, argv, optind);
	}
	if (!status && optind < argc)
		status = options_refuse_word(WORD, argv[optind]);
	return status;
}

static int open_live(void *context, pid_t pid, struct source **ret_source)
{
	const struct view_command *view = context;
	const struct live_options options = { .pid = pid, .interval_ns = view->interval_ns };

	return live_open(&options, &view->probe, ret_source);
}

static int record(void *context, struct source *source, const char *path, char *message,
		  size_t size)
{
	struct view_command *view = context;

	return view_record_toggle(&view->record, source, path, message, size);
}

static bool recording_goes_on(void *context, struct source *source, char *message, size_t size)
{
	struct view_command *view = context;

	return view_record_goes_on(&view->record, source, message, size);
}

static void bookmark(void *context, struct source *source, const char *name)
{
	struct view_command *view = context;

	(void)source;
	view_record_bookmark(&view->record, name);
}

static int open_census(void *context, struct census_feed **ret_feed)
{
	const struct view_command *view = context;
	struct census_source *source;
	struct census_feed *feed;
	int r = census_open(&view->probe, CENSUS_NS, &source);

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

/* The list of processes is the first screen. */
static int choose(struct view_command *view, struct view_screen *screen)
{
	struct census_feed *feed;
	int r = open_census(view, &feed);

	if (r < 0) {
		view_abandon(screen);
		fprintf(stderr, "pmtop: cannot list the processes: %s\n", strerror(-r));
		return EXIT_ERROR;
	}
	app_set_census(view_app(screen), feed);
	census_feed_unref(feed);
	return view_source(screen, NULL);
}

static int show(struct view_command *view)
{
	const struct app_hooks hooks = { .context = view,
					 .open = open_live,
					 .census = open_census,
					 .record = record,
					 .recording = recording_goes_on,
					 .bookmark = bookmark };
	struct view_screen *screen;
	struct source *source = NULL;
	int r, status;

	status = view_begin(&view->options, &screen);
	if (status)
		return status;
	probe_run(&view->probe);
	status = options_without(WORD, view->without, &view->probe);
	if (status) {
		view_abandon(screen);
		return status;
	}
	view_set_hooks(screen, &hooks);
	if (!view->interval_ns)
		view->interval_ns = view_interval_ns(screen);
	if (!view->interval_ns)
		view->interval_ns = INTERVAL_NS;
	view->record.probe = &view->probe;
	view->record.interval_ns = view->interval_ns;
	if (!view->pid)
		return choose(view, screen);
	r = open_live(view, view->pid, &source);
	if (r < 0) {
		view_abandon(screen);
		return options_explain_target(WORD, view->pid, r);
	}
	return view_source(screen, source);
}

int command_view(int argc, char **argv)
{
	struct view_command view = {
		.options = { .word = "pmtop", .batch = "pmtop dump -p PID" },
	};
	int status = read_options(&view, argc, argv);

	if (status)
		return status;
	if (view.help) {
		print_help();
		return EXIT_DONE;
	}
	if (view.list_keys) {
		keymap_print_mdoc(stdout);
		return EXIT_DONE;
	}
	if (view.list_events) {
		event_print_mdoc(stdout);
		return EXIT_DONE;
	}
	status = show(&view);
	view_record_say(&view.record);
	return status;
}
