// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "log/reader_internal.h"

/* Going on by more samples or rows of blocks than this, a sample is read as a whole. */
#define STEP_MAX 16
#define ROWS_MAX 8192

sqlite3_stmt *reader_use_with(struct log_reader *reader, enum reader_statement which, size_t count,
			      const int64_t *numbers)
{
	sqlite3_stmt *s = reader->statements[which];

	sqlite3_reset(s);
	return sqlite_bind_numbers(s, count, numbers) ? NULL : s;
}

sqlite3_stmt *reader_use_text(struct log_reader *reader, enum reader_statement which,
			      const char *text, int64_t number)
{
	sqlite3_stmt *s = reader->statements[which];

	sqlite3_reset(s);
	if (sqlite3_clear_bindings(s) || sqlite3_bind_text(s, 1, text, -1, SQLITE_TRANSIENT) ||
	    (sqlite3_bind_parameter_count(s) > 1 && sqlite3_bind_int64(s, 2, number)))
		return NULL;
	return s;
}

int reader_damaged(const struct log_reader *reader, uint64_t sample, const char *how,
		   struct error *error)
{
	return error_set(error, -EBADMSG, "%s: damaged: sample %llu: %s", reader->path,
			 (unsigned long long)sample, how);
}

int reader_failed(const struct log_reader *reader, struct error *error)
{
	return sqlite_error(reader->db, sqlite3_errcode(reader->db), reader->path, error);
}

int reader_read_sample(struct log_reader *reader, uint64_t sample, struct read_sample *ret_row,
		       struct error *error)
{
	sqlite3_stmt *s = reader_use(reader, READ_SAMPLE, (int64_t)sample);
	int result = sqlite3_step(s), code;

	if (result == SQLITE_DONE)
		return reader_damaged(reader, sample, "is missing", error);
	if (result != SQLITE_ROW)
		return reader_failed(reader, error);
	*ret_row = (struct read_sample){ 0 };
	code = log_row_read(s, LOG_SAMPLE, &ret_row->row);
	if (!code)
		memcpy(ret_row->comm, ret_row->row.comm.at, (size_t)ret_row->row.comm.size);
	sqlite3_reset(s);
	return code ? reader_damaged(reader, sample, "its row makes no sense", error) : 0;
}

int log_reader_time(struct log_reader *reader, uint64_t sample, int64_t *ret_taken_ns,
		    int64_t *ret_clock_ns, struct error *error)
{
	struct read_sample row;
	int code;

	reader->budget.left = SQLITE_BUDGET;
	code = reader_read_sample(reader, sample, &row, error);
	if (code)
		return code;
	*ret_taken_ns = row.row.taken_ns;
	*ret_clock_ns = row.row.clock_ns;
	return 0;
}

int log_reader_at(struct log_reader *reader, int64_t after_ns, uint64_t *ret_sample,
		  struct error *error)
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

void read_layout_free(const struct read_layout *layout)
{
	for (size_t i = 0; i < layout->count; i++)
		mapping_unref(layout->rows[i].mapping);
	free(layout->rows);
}

static int reader_get_perms(const struct log_bytes *text, char perms[5])
{
	static const char allowed[4][2] = { "r-", "w-", "x-", "sp" };
	const char *at = text->at;

	if (text->size != 4)
		return -EBADMSG;
	for (int i = 0; i < 4; i++)
		if (at[i] != allowed[i][0] && at[i] != allowed[i][1])
			return -EBADMSG;
	memcpy(perms, at, 4);
	return 0;
}

static int reader_get_kind(const struct log_bytes *text, uint8_t *ret_kind)
{
	for (int k = 0; k < MAPPING_KINDS; k++)
		if (strlen(mapping_kind_names[k]) == (size_t)text->size &&
		    !memcmp(text->at, mapping_kind_names[k], (size_t)text->size)) {
			*ret_kind = (uint8_t)k;
			return 0;
		}
	return -EBADMSG;
}

