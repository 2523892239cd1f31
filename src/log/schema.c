// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log/format.h"

enum column_type {
	COLUMN_NUMBER,
	COLUMN_TEXT,
	COLUMN_BLOB,
	COLUMN_COUNTS, /* one column for each state and each mark */
	COLUMN_CHECK, /* FNV-1a over the columns before it */
};

struct column {
	const char *name;
	enum column_type type;
	const char *declared; /* what follows the type in CREATE TABLE */
	size_t offset, size; /* in the struct of a row; numbers of less than 8 bytes are unsigned */
	int64_t low, high; /* of a number; of a text and a blob, the bytes at most */
	bool unchecked; /* may change after the row was written: not in the check number */
};

#define REQUIRED " NOT NULL"
#define KEY	 " PRIMARY KEY"

#define FIELD(row, field) offsetof(struct row, field), sizeof(((struct row *)0)->field)
#define NUMBER(row, field, declared, low, high)                                                    \
	{                                                                                          \
#field, COLUMN_NUMBER, declared, FIELD(row, field), low, high, false               \
	}
#define COUNTER(row, field) NUMBER(row, field, REQUIRED, 0, INT64_MAX)
#define FLAG(row, field)    NUMBER(row, field, REQUIRED, 0, 1)
#define ANY_64(row, field)  NUMBER(row, field, REQUIRED, INT64_MIN, INT64_MAX)
#define BYTES(row, field, type, declared, most)                                                    \
	{                                                                                          \
#field, type, declared, FIELD(row, field), 0, most, false                          \
	}
#define TEXT(row, field, declared, most) BYTES(row, field, COLUMN_TEXT, declared, most)
#define COUNTS(row)			 BYTES(row, counted, COLUMN_COUNTS, "", 0)
#define CHECK                                                                                      \
	{                                                                                          \
		"\"check\"", COLUMN_CHECK, REQUIRED, 0, 0, 0, 0, false                             \
	}

#define VALUE_MAX    (1 << 20)
#define DEVICE_MAX   0xffffffffLL
#define MARK_SET_MAX ((1 << PAGE_MARKS) - 1)

static const struct column environment_columns[] = {
	TEXT(row_environment, key, KEY, VALUE_MAX),
	TEXT(row_environment, value, REQUIRED, VALUE_MAX),
};

static const struct column sample_columns[] = {
	NUMBER(row_sample, sample, KEY, 0, INT64_MAX - 1),
	/* No clock shows less than 0, so that no difference of two samples is too large. */
	COUNTER(row_sample, taken_ns),
	COUNTER(row_sample, clock_ns),
	COUNTER(row_sample, sequence),
	TEXT(row_sample, comm, REQUIRED, LOG_COMM_MAX),
	FLAG(row_sample, known_written),
	NUMBER(row_sample, known_shared_swap, REQUIRED, 0, 3),
	FLAG(row_sample, known_private_slots),
	FLAG(row_sample, known_shared_slots),
	FLAG(row_sample, known_swap_exact),
	FLAG(row_sample, skipped),
	COUNTER(row_sample, last_mapping),
	COUNTER(row_sample, last_block),
	CHECK,
};

static const struct column total_columns[] = {
	NUMBER(row_total, sample, KEY, 0, INT64_MAX),
	COUNTS(row_total),
	COUNTER(row_total, swap_unplaced),
};

static const struct column mapping_columns[] = {
	NUMBER(row_mapping, mapping, KEY, 1, INT64_MAX),
	COUNTER(row_mapping, lineage),
	COUNTER(row_mapping, first_sample),
	{ "last_sample", COLUMN_NUMBER, REQUIRED, FIELD(row_mapping, last_sample), 0, INT64_MAX,
	  .unchecked = true },
	ANY_64(row_mapping, start),
	ANY_64(row_mapping, end),
	ANY_64(row_mapping, offset),
	ANY_64(row_mapping, inode),
	NUMBER(row_mapping, dev_major, REQUIRED, 0, DEVICE_MAX),
	NUMBER(row_mapping, dev_minor, REQUIRED, 0, DEVICE_MAX),
	TEXT(row_mapping, perms, REQUIRED, 4),
	TEXT(row_mapping, kind, REQUIRED, 16),
	FLAG(row_mapping, hugetlb_file),
	TEXT(row_mapping, name, REQUIRED, LOG_NAME_MAX),
	FLAG(row_mapping, read),
	NUMBER(row_mapping, marks_known, REQUIRED, 0, MARK_SET_MAX),
	NUMBER(row_mapping, doubt, REQUIRED, 0, DOUBTS - 1),
	FLAG(row_mapping, slots_known),
	COUNTER(row_mapping, swap_unplaced),
	NUMBER(row_mapping, fill, REQUIRED, 0, (1 << PAGE_PLANES) - 1),
	CHECK,
};

