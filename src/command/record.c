// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

#include "command/command.h"
#include "command/options.h"
#include "model/cleanup.h"
#include "model/escape.h"
#include "model/units.h"
#include "sample/live.h"
#include "sample/recording.h"

#define WORD		 "record"
#define INTERVAL_DEFAULT INT64_C(100000000)
#define INTERVAL_LEAST	 INT64_C(1000000)
#define INTERVAL_MOST	 (INT64_C(86400) * 1000000000)
#define ROTATE_MOST	 999

/* How often the recorder is asked whether it still can write. */
#define LOOK_MS 200

struct record {
	struct live_options live;
	struct recording_options log;
	const char *without;
	int64_t duration_ns; /* 0: until the process ends */
	bool quiet, help;
};

static void print_help(void)
{
	fputs("Usage: pmtop record -p PID -o FILE [OPTION...]\n"
	      "Record the pages of a process until it ends, or ^C; pmtop replay FILE shows them.\n\n"
	      "  -p, --pid PID        the process\n"
	      "  -o, --output FILE    the log; - is not possible\n"
	      "      --interval TIME  time between samples (100ms)\n"
	      "      --duration TIME  stop after this time\n"
	      "      --until exit     stop when the process ends, which is what happens anyway\n"
	      "      --max-size SIZE  stop before FILE grows beyond this size\n"
	      "      --rotate N       at that size go on in a new FILE, and keep N older ones as\n"
	      "                       FILE.1, FILE.2, ...\n"
	      "      --force          replace FILE, unless somebody records into it\n"
	      "      --without LIST   do as if this kernel lacked these features (pmtop doctor)\n"
	      "  -q, --quiet          no summary at the end\n"
	      "  -h, --help           this text\n",
	      stdout);
}

static int take_duration(const char *option, const char *text, int64_t least, int64_t *ret_ns)
{
	uint64_t ns;
	int error = units_parse_duration(text, &ns);

	if (error < 0) {
		fprintf(stderr, "pmtop record: %s %s\n", option, units_duration_problem(error));
		return EXIT_USAGE;
	}
	if (ns < (uint64_t)least || ns > (uint64_t)INTERVAL_MOST * 366) {
		fprintf(stderr, "pmtop record: %s is at least 1ms and at most a year\n", option);
		return EXIT_USAGE;
	}
	*ret_ns = (int64_t)ns;
	return EXIT_DONE;
}