/* The VMA part of a row. */
static int reader_get_mapping(const struct row_mapping *row, struct mapping **ret_mapping)
{
	struct mapping m;

	memset(&m, 0, sizeof(m));
	if (reader_get_perms(&row->perms, m.perms) || reader_get_kind(&row->kind, &m.kind))
		return -EBADMSG;
	m.start = (uint64_t)row->start;
	m.end = (uint64_t)row->end;
	m.offset = (uint64_t)row->offset;
	m.inode = (uint64_t)row->inode;
	m.dev_major = (uint32_t)row->dev_major;
	m.dev_minor = (uint32_t)row->dev_minor;
	m.hugetlb_file = row->hugetlb_file;
	if (m.start >= m.end || (m.start | m.end) & (PMTOP_PAGE_SIZE - 1))
		return -EBADMSG;
	*ret_mapping = mapping_new(&m, row->name.at, (size_t)row->name.size);
	return *ret_mapping ? 0 : -ENOMEM;
}

int reader_get_mapping_row(sqlite3_stmt *statement, struct read_mapping *ret_row)
{
	struct row_mapping row;
	struct mapping *mapping;
	int code = log_row_read(statement, LOG_MAPPING, &row);

	if (code || (row.fill & ((1 << PAGE_VALUE_MARKS) - 1)) >= PAGE_STATES)
		return -EBADMSG;
	code = reader_get_mapping(&row, &mapping);
	if (code)
		return code;
	if ((uint64_t)row.swap_unplaced > mapping_pages(mapping)) {
		mapping_unref(mapping);
		return -EBADMSG;
	}
	*ret_row = (struct read_mapping){
		.id = row.mapping,
		.first_sample = (uint64_t)row.first_sample,
		.last_sample = row.last_sample,
		.mapping = mapping,
		.read = row.read,
		.facts = { .marks_known = row.marks_known,
			   .doubt = row.doubt,
			   .slots_known = row.slots_known,
			   .swap_unplaced = (uint64_t)row.swap_unplaced },
		.fill = row.fill,
	};
	return 0;
}

/* Keeps a row that covers the sample. */
static int reader_add_row(struct read_layout *layout, uint64_t sample,
			  const struct read_mapping *row)
{
	int code = layout->count == READER_MAPPINGS_MAX			      ? -EFBIG
		   : ARRAY_RESERVE(layout->rows, layout->count, layout->room) ? 0
									      : -ENOMEM;

	if (!code && row->first_sample <= sample && (uint64_t)row->last_sample >= sample)
		layout->rows[layout->count++] = *row;
	else
		mapping_unref(row->mapping);
	return code;
}

static int reader_add_rows(sqlite3_stmt *s, uint64_t sample, struct read_layout *layout)
{
	int result, code = 0;

	while (!code && (result = sqlite3_step(s)) == SQLITE_ROW) {
		struct read_mapping row;

		code = reader_get_mapping_row(s, &row);
		if (!code)
			code = reader_add_row(layout, sample, &row);
	}
	sqlite3_reset(s);
	return code ? code : result == SQLITE_DONE ? 0 : -EBADMSG;
}

static int reader_compare_rows(const void *a, const void *b)
{
	const struct read_mapping *x = a, *y = b;

	return x->mapping->start < y->mapping->start ? -1 : x->mapping->start > y->mapping->start;
}

/* Ascending by address, and no two on the same page. */
static int reader_sort_rows(struct read_layout *layout)
{
	if (layout->count)
		qsort(layout->rows, layout->count, sizeof(*layout->rows), reader_compare_rows);
	for (size_t i = 1; i < layout->count; i++)
		if (layout->rows[i].mapping->start < layout->rows[i - 1].mapping->end)
			return -EBADMSG;
	return 0;
}

static int reader_finish_layout(const struct log_reader *reader, uint64_t sample, int code,
				struct read_layout *layout, struct read_layout *ret_layout,
				struct error *error)
{
	if (!code)
		code = reader_sort_rows(layout);
	if (code == -EBADMSG)
		return reader_damaged(reader, sample, "its mappings make no sense", error);
	if (code)
		return error_set(error, code, "%s: sample %llu: %s", reader->path,
				 (unsigned long long)sample, strerror(-code));
	*ret_layout = *layout;
	*layout = (struct read_layout){ 0 };
	return 0;
}

