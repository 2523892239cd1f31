// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "log/reader_internal.h"

#define SLOT_BITS_MAX LOG_SLOT_OFFSET

static int reader_pages_reader_decode_failed(struct log_reader *reader, uint64_t sample,
					     struct log_error *error)
{
	reader->decoded_sample = UINT64_MAX;
	return reader_damaged(reader, sample, "a block of pages cannot be decoded", error);
}

/* The blob of a row of `block`, within the size that a block can have. */
static bool reader_pages_reader_get_data(sqlite3_stmt *s, const void **ret_data, size_t *ret_size)
{
	if (sqlite3_column_type(s, 3) != SQLITE_BLOB)
		return false;
	*ret_data = sqlite3_column_blob(s, 3);
	*ret_size = (size_t)sqlite3_column_bytes(s, 3);
	return *ret_data && *ret_size <= LOG_BLOCK_DATA_MAX;
}

/* The slots of the row that another one is encoded against: an older one of the same block. */
static int reader_pages_reader_decode_base(struct log_reader *reader, uint64_t block, int64_t base,
					   int64_t id, struct log_block *ret_base)
{
	sqlite3_stmt *s = reader_use(reader, READ_BLOCK);
	const void *data;
	int64_t its_block;
	int code = -EBADMSG;
	size_t size;

	sqlite3_bind_int64(s, 1, base);
	if (base < id && sqlite3_step(s) == SQLITE_ROW &&
	    !reader_number(s, 1, 0, INT64_MAX, &its_block) && (uint64_t)its_block == block &&
	    sqlite3_column_type(s, 2) == SQLITE_NULL &&
	    reader_pages_reader_get_data(s, &data, &size))
		code = log_block_decode(reader->codec, data, size, NULL, ret_base);
	sqlite3_reset(s);
	return code;
}

static int reader_pages_reader_decode_row(struct log_reader *reader, sqlite3_stmt *s,
					  uint64_t block)
{
	struct log_block base;
	int64_t id, base_id;
	const void *data;
	size_t size;
	bool based = sqlite3_column_type(s, 2) != SQLITE_NULL;

	if (!reader_pages_reader_get_data(s, &data, &size) ||
	    reader_number(s, 0, 1, INT64_MAX, &id))
		return -EBADMSG;
	if (based && (reader_number(s, 2, 1, INT64_MAX, &base_id) ||
		      reader_pages_reader_decode_base(reader, block, base_id, id, &base)))
		return -EBADMSG;
	return log_block_decode(reader->codec, data, size, based ? base.slot : NULL,
				&reader->decoded);
}

int reader_decode_block(struct log_reader *reader, uint64_t block, uint64_t sample,
			struct log_error *error)
{
	sqlite3_stmt *s;
	int result, code = 0;

	if (reader->decoded_sample == sample && reader->decoded_block == block)
		return 0;
	s = reader_use(reader, READ_BLOCK_AT);
	sqlite3_bind_int64(s, 1, (int64_t)block);
	sqlite3_bind_int64(s, 2, (int64_t)sample);
	result = sqlite3_step(s);
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		return reader_failed(reader, error);
	reader->decoded_is_fill = result == SQLITE_DONE || sqlite3_column_type(s, 3) == SQLITE_NULL;
	if (!reader->decoded_is_fill)
		code = reader_pages_reader_decode_row(reader, s, block);
	sqlite3_reset(s);
	if (code)
		return reader_pages_reader_decode_failed(reader, sample, error);
	reader->decoded_block = block;
	reader->decoded_sample = sample;
	return 0;
}

/* What one call to reader_read_pages() works on. */
struct build {
	struct log_reader *reader;
	const struct read_mapping *row;
	uint64_t sample;
	uint64_t first_page, end_page; /* of the mapping, page numbers of the address space */
	struct log_error *error;
};

static void reader_pages_reader_add_fill(const struct build *b, uint64_t to_page)
{
	uint64_t at = b->first_page + pages_builder_position(b->reader->builder);

	if (to_page > at)
		pages_builder_add(b->reader->builder, to_page - at,
				  (enum page_state)b->row->fill_state, b->row->fill_marks);
}

