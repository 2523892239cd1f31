// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "log/check.h"
#include "log/reader_internal.h"

/* Going on by more samples than this, the mappings are read from the newest list of them. */
#define STEP_MAX 16

sqlite3_stmt *reader_use(struct log_reader *reader, enum reader_statement which)
{
	sqlite3_stmt *s = reader->statements[which];

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return s;
}

int reader_number(sqlite3_stmt *statement, int column, int64_t low, int64_t high,
		  int64_t *ret_number)
{
	int64_t number;

	if (sqlite3_column_type(statement, column) != SQLITE_INTEGER)
		return -EBADMSG;
	number = sqlite3_column_int64(statement, column);
	if (number < low || number > high)
		return -EBADMSG;
	*ret_number = number;
	return 0;
}

int reader_damaged(const struct log_reader *reader, uint64_t sample, const char *how,
		   struct log_error *error)
{
	return log_fail(error, -EBADMSG, "%s: damaged: sample %llu: %s", reader->path,
			(unsigned long long)sample, how);
}

int reader_failed(const struct log_reader *reader, struct log_error *error)
{
	return database_error(reader->db, sqlite3_errcode(reader->db), reader->path, error);
}

/* Columns of a sample, as they are asked for. */
enum column {
	COLUMN_SAMPLE,
	COLUMN_TAKEN,
	COLUMN_CLOCK,
	COLUMN_SEQUENCE,
	COLUMN_COMM,
	COLUMN_WRITTEN,
	COLUMN_SHARED_SWAP,
	COLUMN_PRIVATE_SLOTS,
	COLUMN_SHARED_SLOTS,
	COLUMN_SWAP_EXACT,
	COLUMN_SKIPPED,
	COLUMN_LAST_MAPPING,
	COLUMN_LAST_BLOCK,
	COLUMN_CHECK,
	COLUMN_LAST_DETAIL, /* in schema 1 only */
};

static bool reader_check_sample(sqlite3_stmt *s, const char *comm, int length)
{
	uint32_t check = LOG_CHECK_START;

	for (int c = COLUMN_SAMPLE; c < COLUMN_CHECK; c++)
		if (c != COLUMN_COMM)
			check = log_check_number(check, sqlite3_column_int64(s, c));
	if (sqlite3_column_count(s) > COLUMN_LAST_DETAIL)
		check = log_check_number(check, sqlite3_column_int64(s, COLUMN_LAST_DETAIL));
	check = log_check_bytes(check, comm, (size_t)length);
	return (uint32_t)sqlite3_column_int64(s, COLUMN_CHECK) == check;
}

static int reader_get_sample(sqlite3_stmt *s, struct read_sample *ret_row)
{
	struct read_sample row = { 0 };
	int64_t written, knowledge, private_slots, shared_slots, exact, skipped;
	const char *comm;
	int length;

	/* No clock shows less than 0, so that no difference of two samples is too large. */
	if (reader_number(s, COLUMN_TAKEN, 0, INT64_MAX, &row.taken_ns) ||
	    reader_number(s, COLUMN_CLOCK, 0, INT64_MAX, &row.clock_ns) ||
	    reader_number(s, COLUMN_SEQUENCE, 0, INT64_MAX, &row.sequence) ||
	    sqlite3_column_type(s, COLUMN_COMM) != SQLITE_TEXT ||
	    reader_number(s, COLUMN_WRITTEN, 0, 1, &written) ||
	    reader_number(s, COLUMN_SHARED_SWAP, 0, SHARED_SWAP_UNKNOWN, &knowledge) ||
	    reader_number(s, COLUMN_PRIVATE_SLOTS, 0, 1, &private_slots) ||
	    reader_number(s, COLUMN_SHARED_SLOTS, 0, 1, &shared_slots) ||
	    reader_number(s, COLUMN_SWAP_EXACT, 0, 1, &exact) ||
	    reader_number(s, COLUMN_SKIPPED, 0, 1, &skipped) ||
	    reader_number(s, COLUMN_LAST_MAPPING, 0, INT64_MAX, &row.last_mapping) ||
	    reader_number(s, COLUMN_LAST_BLOCK, 0, INT64_MAX, &row.last_block))
		return -EBADMSG;
	comm = (const char *)sqlite3_column_text(s, COLUMN_COMM);
	length = sqlite3_column_bytes(s, COLUMN_COMM);
	if (!comm || length >= (int)sizeof(row.comm) || memchr(comm, '\0', (size_t)length) ||
	    !reader_check_sample(s, comm, length))
		return -EBADMSG;
	memcpy(row.comm, comm, (size_t)length);
	row.known.written = written;
	row.known.shared_swap = (uint8_t)knowledge;
	row.known.private_slots = private_slots;
	row.known.shared_slots = shared_slots;
	row.known.swap_exact = exact;
	row.skipped = skipped;
	*ret_row = row;
	return 0;
}

