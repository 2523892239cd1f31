// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>

#include "log/reader_internal.h"

/* Which blocks differ between the sample that was loaded before and another one. */

/* Blocks that may change between two samples that are read one after the other. */
#define CHANGES_MAX (1u << 20)

/* Rows of blocks between two samples, above which it is cheaper to ask for each block. */
#define ROWS_MAX 8192

#define BLOCK_NUMBER_MAX ((int64_t)(UINT64_MAX >> (LOG_BLOCK_SHIFT + PMTOP_PAGE_SHIFT)))

static int reader_changes_reader_compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void read_changes_free(const struct read_changes *changes)
{
	free(changes->blocks);
}

static int reader_changes_reader_add_change(struct read_changes *changes, int64_t block)
{
	if (changes->count == changes->room) {
		size_t room = changes->room ? changes->room * 2 : 64;
		uint64_t *more = realloc(changes->blocks, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		changes->blocks = more;
		changes->room = room;
	}
	changes->blocks[changes->count++] = (uint64_t)block;
	return 0;
}

/* The blocks of rows (after, to], ascending and each once. */
static int reader_changes_reader_read_rows(struct log_reader *reader, int64_t after, int64_t to,
					   struct read_changes *changes)
{
	sqlite3_stmt *s = reader_use(reader, READ_BLOCKS_BETWEEN);
	size_t n = 0;
	int64_t block;
	int result, code = 0;

	sqlite3_bind_int64(s, 1, after);
	sqlite3_bind_int64(s, 2, to);
	while (!code && (result = sqlite3_step(s)) == SQLITE_ROW && changes->count < CHANGES_MAX)
		code = reader_number(s, 0, 0, BLOCK_NUMBER_MAX, &block)
			       ? -EBADMSG
			       : reader_changes_reader_add_change(changes, block);
	sqlite3_reset(s);
	if (code || (result != SQLITE_DONE && result != SQLITE_ROW))
		return code ? code : -EBADMSG;
	changes->known = result == SQLITE_DONE;
	if (changes->count)
		qsort(changes->blocks, changes->count, sizeof(*changes->blocks),
		      reader_changes_reader_compare_numbers);
	for (size_t i = 0; i < changes->count; i++)
		if (!n || changes->blocks[n - 1] != changes->blocks[i])
			changes->blocks[n++] = changes->blocks[i];
	changes->count = n;
	return 0;
}

/* The row that a block has at a sample; 0: none. Asks the index alone. */
static int reader_changes_reader_row_at(struct log_reader *reader, int64_t block, uint64_t sample,
					int64_t *ret_row)
{
	sqlite3_stmt *s = reader_use(reader, READ_BLOCK_ROW_AT);
	int result, code = 0;

	sqlite3_bind_int64(s, 1, block);
	sqlite3_bind_int64(s, 2, (int64_t)sample);
	result = sqlite3_step(s);
	*ret_row = 0;
	if (result == SQLITE_ROW)
		code = reader_number(s, 0, 1, INT64_MAX, ret_row);
	sqlite3_reset(s);
	return result == SQLITE_ROW || result == SQLITE_DONE ? code : -EBADMSG;
}

/* Asks of each block that was ever written whether both samples have the same row. */
static int reader_changes_reader_compare_rows(struct log_reader *reader, uint64_t sample,
					      struct read_changes *changes)
{
	int64_t block = 0, before, now;

	for (;; block++) {
		sqlite3_stmt *s = reader_use(reader, READ_NEXT_BLOCK);
		int result, code;

		sqlite3_bind_int64(s, 1, block);
		result = sqlite3_step(s);
		if (result == SQLITE_DONE)
			break;
		/* A broken index could lead back. */
		if (result != SQLITE_ROW || reader_number(s, 0, block, BLOCK_NUMBER_MAX, &block))
			return -EBADMSG;
		sqlite3_reset(s);
		if (changes->count == CHANGES_MAX)
			return 0;
		code = reader_changes_reader_row_at(reader, block, reader->current, &before);
		if (!code)
			code = reader_changes_reader_row_at(reader, block, sample, &now);
		if (!code && before != now)
			code = reader_changes_reader_add_change(changes, block);
		if (code)
			return code;
	}
	changes->known = true;
	return 0;
}

int reader_find_changes(struct log_reader *reader, uint64_t sample, const struct read_sample *row,
			struct read_changes *changes)
{
	int64_t low = reader->row.last_block, high = row->last_block;

	if (low > high) {
		low = high;
		high = reader->row.last_block;
	}
	if (!reader->snapshot)
		return 0;
	return high - low > ROWS_MAX ? reader_changes_reader_compare_rows(reader, sample, changes)
				     : reader_changes_reader_read_rows(reader, low, high, changes);
}