int reader_read_layout(struct log_reader *reader, uint64_t sample, struct read_layout *ret_layout,
		       struct error *error)
{
	CLEANUP(read_layout_free) struct read_layout layout = { 0 };
	int code = reader_add_rows(reader_use(reader, READ_MAPPINGS_AT, (int64_t)sample), sample,
				   &layout);

	return reader_finish_layout(reader, sample, code, &layout, ret_layout, error);
}

/* The same from the mappings of the sample that was loaded before, which is an earlier one. */
static int reader_step_layout(struct log_reader *reader, uint64_t sample,
			      const struct read_sample *row, struct read_layout *ret_layout,
			      struct error *error)
{
	CLEANUP(read_layout_free) struct read_layout layout = { 0 };
	int code = 0;

	for (size_t i = 0; !code && i < reader->layout.count; i++) {
		mapping_ref(reader->layout.rows[i].mapping);
		code = reader_add_row(&layout, sample, &reader->layout.rows[i]);
	}
	if (!code)
		code = reader_add_rows(reader_use(reader, READ_MAPPINGS_AFTER,
						  reader->row.row.last_mapping,
						  row->row.last_mapping),
				       sample, &layout);
	return reader_finish_layout(reader, sample, code, &layout, ret_layout, error);
}

/* Blocks that changed between two samples, ascending. */
struct read_changes {
	uint64_t *blocks;
	size_t count, room;
	bool known; /* false: too many, or not asked */
};

static void reader_free_changes(const struct read_changes *changes)
{
	free(changes->blocks);
}

static int reader_compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void reader_sort_changes(struct read_changes *changes)
{
	size_t n = 0;

	if (changes->count)
		qsort(changes->blocks, changes->count, sizeof(*changes->blocks),
		      reader_compare_numbers);
	for (size_t i = 0; i < changes->count; i++)
		if (!n || changes->blocks[n - 1] != changes->blocks[i])
			changes->blocks[n++] = changes->blocks[i];
	changes->count = n;
}

/*
 * What changed between the sample that was loaded before and this one, in either direction: a block
 * without a row between them is the same in both. -EBADMSG: damaged; -ENOMEM.
 */
static int reader_find_changes(struct log_reader *reader, const struct read_sample *row,
			       struct read_changes *changes)
{
	int64_t a = reader->row.row.last_block, b = row->row.last_block, block;
	int result, code = 0;
	sqlite3_stmt *s;

	if (!reader->snapshot || (a < b ? b - a : a - b) > ROWS_MAX)
		return 0;
	s = reader_use(reader, READ_BLOCKS_BETWEEN, a < b ? a : b, a < b ? b : a);
	while (!code && (result = sqlite3_step(s)) == SQLITE_ROW) {
		code = sqlite_column_number(s, 0, 0, LOG_BLOCK_NUMBER_MAX, &block);
		if (!code && !ARRAY_RESERVE(changes->blocks, changes->count, changes->room))
			code = -ENOMEM;
		if (!code)
			changes->blocks[changes->count++] = (uint64_t)block;
	}
	sqlite3_reset(s);
	if (code || result != SQLITE_DONE)
		return code ? code : -EBADMSG;
	reader_sort_changes(changes);
	changes->known = true;
	return 0;
}

int reader_next_block(struct log_reader *reader, uint64_t sample, uint64_t block,
		      uint64_t *ret_block, struct error *error)
{
	sqlite3_stmt *s = reader_use(reader, READ_NEXT_BLOCK, (int64_t)block);
	int result = sqlite3_step(s), code;
	int64_t next;

	if (result == SQLITE_DONE)
		return -ENOENT;
	if (result != SQLITE_ROW)
		return reader_failed(reader, error);
	/* A broken index could lead back. */
	code = sqlite_column_number(s, 0, (int64_t)block, LOG_BLOCK_NUMBER_MAX, &next);
	sqlite3_reset(s);
	if (code)
		return reader_damaged(reader, sample, "its blocks are out of order", error);
	*ret_block = (uint64_t)next;
	return 0;
}

