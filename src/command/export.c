// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "command/command.h"
#include "command/moment.h"
#include "command/options.h"
#include "command/output.h"
#include "report/columns.h"
#include "report/openmetrics.h"
#include "report/report.h"

#define WORD "export"

DEFINE_CLEANUP(cleanup_reader, struct log_reader *, log_reader_free)
struct export_command;

struct export_format {
	const char *word;
	/* 0 or -errno; fills *error when the log is the reason. */
	int (*run)(const struct export_command *e, FILE *out, struct error *error);
};

struct export_command {
	const struct export_format *format;
	const char *file, *path, *from_text, *to_text;
	bool pages, totals;
	struct log_reader *reader;
	uint64_t first, last; /* samples, both included */
};

static int export_each_snapshot(const struct export_command *e, FILE *out, struct error *error,
				int (*put)(const struct export_command *e, FILE *out,
					   const struct snapshot *snapshot, uint64_t sample))
{
	for (uint64_t sample = e->first; sample <= e->last; sample++) {
		CLEANUP(cleanup_snapshot) struct snapshot *snapshot = NULL;
		int code = log_reader_load(e->reader, sample, &snapshot, error);

		if (!code)
			code = put(e, out, snapshot, sample);
		if (code)
			return code;
	}
	return 0;
}

static int export_put_json(const struct export_command *e, FILE *out,
			   const struct snapshot *snapshot, uint64_t sample)
{
	const struct report_options options = { .pages = e->pages };

	(void)sample;
	return report_json(out, snapshot, &options);
}

static int export_json(const struct export_command *e, FILE *out, struct error *error)
{
	return export_each_snapshot(e, out, error, export_put_json);
}

static int export_put_csv(const struct export_command *e, FILE *out,
			  const struct snapshot *snapshot, uint64_t sample)
{
	char lead[96], time[TIME_MAX];
	const struct report_options options = { .pages = e->pages,
						.lead = lead,
						.lead_header = "sample,taken,pid",
						.no_header = sample != e->first };

	snprintf(lead, sizeof(lead), "%llu,%s,%d", (unsigned long long)sample,
		 report_time(snapshot->taken_ns, time), snapshot->pid);
	return report_csv(out, snapshot, &options);
}

static int export_csv(const struct export_command *e, FILE *out, struct error *error)
{
	return export_each_snapshot(e, out, error, export_put_csv);
}

/* One series of one family, point after point. */
struct series {
	FILE *out;
	enum openmetrics_family family;
	unsigned int number;
	struct openmetrics_process process;
};

static int export_put_point(void *context, const struct log_counts *counts)
{
	const struct series *s = context;

	openmetrics_put_point(s->out, s->family, s->number, &s->process, &counts->counts,
			      counts->known, counts->swap_unplaced, counts->taken_ns);
	return ferror(s->out) ? -EIO : 0;
}

/* Prometheus forgets a value after five minutes. */
#define REPEAT_NS INT64_C(60000000000)

struct mapping_series {
	FILE *out;
	struct openmetrics_process process;
};

/* States in which the mapping never had a page have no series. */
static int export_put_series(void *context, const struct log_series *series)
{
	const struct mapping_series *s = context;

	for (int state = 0; state < PAGE_STATES; state++) {
		bool any = false;

		for (size_t i = 0; i < series->count; i++)
			any = any || series->points[i].state[state];
		for (size_t i = 0; any && i < series->count; i++)
			openmetrics_put_mapping_point(
				s->out, &s->process, series->mapping, (enum page_state)state,
				series->points[i].state[state], series->points[i].taken_ns);
	}
	return ferror(s->out) ? -EIO : 0;
}

static int export_mappings(const struct export_command *e, FILE *out, const struct snapshot *first,
			   struct error *error)
{
	const struct log_series_range range = { e->first, e->last, REPEAT_NS };
	struct mapping_series s = { out, { first->pid, first->comm } };

	openmetrics_put_mapping_family(out);
	return log_reader_series(e->reader, &range, export_put_series, &s, error);
}

static int export_openmetrics(const struct export_command *e, FILE *out, struct error *error)
{
	CLEANUP(cleanup_snapshot) struct snapshot *first = NULL;
	int code = log_reader_load(e->reader, e->first, &first, error);

	for (int f = 0; !code && f < METRIC_FAMILIES; f++) {
		struct series s = { .out = out,
				    .family = (enum openmetrics_family)f,
				    .process = { first->pid, first->comm } };

		openmetrics_put_family(out, s.family);
		for (; !code && s.number < openmetrics_series(s.family); s.number++)
			code = log_reader_totals(e->reader, e->first, e->last - e->first + 1,
						 export_put_point, &s, error);
	}
	if (!code && !e->totals)
		code = export_mappings(e, out, first, error);
	if (!code)
		openmetrics_put_end(out);
	return code;
}

