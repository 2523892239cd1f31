/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_SCHEMA_H
#define PMTOP_LOG_SCHEMA_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/pages.h"

/*
 * The tables of a log (log/format.h says what they mean). One descriptor per table says how each
 * column is called, where it lies in the C struct of a row, and what it may hold: the CREATE,
 * INSERT and SELECT statements, the binding and the reading of rows are all made from it. The count
 * columns are those of page_states and page_marks. Only src/log includes this.
 */

enum log_table {
	LOG_ENVIRONMENT,
	LOG_SAMPLE,
	LOG_TOTAL,
	LOG_MAPPING,
	LOG_MAPPING_COUNT,
	LOG_BLOCK,
	LOG_RAW,
	LOG_RAW_LEFT_OUT,
	LOG_EVENT,
	LOG_TABLES
};

/* Bytes that belong to somebody else: to SQLite up to the next step when a row was read. */
struct log_bytes {
	const void *at; /* NULL: SQL NULL */
	int size;
};

/* Counts that may be partly or wholly unknown (SQL NULL). */
struct log_counted {
	struct page_counts counts;
	uint16_t marks_known;
	bool known;
};

/* A number that is SQL NULL. */
#define LOG_NULL INT64_MAX

/* `last_sample` of what is still in force. */
#define LOG_TO_THE_END INT64_MAX

struct row_environment {
	struct log_bytes key, value;
};

struct row_sample {
	int64_t sample, taken_ns, clock_ns, sequence;
	struct log_bytes comm;
	uint8_t known_written, known_shared_swap, known_private_slots, known_shared_slots;
	uint8_t known_swap_exact, skipped;
	int64_t last_mapping, last_block;
};

struct row_total {
	int64_t sample;
	struct log_counted counted;
	int64_t swap_unplaced;
};

struct row_mapping {
	int64_t mapping, lineage, first_sample, last_sample;
	int64_t start, end, offset, inode, dev_major, dev_minor;
	struct log_bytes perms, kind;
	uint8_t hugetlb_file;
	struct log_bytes name;
	uint8_t read;
	uint16_t marks_known;
	uint8_t doubt, slots_known;
	int64_t swap_unplaced;
	uint16_t fill;
};

struct row_mapping_count {
	int64_t mapping, sample;
	struct log_counted counted;
};

/* A row of `block` and of `raw`; base is of the former only. */
struct row_block {
	int64_t id, sample, block;
	int64_t base; /* LOG_NULL: none */
	struct log_bytes data;
};

struct row_raw_left_out {
	int64_t sample, pages;
};

struct row_event {
	int64_t event; /* LOG_NULL: SQLite gives a number */
	int64_t sample, taken_ns;
	struct log_bytes kind;
	int64_t mapping; /* LOG_NULL: none */
	struct log_bytes text;
};

/* An index or a view: a fixed text. */
struct log_extra {
	const char *type, *name, *sql;
};
extern const struct log_extra log_extras[]; /* ends with a row of NULL */

/* No statement that is made here is longer. */
#define LOG_SQL_MAX 4096

const char *log_table_name(enum log_table table);

/* "CREATE TABLE …", which is also what sqlite_schema holds. Each returns buf. */
char *log_create_sql(enum log_table table, char buf[static LOG_SQL_MAX]);
char *log_insert_sql(enum log_table table, char buf[static LOG_SQL_MAX]);
/* "SELECT every column FROM table " and the rest of the statement. */
char *log_select_sql(enum log_table table, const char *rest, char buf[static LOG_SQL_MAX]);

/* Binds a row to an INSERT. The check column is computed. Returns a result of SQLite. */
int log_row_bind(sqlite3_stmt *statement, enum log_table table, const void *row);

/*
 * Reads the row that a SELECT of all columns stands on. -EBADMSG: a column has another type or is
 * out of its bounds, or the check number is not that of the others; then *row is not to be used.
 */
int log_row_read(sqlite3_stmt *statement, enum log_table table, void *ret_row);

#endif
