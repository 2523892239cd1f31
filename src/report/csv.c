// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "report/columns.h"
#include "report/report.h"

/*
 * A field quoted as RFC 4180 asks for it. Names are escaped first, so the quotes only ever guard a
 * comma or a quote, and each record is one line.
 */
static void csv_put_quoted(FILE *out, const char *text, size_t length)
{
	bool quotes = memchr(text, ',', length) || memchr(text, '"', length);
	char buf[ESCAPE_MAX];

	if (quotes)
		fputc('"', out);
	for (size_t i = 0; i < length;) {
		i += escape_next(text + i, length - i, buf);
		fputs(buf[0] == '"' ? "\"\"" : buf, out);
	}
	if (quotes)
		fputc('"', out);
}

static void csv_put_cell(FILE *out, const struct report_cell *cell)
{
	switch (cell->kind) {
	case CELL_NULL:
		break;
	case CELL_NUMBER:
	case CELL_PAGES:
		fprintf(out, "%" PRIu64, cell->number);
		break;
	case CELL_ADDRESS:
		fprintf(out, "%" PRIx64, cell->number);
		break;
	case CELL_TEXT:
		csv_put_quoted(out, cell->text, strlen(cell->text));
		break;
	case CELL_NAME:
		csv_put_quoted(out, cell->text, cell->length);
		break;
	case CELL_TRUE:
	case CELL_FALSE:
		fputs(cell->kind == CELL_TRUE ? "true" : "false", out);
		break;
	}
}

/* One record; the header when there is no row. */
static void csv_put_record(FILE *out, const struct report_column *columns, size_t count,
			   unsigned int use, const char *lead, const struct report_row *row)
{
	const char *separator = "";

	if (lead) {
		fputs(lead, out);
		separator = ",";
	}
	for (size_t i = 0; i < count; i++) {
		struct report_cell cell = { 0 };

		if (!(columns[i].use & use))
			continue;
		fputs(separator, out);
		separator = ",";
		if (!row) {
			fputs(columns[i].key, out);
			continue;
		}
		columns[i].get(row, columns[i].which, &cell);
		csv_put_cell(out, &cell);
	}
	fputc('\n', out);
}

static void csv_put_runs(FILE *out, const char *lead, const struct report_row *mapping_row)
{
	struct report_row row = *mapping_row;
	struct run_walk walk;
	struct run run;

	run_walk_start(&walk, row.mapping->pages);
	row.run = &run;
	while (run_walk_next(&walk, &run) && !ferror(out))
		csv_put_record(out, run_columns, run_column_count, USE_CSV, lead, &row);
}

/* With pages a record is a run, else it is a mapping. */
int report_csv(FILE *out, const struct snapshot *snapshot, const struct report_options *options)
{
	unsigned int use = USE_CSV | (options->verdicts ? USE_VERIFY : 0);

	if (options->pages && !options->no_header)
		csv_put_record(out, run_columns, run_column_count, use, options->lead_header, NULL);
	else if (!options->no_header)
		csv_put_record(out, mapping_columns, mapping_column_count, use,
			       options->lead_header, NULL);
	for (size_t i = 0; i < snapshot->count && !ferror(out); i++) {
		struct report_row row = report_row_of(snapshot, i, options);

		if (!options->pages)
			csv_put_record(out, mapping_columns, mapping_column_count, use,
				       options->lead, &row);
		else if (row.counts)
			csv_put_runs(out, options->lead, &row);
	}
	return ferror(out) ? -EIO : 0;
}
