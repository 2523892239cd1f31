// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "log/reader_internal.h"

/* The counts of mappings over time, from their rows alone: no page is looked at. */

#define POINTS_MAX (1u << 20) /* of one series */

/* One series that is being collected. */
struct collector {
	struct log_reader *reader;
	const struct log_series_range *range;
	struct mapping *mapping; /* NULL: none yet */
	struct log_point *points;
	size_t count, room;
	uint64_t next; /* the sample after the newest point */
	struct log_error *error;
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
	int64_t clock;

	if (sample < c->range->first || sample > c->range->last)
		return 0;
	if (sample < c->next)
		return reader_series_damaged(c, sample);
	if (c->count == POINTS_MAX)
		return log_fail(c->error, -EFBIG, "%s: a mapping changed too often to be a series",
				c->reader->path);
	if (c->count == c->room) {
		size_t room = c->room ? c->room * 2 : 64;

		p = realloc(c->points, room * sizeof(*p));
		if (!p)
			return log_fail(c->error, -ENOMEM, "%s", strerror(ENOMEM));
		c->points = p;
		c->room = room;
	}
	p = &c->points[c->count];
	memcpy(p->state, states, sizeof(p->state));
	c->next = sample + 1;
	c->count++;
	return log_reader_time(c->reader, sample, &p->taken_ns, &clock, c->error);
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
	sqlite3_stmt *s = reader_use(c->reader, READ_COUNTS);
	struct page_counts now = { 0 }, before = { 0 };
	uint64_t since = UINT64_MAX; /* nothing is known */
	int64_t sample, low = (int64_t)row->first_sample;
	uint16_t known;
	int code = 0, result;

	sqlite3_bind_int64(s, 1, row->id);
	sqlite3_bind_int64(s, 2, (int64_t)last);
	while (!code && (result = sqlite3_step(s)) == SQLITE_ROW) {
		bool read = sqlite3_column_type(s, 1) != SQLITE_NULL;

		if (reader_number(s, 0, low, (int64_t)last, &sample) ||
		    (read && reader_counts(s, 1, &now, &known)))
			return reader_series_damaged(c, row->first_sample);
		if (since != UINT64_MAX)
			code = reader_series_add_stretch(c, since, (uint64_t)sample - 1,
							 before.state);
		since = read ? (uint64_t)sample : UINT64_MAX;
		low = sample + 1;
		before = now;
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
		      log_series_function *each, void *context, struct log_error *error)
{
	CLEANUP(cleanup_collector)
	struct collector c = { .reader = reader, .range = range, .error = error };
	sqlite3_stmt *s = reader_use(reader, READ_ALL_MAPPINGS);
	int code = 0, result;

	for (;;) {
		struct read_mapping row;

		reader->budget.left = DATABASE_BUDGET;
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