int reader_read_sample(struct log_reader *reader, uint64_t sample, struct read_sample *ret_row,
		       struct log_error *error)
{
	sqlite3_stmt *s = reader_use(reader, READ_SAMPLE);
	int result, code;

	sqlite3_bind_int64(s, 1, (int64_t)sample);
	result = sqlite3_step(s);
	if (result == SQLITE_DONE)
		return reader_damaged(reader, sample, "is missing", error);
	if (result != SQLITE_ROW)
		return reader_failed(reader, error);
	code = reader_get_sample(s, ret_row);
	sqlite3_reset(s);
	return code ? reader_damaged(reader, sample, "its row makes no sense", error) : 0;
}

int log_reader_time(struct log_reader *reader, uint64_t sample, int64_t *ret_taken_ns,
		    int64_t *ret_clock_ns, struct log_error *error)
{
	struct read_sample row;
	int code;

	reader->budget.left = DATABASE_BUDGET;
	code = reader_read_sample(reader, sample, &row, error);
	if (code)
		return code;
	*ret_taken_ns = row.taken_ns;
	*ret_clock_ns = row.clock_ns;
	return 0;
}

int log_reader_at(struct log_reader *reader, int64_t after_ns, uint64_t *ret_sample,
		  struct log_error *error)
{
	int64_t want, taken, clock;
	uint64_t low = 0, high = reader->info.samples;

	if (__builtin_add_overflow(reader->info.first_clock_ns, after_ns, &want))
		want = after_ns < 0 ? INT64_MIN : INT64_MAX;
	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;
		int code = log_reader_time(reader, middle, &taken, &clock, error);

		if (code)
			return code;
		if (clock <= want)
			low = middle;
		else
			high = middle;
	}
	*ret_sample = low;
	return 0;
}

int reader_counts(sqlite3_stmt *statement, int at, struct page_counts *ret_counts,
		  uint16_t *ret_known)
{
	struct page_counts counts = { 0 };
	uint16_t known = 0;
	int64_t number;

	for (int s = 0; s < PAGE_STATES; s++, at++) {
		if (reader_number(statement, at, 0, INT64_MAX, &number))
			return -EBADMSG;
		counts.state[s] = (uint64_t)number;
	}
	for (int m = 0; m < PAGE_MARKS; m++, at++) {
		if (sqlite3_column_type(statement, at) == SQLITE_NULL)
			continue;
		if (reader_number(statement, at, 0, INT64_MAX, &number))
			return -EBADMSG;
		counts.mark[m] = (uint64_t)number;
		known |= (uint16_t)(1 << m);
	}
	*ret_counts = counts;
	*ret_known = known;
	return 0;
}

static bool reader_same_counts(const struct page_counts *counts, uint16_t known,
			       const struct page_counts *totals)
{
	bool same = true;

	for (int i = 0; i < PAGE_STATES; i++)
		same = same && counts->state[i] == totals->state[i];
	for (int m = 0; m < PAGE_MARKS; m++)
		same = same && (!(known >> m & 1) || counts->mark[m] == totals->mark[m]);
	return same;
}

/* Version 0.2.0 wrote sums over mappings. */
static bool reader_same_sums(const struct page_counts *counts, uint16_t known, uint64_t unplaced,
			     const struct snapshot *snapshot)
{
	struct page_counts sums = { 0 };

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct pages *pages = snapshot->mappings[i].pages;

		if (!pages)
			continue;
		pages_count(pages, 0, pages_total(pages), &sums);
		unplaced -= pages_facts(pages)->swap_unplaced;
	}
	return !unplaced && reader_same_counts(counts, known, &sums);
}

/* The totals were written apart from the pages: both must tell the same. */
static int reader_check_totals(struct log_reader *reader, uint64_t sample,
			       const struct snapshot *snapshot, struct log_error *error)
{
	sqlite3_stmt *s = reader_use(reader, READ_TOTAL);
	struct page_counts counts;
	uint16_t known;
	int64_t unplaced;

	sqlite3_bind_int64(s, 1, (int64_t)sample);
	if (sqlite3_step(s) != SQLITE_ROW || reader_counts(s, 0, &counts, &known) ||
	    reader_number(s, PAGE_STATES + PAGE_MARKS, 0, INT64_MAX, &unplaced))
		return reader_damaged(reader, sample, "has no totals", error);
	sqlite3_reset(s);
	if (((uint64_t)unplaced != snapshot->swap_unplaced ||
	     !reader_same_counts(&counts, known, &snapshot->totals)) &&
	    !reader_same_sums(&counts, known, (uint64_t)unplaced, snapshot))
		return reader_damaged(reader, sample, "its pages are not those of its totals",
				      error);
	return 0;
}

