// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/command.h"
#include "command/run_options.h"
#include "model/escape.h"
#include "model/units.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/*
 * pmtop run: start a workload, show it until it ends or the time is over, take everything away.
 */

#define NS	    1000000000ULL
#define ONCE_NS	    (2 * NS) /* in which the built-in reproduction settles */
#define INTERVAL_NS NS

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

/* --- words --------------------------------------------------------------------------------- */

static const char *size_text(uint64_t bytes, const char *unset, char buf[static UNITS_SIZE_MAX])
{
	if (bytes != WORKLOAD_UNSET)
		return units_format_size(bytes, buf);
	snprintf(buf, UNITS_SIZE_MAX, "%s", unset);
	return buf;
}

static void print_count(const char *name, uint64_t count)
{
	if (count == WORKLOAD_UNSET)
		printf("  %s ?", name);
	else
		printf("  %s %" PRIu64, name, count);
}

static void print_status(const struct workload_status *s)
{
	char limit[UNITS_SIZE_MAX], usage[UNITS_SIZE_MAX], swap[UNITS_SIZE_MAX];

	printf("workload %d %s %.1fs", (int)s->pid, workload_state_name(s->state),
	       (double)s->lifetime_ms / 1000);
	if (s->group != WORKLOAD_NO_GROUP) {
		printf("  limit %s  usage %s  swap %s", size_text(s->memory.limit, "none", limit),
		       size_text(s->memory.usage, "?", usage),
		       size_text(s->memory.swap, "?", swap));
		print_count("limit-hits", s->memory.limit_hits);
		print_count("oom-kills", s->memory.oom_kills);
	}
	printf("\n");
	fflush(stdout);
}

static void print_output(const struct workload_status *s)
{
	char line[WORKLOAD_COLUMNS * 4 + 1];

	for (unsigned i = 0; i < s->lines; i++) {
		escape_text(s->output[i], strlen(s->output[i]), line, sizeof(line));
		fprintf(stderr, "  | %s\n", line);
	}
}

static void say_oom(const struct workload_status *s)
{
	char limit[UNITS_SIZE_MAX], usage[UNITS_SIZE_MAX], peak[UNITS_SIZE_MAX];
	bool silent = !s->output_bytes && s->lifetime_ms < 1000;

	fprintf(stderr,
		"pmtop run: the workload was OOM-killed after %.1fs: limit %s, last usage %s, most "
		"%s.%s Raise the limit (--limit)%s.\n",
		(double)s->lifetime_ms / 1000, size_text(s->memory.limit, "none", limit),
		size_text(s->memory.usage, "?", usage), size_text(s->memory.peak, "?", peak),
		silent ? " It had not printed anything: the limit may be too small to start in."
		       : "",
		s->swap_total ? "" : ", or give it swap (--make-swap)");
}

/* What the person must know about how it ended, and the exit status that says it to programs. */
static int say_end(const struct workload_status *s)
{
	switch (s->state) {
	case WORKLOAD_EXITED:
		if (s->code) {
			fprintf(stderr, "pmtop run: the command exited with status %d\n", s->code);
			print_output(s);
		}
		return s->code;
	case WORKLOAD_OOM:
		say_oom(s);
		print_output(s);
		return 128 + s->code;
	case WORKLOAD_KILLED:
		fprintf(stderr, "pmtop run: the command was killed by signal %d (%s)\n", s->code,
			strsignal(s->code));
		print_output(s);
		return 128 + s->code;
	case WORKLOAD_LOST:
		fprintf(stderr,
			"pmtop run: the supervisor of the workload was killed, so it was ended\n");
		return RUN_FAILED;
	default:
		return EXIT_DONE; /* we ended it, as we were asked to */
	}
}

static void say_swap(const struct workload_options *o)
{
	uint64_t total, unused;

	if (workload_machine_swap(&total, &unused) < 0 || total || o->limit == WORKLOAD_UNSET)
		return;
	fprintf(stderr,
		"pmtop run: this machine has no swap, so pages have nowhere to go: at its limit the "
		"workload is OOM-killed. --make-swap 64M makes a temporary one.\n");
}

/* --- the loop ------------------------------------------------------------------------------ */

struct run {
	const struct run_options *options;
	struct workload *workload;
	int signals;
	int signal; /* that ended us; 0: none */
};

/* Waits for the moment, for news of the workload, or for a signal that ends us. */
static void wait_until(struct run *run, uint64_t when)
{
	struct pollfd fds[] = {
		{ .fd = run->signals, .events = POLLIN },
		{ .fd = workload_fd(run->workload), .events = POLLIN },
	};
	uint64_t now = now_ns();
	struct signalfd_siginfo info;
	uint64_t ms = when > now ? (when - now + 999999) / 1000000 : 0;

	poll(fds, 2, ms < 3600000 ? (int)ms : 3600000);
	if (fds[0].revents && read(run->signals, &info, sizeof(info)) == sizeof(info))
		run->signal = (int)info.ssi_signo;
}

static void watch(struct run *run)
{
	const struct run_options *o = run->options;
	uint64_t interval = o->interval_ns ? o->interval_ns : INTERVAL_NS;
	uint64_t start = now_ns(), end = UINT64_MAX, next = start + interval;
	const struct workload_status *s = workload_status(run->workload);

	if (o->duration_ns)
		end = start + o->duration_ns;
	else if (o->once || o->built_in)
		end = start + ONCE_NS;
	if (o->once || (o->built_in && !o->duration_ns))
		next = end;
	for (;;) {
		workload_poll(run->workload, NULL);
		if (s->state != WORKLOAD_RUNNING || run->signal)
			break;
		if (now_ns() >= next || now_ns() >= end) {
			print_status(s);
			next += interval;
		}
		if (now_ns() >= end)
			return;
		wait_until(run, next < end ? next : end);
	}
	if (!run->signal)
		print_status(s);
}

/* The signals that mean "end": taken as news, so that everything is taken away first. */
static int catch_ending_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Ends the way the signal would have ended us, so that a shell sees what it expects. */
static void die_of(int number)
{
	sigset_t set;

	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int run_workload(const struct run_options *o)
{
	struct run run = { .options = o };
	struct workload_why why;
	int r, status;

	/* From here on, so that one that comes during the start also finds everything tidied up. */
	run.signals = catch_ending_signals();
	r = workload_start(&o->workload, &run.workload, &why);
	if (r < 0) {
		fprintf(stderr, "pmtop run: %s\n", why.text);
		close(run.signals);
		return why.status;
	}
	say_swap(&o->workload);
	watch(&run);
	status = run.signal ? 128 + run.signal : say_end(workload_status(run.workload));
	r = workload_free(run.workload, &why);
	if (r < 0) {
		fprintf(stderr, "pmtop run: %s\n", why.text);
		status = status ? status : RUN_FAILED;
	}
	close(run.signals);
	if (run.signal)
		die_of(run.signal);
	return status;
}

int command_run(int argc, char **argv)
{
	struct run_options options;
	int r = run_options_parse(argc, argv, &options);

	if (r)
		return r < 0 ? RUN_FAILED : EXIT_DONE;
	r = run_workload(&options);
	run_options_free(&options);
	return r;
}
