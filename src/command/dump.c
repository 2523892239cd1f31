// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/dump_pagemap.h"
#include "command/options.h"
#include "command/output.h"
#include "kernel/smaps.h"
#include "model/cleanup.h"
#include "report/openmetrics.h"
#include "report/report.h"
#include "sample/live.h"

#define WORD "dump"

typedef int report_function(FILE *out, const struct snapshot *snapshot,
			    const struct report_options *options);

struct dump {
	pid_t pid;
	report_function *report; /* NULL: none was asked for */
	bool pages, verify;
	const char *without, *path;
	const char *pagemap; /* range, or NULL */
};

DEFINE_CLEANUP(cleanup_snapshot, struct snapshot *, snapshot_unref)

static void print_help(void)
{
	fputs("Usage: pmtop dump -p PID [OPTION...]\n"
	      "One snapshot of a process: where each of its pages is.\n\n"
	      "  -p, --pid PID       the process\n"
	      "      --json          one JSON object on one line, see pmtop(1)\n"
	      "      --csv           comma-separated values\n"
	      "      --prometheus    metrics, for node_exporter's textfile collector\n"
	      "      --pages         the runs of pages in each mapping too\n"
	      "      --verify        what smaps says of each mapping, and whether it agrees\n"
	      "      --pagemap RANGE pagemap words, binary, with the slots of shared pages;\n"
	      "                      RANGE is ADDRESS+PAGES or ADDRESS-ADDRESS\n"
	      "      --without LIST  do as if this kernel lacked these features (pmtop doctor)\n"
	      "  -o, --output FILE   write to FILE, which is replaced only when all is written\n"
	      "  -h, --help          this text\n",
	      stdout);
}

/* Metrics are counts: neither runs nor verdicts. */
static int report_prometheus(FILE *out, const struct snapshot *snapshot,
			     const struct report_options *options)
{
	(void)options;
	return report_openmetrics(out, snapshot);
}

static int take_format(struct dump *dump, report_function *report)
{
	if (dump->report && dump->report != report) {
		fprintf(stderr, "pmtop dump: one format at a time\n");
		return EXIT_USAGE;
	}
	dump->report = report;
	return EXIT_DONE;
}

static int parse(int argc, char **argv, struct dump *dump, bool *ret_help)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ "csv", no_argument, NULL, 'c' },
		{ "prometheus", no_argument, NULL, 'M' },
		{ "pages", no_argument, NULL, 'P' },
		{ "verify", no_argument, NULL, 'v' },
		{ "pagemap", required_argument, NULL, 'm' },
		{ "without", required_argument, NULL, 'w' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int id, status = EXIT_DONE;

	opterr = 0;
	optind = 0;
	while (status == EXIT_DONE &&
	       (id = options_next(argc, argv, ":p:o:h", options, NULL)) != -1) {
		if (id == 'p')
			status = options_pid(WORD, optarg, &dump->pid);
		else if (id == 'j')
			status = take_format(dump, report_json);
		else if (id == 'c')
			status = take_format(dump, report_csv);
		else if (id == 'M')
			status = take_format(dump, report_prometheus);
		else if (id == 'P')
			dump->pages = true;
		else if (id == 'v')
			dump->verify = true;
		else if (id == 'm')
			dump->pagemap = optarg;
		else if (id == 'w')
			dump->without = optarg;
		else if (id == 'o')
			dump->path = optarg;
		else if (id == 'h')
			*ret_help = true;
		else
			status = options_refuse(WORD, id, argv, optind);
	}
	if (status == EXIT_DONE && optind < argc)
		status = options_refuse_word(WORD, argv[optind]);
	if (status == EXIT_DONE && !dump->pid && !*ret_help) {
		fprintf(stderr, "pmtop dump: which process? Name it with -p PID\n");
		status = EXIT_USAGE;
	}
	if (status == EXIT_DONE && dump->pagemap && (dump->report || dump->pages || dump->verify)) {
		fprintf(stderr, "pmtop dump: --pagemap is a format of its own\n");
		status = EXIT_USAGE;
	}
	return status;
}

/* A snapshot with what smaps said right before and right after it. */
static int take_verified(pid_t pid, const struct probe *probe, struct snapshot **ret_snapshot,
			 struct verify_result **ret_results)
{
	CLEANUP(cleanup_close) int proc_fd = -1;
	CLEANUP(smaps_list_free) struct smaps_list before = { 0 };
	CLEANUP(smaps_list_free) struct smaps_list after = { 0 };
	CLEANUP(cleanup_snapshot) struct snapshot *snapshot = NULL;
	struct verify_result *results;
	char path[32];
	int error;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	proc_fd = open(path, O_DIRECTORY | O_CLOEXEC);
	if (proc_fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	error = smaps_read(proc_fd, &before);
	if (error >= 0)
		error = live_snapshot(pid, probe, &snapshot);
	if (error >= 0)
		error = smaps_read(proc_fd, &after);
	if (error < 0)
		return error;
	results = calloc(snapshot->count + 1, sizeof(*results));
	if (!results)
		return -ENOMEM;
	smaps_verify(snapshot, &before, &after, results);
	*ret_snapshot = TAKE(snapshot);
	*ret_results = results;
	return 0;
}

static int write_report(const struct dump *dump, const struct snapshot *snapshot,
			const struct verify_result *verdicts)
{
	struct report_options options = { .pages = dump->pages, .verdicts = verdicts };
	report_function *report = dump->report ? dump->report : report_text;
	CLEANUP(output_discard) struct output output = { 0 };
	int error = output_open(dump->path, &output);

	if (!error)
		error = report(output.file, snapshot, &options);
	/* The reason of a failed write shows when it is finished, so ask for it in any case. */
	if (output.file && (!error || error == -EIO))
		error = output_commit(&output);
	if (!error)
		return EXIT_DONE;
	fprintf(stderr, "pmtop dump: cannot write %s: %s\n",
		dump->path ? dump->path : "to standard output", strerror(-error));
	return EXIT_ERROR;
}

int command_dump(int argc, char **argv)
{
	CLEANUP(cleanup_snapshot) struct snapshot *snapshot = NULL;
	CLEANUP(cleanup_free) struct verify_result *verdicts = NULL;
	struct dump dump = { 0 };
	struct probe probe;
	bool help = false;
	int error, status = parse(argc, argv, &dump, &help);

	if (status != EXIT_DONE)
		return status;
	if (help) {
		print_help();
		return EXIT_DONE;
	}
	probe_run(&probe);
	status = options_without(WORD, dump.without, &probe);
	if (status != EXIT_DONE)
		return status;
	if (dump.pagemap)
		return dump_pagemap(dump.pid, &probe, dump.pagemap, dump.path);
	error = dump.verify ? take_verified(dump.pid, &probe, &snapshot, &verdicts)
			    : live_snapshot(dump.pid, &probe, &snapshot);
	if (error < 0)
		return options_explain_target(WORD, dump.pid, error);
	return write_report(&dump, snapshot, verdicts);
}