/* Appends the part of the decoded block that lies in the mapping. */
static int reader_pages_reader_add_decoded(const struct build *b, uint64_t block)
{
	struct log_reader *reader = b->reader;
	const struct log_block *d = &reader->decoded;
	uint64_t base = block << LOG_BLOCK_SHIFT;
	uint64_t from = base < b->first_page ? b->first_page - base : 0;
	uint64_t to = b->end_page - base < LOG_BLOCK_PAGES ? b->end_page - base : LOG_BLOCK_PAGES;

	if (!reader->blocks_left--)
		return log_fail(b->error, -EFBIG, "%s: sample %llu is too large to show",
				reader->path, (unsigned long long)b->sample);
	for (uint64_t i = from, run; i < to; i += run) {
		if (d->state[i] == LOG_NO_PAGE)
			return reader_damaged(reader, b->sample, "a page has no state", b->error);
		for (run = 1; i + run < to && d->state[i + run] == d->state[i] &&
			      d->marks[i + run] == d->marks[i];)
			run++;
		pages_builder_add(reader->builder, run, (enum page_state)d->state[i], d->marks[i]);
	}
	for (uint64_t i = from; i < to; i++) {
		const struct slot_run slot = {
			.first = base + i - b->first_page,
			.count = 1,
			.offset = d->slot[i] & SLOT_BITS_MAX,
			.type = (uint32_t)(d->slot[i] >> LOG_SLOT_SHIFT),
		};

		if (d->slot[i] == LOG_NO_SLOT)
			continue;
		if (!reader->slots_left--)
			return log_fail(b->error, -EFBIG, "%s: sample %llu is too large to show",
					reader->path, (unsigned long long)b->sample);
		pages_builder_slot(reader->builder, &slot);
	}
	return 0;
}

static int reader_pages_reader_add_block(const struct build *b, uint64_t block)
{
	uint64_t end = (block + 1) << LOG_BLOCK_SHIFT;
	int code = reader_decode_block(b->reader, block, b->sample, b->error);

	if (code)
		return code;
	if (!b->reader->decoded_is_fill)
		return reader_pages_reader_add_decoded(b, block);
	reader_pages_reader_add_fill(b, end < b->end_page ? end : b->end_page);
	return 0;
}

/* Everything from the log: the fill, and each block that ever had a row. */
static int reader_pages_reader_read_all(const struct build *b)
{
	uint64_t block = b->first_page >> LOG_BLOCK_SHIFT;
	uint64_t last = (b->end_page - 1) >> LOG_BLOCK_SHIFT;
	int code = 0;

	while (!code && block <= last) {
		sqlite3_stmt *s = reader_use(b->reader, READ_NEXT_BLOCK);
		int result;
		int64_t next;

		sqlite3_bind_int64(s, 1, (int64_t)block);
		result = sqlite3_step(s);
		if (result == SQLITE_DONE)
			break;
		if (result != SQLITE_ROW)
			return reader_failed(b->reader, b->error);
		/* A broken index could lead back. */
		if (reader_number(s, 0, (int64_t)block, INT64_MAX, &next))
			return reader_damaged(b->reader, b->sample, "its blocks are out of order",
					      b->error);
		sqlite3_reset(s);
		if ((uint64_t)next > last)
			break;
		block = (uint64_t)next;
		reader_pages_reader_add_fill(b, block << LOG_BLOCK_SHIFT);
		code = reader_pages_reader_add_block(b, block++);
	}
	if (!code)
		reader_pages_reader_add_fill(b, b->end_page);
	return code;
}

/* Only the blocks that changed from the log, the rest from the pages before. */
static int reader_pages_reader_read_changed(const struct build *b,
					    const struct read_changes *changes, size_t first)
{
	struct pages_builder *builder = b->reader->builder;
	uint64_t total = b->end_page - b->first_page;
	int code = 0;

	for (size_t i = first; !code && i < changes->count; i++) {
		uint64_t page = changes->blocks[i] << LOG_BLOCK_SHIFT;
		uint64_t from = page > b->first_page ? page - b->first_page : 0;

		if (page >= b->end_page)
			break;
		pages_builder_copy(builder, from - pages_builder_position(builder));
		code = reader_pages_reader_add_block(b, changes->blocks[i]);
	}
	if (!code)
		pages_builder_copy(builder, total - pages_builder_position(builder));
	return code;
}

/* First change at or above a block. */
static size_t reader_pages_reader_changes_from(const struct read_changes *changes, uint64_t block)
{
	size_t low = 0, high = changes->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (changes->blocks[middle] < block)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int reader_read_pages(struct log_reader *reader, uint64_t sample, const struct read_mapping *row,
		      struct pages *before, const struct read_changes *changes,
		      struct pages **ret_pages, struct log_error *error)
{
	const struct build b = {
		.reader = reader,
		.row = row,
		.sample = sample,
		.first_page = row->mapping->start >> PMTOP_PAGE_SHIFT,
		.end_page = row->mapping->end >> PMTOP_PAGE_SHIFT,
		.error = error,
	};
	int code;

	if (before && changes->known) {
		size_t first =
			reader_pages_reader_changes_from(changes, b.first_page >> LOG_BLOCK_SHIFT);

		if (first == changes->count ||
		    changes->blocks[first] > (b.end_page - 1) >> LOG_BLOCK_SHIFT) {
			*ret_pages = pages_ref(before);
			return 0;
		}
		pages_builder_start(reader->builder, row->mapping->start, before);
		code = reader_pages_reader_read_changed(&b, changes, first);
	} else {
		pages_builder_start(reader->builder, row->mapping->start, before);
		code = reader_pages_reader_read_all(&b);
	}
	if (code)
		return code;
	code = pages_builder_finish(reader->builder, &row->facts, ret_pages);
	return code ? log_fail(error, code, "%s: %s", reader->path, strerror(-code)) : 0;
}
