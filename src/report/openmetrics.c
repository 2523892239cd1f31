// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/openmetrics.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/escape.h"

static const struct {
	const char *name, *help, *label;
} families[METRIC_FAMILIES] = {
	[METRIC_PAGES] = { "pmtop_process_pages", "Pages of the process in each state.", "state" },
	[METRIC_MARKED] = { "pmtop_process_marked_pages", "Pages of the process with each mark.",
			    "mark" },
	[METRIC_UNPLACED] = { "pmtop_process_swap_unplaced_pages",
			      "Pages in swap of which nothing tells which they are.", NULL },
};

#define MAPPING_FAMILY "pmtop_mapping_pages"

/* The unit is the last word of the name, as OpenMetrics asks for; to Prometheus it is a comment. */
static void openmetrics_put_head(FILE *out, const char *name, const char *help)
{
	fprintf(out, "# TYPE %s gauge\n# UNIT %s pages\n# HELP %s %s\n", name, name, name, help);
}

void openmetrics_put_family(FILE *out, enum openmetrics_family family)
{
	openmetrics_put_head(out, families[family].name, families[family].help);
}

unsigned int openmetrics_series(enum openmetrics_family family)
{
	return family == METRIC_PAGES ? PAGE_STATES : family == METRIC_MARKED ? PAGE_MARKS : 1;
}

/* A label's value: escaped for people first, and then the backslashes and quotes for the format. */
static void openmetrics_put_value(FILE *out, const char *text, size_t length)
{
	char buf[ESCAPE_MAX];

	fputc('"', out);
	for (size_t i = 0; i < length;) {
		i += escape_next(text + i, length - i, buf);
		for (const char *p = buf; *p; p++) {
			if (*p == '\\' || *p == '"')
				fputc('\\', out);
			fputc(*p, out);
		}
	}
	fputc('"', out);
}

static void openmetrics_put_process(FILE *out, const struct openmetrics_process *process)
{
	fprintf(out, "{pid=\"%" PRId64 "\",comm=", process->pid);
	openmetrics_put_value(out, process->comm, strlen(process->comm));
}

static void openmetrics_put_number(FILE *out, uint64_t number, int64_t taken_ns)
{
	fprintf(out, "} %" PRIu64, number);
	if (taken_ns)
		fprintf(out, " %" PRId64 ".%09" PRId64, taken_ns / 1000000000,
			taken_ns % 1000000000);
	fputc('\n', out);
}

void openmetrics_put_point(FILE *out, enum openmetrics_family family, unsigned int series,
			   const struct openmetrics_process *process,
			   const struct page_counts *counts, uint16_t marks_known,
			   uint64_t swap_unplaced, int64_t taken_ns)
{
	uint64_t number = swap_unplaced;

	if (family == METRIC_MARKED && !(marks_known >> series & 1))
		return;
	fputs(families[family].name, out);
	openmetrics_put_process(out, process);
	if (family == METRIC_PAGES) {
		fprintf(out, ",state=\"%s\"", page_states[series].key);
		number = counts->state[series];
	} else if (family == METRIC_MARKED) {
		fprintf(out, ",mark=\"%s\"", page_marks[series].key);
		number = counts->mark[series];
	}
	openmetrics_put_number(out, number, taken_ns);
}

void openmetrics_put_end(FILE *out)
{
	fputs("# EOF\n", out);
}

void openmetrics_put_mapping_family(FILE *out)
{
	openmetrics_put_head(out, MAPPING_FAMILY, "Pages of one mapping in each state.");
}

void openmetrics_put_mapping_point(FILE *out, const struct openmetrics_process *process,
				   const struct mapping *mapping, enum page_state state,
				   uint64_t pages, int64_t taken_ns)
{
	fputs(MAPPING_FAMILY, out);
	openmetrics_put_process(out, process);
	fprintf(out, ",start=\"%" PRIx64 "\",perms=\"%s\",kind=\"%s\",name=", mapping->start,
		mapping->perms, mapping_kind_names[mapping->kind]);
	openmetrics_put_value(out, mapping->name, mapping->name_length);
	fprintf(out, ",state=\"%s\"", page_states[state].key);
	openmetrics_put_number(out, pages, taken_ns);
}

static void openmetrics_put_mapping(FILE *out, const struct openmetrics_process *process,
				    const struct snapshot_mapping *m)
{
	const struct page_counts *counts = pages_counts(m->pages);

	for (int s = 0; s < PAGE_STATES; s++)
		if (counts->state[s])
			openmetrics_put_mapping_point(out, process, m->mapping, (enum page_state)s,
						      counts->state[s], 0);
}

/* Marks that can be told of every mapping: a sum over fewer would be too small. */
static uint16_t openmetrics_marks_of_all(const struct snapshot *snapshot)
{
	uint16_t known = (1 << PAGE_MARKS) - 1;

	for (size_t i = 0; i < snapshot->count; i++)
		if (snapshot->mappings[i].pages && mapping_pages(snapshot->mappings[i].mapping))
			known &= snapshot->mappings[i].mapping->kind == MAPPING_SPECIAL
					 ? known
					 : pages_facts(snapshot->mappings[i].pages)->marks_known;
	return known;
}

int report_openmetrics(FILE *out, const struct snapshot *snapshot, bool only_totals)
{
	const struct openmetrics_process process = { snapshot->pid, snapshot->comm };
	uint16_t known = openmetrics_marks_of_all(snapshot);

	if (!snapshot->known.written)
		known &= (uint16_t)~MARK_WRITTEN;
	for (int f = 0; f < METRIC_FAMILIES; f++) {
		openmetrics_put_family(out, (enum openmetrics_family)f);
		for (unsigned int s = 0; s < openmetrics_series((enum openmetrics_family)f); s++)
			openmetrics_put_point(out, (enum openmetrics_family)f, s, &process,
					      &snapshot->totals, known, snapshot->swap_unplaced, 0);
	}
	if (!only_totals)
		openmetrics_put_mapping_family(out);
	for (size_t i = 0; !only_totals && i < snapshot->count && !ferror(out); i++)
		if (snapshot->mappings[i].pages)
			openmetrics_put_mapping(out, &process, &snapshot->mappings[i]);
	openmetrics_put_end(out);
	return ferror(out) ? -EIO : 0;
}