/* Decodes a row, and before it the one that its slots are told from: an older one of the block. */
static int reader_decode_row(struct log_reader *reader, const struct row_block *row)
{
	struct log_block base;
	struct row_block older;
	sqlite3_stmt *s;
	int code;

	if (row->base == LOG_NULL)
		return log_block_decode(reader->codec, row->data.at, (size_t)row->data.size, NULL,
					&reader->decoded);
	s = reader_use(reader, READ_BLOCK, row->base);
	code = sqlite3_step(s) == SQLITE_ROW ? log_row_read(s, LOG_BLOCK, &older) : -EBADMSG;
	if (!code && (older.id >= row->id || older.block != row->block || older.base != LOG_NULL ||
		      !older.data.at))
		code = -EBADMSG;
	if (!code)
		code = log_block_decode(reader->codec, older.data.at, (size_t)older.data.size, NULL,
					&base);
	sqlite3_reset(s);
	return code ? code
		    : log_block_decode(reader->codec, row->data.at, (size_t)row->data.size, &base,
				       &reader->decoded);
}

int reader_decode_block(struct log_reader *reader, uint64_t block, uint64_t sample,
			struct error *error)
{
	struct row_block row = { 0 };
	sqlite3_stmt *s;
	int result, code = 0;

	if (reader->decoded_sample == sample && reader->decoded_block == block)
		return 0;
	s = reader_use(reader, READ_BLOCK_AT, (int64_t)block, (int64_t)sample);
	result = sqlite3_step(s);
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		return reader_failed(reader, error);
	if (result == SQLITE_ROW)
		code = log_row_read(s, LOG_BLOCK, &row);
	reader->decoded_is_fill = !row.data.at;
	if (!code && row.data.at)
		code = reader_decode_row(reader, &row);
	sqlite3_reset(s);
	reader->decoded_block = block;
	reader->decoded_sample = code ? UINT64_MAX : sample;
	return code ? reader_damaged(reader, sample, "a block of pages cannot be decoded", error)
		    : 0;
}

/* What one call to reader_read_pages() works on. */
struct build {
	struct log_reader *reader;
	const struct read_mapping *row;
	uint64_t sample;
	uint64_t first_page, end_page; /* of the mapping, page numbers of the address space */
	struct error *error;
};

static void reader_add_fill(const struct build *b, uint64_t to_page)
{
	uint64_t at = b->first_page + pages_builder_position(b->reader->builder);
	uint16_t fill = b->row->fill;

	if (to_page > at)
		pages_builder_add(b->reader->builder, to_page - at,
				  (enum page_state)(fill & ((1 << PAGE_VALUE_MARKS) - 1)),
				  (uint16_t)(fill >> PAGE_VALUE_MARKS));
}

static int reader_too_large(const struct build *b)
{
	return error_set(b->error, -EFBIG, "%s: sample %llu is too large to show", b->reader->path,
			 (unsigned long long)b->sample);
}