static const struct column mapping_count_columns[] = {
	NUMBER(row_mapping_count, mapping, "", 1, INT64_MAX),
	NUMBER(row_mapping_count, sample, "", 0, INT64_MAX),
	COUNTS(row_mapping_count),
};

static const struct column block_columns[] = {
	NUMBER(row_block, id, KEY, 1, INT64_MAX),
	COUNTER(row_block, sample),
	NUMBER(row_block, block, REQUIRED, 0, LOG_BLOCK_NUMBER_MAX),
	NUMBER(row_block, base, "", 1, INT64_MAX),
	BYTES(row_block, data, COLUMN_BLOB, "", LOG_DATA_MAX),
};

static const struct column raw_columns[] = {
	NUMBER(row_block, id, KEY, 1, INT64_MAX),
	COUNTER(row_block, sample),
	NUMBER(row_block, block, REQUIRED, 0, LOG_BLOCK_NUMBER_MAX),
	BYTES(row_block, data, COLUMN_BLOB, "", LOG_DATA_MAX),
};

static const struct column raw_left_out_columns[] = {
	NUMBER(row_raw_left_out, sample, KEY, 0, INT64_MAX),
	COUNTER(row_raw_left_out, pages),
};

static const struct column event_columns[] = {
	NUMBER(row_event, event, KEY, 0, INT64_MAX),
	NUMBER(row_event, sample, REQUIRED, 0, INT64_MAX),
	COUNTER(row_event, taken_ns),
	TEXT(row_event, kind, REQUIRED, VALUE_MAX),
	NUMBER(row_event, mapping, "", INT64_MIN, INT64_MAX),
	TEXT(row_event, text, "", VALUE_MAX),
};

struct table {
	const char *name;
	const struct column *columns;
	size_t count;
	const char *key; /* after the columns, or "" */
	const char *options; /* after the parenthesis */
	const char *insert;
};

#define COLUMNS(columns) columns, sizeof(columns) / sizeof(*(columns))

static const struct table tables[LOG_TABLES] = {
	[LOG_ENVIRONMENT] = { "environment", COLUMNS(environment_columns), "", " WITHOUT ROWID",
			      "INSERT OR REPLACE" },
	[LOG_SAMPLE] = { "sample", COLUMNS(sample_columns), "", "", "INSERT" },
	[LOG_TOTAL] = { "total", COLUMNS(total_columns), "", "", "INSERT" },
	[LOG_MAPPING] = { "mapping", COLUMNS(mapping_columns), "", "", "INSERT" },
	[LOG_MAPPING_COUNT] = { "mapping_count", COLUMNS(mapping_count_columns),
				", PRIMARY KEY (mapping, sample)", " WITHOUT ROWID", "INSERT" },
	[LOG_BLOCK] = { "block", COLUMNS(block_columns), "", "", "INSERT" },
	[LOG_RAW] = { "raw", COLUMNS(raw_columns), "", "", "INSERT" },
	[LOG_RAW_LEFT_OUT] = { "raw_left_out", COLUMNS(raw_left_out_columns), "", "", "INSERT" },
	[LOG_EVENT] = { "event", COLUMNS(event_columns), "", "", "INSERT" },
};

const struct log_extra log_extras[] = {
	{ "index", "mapping_by_life",
	  "CREATE INDEX mapping_by_life ON mapping(last_sample, first_sample)" },
	{ "index", "block_by_place", "CREATE UNIQUE INDEX block_by_place ON block(block, sample)" },
	{ "index", "raw_by_place", "CREATE UNIQUE INDEX raw_by_place ON raw(block, sample)" },
	{ "index", "event_by_sample", "CREATE INDEX event_by_sample ON event(sample)" },
	{ "index", "event_by_kind", "CREATE INDEX event_by_kind ON event(kind, text)" },
	{ "view", "mapping_at_sample",
	  "CREATE VIEW mapping_at_sample AS "
	  "SELECT s.sample, s.taken_ns / 1e9 AS time, m.lineage, printf('%x', m.start) AS "
	  "address, (m.end - m.start) / 4096 AS pages, m.perms, m.kind, m.name, c.* "
	  "FROM mapping m JOIN sample s ON s.sample BETWEEN m.first_sample AND m.last_sample "
	  "JOIN mapping_count c ON "
	  "c.mapping = m.mapping AND c.sample = (SELECT max(n.sample) FROM mapping_count n "
	  "WHERE n.mapping = m.mapping AND n.sample <= s.sample)" },
	{ "view", "total_at_sample",
	  "CREATE VIEW total_at_sample AS "
	  "SELECT s.sample AS at, s.taken_ns / 1e9 AS time, t.* FROM sample s JOIN total "
	  "t ON t.sample = (SELECT max(n.sample) FROM total n WHERE n.sample <= s.sample)" },
	{ NULL, NULL, NULL },
};

