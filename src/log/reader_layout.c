// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "log/check.h"
#include "log/reader_internal.h"

#define NAME_MAX_BYTES 8192
#define DEVICE_MAX     0xffffffffLL

/* Columns of mapping, in the order of the table. */
enum column {
	COLUMN_ID,
	COLUMN_LINEAGE,
	COLUMN_FIRST,
	COLUMN_LAST,
	COLUMN_START,
	COLUMN_END,
	COLUMN_OFFSET,
	COLUMN_INODE,
	COLUMN_DEV_MAJOR,
	COLUMN_DEV_MINOR,
	COLUMN_PERMS,
	COLUMN_KIND,
	COLUMN_HUGETLB_FILE,
	COLUMN_NAME,
	COLUMN_READ,
	COLUMN_MARKS_KNOWN,
	COLUMN_DOUBT,
	COLUMN_SLOTS_KNOWN,
	COLUMN_SWAP_UNPLACED,
	COLUMN_FILL_STATE,
	COLUMN_FILL_MARKS,
	COLUMN_CHECK
};

#define MARKS_MAX ((1 << PAGE_MARKS) - 1)

void read_layout_free(const struct read_layout *layout)
{
	for (size_t i = 0; i < layout->count; i++)
		mapping_unref(layout->rows[i].mapping);
	free(layout->rows);
}

static int reader_layout_reader_get_word(sqlite3_stmt *s, int column, const char **ret_text,
					 int *ret_length)
{
	if (sqlite3_column_type(s, column) != SQLITE_TEXT)
		return -EBADMSG;
	*ret_text = (const char *)sqlite3_column_text(s, column);
	*ret_length = sqlite3_column_bytes(s, column);
	if (!*ret_text || memchr(*ret_text, '\0', (size_t)*ret_length))
		return -EBADMSG;
	return 0;
}

static int reader_layout_reader_get_perms(sqlite3_stmt *s, char perms[5])
{
	static const char allowed[4][2] = { "r-", "w-", "x-", "sp" };
	const char *text;
	int length;

	if (reader_layout_reader_get_word(s, COLUMN_PERMS, &text, &length) || length != 4)
		return -EBADMSG;
	for (int i = 0; i < 4; i++)
		if (text[i] != allowed[i][0] && text[i] != allowed[i][1])
			return -EBADMSG;
	memcpy(perms, text, 5);
	return 0;
}

static int reader_layout_reader_get_kind(sqlite3_stmt *s, uint8_t *ret_kind)
{
	const char *text;
	int length;

	if (reader_layout_reader_get_word(s, COLUMN_KIND, &text, &length))
		return -EBADMSG;
	for (int k = 0; k < MAPPING_KINDS; k++)
		if (!strcmp(text, mapping_kind_names[k])) {
			*ret_kind = k;
			return 0;
		}
	return -EBADMSG;
}

/* The VMA part of a row. */
static int reader_layout_reader_get_mapping(sqlite3_stmt *s, struct mapping **ret_mapping)
{
	struct mapping m;
	int64_t start, end, offset, inode, major, minor, hugetlb;
	const char *name;
	int length;

	memset(&m, 0, sizeof(m));
	if (reader_number(s, COLUMN_START, INT64_MIN, INT64_MAX, &start) ||
	    reader_number(s, COLUMN_END, INT64_MIN, INT64_MAX, &end) ||
	    reader_number(s, COLUMN_OFFSET, INT64_MIN, INT64_MAX, &offset) ||
	    reader_number(s, COLUMN_INODE, INT64_MIN, INT64_MAX, &inode) ||
	    reader_number(s, COLUMN_DEV_MAJOR, 0, DEVICE_MAX, &major) ||
	    reader_number(s, COLUMN_DEV_MINOR, 0, DEVICE_MAX, &minor) ||
	    reader_number(s, COLUMN_HUGETLB_FILE, 0, 1, &hugetlb) ||
	    reader_layout_reader_get_perms(s, m.perms) ||
	    reader_layout_reader_get_kind(s, &m.kind) ||
	    reader_layout_reader_get_word(s, COLUMN_NAME, &name, &length) ||
	    length > NAME_MAX_BYTES)
		return -EBADMSG;
	m.start = (uint64_t)start;
	m.end = (uint64_t)end;
	m.offset = (uint64_t)offset;
	m.inode = (uint64_t)inode;
	m.dev_major = (uint32_t)major;
	m.dev_minor = (uint32_t)minor;
	m.hugetlb_file = hugetlb;
	if (m.start >= m.end || (m.start | m.end) & (PMTOP_PAGE_SIZE - 1))
		return -EBADMSG;
	*ret_mapping = mapping_new(&m, name, (size_t)length);
	return *ret_mapping ? 0 : -ENOMEM;
}

