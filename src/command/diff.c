// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "command/command.h"
#include "command/moment.h"
#include "command/options.h"
#include "command/output.h"
#include "report/difference.h"

#define WORD "diff"

struct diff_command {
	struct difference_options options;
	bool json;
	const char *without, *path;
};

static const struct option_row rows[] = {
	{ "json", 0, NULL, "one JSON object on one line, see pmtop(1)", option_flag,
	  offsetof(struct diff_command, json) },
	{ "pages", 0, NULL, "the runs of changed pages too", option_flag,
	  offsetof(struct diff_command, options.pages) },
	{ "all", 0, NULL, "mappings in which nothing changed too", option_flag,
	  offsetof(struct diff_command, options.all) },
	{ "without", 0, "LIST", "do as if this kernel lacked these features (pmtop doctor)",
	  option_text, offsetof(struct diff_command, without) },
	{ "output", 'o', "FILE", "write to FILE, which is replaced only when all is written",
	  option_text, offsetof(struct diff_command, path) },
	{ 0 },
};

static const struct command_line command_line = {
	.word = WORD,
	.usage = "A [B] [OPTION...]",
	.about =
		"What changed between two moments. A and B are FILE@+3s, FILE@#120, FILE@BOOKMARK,\n"
		"FILE (its last sample) or the number of a living process. Without B: the first and\n"
		"the last sample of A.",
	.rows = rows,
	.words = 2,
};

static int diff_parse(int argc, char **argv, struct diff_command *d)
{
	int status = command_line_parse(&command_line, argc, argv, d);

	if (status != EXIT_DONE)
		return status;
	if (optind == argc) {
		fprintf(stderr, "pmtop diff: of what? Name two moments, like LOG@+3s LOG@+9s\n");
		return EXIT_USAGE;
	}
	d->options.before = argv[optind];
	d->options.after = argv[argc - 1];
	return EXIT_DONE;
}

static int diff_load(const struct diff_command *d, struct snapshot **ret_before,
		     struct snapshot **ret_after)
{
	CLEANUP(moment_free) struct moment before = { 0 };
	CLEANUP(moment_free) struct moment after = { 0 };
	bool one = d->options.before == d->options.after;
	struct probe probe;
	int status = moment_parse(WORD, d->options.before, &before);

	if (status == EXIT_DONE)
		status = moment_parse(WORD, d->options.after, &after);
	if (status == EXIT_DONE && one && before.kind != MOMENT_DEFAULT) {
		fprintf(stderr, "pmtop diff: one moment does not differ; name a second one\n");
		status = EXIT_USAGE;
	}
	if (status != EXIT_DONE)
		return status;
	if (before.kind == MOMENT_LIVE || after.kind == MOMENT_LIVE) {
		probe_run(&probe);
		status = options_without(WORD, d->without, &probe);
	}
	if (status == EXIT_DONE)
		status = moment_snapshot(WORD, &before, &probe, one, ret_before);
	if (status == EXIT_DONE)
		status = moment_snapshot(WORD, &after, &probe, false, ret_after);
	return status;
}

static int diff_write_diff(const struct diff_command *d, const struct change_list *diff)
{
	CLEANUP(output_discard) struct output output = { 0 };
	int error = output_open(d->path, false, &output);

	if (!error)
		error = d->json ? report_diff_json(output.file, diff, &d->options)
				: report_diff_text(output.file, diff, &d->options);
	return output_finish(&output, WORD, d->path, error);
}

int command_diff(int argc, char **argv)
{
	CLEANUP(cleanup_snapshot) struct snapshot *before = NULL;
	CLEANUP(cleanup_snapshot) struct snapshot *after = NULL;
	CLEANUP(cleanup_change_list) struct change_list *diff = NULL;
	struct diff_command d = { 0 };
	int error, status = diff_parse(argc, argv, &d);

	if (status != EXIT_DONE)
		return status;
	status = diff_load(&d, &before, &after);
	if (status != EXIT_DONE)
		return status;
	error = change_list_new(before, after, &diff);
	if (error < 0) {
		fprintf(stderr, "pmtop diff: %s\n", strerror(-error));
		return EXIT_ERROR;
	}
	return diff_write_diff(&d, diff);
}
