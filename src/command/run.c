// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/command.h"
#include "command/run_options.h"
#include "command/run_view.h"
#include "command/run_words.h"
#include "command/signals.h"
#include "command/view_record.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/escape.h"
#include "report/report.h"
#include "sample/live.h"
#include "sample/recording.h"

/*
 * pmtop run: start a workload, show it until it ends or the time is over, take everything away.
 */

#define NS	  INT64_C(1000000000)
#define ONCE_NS	  (2 * NS) /* in which the built-in reproduction settles */
#define RECORD_NS INT64_C(100000000)
#define END_NS	  (10 * NS) /* more than the sampler takes to find that its process is gone */

static int64_t run_interval_ns(const struct run_options *o)
{
	return o->interval_ns ? o->interval_ns : NS;
}

struct run {
	const struct run_options *options;
	struct source *source; /* with --record; else NULL */
	struct recording *recording;
	struct probe probe;
	struct workload *workload;
	int signals;
	int signal; /* that ended us; 0: none */
};

/* Waits for the moment, for news of the workload, or for a signal that ends us. */
static void run_wait_until(struct run *run, int64_t when)
{
	struct pollfd fds[] = {
		{ .fd = run->signals, .events = POLLIN },
		{ .fd = workload_fd(run->workload), .events = POLLIN },
		{ .fd = run->source ? source_fd(run->source) : -1, .events = POLLIN },
	};
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	struct signalfd_siginfo info;
	int64_t ms = when > now ? (when - now + 999999) / 1000000 : 0;

	poll(fds, 3, ms < 3600000 ? (int)ms : 3600000);
	if (fds[0].revents && read(run->signals, &info, sizeof(info)) == sizeof(info))
		run->signal = (int)info.ssi_signo;
}

/* --record: a source of its own, at the interval of a screen, beside the pictures. */
static int run_start_recording(struct run *run)
{
	const struct run_options *o = run->options;
	const struct live_options live = {
		.pid = workload_status(run->workload)->pid,
		.interval_ns = o->interval_ns ? o->interval_ns : RECORD_NS,
		.slots = true,
		.new_cgroup = !o->workload.no_cgroup,
	};
	struct recording_options log = o->log;
	char shown[sizeof(((struct error *)0)->text) * 2];
	struct error problem;
	int r = live_open(&live, &run->probe, &run->source);

	log.interval_ns = live.interval_ns;
	if (r < 0) {
		fprintf(stderr, "pmtop run: there was nothing to record: %s\n", strerror(-r));
		return r;
	}
	r = recording_start(&log, run->source, &run->probe, &run->recording, &problem);
	if (r >= 0)
		return 0;
	escape_text(problem.text, strlen(problem.text), shown, sizeof(shown));
	fprintf(stderr, "pmtop run: %s\n", shown);
	return r;
}

/* Keeps the source going: a snapshot that nobody takes is a door that stays shut. */
static void run_look_at_recording(struct run *run)
{
	struct sample *sample = run->source ? source_take(run->source) : NULL;

	sample_unref(sample);
}

/* What went wrong with the log; one without a sample is taken away. */
static void run_say_recording(const char *path, const struct recording_status *log)
{
	char text[RECORDED_MAX], shown[RECORDED_MAX * 2];

	if (log->runs && log->samples)
		return;
	recorded_text(path, log, text);
	escape_text(text, strlen(text), shown, sizeof(shown));
	fprintf(stderr, "pmtop run: %s\n", shown);
}

/* The sampler finds the end, too, and may be about to note the OOM kill: so it is asked at once. */
static void run_let_sampler_end(struct run *run, struct source_status *ret_status)
{
	const struct source_request look = { .action = SOURCE_SAMPLE_NOW };
	const int64_t end = clock_ns(CLOCK_MONOTONIC) + END_NS;
	struct pollfd fd = { .fd = source_fd(run->source), .events = POLLIN };
	int64_t left;

	source_request(run->source, &look);
	for (;;) {
		run_look_at_recording(run);
		source_status(run->source, ret_status);
		left = end - clock_ns(CLOCK_MONOTONIC);
		if (ret_status->state == SOURCE_ENDED || ret_status->state == SOURCE_FAILED ||
		    left <= 0)
			return;
		poll(&fd, 1, (int)(left / 1000000) + 1);
	}
}