/* The pages of a mapping in the sample that was loaded before, if its row is still in force. */
static struct pages *reader_pages_before(const struct log_reader *reader,
					 const struct read_mapping *row)
{
	size_t i;

	if (!reader->snapshot)
		return NULL;
	i = snapshot_find(reader->snapshot, row->mapping->start);
	/*
	 * A row says the same for ever, but not when somebody writes to the log who is no recorder.
	 */
	return i < reader->layout.count && reader->layout.rows[i].id == row->id &&
			       mapping_equal(reader->layout.rows[i].mapping, row->mapping)
		       ? reader->snapshot->mappings[i].pages
		       : NULL;
}

static void reader_fill_header(const struct log_reader *reader, const struct read_sample *row,
			       struct snapshot *snapshot)
{
	snapshot->sequence = (uint64_t)row->sequence;
	snapshot->pid = (pid_t)reader->info.pid;
	snapshot->start_time = reader->start_time;
	memcpy(snapshot->comm, row->comm, sizeof(snapshot->comm));
	snapshot->taken_ns = row->taken_ns;
	snapshot->clock_ns = row->clock_ns;
	snapshot->known = row->known;
	snapshot->skipped = row->skipped;
}

DEFINE_CLEANUP(cleanup_snapshot, struct snapshot *, snapshot_unref)

static int reader_build_snapshot(struct log_reader *reader, uint64_t sample,
				 const struct read_sample *row, const struct read_layout *layout,
				 const struct read_changes *changes, struct snapshot **ret_snapshot,
				 struct log_error *error)
{
	CLEANUP(cleanup_snapshot) struct snapshot *snapshot = snapshot_new(layout->count);
	int code = 0;

	if (!snapshot)
		return log_fail(error, -ENOMEM, "%s: %s", reader->path, strerror(ENOMEM));
	for (size_t i = 0; !code && i < layout->count; i++) {
		const struct read_mapping *m = &layout->rows[i];

		snapshot->mappings[i].mapping = mapping_ref(m->mapping);
		if (m->read)
			code = reader_read_pages(reader, sample, m, reader_pages_before(reader, m),
						 changes, &snapshot->mappings[i].pages, error);
	}
	if (code)
		return code;
	reader_fill_header(reader, row, snapshot);
	snapshot_seal(snapshot);
	/* What the recorder knew is not to be concluded anew by another version. */
	snapshot->known = row->known;
	code = reader_check_totals(reader, sample, snapshot, error);
	if (!code)
		*ret_snapshot = TAKE(snapshot);
	return code;
}

static int reader_load(struct log_reader *reader, uint64_t sample, struct log_error *error)
{
	CLEANUP(read_layout_free) struct read_layout layout = { 0 };
	CLEANUP(read_changes_free) struct read_changes changes = { 0 };
	bool step = reader->snapshot && sample > reader->current &&
		    sample - reader->current <= STEP_MAX;
	struct snapshot *snapshot = NULL;
	struct read_sample row;
	int code = reader_read_sample(reader, sample, &row, error);

	if (!code && reader_find_changes(reader, sample, &row, &changes))
		code = reader_damaged(reader, sample, "its changes cannot be read", error);
	if (!code)
		code = reader_read_layout(reader, sample, &row, step ? &reader->layout : NULL,
					  reader->row.last_mapping, &layout, error);
	if (!code)
		code = reader_build_snapshot(reader, sample, &row, &layout, &changes, &snapshot,
					     error);
	if (code)
		return code;
	if (reader->snapshot)
		snapshot_unref(reader->snapshot);
	read_layout_free(&reader->layout);
	reader->snapshot = snapshot;
	reader->layout = layout;
	reader->row = row;
	reader->current = sample;
	memset(&layout, 0, sizeof(layout));
	return 0;
}

int log_reader_load(struct log_reader *reader, uint64_t sample, struct snapshot **ret_snapshot,
		    struct log_error *error)
{
	int code = 0;

	reader->budget.left = DATABASE_BUDGET;
	reader->blocks_left = READER_BLOCKS_MAX;
	reader->slots_left = READER_SLOTS_MAX;
	if (!reader->snapshot || sample != reader->current)
		code = reader_load(reader, sample, error);
	if (!code)
		*ret_snapshot = snapshot_ref(reader->snapshot);
	return code;
}