/* Appends the part of the decoded block that lies in the mapping. */
static int reader_add_decoded(const struct build *b, uint64_t block)
{
	struct log_reader *reader = b->reader;
	const struct log_block *d = &reader->decoded;
	uint64_t base = block << LOG_BLOCK_SHIFT;
	unsigned int from = base < b->first_page ? (unsigned int)(b->first_page - base) : 0;
	unsigned int to = b->end_page - base < LOG_BLOCK_PAGES ? (unsigned int)(b->end_page - base)
							       : LOG_BLOCK_PAGES;

	if (!reader->blocks_left--)
		return reader_too_large(b);
	for (unsigned int word = from / 64; word * 64 < to; word++)
		if (plane_mask(word, from, to) & ~d->planes[LOG_BIT_MAPPED][word])
			return reader_damaged(reader, b->sample, "a page has no state", b->error);
	pages_builder_add_planes(reader->builder, d->planes, from, to);
	for (unsigned int i = from; i < to; i++) {
		const struct slot_run slot = {
			.first = base + i - b->first_page,
			.count = 1,
			.offset = d->slots[i] & LOG_SLOT_OFFSET,
			.type = (uint32_t)(d->slots[i] >> LOG_SLOT_SHIFT),
		};

		if (!log_set_has(d->planes[LOG_BIT_SLOT], i))
			continue;
		if (!reader->slots_left--)
			return reader_too_large(b);
		pages_builder_slot(reader->builder, &slot);
	}
	return 0;
}

static int reader_add_block(const struct build *b, uint64_t block)
{
	uint64_t end = (block + 1) << LOG_BLOCK_SHIFT;
	int code = reader_decode_block(b->reader, block, b->sample, b->error);

	if (code)
		return code;
	if (!b->reader->decoded_is_fill)
		return reader_add_decoded(b, block);
	reader_add_fill(b, end < b->end_page ? end : b->end_page);
	return 0;
}

/* Everything from the log: the fill, and each block that ever had a row. */
static int reader_read_all(const struct build *b)
{
	uint64_t block = b->first_page >> LOG_BLOCK_SHIFT;
	uint64_t last = (b->end_page - 1) >> LOG_BLOCK_SHIFT;
	int code = 0;

	while (!code && block <= last) {
		code = reader_next_block(b->reader, b->sample, block, &block, b->error);
		if (code || block > last)
			break;
		reader_add_fill(b, block << LOG_BLOCK_SHIFT);
		code = reader_add_block(b, block++);
	}
	if (code && code != -ENOENT)
		return code;
	reader_add_fill(b, b->end_page);
	return 0;
}

/* Only the blocks that changed from the log, the rest from the pages before. */
static int reader_read_changed(const struct build *b, const struct read_changes *changes,
			       size_t first)
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
		code = reader_add_block(b, changes->blocks[i]);
	}
	if (!code)
		pages_builder_copy(builder, total - pages_builder_position(builder));
	return code;
}

/* First change at or above a block. */
static size_t reader_changes_from(const struct read_changes *changes, uint64_t block)
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

/*
 * The pages of a mapping at a sample. With the pages of the same row at another sample (may be
 * NULL), and what changed between the two, only that is read.
 */
static int reader_read_pages(struct log_reader *reader, uint64_t sample,
			     const struct read_mapping *row, struct pages *before,
			     const struct read_changes *changes, struct pages **ret_pages,
			     struct error *error)
{
	const struct build b = {
		.reader = reader,
		.row = row,
		.sample = sample,
		.first_page = row->mapping->start >> PMTOP_PAGE_SHIFT,
		.end_page = row->mapping->end >> PMTOP_PAGE_SHIFT,
		.error = error,
	};
	bool near = before && changes->known;
	size_t first = reader_changes_from(changes, b.first_page >> LOG_BLOCK_SHIFT);
	int code;

	if (near && (first == changes->count ||
		     changes->blocks[first] > (b.end_page - 1) >> LOG_BLOCK_SHIFT)) {
		*ret_pages = pages_ref(before);
		return 0;
	}
	pages_builder_start(reader->builder, row->mapping->start, before);
	code = near ? reader_read_changed(&b, changes, first) : reader_read_all(&b);
	if (code)
		return code;
	code = pages_builder_finish(reader->builder, &row->facts, ret_pages);
	return code ? error_set(error, code, "%s: %s", reader->path, strerror(-code)) : 0;
}

