// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/difference.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/columns.h"
#include "report/json_writer.h"

static const struct mapping *difference_mapping_of(const struct snapshot *s, size_t index)
{
	return index == CHANGE_NOTHING ? NULL : s->mappings[index].mapping;
}

static uint64_t difference_changed(const struct change_row *row)
{
	uint64_t sum = 0;

	for (int c = 0; c < PAGE_CHANGES; c++)
		if (c != CHANGE_SAME)
			sum += row->changes[c];
	return sum;
}

static bool difference_is_shown(const struct change_row *row,
				const struct difference_options *options)
{
	return options->all || row->fate != FATE_KEPT || difference_changed(row);
}

/* Most changed first; by address where they are equal. */
static int difference_compare_rows(const void *a, const void *b)
{
	const struct change_row *x = *(const struct change_row *const *)a;
	const struct change_row *y = *(const struct change_row *const *)b;
	uint64_t m = difference_changed(x), n = difference_changed(y);

	if (m != n)
		return m < n ? 1 : -1;
	return x < y ? -1 : x > y;
}

static void difference_put_moment(FILE *out, const char *which, const char *name,
				  const struct snapshot *s)
{
	char time[TIME_MAX];

	fprintf(out, "%-7s ", which);
	report_put_escaped(out, name, strlen(name));
	fprintf(out, ": process %d ", s->pid);
	report_put_escaped(out, s->comm, strlen(s->comm));
	fprintf(out, ", %s\n", report_time(s->taken_ns, time));
}

static void difference_put_range(FILE *out, const struct mapping *m)
{
	fprintf(out, "%" PRIx64 "-%" PRIx64, m->start, m->end);
}

static void difference_put_runs_text(FILE *out, const struct change_list *diff,
				     const struct change_row *row)
{
	CHANGE_FOR_EACH_SEGMENT (diff, row, s) {
		bool gone = s->after == CHANGE_NOTHING;
		const struct mapping *m = gone ? difference_mapping_of(diff->before, s->before)
					       : difference_mapping_of(diff->after, s->after);
		uint64_t page =
			(m->start >> PMTOP_PAGE_SHIFT) + (gone ? s->before_first : s->after_first);

		CHANGE_FOR_EACH_RUN (diff, s, run) {
			if (run->change == CHANGE_SAME)
				continue;
			fprintf(out, "    %" PRIx64 " %8" PRIu32 " %c %s -> %s\n",
				(page + run->first) << PMTOP_PAGE_SHIFT, run->count,
				page_changes[run->change].letter,
				s->before == CHANGE_NOTHING ? "-"
							    : page_states[run->state_before].name,
				gone ? "-" : page_states[run->state_after].name);
		}
	}
}

static void difference_put_row_text(FILE *out, const struct change_list *diff,
				    const struct change_row *row,
				    const struct difference_options *options)
{
	const struct mapping *before = difference_mapping_of(diff->before, row->before);
	const struct mapping *after = difference_mapping_of(diff->after, row->after);
	const struct mapping *m = after ? after : before;

	fprintf(out, "%-8s ", mapping_fate_names[row->fate]);
	for (int c = 0; c < PAGE_CHANGES; c++)
		if (c != CHANGE_SAME)
			fprintf(out, " %9" PRIu64, row->changes[c]);
	fputs("  ", out);
	difference_put_range(out, m);
	fprintf(out, " %s ", m->perms);
	report_put_escaped(out, m->name, m->name_length);
	if (before && after && (before->start != after->start || before->end != after->end)) {
		fputs(" (was ", out);
		difference_put_range(out, before);
		fputc(')', out);
	}
	fputc('\n', out);
	if (options->pages)
		difference_put_runs_text(out, diff, row);
}

