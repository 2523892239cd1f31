// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "report/columns.h"
#include "report/report.h"

DEFINE_CLEANUP(cleanup_json, json_t *, json_decref)

/* Text with U+FFFD for each byte that is not part of valid UTF-8, which JSON cannot hold. */
static char *json_repair(const char *text, size_t length, size_t *ret_length, bool *ret_broken)
{
	char *copy = malloc(3 * length + 4);
	size_t used = 0;

	if (!copy)
		return NULL;
	*ret_broken = false;
	for (size_t i = 0; i < length;) {
		uint32_t character;
		int size = utf8_decode(text + i, length - i, &character);

		if (size < 0) {
			used += (size_t)utf8_encode(0xfffd, copy + used);
			i++;
			*ret_broken = true;
		} else {
			memcpy(copy + used, text + i, (size_t)size);
			used += (size_t)size;
			i += (size_t)size;
		}
	}
	*ret_length = used;
	return copy;
}

/*
 * A string of JSON in ASCII alone: no character of a name can act on a terminal that shows it.
 * `broken` says that bytes were replaced. -ENOMEM when memory is out.
 */
static int json_put_string(FILE *out, const char *text, size_t length, bool *ret_broken)
{
	size_t repaired_length = 0;
	CLEANUP(cleanup_free)
	char *repaired = json_repair(text, length, &repaired_length, ret_broken);
	CLEANUP(cleanup_json)
	json_t *string = repaired ? json_stringn_nocheck(repaired, repaired_length) : NULL;

	if (!string)
		return -ENOMEM;
	return json_dumpf(string, out, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) ? -EIO : 0;
}

/* What broken UTF-8 really was, byte by byte: the name alone would not tell. */
static void json_put_bytes(FILE *out, const char *text, size_t length)
{
	fputc('"', out);
	for (size_t i = 0; i < length; i++)
		fprintf(out, "%02x", (unsigned char)text[i]);
	fputc('"', out);
}

int report_put_named(FILE *out, const char *key, const char *text, size_t length)
{
	bool broken;
	int error;

	fprintf(out, "\"%s\": ", key);
	error = json_put_string(out, text, length, &broken);
	if (error)
		return error;
	if (broken) {
		fprintf(out, ", \"%s_bytes\": ", key);
		json_put_bytes(out, text, length);
	}
	return 0;
}

static int json_put_cell(FILE *out, const char *key, const struct cell *cell)
{
	if (cell->kind == CELL_NAME)
		return report_put_named(out, key, cell->text, cell->length);
	if (cell->kind == CELL_TEXT)
		return report_put_named(out, key, cell->text, strlen(cell->text));
	fprintf(out, "\"%s\": ", key);
	if (cell->kind == CELL_NULL)
		fputs("null", out);
	else if (cell->kind == CELL_ADDRESS)
		fprintf(out, "\"%" PRIx64 "\"", cell->number);
	else if (cell->kind == CELL_TRUE || cell->kind == CELL_FALSE)
		fputs(cell->kind == CELL_TRUE ? "true" : "false", out);
	else
		fprintf(out, "%" PRIu64, cell->number);
	return 0;
}

/* An object of counts that is left open for more keys; null where nothing was read. */
static void json_put_states(FILE *out, const struct report_row *row)
{
	const char *separator = "{";

	if (!row->counts) {
		fputs("null", out);
		return;
	}
	for (size_t i = 0; i < mapping_column_count; i++) {
		const struct column *column = &mapping_columns[i];
		struct cell cell = { 0 };

		if (!(column->use & USE_JSON_STATES))
			continue;
		column->get(row, column->which, &cell);
		fputs(separator, out);
		separator = ", ";
		json_put_cell(out, column->key, &cell);
	}
}

/* The states are an object of their own, at the place of the first of them in the table. */
static int json_put_columns(FILE *out, const struct report_row *row)
{
	const char *separator = "";
	bool states = false;
	int error = 0;

	for (size_t i = 0; i < mapping_column_count && !error; i++) {
		const struct column *column = &mapping_columns[i];
		struct cell cell = { 0 };

		if (column->use & USE_JSON) {
			fputs(separator, out);
			column->get(row, column->which, &cell);
			error = json_put_cell(out, column->key, &cell);
		} else if (column->use & USE_JSON_STATES && !states) {
			fprintf(out, "%s\"states\": ", separator);
			json_put_states(out, row);
			fputs(row->counts ? "}" : "", out);
			states = true;
		}
		separator = ", ";
	}
	return error;
}

