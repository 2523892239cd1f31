/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_SQLITE_H
#define PMTOP_LOG_SQLITE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * What writer and reader share of SQLite: opening with the bolts shut, statements, errors as errno
 * with a sentence. Only src/log includes this.
 */

/*
 * Turns a result of SQLite into -errno and a sentence that starts with `what`:
 * -ENOSPC disk full, -EDQUOT quota, -EROFS, -EBUSY, -EBADMSG damaged, -ENOMEM, -EIO the rest.
 */
int sqlite_error(sqlite3 *db, int result, const char *what, struct error *error);

/*
 * Whether a result says that max_page_count is reached; a full disk looks alike, but is not meant.
 */
bool sqlite_reached_limit(sqlite3 *db, int result);

/*
 * Shuts what a log never needs: triggers, views in the schema's name, functions with side effects,
 * attaching, long values and deep expressions; and lets nothing run longer than `budget` allows.
 */
struct sqlite_budget {
	uint64_t left; /* steps of PROGRESS_STEPS virtual machine instructions */
};
int sqlite_harden(sqlite3 *db, struct sqlite_budget *budget);

/* Enough for the largest honest sample, and about a second on a small machine. */
#define SQLITE_BUDGET 20000

/* A whole number of a PRAGMA or SELECT of one row. -EBADMSG when there is none. */
int sqlite_number(sqlite3 *db, const char *sql, int64_t *ret_number);

int sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret_statement);

/* Binds numbers from position 1 on; every other parameter is NULL. Returns a result of SQLite. */
int sqlite_bind_numbers(sqlite3_stmt *statement, size_t count, const int64_t *numbers);

/* A column that must be a number from low to high; -EBADMSG otherwise. */
int sqlite_column_number(sqlite3_stmt *statement, int column, int64_t low, int64_t high,
			 int64_t *ret_number);

/*
 * Whether pages of a file that is mapped may find no room when they are written: so on btrfs, whose
 * every write is to a new place. SQLite maps FILE-shm, and would be killed (SIGBUS, seen on 6.18
 * with a quota that was used up). There a log keeps the index of its WAL in memory, for one program
 * alone.
 */
bool sqlite_must_not_map(const char *path);

static inline void cleanup_statement(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}

#endif
