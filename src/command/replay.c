// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "command/command.h"
#include "command/moment.h"
#include "command/options.h"
#include "command/view.h"
#include "sample/replay.h"

#define WORD "replay"

DEFINE_CLEANUP(cleanup_reader, struct log_reader *, log_reader_free)

struct replay_command {
	struct view_options view;
	const char *moment;
	bool info;
};

static const struct option_row rows[] = {
	{ "info", 0, NULL, "what was recorded, how long, and where; no screen", option_flag,
	  offsetof(struct replay_command, info) },
	{ 0 },
};

static const struct command_line command_line = {
	.word = WORD,
	.usage = "FILE[@MOMENT] [OPTION...]",
	.about = "The same screens on a recorded session. A MOMENT is +3s, #120 or a bookmark.",
	.rows = rows,
	.shared = view_option_rows,
	.shared_field = offsetof(struct replay_command, view),
	.words = 1,
};

static int replay_parse(int argc, char **argv, struct replay_command *replay)
{
	int status = command_line_parse(&command_line, argc, argv, replay);

	if (status != EXIT_DONE)
		return status;
	if (optind == argc) {
		fprintf(stderr, "pmtop replay: which log? pmtop replay FILE\n");
		return EXIT_USAGE;
	}
	replay->moment = argv[optind];
	return EXIT_DONE;
}

static void replay_print_fact(void *context, const char *key, const char *value)
{
	char safe_key[128], safe_value[512];

	(void)context;
	escape_text(key, strlen(key), safe_key, sizeof(safe_key));
	escape_text(value, strlen(value), safe_value, sizeof(safe_value));
	printf("%-22s %s\n", safe_key, safe_value);
}

static int replay_print_event(void *context, const struct log_event *event)
{
	char text[sizeof(event->text) * 2];
	struct log_reader *reader = context;
	struct error error;
	int64_t after;

	if (event_is_of_mapping(event->kind))
		return 0;
	if (log_reader_event_after(reader, event, &after, &error))
		return moment_explain(WORD, &error);
	escape_text(event->text, strlen(event->text), text, sizeof(text));
	printf("%-22s #%llu %+.3fs %s\n", event_words[event->kind].name,
	       (unsigned long long)event->sample, (double)after / 1e9, text);
	return 0;
}

static int replay_print_info(struct log_reader *reader)
{
	const struct log_info *info = log_reader_info(reader);
	struct error error = { 0 };
	int status;

	printf("%-22s %llu\n%-22s %.1f s\n%-22s %d\n", "samples", (unsigned long long)info->samples,
	       "duration", (double)(info->last_clock_ns - info->first_clock_ns) / 1e9, "schema",
	       info->schema);
	log_reader_facts(reader, replay_print_fact, NULL);
	status = log_reader_events(reader, replay_print_event, reader, &error);
	return status < 0 ? moment_explain(WORD, &error) : status;
}

static int replay_show_log(const struct replay_command *replay, const char *path, uint64_t first)
{
	char shown[sizeof(((struct error *)0)->text) * 2];
	struct error problem;
	struct view_screen *screen;
	struct source *source;
	int signal, status = view_begin(&replay->view, &screen);

	if (status != EXIT_DONE)
		return status;
	if (replay_open(path, first, &source, &problem)) {
		view_abandon(screen);
		escape_text(problem.text, strlen(problem.text), shown, sizeof(shown));
		fprintf(stderr, "pmtop replay: %s\n", shown);
		return EXIT_ERROR;
	}
	status = view_source(screen, source, &signal);
	return view_end(status, signal);
}

int command_replay(int argc, char **argv)
{
	struct replay_command replay = {
		.view = { .word = "pmtop replay", .batch = "pmtop export FILE --format json" },
	};
	CLEANUP(cleanup_reader) struct log_reader *reader = NULL;
	CLEANUP(moment_free) struct moment moment = { 0 };
	struct error error = { 0 };
	uint64_t first = 0;
	int status = replay_parse(argc, argv, &replay);

	if (status != EXIT_DONE)
		return status;
	status = moment_parse(WORD, replay.moment, &moment);
	if (status != EXIT_DONE)
		return status;
	if (moment.kind == MOMENT_LIVE) {
		fprintf(stderr, "pmtop replay: %s is a process; pmtop -p %s watches it\n",
			replay.moment, replay.moment);
		return EXIT_USAGE;
	}
	/* Read before the screen is taken over, so that what is wrong is said in plain sight. */
	if (log_reader_open(moment.path, &reader, &error))
		return moment_explain(WORD, &error);
	status = moment_sample(WORD, &moment, reader, 0, &first);
	if (status != EXIT_DONE)
		return status;
	if (replay.info)
		return replay_print_info(reader);
	/* The screen's own reader may write bookmarks: nobody else in here holds the file open. */
	log_reader_free(TAKE(reader));
	return replay_show_log(&replay, moment.path, first);
}
