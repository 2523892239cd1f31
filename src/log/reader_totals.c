// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "log/reader_internal.h"

/* A row of totals holds until the next one: `from` is what is in force at the first sample. */
static int reader_totals_reader_series_get_total(sqlite3_stmt *s, struct log_counts *ret_counts)
{
	int64_t unplaced;

	if (reader_counts(s, 0, &ret_counts->counts, &ret_counts->known) ||
	    reader_number(s, PAGE_STATES + PAGE_MARKS, 0, INT64_MAX, &unplaced))
		return -EBADMSG;
	ret_counts->swap_unplaced = (uint64_t)unplaced;
	return 0;
}

/* Calls back for samples [from, to), which all have these totals. */
static int reader_totals_reader_series_repeat(struct log_reader *reader, struct log_counts *counts,
					      uint64_t from, uint64_t to,
					      int (*each)(void *context,
							  const struct log_counts *counts),
					      void *context, struct log_error *error)
{
	int code = 0;
	int64_t clock;

	for (uint64_t sample = from; !code && sample < to; sample++) {
		counts->sample = sample;
		code = log_reader_time(reader, sample, &counts->taken_ns, &clock, error);
		if (!code)
			code = each(context, counts);
	}
	return code;
}

int log_reader_totals(struct log_reader *reader, uint64_t first, uint64_t count,
		      int (*each)(void *context, const struct log_counts *counts), void *context,
		      struct log_error *error)
{
	uint64_t end = reader->info.samples, at = first;
	sqlite3_stmt *s = reader_use(reader, READ_TOTAL);
	struct log_counts counts;
	int64_t next = 0;
	int code = 0, result;

	if (count < end - first)
		end = first + count;
	reader->budget.left = DATABASE_BUDGET;
	sqlite3_bind_int64(s, 1, (int64_t)first);
	if (sqlite3_step(s) != SQLITE_ROW || reader_totals_reader_series_get_total(s, &counts))
		return reader_damaged(reader, first, "has no totals", error);
	sqlite3_reset(s);
	s = reader_use(reader, READ_TOTALS_FROM);
	sqlite3_bind_int64(s, 1, (int64_t)first);
	sqlite3_bind_int64(s, 2, (int64_t)end);
	while (!code && (result = sqlite3_step(s)) == SQLITE_ROW) {
		if (reader_number(s, PAGE_STATES + PAGE_MARKS + 1, (int64_t)at, (int64_t)end - 1,
				  &next))
			return reader_damaged(reader, at, "its totals are out of order", error);
		code = reader_totals_reader_series_repeat(reader, &counts, at, (uint64_t)next, each,
							  context, error);
		at = (uint64_t)next;
		if (!code && reader_totals_reader_series_get_total(s, &counts))
			code = reader_damaged(reader, at, "its totals make no sense", error);
	}
	sqlite3_reset(s);
	if (!code)
		code = reader_totals_reader_series_repeat(reader, &counts, at, end, each, context,
							  error);
	return code;
}
