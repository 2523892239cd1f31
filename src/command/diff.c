// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/moment.h"
#include "command/options.h"
#include "command/output.h"
#include "model/cleanup.h"
#include "report/difference.h"

#define WORD "diff"

DEFINE_CLEANUP(cleanup_snapshot, struct snapshot *, snapshot_unref)
DEFINE_CLEANUP(cleanup_diff, struct diff *, diff_free)

struct diff_command {
	struct difference_options options;
	bool json, help;
	const char *without, *path;
};

static void print_help(void)
{
	fputs("Usage: pmtop diff A [B] [OPTION...]\n"
	      "What changed between two moments. A and B are FILE@+3s, FILE@#120, FILE@BOOKMARK,\n"
	      "FILE (its last sample) or the number of a living process. Without B: the first and\n"
	      "the last sample of A.\n\n"
	      "      --json          one JSON object on one line, see pmtop(1)\n"
	      "      --pages         the runs of changed pages too\n"
	      "      --all           mappings in which nothing changed too\n"
	      "      --without LIST  do as if this kernel lacked these features (pmtop doctor)\n"
	      "  -o, --output FILE   write to FILE, which is replaced only when all is written\n"
	      "  -h, --help          this text\n",
	      stdout);
}

static int parse(int argc, char **argv, struct diff_command *d)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "pages", no_argument, NULL, 'P' },
		{ "all", no_argument, NULL, 'a' },
		{ "without", required_argument, NULL, 'w' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int id, status = EXIT_DONE;

	opterr = 0;
	optind = 0;
	while (status == EXIT_DONE &&
	       (id = options_next(argc, argv, ":o:h", options, NULL)) != -1) {
		if (id == 'j')
			d->json = true;
		else if (id == 'P')
			d->options.pages = true;
		else if (id == 'a')
			d->options.all = true;
		else if (id == 'w')
			d->without = optarg;
		else if (id == 'o')
			d->path = optarg;
		else if (id == 'h')
			d->help = true;
		else
			status = options_refuse(WORD, id, argv, optind);
	}
	if (status != EXIT_DONE || d->help)
		return status;
	if (optind == argc) {
		fprintf(stderr, "pmtop diff: of what? Name two moments, like LOG@+3s LOG@+9s\n");
		return EXIT_USAGE;
	}
	d->options.before = d->options.after = argv[optind++];
	if (optind < argc)
		d->options.after = argv[optind++];
	return optind < argc ? options_refuse_word(WORD, argv[optind]) : EXIT_DONE;
}

static int load(const struct diff_command *d, struct snapshot **ret_before,
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

static int write_diff(const struct diff_command *d, const struct diff *diff)
{
	CLEANUP(output_discard) struct output output = { 0 };
	int error = output_open(d->path, &output);

	if (!error)
		error = d->json ? report_diff_json(output.file, diff, &d->options)
				: report_diff_text(output.file, diff, &d->options);
	if (output.file && (!error || error == -EIO))
		error = output_commit(&output);
	if (!error)
		return EXIT_DONE;
	fprintf(stderr, "pmtop diff: cannot write %s: %s\n",
		d->path ? d->path : "to standard output", strerror(-error));
	return EXIT_ERROR;
}

int command_diff(int argc, char **argv)
{
	CLEANUP(cleanup_snapshot) struct snapshot *before = NULL;
	CLEANUP(cleanup_snapshot) struct snapshot *after = NULL;
	CLEANUP(cleanup_diff) struct diff *diff = NULL;
	struct diff_command d = { 0 };
	int error, status = parse(argc, argv, &d);

	if (status != EXIT_DONE)
		return status;
	if (d.help) {
		print_help();
		return EXIT_DONE;
	}
	status = load(&d, &before, &after);
	if (status != EXIT_DONE)
		return status;
	error = diff_new(before, after, &diff);
	if (error < 0) {
		fprintf(stderr, "pmtop diff: %s\n", strerror(-error));
		return EXIT_ERROR;
	}
	return write_diff(&d, diff);
}