static void json_put_marks(FILE *out, uint16_t marks)
{
	const char *separator = "";

	fputc('[', out);
	for (int k = 0; k < PAGE_MARKS; k++) {
		if (!(marks & 1 << k))
			continue;
		fprintf(out, "%s\"%s\"", separator, page_marks[k].key);
		separator = ", ";
	}
	fputc(']', out);
}

static void json_put_runs(FILE *out, const struct snapshot_mapping *mapping)
{
	struct run_walk walk;
	struct run run;
	const char *separator = "";

	fputs(", \"marks_known\": ", out);
	json_put_marks(out, pages_facts(mapping->pages)->marks_known);
	fputs(", \"runs\": [", out);
	run_walk_start(&walk, mapping->pages);
	while (run_walk_next(&walk, &run) && !ferror(out)) {
		fprintf(out, "%s{\"start\": \"%" PRIx64 "\", \"pages\": %" PRIu64, separator,
			mapping->mapping->start + (run.first << PMTOP_PAGE_SHIFT), run.count);
		fprintf(out, ", \"state\": \"%s\", \"marks\": ", page_states[run.state].key);
		json_put_marks(out, run.marks);
		if (run.has_slot)
			fprintf(out, ", \"swap\": {\"type\": %" PRIu32 ", \"offset\": %" PRIu64 "}",
				run.slot_type, run.slot_offset);
		fputc('}', out);
		separator = ", ";
	}
	fputc(']', out);
}

static void json_put_verdict(FILE *out, const struct verify_result *verdict)
{
	const struct verify_verdict *v = &verdict->verdict;
	enum verify_cause worst;

	if (!verdict->found) {
		fputs(", \"smaps\": null, \"agrees\": null, \"cause\": null", out);
		return;
	}
	fputs(", \"smaps\": {", out);
	for (int i = 0; i < VERIFY_SUMS; i++)
		fprintf(out, "%s\"%s\": %" PRIu64, i ? ", " : "", verify_sum_names[i],
			v->smaps.pages[i]);
	worst = verify_worst(v);
	if (worst == VERIFY_AGREES)
		fputs("}, \"agrees\": true, \"cause\": null", out);
	else
		fprintf(out, "}, \"agrees\": false, \"cause\": \"%s\"", verify_cause_text(worst));
}

static int json_put_mapping(FILE *out, const struct snapshot *snapshot, size_t index,
			    const struct report_options *options)
{
	struct report_row row = report_row_of(snapshot, index, options);
	int error;

	fputs(index ? ", {" : "{", out);
	error = json_put_columns(out, &row);
	if (error)
		return error;
	if (row.verdict)
		json_put_verdict(out, row.verdict);
	if (options->pages && row.counts)
		json_put_runs(out, row.mapping);
	fputc('}', out);
	return ferror(out) ? -EIO : 0;
}

static int json_put_head(FILE *out, const struct snapshot *snapshot)
{
	const struct snapshot_known *known = &snapshot->known;
	struct report_row total = report_row_total(snapshot);
	char time[TIME_MAX];
	int error;

	fprintf(out, "{\"pmtop\": \"%s\", \"pid\": %d, ", PMTOP_VERSION, snapshot->pid);
	error = report_put_named(out, "comm", snapshot->comm,
				 strnlen(snapshot->comm, sizeof(snapshot->comm)));
	if (error)
		return error;
	fprintf(out, ", \"page_size\": %u, \"taken\": \"%s\"", PMTOP_PAGE_SIZE,
		report_time(snapshot->taken_ns, time));
	fprintf(out,
		", \"known\": {\"written\": %s, \"shared_swap\": \"%s\", \"private_slots\": %s, "
		"\"shared_slots\": %s, \"swap_exact\": %s}",
		known->written ? "true" : "false", shared_swap_knowledge_names[known->shared_swap],
		known->private_slots ? "true" : "false", known->shared_slots ? "true" : "false",
		known->swap_exact ? "true" : "false");
	fputs(", \"totals\": ", out);
	json_put_states(out, &total);
	fprintf(out, ", \"swap_unplaced\": %" PRIu64 "}, \"mappings\": [", total.swap_unplaced);
	return 0;
}

int report_json(FILE *out, const struct snapshot *snapshot, const struct report_options *options)
{
	int error = json_put_head(out, snapshot);

	for (size_t i = 0; i < snapshot->count && !error; i++)
		error = json_put_mapping(out, snapshot, i, options);
	if (error)
		return error;
	fputs("]}\n", out);
	return ferror(out) ? -EIO : 0;
}
