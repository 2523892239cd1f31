// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "log/reader_internal.h"

/* The counts of mappings over time, from their rows alone: no page is looked at. */

/* Two samples are never of one moment: some formats have milliseconds. */
#define LEAST_NS 1000000

/* Something may have been noted so long before the first sample. */
#define BEFORE_NS INT64_C(60000000000)

#define POINTS_MAX (1u << 20) /* of one series */

static int reader_series_add_step(struct log_reader *reader, uint64_t sample, int64_t add_ns)
{
	if (!ARRAY_RESERVE(reader->clock_steps, reader->clock_step_count, reader->clock_step_room))
		return -ENOMEM;
	reader->clock_steps[reader->clock_step_count++] = (struct clock_step){ sample, add_ns };
	return 0;
}

/* Finds where the clock was set back: there, what the other clock says went by is added instead. */
static int reader_series_find_steps(struct log_reader *reader)
{
	sqlite3_stmt *s = reader_use(reader, READ_CLOCKS, (int64_t)reader->info.samples);
	int64_t sample, taken, clock, last_taken = 0, last_clock = 0, add = 0;
	int result, code = 0;

	while (!code && (result = sqlite3_step(s)) == SQLITE_ROW) {
		if (sqlite_column_number(s, 0, 0, INT64_MAX, &sample) ||
		    sqlite_column_number(s, 1, 0, INT64_MAX, &taken) ||
		    sqlite_column_number(s, 2, 0, INT64_MAX, &clock)) {
			code = -EBADMSG;
		} else if (taken < last_taken) {
			int64_t went_by = clock > last_clock ? clock - last_clock : LEAST_NS, more;

			if (__builtin_add_overflow(last_taken - taken, went_by, &more) ||
			    __builtin_add_overflow(add, more, &add))
				code = -EBADMSG;
			else
				code = reader_series_add_step(reader, (uint64_t)sample, add);
		}
		last_taken = taken;
		last_clock = clock;
	}
	sqlite3_reset(s);
	return code || result == SQLITE_DONE ? code : -EBADMSG;
}

int log_reader_steady_time(struct log_reader *reader, uint64_t sample, int64_t *ret_ns,
			   struct error *error)
{
	int64_t clock, add = 0;
	int code;

	if (!reader->clock_steps_known && reader_series_find_steps(reader))
		return reader_damaged(reader, sample, "its clocks make no sense", error);
	reader->clock_steps_known = true;
	code = log_reader_time(reader, sample, ret_ns, &clock, error);
	for (size_t i = 0; i < reader->clock_step_count && reader->clock_steps[i].sample <= sample;
	     i++)
		add = reader->clock_steps[i].add_ns;
	if (!code && __builtin_add_overflow(*ret_ns, add, ret_ns))
		return reader_damaged(reader, sample, "its clocks make no sense", error);
	return code;
}

int log_reader_event_after(struct log_reader *reader, const struct log_event *event,
			   int64_t *ret_after_ns, struct error *error)
{
	int64_t taken, clock, next_taken, next_clock = INT64_MAX, since;
	int code = log_reader_time(reader, event->sample, &taken, &clock, error);

	if (!code && event->sample + 1 < reader->info.samples)
		code = log_reader_time(reader, event->sample + 1, &next_taken, &next_clock, error);
	if (code)
		return code;
	/* A clock that was set in between says nothing of how long it was. */
	since = event->taken_ns - taken;
	/* Only before the first one, and not by far: so begins the next log of a rotation. */
	if (since < 0 && (event->sample || since < -BEFORE_NS))
		since = 0;
	if (next_clock != INT64_MAX && since > next_clock - clock)
		since = next_clock > clock ? next_clock - clock : 0;
	*ret_after_ns = clock - reader->info.first_clock_ns + since;
	return 0;
}

/* One series that is being collected. */
struct collector {
	struct log_reader *reader;
	const struct log_series_range *range;
	struct mapping *mapping; /* NULL: none yet */
	struct log_point *points;
	size_t count, room;
	uint64_t next; /* the sample after the newest point */
	struct error *error;
};

static void cleanup_collector(struct collector *c)
{
	if (c->mapping)
		mapping_unref(c->mapping);
	free(c->points);
}

static int reader_series_damaged(const struct collector *c, uint64_t sample)
{
	return reader_damaged(c->reader, sample, "the counts of its mappings make no sense",
			      c->error);
}