/* The totals were written apart from the pages: both must tell the same. */
static int reader_check_totals(struct log_reader *reader, uint64_t sample,
			       const struct snapshot *snapshot, struct error *error)
{
	sqlite3_stmt *s = reader_use(reader, READ_TOTAL, (int64_t)sample);
	const struct page_counts *is = &snapshot->totals;
	struct row_total row;
	bool same = true;
	int code = sqlite3_step(s) == SQLITE_ROW ? log_row_read(s, LOG_TOTAL, &row) : -EBADMSG;

	sqlite3_reset(s);
	if (code || !row.counted.known)
		return reader_damaged(reader, sample, "has no totals", error);
	for (int i = 0; i < PAGE_STATES; i++)
		same = same && row.counted.counts.state[i] == is->state[i];
	for (int m = 0; m < PAGE_MARKS; m++)
		same = same && (!(row.counted.marks_known >> m & 1) ||
				row.counted.counts.mark[m] == is->mark[m]);
	if (!same || (uint64_t)row.swap_unplaced != snapshot->swap_unplaced)
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

static void reader_fill_header(const struct log_reader *reader, const struct read_sample *sample,
			       struct snapshot *snapshot)
{
	const struct row_sample *row = &sample->row;

	snapshot->sequence = (uint64_t)row->sequence;
	snapshot->pid = (pid_t)reader->info.pid;
	snapshot->start_time = reader->start_time;
	memcpy(snapshot->comm, sample->comm, sizeof(snapshot->comm));
	snapshot->taken_ns = row->taken_ns;
	snapshot->clock_ns = row->clock_ns;
	snapshot->skipped = row->skipped;
	snapshot->known = (struct snapshot_known){
		.written = row->known_written,
		.shared_swap = row->known_shared_swap,
		.private_slots = row->known_private_slots,
		.shared_slots = row->known_shared_slots,
		.swap_exact = row->known_swap_exact,
	};
}

static int reader_build_snapshot(struct log_reader *reader, uint64_t sample,
				 const struct read_sample *row, const struct read_layout *layout,
				 const struct read_changes *changes, struct snapshot **ret_snapshot,
				 struct error *error)
{
	CLEANUP(cleanup_snapshot) struct snapshot *snapshot = snapshot_new(layout->count);
	int code = 0;

	if (!snapshot)
		return error_set(error, -ENOMEM, "%s: %s", reader->path, strerror(ENOMEM));
	for (size_t i = 0; !code && i < layout->count; i++) {
		const struct read_mapping *m = &layout->rows[i];

		snapshot->mappings[i].mapping = mapping_ref(m->mapping);
		if (m->read)
			code = reader_read_pages(reader, sample, m, reader_pages_before(reader, m),
						 changes, &snapshot->mappings[i].pages, error);
	}
	if (code)
		return code;
	snapshot_seal(snapshot);
	/* What the recorder knew is not to be concluded anew by another version. */
	reader_fill_header(reader, row, snapshot);
	code = reader_check_totals(reader, sample, snapshot, error);
	if (!code)
		*ret_snapshot = TAKE(snapshot);
	return code;
}

static int reader_load(struct log_reader *reader, uint64_t sample, struct error *error)
{
	CLEANUP(read_layout_free) struct read_layout layout = { 0 };
	CLEANUP(reader_free_changes) struct read_changes changes = { 0 };
	bool step = reader->snapshot && sample > reader->current &&
		    sample - reader->current <= STEP_MAX;
	struct snapshot *snapshot = NULL;
	struct read_sample row;
	int code = reader_read_sample(reader, sample, &row, error);

	if (!code && reader_find_changes(reader, &row, &changes))
		code = reader_damaged(reader, sample, "its changes cannot be read", error);
	if (!code)
		code = step ? reader_step_layout(reader, sample, &row, &layout, error)
			    : reader_read_layout(reader, sample, &layout, error);
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
		    struct error *error)
{
	int code = 0;

	reader->budget.left = SQLITE_BUDGET;
	reader->blocks_left = READER_BLOCKS_MAX;
	reader->slots_left = READER_SLOTS_MAX;
	if (!reader->snapshot || sample != reader->current)
		code = reader_load(reader, sample, error);
	if (!code)
		*ret_snapshot = snapshot_ref(reader->snapshot);
	return code;
}
