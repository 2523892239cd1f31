// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "command/command.h"
#include "command/dump_pagemap.h"
#include "command/options.h"
#include "command/output.h"
#include "kernel/smaps.h"
#include "kernel/swap_edges.h"
#include "kernel/target.h"
#include "report/openmetrics.h"
#include "report/report.h"
#include "sample/live.h"

#define WORD "dump"

typedef int report_function(FILE *out, const struct snapshot *snapshot,
			    const struct report_options *options);

struct dump {
	pid_t pid;
	report_function *report; /* NULL: none was asked for */
	bool pages, verify, totals;
	const char *without, *path;
	const char *pagemap; /* range, or NULL */
	int64_t timeout_ns; /* 0: the usual */
};

/* What reads the process, and what it found; the thread's that reads if that gets stuck. */
struct dump_job {
	struct dump dump;
	struct probe probe;
	struct snapshot *snapshot;
	struct verify_result *verdicts;
	int result;
};

/* Metrics are counts: neither runs nor verdicts. */
static int dump_report_prometheus(FILE *out, const struct snapshot *snapshot,
				  const struct report_options *options)
{
	(void)options;
	return report_openmetrics(out, snapshot, false);
}

static int dump_report_prometheus_totals(FILE *out, const struct snapshot *snapshot,
					 const struct report_options *options)
{
	(void)options;
	return report_openmetrics(out, snapshot, true);
}

static const struct {
	const char *option;
	report_function *report;
} formats[] = {
	{ "json", report_json },
	{ "csv", report_csv },
	{ "prometheus", dump_report_prometheus },
};

static int dump_take_format(const struct option_place *place, const char *text)
{
	report_function **field = place->field;

	(void)text;
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		if (strcmp(place->name, formats[i].option))
			continue;
		if (*field && *field != formats[i].report)
			break;
		*field = formats[i].report;
		return EXIT_DONE;
	}
	fprintf(stderr, "pmtop dump: one format at a time\n");
	return EXIT_USAGE;
}

static const struct option_row rows[] = {
	{ "pid", 'p', "PID", "the process", option_pid, offsetof(struct dump, pid) },
	{ "json", 0, NULL, "one JSON object on one line, see pmtop(1)", dump_take_format,
	  offsetof(struct dump, report) },
	{ "csv", 0, NULL, "comma-separated values", dump_take_format,
	  offsetof(struct dump, report) },
	{ "prometheus", 0, NULL, "metrics, for node_exporter's textfile collector",
	  dump_take_format, offsetof(struct dump, report) },
	{ "totals", 0, NULL, "no series of single mappings (--prometheus)", option_flag,
	  offsetof(struct dump, totals) },
	{ "pages", 0, NULL, "the runs of pages in each mapping too", option_flag,
	  offsetof(struct dump, pages) },
	{ "verify", 0, NULL, "what smaps says of each mapping, and whether it agrees", option_flag,
	  offsetof(struct dump, verify) },
	{ "pagemap", 0, "RANGE",
	  "pagemap words, binary, with the slots of shared pages;\n"
	  "RANGE is ADDRESS+PAGES or ADDRESS-ADDRESS",
	  option_text, offsetof(struct dump, pagemap) },
	{ "timeout", 0, "TIME", "give up when the process does not answer for so long (5s)",
	  option_duration, offsetof(struct dump, timeout_ns) },
	{ "without", 0, "LIST", "do as if this kernel lacked these features (pmtop doctor)",
	  option_text, offsetof(struct dump, without) },
	{ "output", 'o', "FILE", "write to FILE, which is replaced only when all is written",
	  option_text, offsetof(struct dump, path) },
	{ 0 },
};

static const struct command_line command_line = {
	.word = WORD,
	.usage = "-p PID [OPTION...]",
	.about = "One snapshot of a process: where each of its pages is.",
	.rows = rows,
};

static int dump_check(const struct dump *dump)
{
	if (!dump->pid)
		fprintf(stderr, "pmtop dump: which process? Name it with -p PID\n");
	else if (dump->pagemap && (dump->report || dump->pages || dump->verify))
		fprintf(stderr, "pmtop dump: --pagemap is a format of its own\n");
	else if (dump->totals && dump->report != dump_report_prometheus)
		fprintf(stderr, "pmtop dump: --totals is for --prometheus\n");
	else
		return EXIT_DONE;
	return EXIT_USAGE;
}