static int take_size(const char *text, uint64_t *ret_bytes)
{
	int error = units_parse_size(text, ret_bytes);

	if (error < 0) {
		fprintf(stderr, "pmtop record: --max-size %s\n", units_size_problem(error));
		return EXIT_USAGE;
	}
	if (*ret_bytes < 128 << 10) {
		fprintf(stderr, "pmtop record: --max-size is at least 128K\n");
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static int take_rotate(const char *text, unsigned int *ret_logs)
{
	unsigned int logs = 0, digits = 0;

	for (; text[digits] >= '0' && text[digits] <= '9' && logs <= ROTATE_MOST; digits++)
		logs = logs * 10 + (unsigned int)(text[digits] - '0');
	if (!digits || text[digits] || !logs || logs > ROTATE_MOST) {
		fprintf(stderr, "pmtop record: --rotate is from 1 to %d\n", ROTATE_MOST);
		return EXIT_USAGE;
	}
	*ret_logs = logs;
	return EXIT_DONE;
}

static int take_option(struct record *record, int id, char **argv, int index)
{
	switch (id) {
	case 'p':
		return options_pid(WORD, optarg, &record->live.pid);
	case 'o':
		record->log.path = optarg;
		return EXIT_DONE;
	case 'i':
		return take_duration("--interval", optarg, INTERVAL_LEAST,
				     &record->live.interval_ns);
	case 'd':
		return take_duration("--duration", optarg, INTERVAL_LEAST, &record->duration_ns);
	case 'u':
		if (!strcmp(optarg, "exit"))
			return EXIT_DONE;
		fprintf(stderr, "pmtop record: --until knows only 'exit'\n");
		return EXIT_USAGE;
	case 's':
		return take_size(optarg, &record->log.max_bytes);
	case 'r':
		return take_rotate(optarg, &record->log.rotate);
	case 'f':
		record->log.replace = true;
		return EXIT_DONE;
	case 'w':
		record->without = optarg;
		return EXIT_DONE;
	case 'q':
		record->quiet = true;
		return EXIT_DONE;
	case 'h':
		record->help = true;
		return EXIT_DONE;
	default:
		return options_refuse(WORD, id, argv, index);
	}
}

static int check(const struct record *record)
{
	if (!record->live.pid)
		fprintf(stderr, "pmtop record: which process? Name it with -p PID\n");
	else if (!record->log.path || !strcmp(record->log.path, "-"))
		fprintf(stderr, "pmtop record: into which file? Name it with -o FILE\n");
	else if (record->log.rotate && !record->log.max_bytes)
		fprintf(stderr, "pmtop record: --rotate needs --max-size\n");
	else
		return EXIT_DONE;
	return EXIT_USAGE;
}

static int parse(int argc, char **argv, struct record *record)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "output", required_argument, NULL, 'o' },
		{ "interval", required_argument, NULL, 'i' },
		{ "duration", required_argument, NULL, 'd' },
		{ "until", required_argument, NULL, 'u' },
		{ "max-size", required_argument, NULL, 's' },
		{ "rotate", required_argument, NULL, 'r' },
		{ "force", no_argument, NULL, 'f' },
		{ "without", required_argument, NULL, 'w' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int id, status = EXIT_DONE;

	opterr = 0;
	optind = 0;
	while (status == EXIT_DONE &&
	       (id = options_next(argc, argv, ":p:o:qh", options, NULL)) != -1)
		status = take_option(record, id, argv, optind);
	if (status == EXIT_DONE && optind < argc)
		status = options_refuse_word(WORD, argv[optind]);
	return status == EXIT_DONE && !record->help ? check(record) : status;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Threads that start later inherit the mask: the signals come by the descriptor alone. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* How long poll() may sleep. */
static int next_look(int64_t end_ns)
{
	int64_t left_ms = end_ns ? (end_ns - now_ns() + 999999) / 1000000 : LOOK_MS;

	return left_ms < 0 ? 0 : left_ms < LOOK_MS ? (int)left_ms : LOOK_MS;
}

/* Until something ends it: the process, the time, a signal, or the log itself. */
static void wait_for_end(const struct record *record, struct source *source,
			 struct recording *recording, int signals, struct source_status *ret_status)
{
	struct pollfd fds[] = { { .fd = source_fd(source), .events = POLLIN },
				{ .fd = signals, .events = POLLIN } };
	int64_t end_ns = record->duration_ns ? now_ns() + record->duration_ns : 0;
	struct recording_status now;

	for (;;) {
		struct snapshot *snapshot = source_take(source);

		if (snapshot)
			snapshot_unref(snapshot);
		source_status(source, ret_status);
		recording_status(recording, &now);
		if (!now.runs)
			return;
		if (ret_status->state == SOURCE_ENDED || ret_status->state == SOURCE_FAILED) {
			recording_note_end(recording, ret_status);
			return;
		}
		if (end_ns && now_ns() >= end_ns) {
			recording_event(recording, EVENT_NOTE, "recording ends: --duration");
			return;
		}
		poll(fds, 2, next_look(end_ns));
		if (fds[1].revents) {
			recording_event(recording, EVENT_NOTE, "recording ends: signal");
			return;
		}
	}
}

/* A log without a sample is taken away. */
static int say_nothing(const struct record *record, const struct recording_status *status,
		       const struct source_status *source)
{
	char message[512];

	if (!status->runs) {
		escape_text(status->message, strlen(status->message), message, sizeof(message));
		fprintf(stderr, "pmtop record: %s\n", message);
		return EXIT_ERROR;
	}
	if (source->state == SOURCE_FAILED)
		return options_explain_target(WORD, record->live.pid, source->error);
	if (source->state == SOURCE_ENDED)
		return options_explain_target(WORD, record->live.pid, -ESRCH);
	fprintf(stderr, "pmtop record: ended before the first sample was taken\n");
	return EXIT_NO_PROCESS;
}

static int say_end(const struct record *record, const struct recording_status *status,
		   const struct source_status *source)
{
	char size[UNITS_SIZE_MAX], path[256], message[512];

	if (!status->samples)
		return say_nothing(record, status, source);
	escape_text(record->log.path, strlen(record->log.path), path, sizeof(path));
	escape_text(status->message, strlen(status->message), message, sizeof(message));
	if (!record->quiet || !status->runs)
		fprintf(stderr, "pmtop record: %llu samples in %s (%s)%s%s\n",
			(unsigned long long)status->samples, path,
			units_format_size(status->bytes, size), status->runs ? "" : ": ",
			status->runs ? "" : message);
	if (status->left_out)
		fprintf(stderr,
			"pmtop record: %llu samples left out, since the disk could not follow; "
			"the log says where\n",
			(unsigned long long)status->left_out);
	return status->runs || status->full ? EXIT_DONE : EXIT_ERROR;
}

static int record_process(const struct record *record, const struct probe *probe)
{
	CLEANUP(cleanup_close) int signals = open_signals();
	struct source_status source_state = { 0 };
	struct recording_status status;
	struct recording *recording;
	struct source *source;
	char message[RECORDING_MESSAGE], shown[RECORDING_MESSAGE * 2];
	int error;

	if (signals < 0) {
		fprintf(stderr, "pmtop record: %s\n", strerror(-signals));
		return EXIT_ERROR;
	}
	error = live_open(&record->live, probe, &source);
	if (error < 0)
		return options_explain_target(WORD, record->live.pid, error);
	error = recording_start(&record->log, source, probe, &recording, message);
	if (error) {
		source_free(source);
		escape_text(message, strlen(message), shown, sizeof(shown));
		fprintf(stderr, "pmtop record: %s\n", shown);
		return error == -EACCES || error == -EPERM ? EXIT_NOT_PERMITTED : EXIT_ERROR;
	}
	wait_for_end(record, source, recording, signals, &source_state);
	recording_stop(recording, &status);
	source_free(source);
	return say_end(record, &status, &source_state);
}

int command_record(int argc, char **argv)
{
	struct record record = { .live = { .interval_ns = INTERVAL_DEFAULT, .slots = true } };
	struct probe probe;
	int status = parse(argc, argv, &record);

	if (status != EXIT_DONE)
		return status;
	if (record.help) {
		print_help();
		return EXIT_DONE;
	}
	probe_run(&probe);
	status = options_without(WORD, record.without, &probe);
	if (status != EXIT_DONE)
		return status;
	record.log.interval_ns = record.live.interval_ns;
	return record_process(&record, &probe);
}
