// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/sqlite.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/cleanup.h"

#define PROGRESS_STEPS 10000
#define VALUE_MAX      (16 << 20)

/*
 * What the system said. SQLite 3.40 forgets it for a write into the WAL, but the file that could
 * not be written still knows.
 */
static int sqlite_system_error(sqlite3 *db)
{
	static const int pointers[] = { SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER };
	int number = db ? sqlite3_system_errno(db) : 0;

	for (size_t i = 0; db && !number && i < sizeof(pointers) / sizeof(*pointers); i++) {
		sqlite3_file *file = NULL;

		if (!sqlite3_file_control(db, "main", pointers[i], &file) && file && file->pMethods)
			file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number);
	}
	return number;
}

static int sqlite_result_errno(sqlite3 *db, int result)
{
	int system = sqlite_system_error(db);

	switch (result & 0xff) {
	case SQLITE_FULL:
		return system == EDQUOT ? -EDQUOT : -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_TOOBIG:
	case SQLITE_INTERRUPT:
	case SQLITE_SCHEMA:
	case SQLITE_ERROR:
		return -EBADMSG;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		if (system == ENOSPC || system == EDQUOT || system == EACCES || system == EFBIG)
			return -system;
		return -EIO;
	default:
		return -EIO;
	}
}

int sqlite_error(sqlite3 *db, int result, const char *what, struct error *error)
{
	int code = sqlite_result_errno(db, result);

	if (result == SQLITE_INTERRUPT)
		return error_set(error, code, "%s: damaged: a search in it does not end", what);
	if (code == -ENOSPC || code == -EDQUOT || code == -EACCES)
		return error_set(error, code, "%s: %s", what, strerror(-code));
	return error_set(error, code, "%s: %s%s", what, code == -EBADMSG ? "damaged: " : "",
			 db ? sqlite3_errmsg(db) : sqlite3_errstr(result));
}

bool sqlite_reached_limit(sqlite3 *db, int result)
{
	int system;

	if ((result & 0xff) != SQLITE_FULL)
		return false;
	system = sqlite_system_error(db);
	return system != ENOSPC && system != EDQUOT;
}

static int sqlite_spend(void *context)
{
	struct sqlite_budget *budget = context;

	if (!budget->left)
		return 1;
	budget->left--;
	return 0;
}

int sqlite_harden(sqlite3 *db, struct sqlite_budget *budget)
{
	static const struct {
		int limit, value;
	} limits[] = {
		{ SQLITE_LIMIT_LENGTH, VALUE_MAX },
		{ SQLITE_LIMIT_SQL_LENGTH, 16384 },
		{ SQLITE_LIMIT_COLUMN, 64 },
		{ SQLITE_LIMIT_EXPR_DEPTH, 20 },
		{ SQLITE_LIMIT_COMPOUND_SELECT, 3 },
		{ SQLITE_LIMIT_VDBE_OP, 25000 },
		{ SQLITE_LIMIT_FUNCTION_ARG, 8 },
		{ SQLITE_LIMIT_ATTACHED, 0 },
		{ SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50 },
		{ SQLITE_LIMIT_TRIGGER_DEPTH, 1 },
		{ SQLITE_LIMIT_WORKER_THREADS, 0 },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		sqlite3_limit(db, limits[i].limit, limits[i].value);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_progress_handler(db, PROGRESS_STEPS, sqlite_spend, budget);
	return sqlite3_exec(db,
			    "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; "
			    "PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY",
			    NULL, NULL, NULL);
}

bool sqlite_must_not_map(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BTRFS_SUPER_MAGIC;
}

int sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret_statement)
{
	return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL);
}

int sqlite_number(sqlite3 *db, const char *sql, int64_t *ret_number)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;

	if (sqlite_prepare(db, sql, &statement) || sqlite3_step(statement) != SQLITE_ROW ||
	    sqlite3_column_type(statement, 0) != SQLITE_INTEGER)
		return -EBADMSG;
	*ret_number = sqlite3_column_int64(statement, 0);
	return 0;
}

int sqlite_bind_numbers(sqlite3_stmt *statement, size_t count, const int64_t *numbers)
{
	int result = sqlite3_clear_bindings(statement);

	for (size_t i = 0; !result && i < count; i++)
		result = sqlite3_bind_int64(statement, (int)i + 1, numbers[i]);
	return result;
}

int sqlite_column_number(sqlite3_stmt *statement, int column, int64_t low, int64_t high,
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