int report_diff_text(FILE *out, const struct change_list *diff,
		     const struct difference_options *options)
{
	CLEANUP(cleanup_free)
	const struct change_row **rows = calloc(diff->row_count + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	difference_put_moment(out, "before", options->before, diff->before);
	difference_put_moment(out, "after", options->after, diff->after);
	fprintf(out, "\n%-8s ", "pages");
	for (int c = 0; c < PAGE_CHANGES; c++)
		if (c != CHANGE_SAME)
			fprintf(out, " %9s", page_changes[c].name);
	fprintf(out, "\n%-8s ", "total");
	for (int c = 0; c < PAGE_CHANGES; c++)
		if (c != CHANGE_SAME)
			fprintf(out, " %9" PRIu64, diff->totals[c]);
	fputc('\n', out);
	for (size_t i = 0; i < diff->row_count; i++)
		rows[i] = &diff->rows[i];
	qsort(rows, diff->row_count, sizeof(const struct change_row *), difference_compare_rows);
	for (size_t i = 0; i < diff->row_count && !ferror(out); i++)
		if (difference_is_shown(rows[i], options))
			difference_put_row_text(out, diff, rows[i], options);
	return ferror(out) ? -EIO : 0;
}

static void difference_put_moment_json(struct json_writer *json, const char *key, const char *name,
				       const struct snapshot *s)
{
	char time[TIME_MAX];

	json_begin_object(json, key);
	json_put_name(json, "moment", name, strlen(name));
	json_put_signed(json, "pid", s->pid);
	json_put_name(json, "comm", s->comm, strlen(s->comm));
	json_put_text(json, "taken", report_time(s->taken_ns, time));
	json_end(json);
}

static void difference_put_changes(struct json_writer *json, const uint64_t *changes)
{
	json_begin_object(json, "changes");
	for (int c = 0; c < PAGE_CHANGES; c++)
		json_put_number(json, page_changes[c].key, changes[c]);
	json_end(json);
}

static void difference_put_range_json(struct json_writer *json, const char *key,
				      const struct mapping *m)
{
	if (!m) {
		json_put_null(json, key);
		return;
	}
	json_begin_object(json, key);
	json_put_address(json, "start", m->start);
	json_put_address(json, "end", m->end);
	json_end(json);
}

static void difference_put_place(struct json_writer *json, const char *key, const struct mapping *m,
				 uint64_t page, uint8_t state)
{
	if (!m) {
		json_put_null(json, key);
		return;
	}
	json_begin_object(json, key);
	json_put_address(json, "start", m->start + (page << PMTOP_PAGE_SHIFT));
	json_put_text(json, "state", page_states[state].key);
	json_end(json);
}

static void difference_put_runs_json(struct json_writer *json, const struct change_list *diff,
				     const struct change_row *row)
{
	json_begin_array(json, "runs");
	CHANGE_FOR_EACH_SEGMENT (diff, row, s) {
		CHANGE_FOR_EACH_RUN (diff, s, run) {
			if (run->change == CHANGE_SAME)
				continue;
			json_begin_object(json, NULL);
			json_put_number(json, "pages", run->count);
			json_put_text(json, "change", page_changes[run->change].key);
			difference_put_place(json, "before",
					     difference_mapping_of(diff->before, s->before),
					     s->before_first + run->first, run->state_before);
			difference_put_place(json, "after",
					     difference_mapping_of(diff->after, s->after),
					     s->after_first + run->first, run->state_after);
			json_end(json);
		}
	}
	json_end(json);
}

static void difference_put_row_json(struct json_writer *json, const struct change_list *diff,
				    const struct change_row *row,
				    const struct difference_options *options)
{
	const struct mapping *before = difference_mapping_of(diff->before, row->before);
	const struct mapping *after = difference_mapping_of(diff->after, row->after);
	const struct mapping *m = after ? after : before;

	json_begin_object(json, NULL);
	json_put_text(json, "fate", mapping_fate_names[row->fate]);
	difference_put_range_json(json, "before", before);
	difference_put_range_json(json, "after", after);
	json_put_text(json, "perms", m->perms);
	json_put_text(json, "kind", mapping_kind_names[m->kind]);
	json_put_name(json, "name", m->name, m->name_length);
	difference_put_changes(json, row->changes);
	if (options->pages)
		difference_put_runs_json(json, diff, row);
	json_end(json);
}

int report_diff_json(FILE *out, const struct change_list *diff,
		     const struct difference_options *options)
{
	struct json_writer json = JSON_WRITER(out);

	json_begin_object(&json, NULL);
	json_put_text(&json, "pmtop", PMTOP_VERSION);
	difference_put_moment_json(&json, "before", options->before, diff->before);
	difference_put_moment_json(&json, "after", options->after, diff->after);
	difference_put_changes(&json, diff->totals);
	json_begin_array(&json, "mappings");
	for (size_t i = 0; i < diff->row_count && !ferror(out); i++)
		if (difference_is_shown(&diff->rows[i], options))
			difference_put_row_json(&json, diff, &diff->rows[i], options);
	json_end(&json);
	json_end(&json);
	fputc('\n', out);
	return ferror(out) ? -EIO : 0;
}