const char *log_table_name(enum log_table table)
{
	return tables[table].name;
}

/* Appends to a statement. One that found no room is cut off, which SQLite refuses. */
__attribute__((format(printf, 2, 3))) static void schema_append(char *sql, const char *format, ...)
{
	size_t used = strlen(sql);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sql + used, LOG_SQL_MAX - used, format, arguments);
	va_end(arguments);
}

static const char *schema_count_name(int i)
{
	return i < PAGE_STATES ? page_states[i].key : page_marks[i - PAGE_STATES].key;
}

/* How many columns of SQL a column of the table is. */
static int schema_width(const struct column *c)
{
	return c->type == COLUMN_COUNTS ? PAGE_STATES + PAGE_MARKS : 1;
}

/* The names of all columns, each with its type and constraints where they are declared. */
static void schema_append_columns(const struct table *t, bool declared, char *sql)
{
	static const char *const types[] = { " INTEGER", " TEXT", " BLOB", " INTEGER", " INTEGER" };

	for (size_t i = 0; i < t->count; i++) {
		const struct column *c = &t->columns[i];

		for (int k = 0; k < schema_width(c); k++)
			schema_append(sql, "%s%s%s%s", i || k ? ", " : "",
				      c->type == COLUMN_COUNTS ? schema_count_name(k) : c->name,
				      declared ? types[c->type] : "", declared ? c->declared : "");
	}
}

char *log_create_sql(enum log_table table, char buf[static LOG_SQL_MAX])
{
	const struct table *t = &tables[table];

	snprintf(buf, LOG_SQL_MAX, "CREATE TABLE %s(", t->name);
	schema_append_columns(t, true, buf);
	schema_append(buf, "%s)%s", t->key, t->options);
	return buf;
}

char *log_insert_sql(enum log_table table, char buf[static LOG_SQL_MAX])
{
	const struct table *t = &tables[table];
	int width = 0;

	for (size_t i = 0; i < t->count; i++)
		width += schema_width(&t->columns[i]);
	snprintf(buf, LOG_SQL_MAX, "%s INTO %s VALUES(?", t->insert, t->name);
	while (--width)
		schema_append(buf, ",?");
	schema_append(buf, ")");
	return buf;
}

char *log_select_sql(enum log_table table, const char *rest, char buf[static LOG_SQL_MAX])
{
	snprintf(buf, LOG_SQL_MAX, "SELECT ");
	schema_append_columns(&tables[table], false, buf);
	schema_append(buf, " FROM %s %s", tables[table].name, rest);
	return buf;
}

static int64_t schema_get_number(const struct column *c, const void *row)
{
	const void *at = (const char *)row + c->offset;

	switch (c->size) {
	case sizeof(uint8_t):
		return *(const uint8_t *)at;
	case sizeof(uint16_t):
		return *(const uint16_t *)at;
	default:
		return *(const int64_t *)at;
	}
}

static void schema_set_number(const struct column *c, void *row, int64_t number)
{
	void *at = (char *)row + c->offset;

	switch (c->size) {
	case sizeof(uint8_t):
		*(uint8_t *)at = (uint8_t)number;
		break;
	case sizeof(uint16_t):
		*(uint16_t *)at = (uint16_t)number;
		break;
	default:
		*(int64_t *)at = number;
	}
}

static bool schema_may_be_null(const struct column *c)
{
	return strcmp(c->declared, REQUIRED) != 0;
}

static int schema_bind_number(sqlite3_stmt *s, int at, const struct column *c, int64_t number)
{
	if (number == LOG_NULL && schema_may_be_null(c))
		return sqlite3_bind_null(s, at);
	return sqlite3_bind_int64(s, at, number);
}

static int schema_bind_counts(sqlite3_stmt *s, int at, const struct log_counted *counted)
{
	int result = SQLITE_OK;

	for (int i = 0; !result && i < PAGE_STATES; i++, at++)
		result = counted->known
				 ? sqlite3_bind_int64(s, at, (int64_t)counted->counts.state[i])
				 : sqlite3_bind_null(s, at);
	for (int m = 0; !result && m < PAGE_MARKS; m++, at++)
		result = counted->known && counted->marks_known >> m & 1
				 ? sqlite3_bind_int64(s, at, (int64_t)counted->counts.mark[m])
				 : sqlite3_bind_null(s, at);
	return result;
}

/* The check number with one column more. */
static uint32_t schema_check(uint32_t check, const struct column *c, const void *row)
{
	const struct log_bytes *bytes = (const void *)((const char *)row + c->offset);

	if (c->unchecked || c->type == COLUMN_CHECK)
		return check;
	if (c->type == COLUMN_NUMBER)
		return log_check_number(check, schema_get_number(c, row));
	return log_check_bytes(check, bytes->at, (size_t)bytes->size);
}

