// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/escape.h"
#include "command/command.h"
#include "command/log_limit.h"
#include "command/options.h"
#include "command/signals.h"
#include "command/view_record.h"
#include "sample/live.h"
#include "sample/recording.h"

#define WORD		 "record"
#define INTERVAL_DEFAULT INT64_C(100000000)

/* How often the recorder is asked whether it still can write. */
#define LOOK_MS 200

struct record {
	struct live_options live;
	struct recording_options log;
	const char *without;
	int64_t duration_ns; /* 0: until the process ends */
	bool quiet;
};

static int record_take_until(const struct option_place *place, const char *text)
{
	return strcmp(text, "exit")
		       ? options_refuse_value(place, text, "is not known, only exit is")
		       : EXIT_DONE;
}

static const struct option_row rows[] = {
	{ "pid", 'p', "PID", "the process", option_pid, offsetof(struct record, live.pid) },
	{ "output", 'o', "FILE", "the log; - is not possible", option_text,
	  offsetof(struct record, log.path) },
	{ "interval", 0, "TIME", "time between samples (100ms)", option_interval,
	  offsetof(struct record, live.interval_ns) },
	{ "duration", 0, "TIME", "stop after this time", option_duration,
	  offsetof(struct record, duration_ns) },
	{ "until", 0, "exit", "stop when the process ends, which is what happens anyway",
	  record_take_until, 0 },
	LOG_LIMIT_ROWS(offsetof(struct record, log)),
	{ "force", 0, NULL, "replace FILE, unless somebody records into it", option_flag,
	  offsetof(struct record, log.replace) },
	{ "without", 0, "LIST", "do as if this kernel lacked these features (pmtop doctor)",
	  option_text, offsetof(struct record, without) },
	{ "quiet", 'q', NULL, "no first sentence and no summary at the end", option_flag,
	  offsetof(struct record, quiet) },
	{ 0 },
};

static const struct command_line command_line = {
	.word = WORD,
	.usage = "-p PID -o FILE [OPTION...]",
	.about =
		"Record the pages of a process until it ends, or ^C; pmtop replay FILE shows them.",
	.rows = rows,
};

static int record_check(const struct record *record)
{
	if (!record->live.pid)
		fprintf(stderr, "pmtop record: which process? Name it with -p PID\n");
	else if (!record->log.path || !strcmp(record->log.path, "-"))
		fprintf(stderr, "pmtop record: into which file? Name it with -o FILE\n");
	else
		return log_limit_check(WORD, &record->log);
	return EXIT_USAGE;
}

/* How long poll() may sleep. */
static int record_next_look(int64_t end_ns)
{
	int64_t left_ms =
		end_ns ? (end_ns - clock_ns(CLOCK_MONOTONIC) + 999999) / 1000000 : LOOK_MS;

	return left_ms < 0 ? 0 : left_ms < LOOK_MS ? (int)left_ms : LOOK_MS;
}

/*
 * The time that was asked for begins with the first sample, which may have to wait for a slow start
 * of pmtop itself; but not for a process that does not answer.
 */
static bool record_time_is_over(const struct record *record, const struct source_status *source,
				uint64_t samples, int64_t *from_ns)
{
	if (!record->duration_ns)
		return false;
	if (!samples && !source->stalled_ns)
		*from_ns = clock_ns(CLOCK_MONOTONIC);
	return clock_ns(CLOCK_MONOTONIC) - *from_ns >= record->duration_ns;
}

/* Until something ends it: the process, the time, a signal, or the log itself. */
static void record_wait_for_end(const struct record *record, struct source *source,
				struct recording *recording, int signals,
				struct source_status *ret_status)
{
	struct pollfd fds[] = { { .fd = source_fd(source), .events = POLLIN },
				{ .fd = signals, .events = POLLIN } };
	int64_t from_ns = clock_ns(CLOCK_MONOTONIC);
	struct recording_status now;

	for (;;) {
		struct sample *sample = source_take(source);

		sample_unref(sample);
		source_status(source, ret_status);
		recording_status(recording, &now);
		if (!now.runs)
			return;
		if (ret_status->state == SOURCE_ENDED || ret_status->state == SOURCE_FAILED) {
			recording_note_end(recording, ret_status);
			return;
		}
		if (record_time_is_over(record, ret_status, now.samples, &from_ns)) {
			recording_event(recording, EVENT_STOPPED, 0, "--duration is over");
			return;
		}
		poll(fds, 2,
		     record_next_look(record->duration_ns ? from_ns + record->duration_ns : 0));
		if (fds[1].revents) {
			recording_event(recording, EVENT_STOPPED, 0, "ended by a signal");
			return;
		}
	}
}