static void dump_explain_edges(const struct target *target, const struct probe *probe,
			       const struct snapshot *snapshot, struct verify_result *results)
{
	CLEANUP(swap_edges_release)
	struct swap_edges edges = { .probe = probe, .pid = target->thread, .proc = target->proc };

	for (size_t i = 0; i < snapshot->count; i++)
		if (results[i].found)
			swap_edges_explain(&edges, snapshot->mappings[i].mapping,
					   snapshot->mappings[i].pages, &results[i].verdict);
}

/* A snapshot with what smaps said right before and right after it. */
static int dump_take_verified(pid_t pid, const struct probe *probe, struct snapshot **ret_snapshot,
			      struct verify_result **ret_results)
{
	CLEANUP(target_close) struct target target = TARGET_CLOSED;
	CLEANUP(smaps_list_free) struct smaps_list before = { 0 };
	CLEANUP(smaps_list_free) struct smaps_list after = { 0 };
	CLEANUP(cleanup_snapshot) struct snapshot *snapshot = NULL;
	struct verify_result *results;
	int error = target_open(pid, &target);

	if (error >= 0)
		error = smaps_read(target.proc, &before);
	if (error >= 0)
		error = live_snapshot(pid, probe, &snapshot);
	if (error >= 0)
		error = smaps_read(target.proc, &after);
	if (error < 0)
		return error;
	results = calloc(snapshot->count + 1, sizeof(*results));
	if (!results)
		return -ENOMEM;
	smaps_verify(snapshot, &before, &after, results);
	dump_explain_edges(&target, probe, snapshot, results);
	*ret_snapshot = TAKE(snapshot);
	*ret_results = results;
	return 0;
}

static int dump_write_report(const struct dump *dump, const struct snapshot *snapshot,
			     const struct verify_result *verdicts)
{
	struct report_options options = { .pages = dump->pages, .verdicts = verdicts };
	report_function *report = dump->totals	 ? dump_report_prometheus_totals
				  : dump->report ? dump->report
						 : report_text;
	CLEANUP(output_discard) struct output output = { 0 };
	int error = output_open(dump->path, dump->totals, &output);

	if (!error)
		error = report(output.file, snapshot, &options);
	return output_finish(&output, WORD, dump->path, error);
}

static void dump_free_job(void *job)
{
	struct dump_job *j = job;

	if (j->snapshot)
		snapshot_unref(j->snapshot);
	free(j->verdicts);
	free(j);
}

static void dump_run_job(void *job)
{
	struct dump_job *j = job;
	const struct dump *dump = &j->dump;

	if (dump->pagemap)
		j->result = dump_pagemap(dump->pid, &j->probe, dump->pagemap, dump->path);
	else if (dump->verify)
		j->result = dump_take_verified(dump->pid, &j->probe, &j->snapshot, &j->verdicts);
	else
		j->result = live_snapshot(dump->pid, &j->probe, &j->snapshot);
}

DEFINE_CLEANUP(cleanup_job, struct dump_job *, dump_free_job)

int command_dump(int argc, char **argv)
{
	CLEANUP(cleanup_job) struct dump_job *job = calloc(1, sizeof(*job));
	struct dump dump = { 0 };
	int status = command_line_parse(&command_line, argc, argv, &dump);

	if (status == EXIT_DONE)
		status = dump_check(&dump);
	if (status != EXIT_DONE || !job)
		return job ? status : EXIT_ERROR;
	job->dump = dump;
	probe_run(&job->probe);
	status = options_without(WORD, dump.without, &job->probe);
	if (status != EXIT_DONE)
		return status;
	status = options_ask_target(WORD, dump.pid, dump.timeout_ns, dump_run_job, dump_free_job,
				    job);
	if (status != EXIT_DONE) {
		job = NULL;
		return status;
	}
	if (dump.pagemap)
		return job->result;
	if (job->result < 0)
		return options_explain_target(WORD, dump.pid, job->result);
	return dump_write_report(&dump, job->snapshot, job->verdicts);
}