/* The columns in the order of the check: the numbers but last_sample, and then the texts. */
static bool reader_layout_reader_check_row(sqlite3_stmt *s)
{
	static const uint8_t numbers[] = {
		COLUMN_ID,	   COLUMN_LINEAGE,	COLUMN_FIRST,	      COLUMN_START,
		COLUMN_END,	   COLUMN_OFFSET,	COLUMN_INODE,	      COLUMN_DEV_MAJOR,
		COLUMN_DEV_MINOR,  COLUMN_HUGETLB_FILE, COLUMN_READ,	      COLUMN_MARKS_KNOWN,
		COLUMN_DOUBT,	   COLUMN_SLOTS_KNOWN,	COLUMN_SWAP_UNPLACED, COLUMN_FILL_STATE,
		COLUMN_FILL_MARKS,
	};
	static const uint8_t texts[] = { COLUMN_PERMS, COLUMN_KIND, COLUMN_NAME };
	uint32_t check = LOG_CHECK_START;

	for (size_t i = 0; i < sizeof(numbers); i++)
		check = log_check_number(check, sqlite3_column_int64(s, numbers[i]));
	for (size_t i = 0; i < sizeof(texts); i++) {
		const void *text = sqlite3_column_text(s, texts[i]);

		if (!text)
			return false;
		check = log_check_bytes(check, text, (size_t)sqlite3_column_bytes(s, texts[i]));
	}
	return sqlite3_column_int64(s, COLUMN_CHECK) == check;
}

#define ANY_SAMPLE UINT64_MAX

/* One row; *ret_in_force says whether it covers the sample. */
static int reader_layout_reader_get_row(sqlite3_stmt *s, uint64_t sample,
					struct read_mapping *ret_row, bool *ret_in_force)
{
	int64_t first, read, marks, doubt, slots, unplaced, state, fill_marks;
	struct read_mapping row = { .last_sample = INT64_MAX };
	int code;

	if (reader_number(s, COLUMN_ID, 1, INT64_MAX, &row.id) ||
	    reader_number(s, COLUMN_FIRST, 0, INT64_MAX, &first) ||
	    (sqlite3_column_type(s, COLUMN_LAST) != SQLITE_NULL &&
	     reader_number(s, COLUMN_LAST, 0, INT64_MAX, &row.last_sample)) ||
	    reader_number(s, COLUMN_READ, 0, 1, &read) ||
	    reader_number(s, COLUMN_MARKS_KNOWN, 0, MARKS_MAX, &marks) ||
	    reader_number(s, COLUMN_DOUBT, 0, DOUBTS - 1, &doubt) ||
	    reader_number(s, COLUMN_SLOTS_KNOWN, 0, 1, &slots) ||
	    reader_number(s, COLUMN_SWAP_UNPLACED, 0, INT64_MAX, &unplaced) ||
	    reader_number(s, COLUMN_FILL_STATE, 0, PAGE_STATES - 1, &state) ||
	    reader_number(s, COLUMN_FILL_MARKS, 0, MARKS_MAX, &fill_marks))
		return -EBADMSG;
	*ret_in_force = sample == ANY_SAMPLE ||
			((uint64_t)first <= sample && (uint64_t)row.last_sample >= sample);
	if (!*ret_in_force)
		return 0;
	row.first_sample = (uint64_t)first;
	row.read = read;
	row.facts.marks_known = (uint16_t)marks;
	row.facts.doubt = (uint8_t)doubt;
	row.facts.slots_known = slots;
	row.facts.swap_unplaced = (uint64_t)unplaced;
	row.fill_state = (uint8_t)state;
	row.fill_marks = (uint16_t)fill_marks;
	code = reader_layout_reader_check_row(s) ? reader_layout_reader_get_mapping(s, &row.mapping)
						 : -EBADMSG;
	if (code)
		return code;
	if (row.facts.swap_unplaced > mapping_pages(row.mapping)) {
		mapping_unref(row.mapping);
		return -EBADMSG;
	}
	*ret_row = row;
	return 0;
}

int reader_get_mapping_row(sqlite3_stmt *statement, struct read_mapping *ret_row)
{
	bool in_force;

	return reader_layout_reader_get_row(statement, ANY_SAMPLE, ret_row, &in_force);
}