/* For a person, who would else look at an empty line until the end. */
static void record_say_begin(const struct record *record, const struct source *source)
{
	const char *comm = live_comm(source);
	char path[256], name[256];

	if (record->quiet || !isatty(STDERR_FILENO))
		return;
	escape_text(record->log.path, strlen(record->log.path), path, sizeof(path));
	escape_text(comm, strlen(comm), name, sizeof(name));
	fprintf(stderr, "pmtop record: recording process %d (%s) into %s; ^C ends it\n",
		(int)record->live.pid, name, path);
}

/* A log without a sample is taken away. */
static int record_say_nothing(const struct record *record, const struct source_status *source)
{
	if (source->state == SOURCE_FAILED)
		return options_explain_target(WORD, record->live.pid, -source->error);
	if (source->state == SOURCE_ENDED)
		return options_explain_target(WORD, record->live.pid, -ESRCH);
	if (source->stalled_ns)
		fprintf(stderr,
			"pmtop record: process %d has not answered for %.1f s%s%s; nothing was "
			"recorded\n",
			(int)record->live.pid, (double)source->stalled_ns / 1e9,
			*source->stall ? ": " : "", source->stall);
	else
		fprintf(stderr,
			"pmtop record: stopped before the first sample of process %d was taken\n",
			(int)record->live.pid);
	return EXIT_ERROR;
}

static int record_say_end(const struct record *record, const struct recording_status *status,
			  const struct source_status *source)
{
	char text[RECORDED_MAX], shown[RECORDED_MAX * 2];

	if (!status->samples && status->runs)
		return record_say_nothing(record, source);
	recorded_text(record->log.path, status, text);
	escape_text(text, strlen(text), shown, sizeof(shown));
	if (!record->quiet || !status->runs)
		fprintf(stderr, "pmtop record: %s\n", shown);
	if (status->left_out)
		fprintf(stderr,
			"pmtop record: %llu samples left out, since the disk could not follow; "
			"the log says where\n",
			(unsigned long long)status->left_out);
	if (source->state == SOURCE_FAILED)
		return options_explain_target(WORD, record->live.pid, -source->error);
	return status->samples && (status->runs || status->full) ? EXIT_DONE : EXIT_ERROR;
}

static int record_process(const struct record *record, const struct probe *probe)
{
	CLEANUP(cleanup_close) int signals = signals_open();
	struct source_status source_state = { 0 };
	struct recording_status status;
	struct recording *recording;
	struct source *source;
	char shown[sizeof(((struct error *)0)->text) * 2];
	struct error problem;
	int error;

	if (signals < 0) {
		fprintf(stderr, "pmtop record: %s\n", strerror(-signals));
		return EXIT_ERROR;
	}
	error = live_open(&record->live, probe, &source);
	if (error < 0)
		return options_explain_target(WORD, record->live.pid, error);
	error = recording_start(&record->log, source, probe, &recording, &problem);
	if (error) {
		source_free(source);
		escape_text(problem.text, strlen(problem.text), shown, sizeof(shown));
		fprintf(stderr, "pmtop record: %s%s\n", shown,
			error == -EEXIST ? " (--force replaces it)" : "");
		return error == -EACCES || error == -EPERM ? EXIT_NOT_PERMITTED : EXIT_ERROR;
	}
	record_say_begin(record, source);
	record_wait_for_end(record, source, recording, signals, &source_state);
	recording_stop(recording, &status);
	source_free(source);
	return record_say_end(record, &status, &source_state);
}

int command_record(int argc, char **argv)
{
	struct record record = { .live = { .interval_ns = INTERVAL_DEFAULT, .slots = true } };
	struct probe probe;
	int status = command_line_parse(&command_line, argc, argv, &record);

	if (status == EXIT_DONE)
		status = record_check(&record);
	if (status != EXIT_DONE)
		return status;
	probe_run(&probe);
	status = options_without(WORD, record.without, &probe);
	if (status != EXIT_DONE)
		return status;
	record.log.interval_ns = record.live.interval_ns;
	return record_process(&record, &probe);
}