static int reader_series_add_point(struct collector *c, uint64_t sample, const uint64_t *states)
{
	struct log_point *p;

	if (sample < c->range->first || sample > c->range->last)
		return 0;
	if (sample < c->next)
		return reader_series_damaged(c, sample);
	if (c->count == POINTS_MAX)
		return error_set(c->error, -EFBIG, "%s: a mapping changed too often to be a series",
				 c->reader->path);
	if (!ARRAY_RESERVE(c->points, c->count, c->room))
		return error_set(c->error, -ENOMEM, "%s", strerror(ENOMEM));
	p = &c->points[c->count];
	memcpy(p->state, states, sizeof(p->state));
	c->next = sample + 1;
	c->count++;
	return log_reader_steady_time(c->reader, sample, &p->taken_ns, c->error);
}

/* The sample at which a point is due after the one at `from`, which may be the very next one. */
static int reader_series_find_due(struct collector *c, uint64_t from, uint64_t *ret_due)
{
	int64_t taken, clock, after;
	int code = log_reader_time(c->reader, from, &taken, &clock, c->error);

	if (code)
		return code;
	if (__builtin_add_overflow(clock - c->reader->info.first_clock_ns, c->range->repeat_ns,
				   &after))
		after = INT64_MAX;
	code = log_reader_at(c->reader, after, ret_due, c->error);
	/* Samples may be farther apart than points should be. */
	if (!code && *ret_due <= from)
		*ret_due = from + 1;
	return code;
}

/* The same counts from a sample to another: both are points, and some between them. */
static int reader_series_add_stretch(struct collector *c, uint64_t from, uint64_t to,
				     const uint64_t *states)
{
	int code = 0;

	if (from < c->range->first)
		from = c->range->first;
	if (to > c->range->last)
		to = c->range->last;
	if (from > to)
		return 0;
	while (!code && from < to) {
		code = reader_series_add_point(c, from, states);
		if (!code)
			code = reader_series_find_due(c, from, &from);
	}
	return code ? code : reader_series_add_point(c, to, states);
}

/*
 * All counts of one row of `mapping`, each from where it changed to before the next change. Where
 * it was not read (NULL) there is no point: neither what it held before, nor 0.
 */
static int reader_series_add_counts(struct collector *c, const struct read_mapping *row,
				    uint64_t last)
{
	sqlite3_stmt *s = reader_use(c->reader, READ_COUNTS, row->id, (int64_t)last);
	struct row_mapping_count now;
	struct page_counts before = { 0 };
	uint64_t since = UINT64_MAX; /* nothing is known */
	int64_t low = (int64_t)row->first_sample;
	int code = 0, result;

	while (!code && (result = sqlite3_step(s)) == SQLITE_ROW) {
		if (log_row_read(s, LOG_MAPPING_COUNT, &now) || now.sample < low ||
		    now.sample > (int64_t)last)
			return reader_series_damaged(c, row->first_sample);
		if (since != UINT64_MAX)
			code = reader_series_add_stretch(c, since, (uint64_t)now.sample - 1,
							 before.state);
		since = now.counted.known ? (uint64_t)now.sample : UINT64_MAX;
		low = now.sample + 1;
		before = now.counted.counts;
	}
	sqlite3_reset(s);
	if (!code && result != SQLITE_DONE)
		return reader_failed(c->reader, c->error);
	if (!code && since != UINT64_MAX)
		code = reader_series_add_stretch(c, since, last, before.state);
	/* Up to there it is not gone, read or not. */
	if (c->next <= last)
		c->next = last + 1;
	return code;
}

static bool reader_series_is_same_series(const struct mapping *a, const struct mapping *b)
{
	return a->start == b->start && !strcmp(a->perms, b->perms) && a->kind == b->kind &&
	       a->name_length == b->name_length && !memcmp(a->name, b->name, a->name_length);
}

/* A mapping that is gone holds no page: said once, so that sums over mappings are right. */
static int reader_series_add_gone(struct collector *c)
{
	static const uint64_t nothing[PAGE_STATES];

	return c->count ? reader_series_add_point(c, c->next, nothing) : 0;
}

static int reader_series_finish(struct collector *c, log_series_function *each, void *context)
{
	struct log_series series = { .mapping = c->mapping };
	int code = c->mapping ? reader_series_add_gone(c) : 0;

	series.points = c->points;
	series.count = c->count;
	if (!code && c->count)
		code = each(context, &series);
	c->count = 0;
	c->next = 0;
	return code;
}

