/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_SCHEMA_H
#define PMTOP_LOG_SCHEMA_H

/*
 * The tables of a log, as pmtop-log(5) describes them. A log is an SQLite database with this
 * application id, and its user_version is the number of the schema.
 */

#define LOG_APPLICATION_ID 0x706d7470 /* "pmtp" */
#define LOG_SCHEMA_VERSION 1

struct log_table {
	const char *type; /* "table", "index" or "view", as in sqlite_schema */
	const char *name;
	const char *sql;
};

/*
 * Everything that a log holds, in the order of creation; ends with a row of NULL. The reader wants
 * tables and indexes to be exactly these, and looks at nothing else, so that nobody's view, trigger
 * or generated column is ever run.
 */
extern const struct log_table log_schema[];

/* Columns of counts, in the order of enum page_state and then of the bits of enum page_mark. */
#define LOG_COUNT_COLUMNS                                                                          \
	"none, anon, file, shmem, zero, cached, swap, shared_swap, migrating, guard, poison, "     \
	"unknown, written, exclusive, uffd_wp, huge, hugetlb, ksm, lazyfree, allocated, "          \
	"swap_cached"

#endif
