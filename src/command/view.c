// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/log_limit.h"
#include "command/options.h"
#include "command/view_record.h"
#include "model/event.h"
#include "sample/live.h"

/*
 * pmtop -p PID: watch one process; pmtop alone: choose one from the list of processes.
 */

#define WORD	    "" /* the screens need none */
#define INTERVAL_NS ((int64_t)100 * 1000000)

struct view_command {
	struct view_options options;
	struct probe probe;
	const char *without;
	pid_t pid;
	int64_t interval_ns;
	struct view_record record;
};

/* Options that print something and end. */
static int view_print_version(const struct option_place *place, const char *text)
{
	(void)place;
	(void)text;
	printf("pmtop %s\n", PMTOP_VERSION);
	command_line_end();
}

static int view_list_keys(const struct option_place *place, const char *text)
{
	(void)place;
	(void)text;
	keymap_print_mdoc(stdout);
	command_line_end();
}

static int view_list_events(const struct option_place *place, const char *text)
{
	(void)place;
	(void)text;
	event_print_mdoc(stdout);
	command_line_end();
}

static const struct option_row rows[] = {
	{ "pid", 'p', "PID", "watch this process; without it, choose one from a list", option_pid,
	  offsetof(struct view_command, pid) },
	{ "interval", 0, "TIME", "time between samples (100ms)", option_interval,
	  offsetof(struct view_command, interval_ns) },
	LOG_LIMIT_ROWS(offsetof(struct view_command, record.log)),
	{ "without", 0, "LIST", "do as if the kernel lacked these (see pmtop doctor)", option_text,
	  offsetof(struct view_command, without) },
	{ "version", 'V', NULL, "the version", view_print_version, 0 },
	/* for man/update-requests */
	{ "list-keys", 0, NULL, NULL, view_list_keys, 0 },
	{ "list-events", 0, NULL, NULL, view_list_events, 0 },
	{ 0 },
};

static const struct command_line command_line = {
	.word = WORD,
	.usage = "[-p PID] [OPTION...]",
	.about = "Watch the pages of a process; without -p, choose it from a list.",
	.rows = rows,
	.shared = view_option_rows,
	.shared_field = offsetof(struct view_command, options),
	.more = "? on the screen says more.",
};

void command_view_options(FILE *out)
{
	command_line_print_options(out, rows, view_option_rows);
}

static int view_open_live(void *context, const struct census_identity *who,
			  struct source **ret_source)
{
	const struct view_command *view = context;
	const struct live_options options = { .pid = who->pid,
					      .start_time = who->start_time,
					      .interval_ns = view->interval_ns,
					      .track = true };

	return live_open(&options, &view->probe, ret_source);
}

static int view_view_record(void *context, struct source *source, const char *path, char *message,
			    size_t size)
{
	struct view_command *view = context;

	return view_record_toggle(&view->record, source, path, message, size);
}

static int view_recording_goes_on(void *context, struct source *source, char *message, size_t size)
{
	struct view_command *view = context;

	return view_record_goes_on(&view->record, source, message, size);
}

static void view_event(void *context, enum event_kind kind, int64_t taken_ns, const char *text)
{
	view_record_event(&((struct view_command *)context)->record, kind, taken_ns, text);
}

static int view_view_open_census(void *context, struct census_feed **ret_feed)
{
	return view_open_census(&((struct view_command *)context)->probe, ret_feed);
}

/* The list of processes is the first screen. */
static int view_choose(struct view_command *view, struct view_screen *screen, int *ret_signal)
{
	struct census_feed *feed;
	int r = view_view_open_census(view, &feed);

	if (r < 0) {
		view_abandon(screen);
		fprintf(stderr, "pmtop: cannot list the processes: %s\n", strerror(-r));
		return EXIT_ERROR;
	}
	app_set_census(view_app(screen), feed);
	census_feed_unref(feed);
	return view_source(screen, NULL, ret_signal);
}

static int view_show(struct view_command *view, int *ret_signal)
{
	const struct app_hooks hooks = { .context = view,
					 .open = view_open_live,
					 .census = view_view_open_census,
					 .record = view_view_record,
					 .recording = view_recording_goes_on,
					 .event = view_event };
	const struct census_identity who = { .pid = view->pid };
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
	view->record.log.interval_ns = view->interval_ns;
	if (!view->pid)
		return view_choose(view, screen, ret_signal);
	r = view_open_live(view, &who, &source);
	if (r < 0) {
		view_abandon(screen);
		return options_explain_target(WORD, view->pid, r);
	}
	return view_source(screen, source, ret_signal);
}

int command_view(int argc, char **argv)
{
	struct view_command view = {
		.options = { .word = "pmtop", .batch = "pmtop dump -p PID" },
	};
	int signal = 0, status = command_line_parse(&command_line, argc, argv, &view);

	if (status == EXIT_DONE)
		status = log_limit_check(WORD, &view.record.log);
	if (status != EXIT_DONE)
		return status;
	status = view_show(&view, &signal);
	view_record_say(&view.record, view.options.word);
	return view_end(status, signal);
}