/* One row more: of the series that is being collected, or of the next one. */
static int reader_series_add_row(struct collector *c, const struct read_mapping *row,
				 log_series_function *each, void *context)
{
	uint64_t last = c->reader->info.samples - 1;
	int code = 0;

	if ((uint64_t)row->last_sample < last)
		last = (uint64_t)row->last_sample;
	if (c->mapping && reader_series_is_same_series(c->mapping, row->mapping)) {
		if (row->first_sample > c->next)
			code = reader_series_add_gone(c);
	} else {
		code = reader_series_finish(c, each, context);
		if (c->mapping)
			mapping_unref(c->mapping);
		c->mapping = mapping_ref(row->mapping);
	}
	return code || row->first_sample > last ? code : reader_series_add_counts(c, row, last);
}

int log_reader_series(struct log_reader *reader, const struct log_series_range *range,
		      log_series_function *each, void *context, struct error *error)
{
	CLEANUP(cleanup_collector)
	struct collector c = { .reader = reader, .range = range, .error = error };
	sqlite3_stmt *s = reader_use(reader, READ_ALL_MAPPINGS);
	int code = 0, result;

	for (;;) {
		struct read_mapping row;

		reader->budget.left = SQLITE_BUDGET;
		result = sqlite3_step(s);
		if (result != SQLITE_ROW)
			break;
		if (reader_get_mapping_row(s, &row))
			return reader_series_damaged(&c, 0);
		code = reader_series_add_row(&c, &row, each, context);
		mapping_unref(row.mapping);
		if (code)
			break;
	}
	sqlite3_reset(s);
	if (!code && result != SQLITE_DONE)
		return reader_failed(reader, error);
	return code ? code : reader_series_finish(&c, each, context);
}

static int reader_series_get_total(sqlite3_stmt *s, struct log_counts *ret_counts)
{
	struct row_total row;

	if (log_row_read(s, LOG_TOTAL, &row) || !row.counted.known)
		return -EBADMSG;
	ret_counts->sample = (uint64_t)row.sample;
	ret_counts->counts = row.counted.counts;
	ret_counts->known = row.counted.marks_known;
	ret_counts->swap_unplaced = (uint64_t)row.swap_unplaced;
	return 0;
}

/* Calls back for samples [from, to), which all have these totals. */
static int reader_series_repeat(struct log_reader *reader, struct log_counts *counts, uint64_t from,
				uint64_t to,
				int (*each)(void *context, const struct log_counts *counts),
				void *context, struct error *error)
{
	int code = 0;

	for (uint64_t sample = from; !code && sample < to; sample++) {
		counts->sample = sample;
		code = log_reader_steady_time(reader, sample, &counts->taken_ns, error);
		if (!code)
			code = each(context, counts);
	}
	return code;
}

int log_reader_totals(struct log_reader *reader, uint64_t first, uint64_t count,
		      int (*each)(void *context, const struct log_counts *counts), void *context,
		      struct error *error)
{
	uint64_t end = count < reader->info.samples - first ? first + count : reader->info.samples;
	sqlite3_stmt *s = reader_use(reader, READ_TOTAL, (int64_t)first);
	struct log_counts counts, next;
	uint64_t at = first;
	int code = 0, result;

	reader->budget.left = SQLITE_BUDGET;
	/* A row of totals holds until the next one. */
	if (sqlite3_step(s) != SQLITE_ROW || reader_series_get_total(s, &counts))
		return reader_damaged(reader, first, "has no totals", error);
	sqlite3_reset(s);
	s = reader_use(reader, READ_TOTALS_FROM, (int64_t)first, (int64_t)end);
	while (!code && (result = sqlite3_step(s)) == SQLITE_ROW) {
		if (reader_series_get_total(s, &next) || next.sample < at || next.sample >= end)
			return reader_damaged(reader, at, "its totals make no sense", error);
		code = reader_series_repeat(reader, &counts, at, next.sample, each, context, error);
		at = next.sample;
		counts = next;
	}
	sqlite3_reset(s);
	if (!code && result != SQLITE_DONE)
		return reader_failed(reader, error);
	return code ? code : reader_series_repeat(reader, &counts, at, end, each, context, error);
}