static const struct export_format formats[] = {
	{ "csv", export_csv },
	{ "json", export_json },
	{ "openmetrics", export_openmetrics },
};

static int export_take_format(const struct option_place *place, const char *text)
{
	const struct export_format **field = place->field;

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (!strcmp(text, formats[i].word)) {
			*field = &formats[i];
			return EXIT_DONE;
		}
	fprintf(stderr, "pmtop export: --format is csv, json or openmetrics\n");
	return EXIT_USAGE;
}

static const struct option_row rows[] = {
	{ "format", 'f', "F",
	  "csv: a line a mapping and sample; json: a line a sample, as\n"
	  "dump --json; openmetrics: counts with times, as promtool tsdb\n"
	  "create-blocks-from openmetrics takes them",
	  export_take_format, offsetof(struct export_command, format) },
	{ "pages", 0, NULL, "the runs of pages too (csv, json)", option_flag,
	  offsetof(struct export_command, pages) },
	{ "totals", 0, NULL, "no series of single mappings (openmetrics)", option_flag,
	  offsetof(struct export_command, totals) },
	{ "from", 0, "MOMENT", "begin there: +3s, #120 or a bookmark", option_text,
	  offsetof(struct export_command, from_text) },
	{ "to", 0, "MOMENT", "end there", option_text, offsetof(struct export_command, to_text) },
	{ "output", 'o', "FILE", "write to FILE, which is replaced only when all is written",
	  option_text, offsetof(struct export_command, path) },
	{ 0 },
};

static const struct command_line command_line = {
	.word = WORD,
	.usage = "FILE --format csv|json|openmetrics [OPTION...]",
	.about = "A log for other tools.",
	.rows = rows,
	.words = 1,
};

static int export_check(struct export_command *e, int argc, char **argv)
{
	if (optind == argc) {
		fprintf(stderr, "pmtop export: which log? pmtop export FILE --format json\n");
		return EXIT_USAGE;
	}
	e->file = argv[optind];
	if (!e->format) {
		fprintf(stderr, "pmtop export: as what? Add --format csv, json or openmetrics\n");
		return EXIT_USAGE;
	}
	if (e->pages && e->format->run == export_openmetrics) {
		fprintf(stderr, "pmtop export: openmetrics has no --pages\n");
		return EXIT_USAGE;
	}
	if (e->totals && e->format->run != export_openmetrics) {
		fprintf(stderr, "pmtop export: --totals is for openmetrics\n");
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

/* A moment of this log, without its name in front. */
static int export_find(const struct export_command *e, const char *text, uint64_t fallback,
		       uint64_t *ret_sample)
{
	CLEANUP(moment_free) struct moment moment = { 0 };
	int status;

	if (!text) {
		*ret_sample = fallback;
		return EXIT_DONE;
	}
	status = moment_of(WORD, e->file, text, &moment);
	return status == EXIT_DONE ? moment_sample(WORD, &moment, e->reader, fallback, ret_sample)
				   : status;
}

static int export_find_range(struct export_command *e)
{
	int status = export_find(e, e->from_text, 0, &e->first);

	if (status == EXIT_DONE)
		status = export_find(e, e->to_text, log_reader_info(e->reader)->samples - 1,
				     &e->last);
	if (status == EXIT_DONE && e->first > e->last) {
		fprintf(stderr, "pmtop export: --from comes after --to\n");
		status = EXIT_USAGE;
	}
	return status;
}

int command_export(int argc, char **argv)
{
	CLEANUP(cleanup_reader) struct log_reader *reader = NULL;
	CLEANUP(output_discard) struct output output = { 0 };
	struct export_command e = { 0 };
	struct error error = { 0 };
	int code, status = command_line_parse(&command_line, argc, argv, &e);

	if (status == EXIT_DONE)
		status = export_check(&e, argc, argv);
	if (status != EXIT_DONE)
		return status;
	if (log_reader_open(e.file, &reader, &error))
		return moment_explain(WORD, &error);
	e.reader = reader;
	status = export_find_range(&e);
	if (status != EXIT_DONE)
		return status;
	code = output_open(e.path, false, &output);
	if (!code)
		code = e.format->run(&e, output.file, &error);
	if (code && error.code)
		return moment_explain(WORD, &error);
	return output_finish(&output, WORD, e.path, code);
}
