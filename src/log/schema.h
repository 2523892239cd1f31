/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_SCHEMA_H
#define PMTOP_LOG_SCHEMA_H

/*
 * The tables of a log, as pmtop-log(5) describes them. A log is an SQLite database with this
 * application id, and its user_version is the number of the schema.
 */

#define LOG_APPLICATION_ID 0x706d7470 /* "pmtp" */
#define LOG_SCHEMA_VERSION 2

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

/* The tables and indexes of a schema from 1 to LOG_SCHEMA_VERSION, in the same form. */
const struct log_table *log_schema_of(int version);

/* Columns of counts, in the order of enum page_state and then of the bits of enum page_mark. */
#define LOG_COUNT_COLUMNS                                                                          \
	"none, anon, file, shmem, zero, cached, swap, shared_swap, migrating, guard, poison, "     \
	"unknown, written, exclusive, uffd_wp, huge, hugetlb, ksm, lazyfree, allocated, "          \
	"swap_cached"

/* Every sample with all its columns, as schema 1 kept them. */
#define LOG_SELECT_SAMPLES                                                                         \
	"SELECT s.sample, p.taken_ns + s.after_ns + s.drift_ns AS taken_ns, "                      \
	"p.clock_ns + s.after_ns AS clock_ns, p.sequence + s.sample - p.sample AS sequence, "      \
	"p.comm, p.known_written, p.known_shared_swap, p.known_private_slots, "                    \
	"p.known_shared_slots, p.known_swap_exact, s.skipped, p.last_mapping, p.last_block, "      \
	"s.\"check\" FROM sample s JOIN phase p ON p.sample = "                                    \
	"(SELECT max(n.sample) FROM phase n WHERE n.sample <= s.sample)"

#endif