static int reader_layout_reader_add_row(struct read_layout *layout, size_t *room,
					const struct read_mapping *row)
{
	if (layout->count == READER_MAPPINGS_MAX)
		return -EFBIG;
	if (layout->count == *room) {
		size_t more = *room ? *room * 2 : 64;
		struct read_mapping *rows = realloc(layout->rows, more * sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		layout->rows = rows;
		*room = more;
	}
	layout->rows[layout->count++] = *row;
	return 0;
}

static int reader_layout_reader_add_from_statement(sqlite3_stmt *s, uint64_t sample,
						   struct read_layout *layout, size_t *room)
{
	struct read_mapping row;
	bool in_force;
	int code = reader_layout_reader_get_row(s, sample, &row, &in_force);

	if (code || !in_force)
		return code;
	code = reader_layout_reader_add_row(layout, room, &row);
	if (code)
		mapping_unref(row.mapping);
	return code;
}

/* The rows that a layout blob lists. */
static int reader_layout_reader_add_listed(struct log_reader *reader, uint64_t sample,
					   const void *data, size_t size,
					   struct read_layout *layout, size_t *room)
{
	unsigned long long raw_size = log_raw_size(reader->codec, data, size);
	CLEANUP(cleanup_free) uint8_t *raw = NULL;
	const uint8_t *at;
	uint64_t id = 0, step;
	int code = 0, n;

	if (raw_size > (unsigned long long)READER_MAPPINGS_MAX * LOG_NUMBER_MAX)
		return -EBADMSG;
	raw = malloc(raw_size + 1);
	if (!raw)
		return -ENOMEM;
	n = log_decompress(reader->codec, data, size, raw, raw_size);
	if (n < 0)
		return -EBADMSG;
	for (at = raw; !code && at < raw + n;) {
		sqlite3_stmt *s = reader_use(reader, READ_MAPPING);

		/* Ascending, so that no mapping is listed twice. */
		if (log_get_number(&at, raw + n, &step) || !step || step > INT64_MAX - id)
			return -EBADMSG;
		id += step;
		sqlite3_bind_int64(s, 1, (int64_t)id);
		if (sqlite3_step(s) != SQLITE_ROW)
			return -EBADMSG;
		code = reader_layout_reader_add_from_statement(s, sample, layout, room);
		sqlite3_reset(s);
	}
	return code;
}

static int reader_layout_reader_add_after(struct log_reader *reader, uint64_t sample, int64_t after,
					  int64_t to, struct read_layout *layout, size_t *room)
{
	sqlite3_stmt *s = reader_use(reader, READ_MAPPINGS_AFTER);
	int result, code = 0;

	sqlite3_bind_int64(s, 1, after);
	sqlite3_bind_int64(s, 2, to);
	while (!code && (result = sqlite3_step(s)) == SQLITE_ROW)
		code = reader_layout_reader_add_from_statement(s, sample, layout, room);
	sqlite3_reset(s);
	return code ? code : result == SQLITE_DONE ? 0 : -EBADMSG;
}

/* From the newest list at or before the sample. */
static int reader_layout_reader_add_from_layout(struct log_reader *reader, uint64_t sample,
						const struct read_sample *row,
						struct read_layout *layout, size_t *room)
{
	sqlite3_stmt *s = reader_use(reader, READ_LAYOUT);
	struct read_sample listed = { 0 };
	int64_t at;
	int code;

	sqlite3_bind_int64(s, 1, (int64_t)sample);
	if (sqlite3_step(s) != SQLITE_ROW || reader_number(s, 0, 0, (int64_t)sample, &at) ||
	    sqlite3_column_type(s, 1) != SQLITE_BLOB)
		return -EBADMSG;
	code = reader_layout_reader_add_listed(reader, sample, sqlite3_column_blob(s, 1),
					       (size_t)sqlite3_column_bytes(s, 1), layout, room);
	sqlite3_reset(s);
	if (!code)
		code = reader_read_sample(reader, (uint64_t)at, &listed, NULL);
	if (!code)
		code = reader_layout_reader_add_after(reader, sample, listed.last_mapping,
						      row->last_mapping, layout, room);
	return code;
}

static int reader_layout_compare_rows(const void *a, const void *b)
{
	const struct read_mapping *x = a, *y = b;

	return x->mapping->start < y->mapping->start ? -1 : x->mapping->start > y->mapping->start;
}

/* Ascending by address, and no two on the same page. */
static int reader_layout_reader_sort_rows(struct read_layout *layout)
{
	if (layout->count)
		qsort(layout->rows, layout->count, sizeof(*layout->rows),
		      reader_layout_compare_rows);
	for (size_t i = 1; i < layout->count; i++)
		if (layout->rows[i].mapping->start < layout->rows[i - 1].mapping->end)
			return -EBADMSG;
	return 0;
}

int reader_read_layout(struct log_reader *reader, uint64_t sample, const struct read_sample *row,
		       const struct read_layout *from, int64_t from_last_mapping,
		       struct read_layout *ret_layout, struct log_error *error)
{
	CLEANUP(read_layout_free) struct read_layout layout = { 0 };
	size_t room = 0;
	int code = 0;

	for (size_t i = 0; !code && from && i < from->count; i++) {
		if ((uint64_t)from->rows[i].last_sample < sample)
			continue;
		code = reader_layout_reader_add_row(&layout, &room, &from->rows[i]);
		if (!code)
			mapping_ref(from->rows[i].mapping);
	}
	if (!code)
		code = from ? reader_layout_reader_add_after(reader, sample, from_last_mapping,
							     row->last_mapping, &layout, &room)
			    : reader_layout_reader_add_from_layout(reader, sample, row, &layout,
								   &room);
	if (!code)
		code = reader_layout_reader_sort_rows(&layout);
	if (code == -EBADMSG)
		return reader_damaged(reader, sample, "its mappings make no sense", error);
	if (code)
		return log_fail(error, code, "%s: sample %llu: %s", reader->path,
				(unsigned long long)sample, strerror(-code));
	*ret_layout = layout;
	memset(&layout, 0, sizeof(layout));
	return 0;
}
