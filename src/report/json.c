// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "report/columns.h"
#include "report/json_writer.h"
#include "report/report.h"

static void json_put_cell(struct json_writer *json, const char *key, const struct report_cell *cell)
{
	switch (cell->kind) {
	case CELL_NULL:
		json_put_null(json, key);
		break;
	case CELL_NUMBER:
	case CELL_PAGES:
		json_put_number(json, key, cell->number);
		break;
	case CELL_ADDRESS:
		json_put_address(json, key, cell->number);
		break;
	case CELL_TEXT:
		json_put_text(json, key, cell->text);
		break;
	case CELL_NAME:
		json_put_name(json, key, cell->text, cell->length);
		break;
	case CELL_TRUE:
	case CELL_FALSE:
		json_put_bool(json, key, cell->kind == CELL_TRUE);
		break;
	}
}

/* The counts of a row as an object that is left open for more keys; null where nothing was read. */
static void json_put_states(struct json_writer *json, const char *key, const struct report_row *row)
{
	if (!row->counts) {
		json_put_null(json, key);
		return;
	}
	json_begin_object(json, key);
	for (size_t i = 0; i < mapping_column_count; i++) {
		const struct report_column *column = &mapping_columns[i];
		struct report_cell cell = { 0 };

		if (!(column->use & USE_JSON_STATES))
			continue;
		column->get(row, column->which, &cell);
		json_put_cell(json, column->key, &cell);
	}
}

/* The states are an object of their own, at the place of the first of them in the table. */
static void json_put_columns(struct json_writer *json, const struct report_row *row)
{
	bool states = false;

	for (size_t i = 0; i < mapping_column_count; i++) {
		const struct report_column *column = &mapping_columns[i];
		struct report_cell cell = { 0 };

		if (column->use & USE_JSON) {
			column->get(row, column->which, &cell);
			json_put_cell(json, column->key, &cell);
		} else if (column->use & USE_JSON_STATES && !states) {
			json_put_states(json, "states", row);
			if (row->counts)
				json_end(json);
			states = true;
		}
	}
}

static void json_put_marks(struct json_writer *json, const char *key, uint16_t marks)
{
	json_begin_array(json, key);
	for (int k = 0; k < PAGE_MARKS; k++)
		if (marks & 1 << k)
			json_put_text(json, NULL, page_marks[k].key);
	json_end(json);
}

static void json_put_runs(struct json_writer *json, const struct snapshot_mapping *mapping)
{
	struct run_walk walk;
	struct run run;

	json_put_marks(json, "marks_known", pages_facts(mapping->pages)->marks_known);
	json_begin_array(json, "runs");
	run_walk_start(&walk, mapping->pages);
	while (run_walk_next(&walk, &run) && !ferror(json->out)) {
		json_begin_object(json, NULL);
		json_put_address(json, "start",
				 mapping->mapping->start + (run.first << PMTOP_PAGE_SHIFT));
		json_put_number(json, "pages", run.count);
		json_put_text(json, "state", page_states[run.state].key);
		json_put_marks(json, "marks", run.marks);
		if (run.has_slot) {
			json_begin_object(json, "swap");
			json_put_number(json, "type", run.slot_type);
			json_put_number(json, "offset", run.slot_offset);
			json_end(json);
		}
		json_end(json);
	}
	json_end(json);
}

static void json_put_verdict(struct json_writer *json, const struct verify_result *verdict)
{
	const struct verify_verdict *v = &verdict->verdict;
	enum verify_cause worst;

	if (!verdict->found) {
		json_put_null(json, "smaps");
		json_put_null(json, "agrees");
		json_put_null(json, "cause");
		return;
	}
	json_begin_object(json, "smaps");
	for (int i = 0; i < VERIFY_SUMS; i++)
		json_put_number(json, verify_sum_names[i], v->smaps.pages[i]);
	json_end(json);
	worst = verify_worst(v);
	json_put_bool(json, "agrees", worst == VERIFY_AGREES);
	if (worst == VERIFY_AGREES)
		json_put_null(json, "cause");
	else
		json_put_text(json, "cause", verify_cause_text(worst));
}

static void json_put_mapping(struct json_writer *json, const struct snapshot *snapshot,
			     size_t index, const struct report_options *options)
{
	struct report_row row = report_row_of(snapshot, index, options);

	json_begin_object(json, NULL);
	json_put_columns(json, &row);
	if (row.verdict)
		json_put_verdict(json, row.verdict);
	if (options->pages && row.counts)
		json_put_runs(json, row.mapping);
	json_end(json);
}

static void json_put_head(struct json_writer *json, const struct snapshot *snapshot)
{
	const struct snapshot_known *known = &snapshot->known;
	struct report_row total = report_row_total(snapshot);
	char time[TIME_MAX];

	json_put_text(json, "pmtop", PMTOP_VERSION);
	json_put_signed(json, "pid", snapshot->pid);
	json_put_name(json, "comm", snapshot->comm,
		      strnlen(snapshot->comm, sizeof(snapshot->comm)));
	json_put_number(json, "page_size", PMTOP_PAGE_SIZE);
	json_put_text(json, "taken", report_time(snapshot->taken_ns, time));
	json_begin_object(json, "known");
	json_put_bool(json, "written", known->written);
	json_put_text(json, "shared_swap", shared_swap_knowledge_names[known->shared_swap]);
	json_put_bool(json, "private_slots", known->private_slots);
	json_put_bool(json, "shared_slots", known->shared_slots);
	json_put_bool(json, "swap_exact", known->swap_exact);
	json_end(json);
	json_put_states(json, "totals", &total);
	json_put_number(json, "swap_unplaced", total.swap_unplaced);
	json_end(json);
	json_put_number(json, "rss", snapshot->rss);
	json_put_number(json, "hugetlb", snapshot_hugetlb(snapshot));
}

int report_json(FILE *out, const struct snapshot *snapshot, const struct report_options *options)
{
	struct json_writer json = JSON_WRITER(out);

	json_begin_object(&json, NULL);
	json_put_head(&json, snapshot);
	json_begin_array(&json, "mappings");
	for (size_t i = 0; i < snapshot->count && !ferror(out); i++)
		json_put_mapping(&json, snapshot, i, options);
	json_end(&json);
	json_end(&json);
	fputc('\n', out);
	return ferror(out) ? -EIO : 0;
}