int log_row_bind(sqlite3_stmt *statement, enum log_table table, const void *row)
{
	const struct table *t = &tables[table];
	uint32_t check = LOG_CHECK_START;
	int result = SQLITE_OK, at = 1;

	for (size_t i = 0; !result && i < t->count; i++) {
		const struct column *c = &t->columns[i];
		const void *field = (const char *)row + c->offset;
		const struct log_bytes *bytes = field;

		switch (c->type) {
		case COLUMN_NUMBER:
			result = schema_bind_number(statement, at, c, schema_get_number(c, row));
			break;
		case COLUMN_TEXT:
			result = sqlite3_bind_text(statement, at, bytes->at, bytes->size,
						   SQLITE_STATIC);
			break;
		case COLUMN_BLOB:
			result = sqlite3_bind_blob(statement, at, bytes->at, bytes->size,
						   SQLITE_STATIC);
			break;
		case COLUMN_COUNTS:
			result = schema_bind_counts(statement, at, field);
			break;
		case COLUMN_CHECK:
			result = sqlite3_bind_int64(statement, at, check);
			break;
		}
		if (c->type != COLUMN_COUNTS)
			check = schema_check(check, c, row);
		at += schema_width(c);
	}
	return result;
}

static int schema_read_number(sqlite3_stmt *s, int at, const struct column *c, int64_t *ret_number)
{
	int type = sqlite3_column_type(s, at);

	if (type == SQLITE_NULL && schema_may_be_null(c)) {
		*ret_number = LOG_NULL;
		return 0;
	}
	*ret_number = sqlite3_column_int64(s, at);
	return type == SQLITE_INTEGER && *ret_number >= c->low && *ret_number <= c->high ? 0
											 : -EBADMSG;
}

static int schema_read_bytes(sqlite3_stmt *s, int at, const struct column *c,
			     struct log_bytes *ret_bytes)
{
	int type = sqlite3_column_type(s, at);

	*ret_bytes = (struct log_bytes){ 0 };
	if (type == SQLITE_NULL)
		return schema_may_be_null(c) ? 0 : -EBADMSG;
	if (type != (c->type == COLUMN_TEXT ? SQLITE_TEXT : SQLITE_BLOB))
		return -EBADMSG;
	ret_bytes->at = type == SQLITE_TEXT ? (const void *)sqlite3_column_text(s, at)
					    : sqlite3_column_blob(s, at);
	ret_bytes->size = sqlite3_column_bytes(s, at);
	if (!ret_bytes->at || ret_bytes->size > c->high)
		return -EBADMSG;
	return type == SQLITE_TEXT && memchr(ret_bytes->at, '\0', (size_t)ret_bytes->size)
		       ? -EBADMSG
		       : 0;
}

static int schema_read_counts(sqlite3_stmt *s, int at, struct log_counted *ret_counted)
{
	const struct column c = { .high = INT64_MAX, .declared = "" };
	struct log_counted counted = { .known = true };
	int64_t number;

	for (int i = 0; i < PAGE_STATES + PAGE_MARKS; i++) {
		if (schema_read_number(s, at + i, &c, &number))
			return -EBADMSG;
		if (i < PAGE_STATES)
			counted.counts.state[i] = (uint64_t)number;
		else if (number != LOG_NULL)
			counted.counts.mark[i - PAGE_STATES] = (uint64_t)number;
		if (number == LOG_NULL && i < PAGE_STATES)
			counted.known = false;
		else if (number != LOG_NULL && i >= PAGE_STATES)
			counted.marks_known |= (uint16_t)(1 << (i - PAGE_STATES));
	}
	*ret_counted = counted;
	return 0;
}

int log_row_read(sqlite3_stmt *statement, enum log_table table, void *ret_row)
{
	const struct table *t = &tables[table];
	uint32_t check = LOG_CHECK_START;
	int code = 0, at = 0;

	for (size_t i = 0; !code && i < t->count; i++) {
		const struct column *c = &t->columns[i];
		void *field = (char *)ret_row + c->offset;
		int64_t number = 0;

		if (c->type == COLUMN_NUMBER)
			code = schema_read_number(statement, at, c, &number);
		else if (c->type == COLUMN_COUNTS)
			code = schema_read_counts(statement, at, field);
		else if (c->type != COLUMN_CHECK)
			code = schema_read_bytes(statement, at, c, field);
		else if (sqlite3_column_int64(statement, at) != check)
			code = -EBADMSG;
		if (!code && c->type == COLUMN_NUMBER)
			schema_set_number(c, ret_row, number);
		if (!code && c->type != COLUMN_COUNTS)
			check = schema_check(check, c, ret_row);
		at += schema_width(c);
	}
	return code;
}