/* With how the workload ended in it. */
static void run_end_recording(struct run *run)
{
	const struct workload_status *s = workload_status(run->workload);
	struct recording_status log;
	struct source_status live;
	char end[64];

	if (run->recording) {
		snprintf(end, sizeof(end), "%s (%d)", workload_state_name(s->state), s->code);
		if (s->state == WORKLOAD_OOM) {
			run_let_sampler_end(run, &live);
			/* Else it has noted it. */
			if (!live.oom_killed)
				recording_event(run->recording, EVENT_OOM, 0,
						"killed by the OOM killer");
		}
		if (s->state != WORKLOAD_RUNNING)
			recording_event(run->recording, EVENT_ENDED, 0, end);
		recording_stop(run->recording, &log);
		run_say_recording(run->options->log.path, &log);
	}
	if (run->source)
		source_free(run->source);
}

/* One picture of it now; what it was when it has just ended is for the end to say. */
static void run_print_picture(struct run *run)
{
	const struct workload_status *s = workload_status(run->workload);
	const struct report_options report = { 0 };
	struct snapshot *snapshot = NULL;
	int r = live_snapshot(s->pid, &run->probe, &snapshot);

	workload_poll(run->workload, NULL);
	if (!run->options->json)
		run_print_status(s);
	if (r < 0 && r != -ESRCH)
		fprintf(stderr, "pmtop run: process %d: %s\n", (int)s->pid, strerror(-r));
	if (r < 0)
		return;
	if (run->options->json)
		report_json(stdout, snapshot, &report);
	else
		report_text(stdout, snapshot, &report);
	/* A reader that is gone, or a full disk, is found out by the one who ends the program. */
	fflush(stdout);
	snapshot_unref(snapshot);
}

/* When the first picture is due, and when all is over. */
static void run_plan(const struct run_options *o, int64_t *ret_next, int64_t *ret_end)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	bool once = o->once || (o->built_in && !o->duration_ns && !o->json);

	*ret_end = INT64_MAX;
	if (o->duration_ns)
		*ret_end = now + o->duration_ns;
	else if (once)
		*ret_end = now + ONCE_NS;
	*ret_next = once ? *ret_end : now + run_interval_ns(o);
}

static void run_watch(struct run *run)
{
	const struct workload_status *s = workload_status(run->workload);
	int64_t next, end;

	run_plan(run->options, &next, &end);
	for (;;) {
		workload_poll(run->workload, NULL);
		run_look_at_recording(run);
		if (s->state != WORKLOAD_RUNNING || run->signal)
			break;
		if (clock_ns(CLOCK_MONOTONIC) >= next || clock_ns(CLOCK_MONOTONIC) >= end) {
			run_print_picture(run);
			next += run_interval_ns(run->options);
		}
		if (clock_ns(CLOCK_MONOTONIC) >= end || ferror(stdout))
			return;
		run_wait_until(run, next < end ? next : end);
	}
	if (!run->signal && !run->options->json)
		run_print_status(s);
}

static int run_batch(const struct run_options *o)
{
	struct run run = { .options = o };
	struct workload_why why;
	int r, status;

	if (o->log.max_bytes && !o->log.path) {
		fprintf(stderr, "pmtop run: without a screen --max-size needs --record FILE\n");
		return RUN_FAILED;
	}
	/* From here on, so that one that comes during the start also finds everything tidied up. */
	run.signals = signals_open();
	probe_run(&run.probe);
	r = workload_start(&o->workload, &run.workload, &why);
	if (r < 0) {
		fprintf(stderr, "pmtop run: %s\n", why.text);
		close(run.signals);
		run.signal = r == -EINTR ? signals_take() : 0;
		return run.signal ? signals_die_of(run.signal) : (int)why.status;
	}
	run_say_swap(&o->workload);
	/* Gone already: its end is all that there is to tell. Any other failure is one of ours. */
	r = o->log.path ? run_start_recording(&run) : 0;
	if (r >= 0 || r == -ESRCH)
		run_watch(&run);
	run_end_recording(&run);
	if (r < 0 && r != -ESRCH)
		status = RUN_FAILED;
	else
		status = run.signal ? 128 + run.signal : run_say_end(workload_status(run.workload));
	r = workload_free(run.workload, &why);
	if (r < 0) {
		fprintf(stderr, "pmtop run: %s\n", why.text);
		status = status ? status : RUN_FAILED;
	}
	close(run.signals);
	return run.signal ? signals_die_of(run.signal) : status;
}

static bool run_has_screen(const struct run_options *o)
{
	return !o->once && !o->json && !o->duration_ns && isatty(STDIN_FILENO) &&
	       isatty(STDOUT_FILENO);
}

int command_run(int argc, char **argv)
{
	struct run_options options;
	int r = run_options_parse(argc, argv, &options);

	if (r != EXIT_DONE)
		return RUN_FAILED;
	r = run_has_screen(&options) ? run_view(&options) : run_batch(&options);
	run_options_free(&options);
	return r;
}
