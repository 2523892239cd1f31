// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "report/columns.h"
#include "report/report.h"

static void text_put_padded(FILE *out, const struct report_column *column, const char *text)
{
	fprintf(out, "%*s", column->width, text);
}

static void text_put_cell(FILE *out, const struct report_column *column,
			  const struct report_cell *cell)
{
	char buf[CELL_TEXT_MAX];

	if (cell->kind == CELL_NAME)
		report_put_escaped(out, cell->text, cell->length);
	else
		text_put_padded(out, column, report_cell_text(cell, buf));
}

static void text_put_header(FILE *out, const struct report_column *const columns[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fputs(i ? " " : "", out);
		text_put_padded(out, columns[i], columns[i]->title);
	}
	fputc('\n', out);
}

static void text_put_line(FILE *out, const struct report_column *const columns[], size_t count,
			  const struct report_row *row)
{
	for (size_t i = 0; i < count; i++) {
		struct report_cell cell = { 0 };

		columns[i]->get(row, columns[i]->which, &cell);
		fputs(i ? " " : "", out);
		if (cell.kind == CELL_NAME && !cell.length)
			fprintf(out, "[%s]", mapping_kind_names[row->mapping->mapping->kind]);
		else
			text_put_cell(out, columns[i], &cell);
	}
	fputc('\n', out);
}

static void text_put_runs(FILE *out, const struct report_row *mapping_row)
{
	const struct report_column *columns[REPORT_PLACES];
	size_t count = report_pick_columns(run_columns, run_column_count, 0, columns);
	struct report_row row = *mapping_row;
	struct run_walk walk;
	struct run run;

	run_walk_start(&walk, row.mapping->pages);
	row.run = &run;
	while (run_walk_next(&walk, &run) && !ferror(out)) {
		for (size_t i = 0; i < count; i++) {
			struct report_cell cell = { 0 };

			columns[i]->get(&row, columns[i]->which, &cell);
			fputs(i ? " " : "  ", out);
			if (cell.kind == CELL_NULL || (cell.kind == CELL_TEXT && !*cell.text))
				text_put_padded(out, columns[i], "-");
			else
				text_put_cell(out, columns[i], &cell);
		}
		fputc('\n', out);
	}
}

static void text_put_verdict(FILE *out, const struct verify_result *verdict)
{
	const struct verify_verdict *v = &verdict->verdict;

	if (!verdict->found) {
		fputs("             smaps: no such mapping, it changed meanwhile\n", out);
		return;
	}
	for (int i = 0; i < VERIFY_SUMS; i++)
		if (v->cause[i] != VERIFY_AGREES)
			fprintf(out,
				"             smaps: %s %" PRIu64 " pages, here %" PRIu64 ": %s\n",
				verify_sum_names[i], v->smaps.pages[i], v->own.pages[i],
				verify_cause_text(v->cause[i]));
}

/* How many mappings each outcome has, so that "all agree" need not be looked for. */
static void text_put_verify_summary(FILE *out, const struct snapshot *snapshot,
				    const struct report_options *options)
{
	size_t agree = 0, explained = 0, other = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct verify_result *verdict = &options->verdicts[i];
		enum verify_cause worst = verify_worst(&verdict->verdict);

		if (!verdict->found || !verify_is_explained(worst))
			other++;
		else if (worst == VERIFY_AGREES)
			agree++;
		else
			explained++;
	}
	fprintf(out,
		"smaps agrees on %zu of %zu mappings; %zu differ by a known exception, %zu "
		"otherwise\n",
		agree, snapshot->count, explained, other);
}

static void text_put_states(FILE *out, const struct snapshot *snapshot)
{
	char size[UNITS_SIZE_MAX];

	for (int s = 0; s < PAGE_STATES; s++) {
		const struct page_state_info *info = &page_states[s];
		uint64_t pages = snapshot->totals.state[s];

		if (pages)
			fprintf(out, "  %c %-11s %12" PRIu64 " %-5s %6s  %s\n", info->letter,
				info->name, pages, pages == 1 ? "page" : "pages",
				units_format_size(pages << PMTOP_PAGE_SHIFT, size), info->meaning);
	}
	if (snapshot->swap_unplaced)
		fprintf(out,
			"%" PRIu64 " of the unknown pages are in swap, but nothing tells which\n",
			snapshot->swap_unplaced);
	if (page_counts_rss(&snapshot->totals) < snapshot->rss)
		fputs("A page that several mappings show is counted once, in RSS for each of them\n",
		      out);
	if (snapshot_hugetlb(snapshot))
		fprintf(out, "hugetlb: %s more than RSS, which leaves it out as the kernel does\n",
			units_format_size(snapshot_hugetlb(snapshot) << PMTOP_PAGE_SHIFT, size));
	if (!snapshot->known.written)
		fputs("written: this kernel cannot tell\n", out);
}

/* Each doubt once, with how many mappings have it. */
static void text_put_doubts(FILE *out, const struct snapshot *snapshot)
{
	size_t mappings[DOUBTS] = { 0 };

	for (size_t i = 0; i < snapshot->count; i++)
		if (snapshot->mappings[i].pages)
			mappings[pages_facts(snapshot->mappings[i].pages)->doubt]++;
	for (int d = DOUBT_NONE + 1; d < DOUBTS; d++)
		if (mappings[d])
			fprintf(out, "%zu %s: %s\n", mappings[d],
				mappings[d] == 1 ? "mapping" : "mappings",
				page_doubt_text((enum page_doubt)d));
}

static void text_put_totals(FILE *out, const struct snapshot *snapshot,
			    const struct report_column *const columns[], size_t count)
{
	const struct report_row total = report_row_total(snapshot);

	for (size_t i = 0; i < count; i++) {
		struct report_cell cell = { 0 };

		fputs(i ? " " : "", out);
		if (columns[i]->use & USE_TOTAL) {
			columns[i]->get(&total, columns[i]->which, &cell);
			text_put_cell(out, columns[i], &cell);
		} else if (i + 1 < count) {
			text_put_padded(out, columns[i], "");
		} else {
			fprintf(out, "total of %zu mappings", snapshot->count);
		}
	}
	fputc('\n', out);
}

int report_text(FILE *out, const struct snapshot *snapshot, const struct report_options *options)
{
	const struct report_column *columns[REPORT_PLACES];
	size_t count = report_pick_columns(mapping_columns, mapping_column_count, 0, columns);
	char time[TIME_MAX];

	fprintf(out, "pmtop %d ", snapshot->pid);
	report_put_escaped(out, snapshot->comm, strnlen(snapshot->comm, sizeof(snapshot->comm)));
	fprintf(out, " at %s\n", report_time(snapshot->taken_ns, time));
	text_put_header(out, columns, count);
	for (size_t i = 0; i < snapshot->count && !ferror(out); i++) {
		struct report_row row = report_row_of(snapshot, i, options);

		text_put_line(out, columns, count, &row);
		if (row.verdict)
			text_put_verdict(out, row.verdict);
		if (options->pages && row.counts)
			text_put_runs(out, &row);
	}
	text_put_totals(out, snapshot, columns, count);
	text_put_states(out, snapshot);
	text_put_doubts(out, snapshot);
	if (options->verdicts)
		text_put_verify_summary(out, snapshot, options);
	return ferror(out) ? -EIO : 0;
}
