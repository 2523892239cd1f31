// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/reader_internal.h"
#include "model/cleanup.h"

/* Writing into a log that is being read: bookmarks, and nothing else. */

/* Another program may be reading it at this moment. */
#define BUSY_MS 500

/* Whether the path still leads to the file that is being read. */
static bool is_same_file(const struct log_reader *reader)
{
	struct stat found;

	return !stat(reader->path, &found) && found.st_dev == reader->device &&
	       found.st_ino == reader->inode;
}

/*
 * The lock that recorders hold as long as they live. The descriptor stays open until the reader is
 * freed: closing it earlier would drop SQLite's POSIX locks on the same file.
 */
static int lock(struct log_reader *reader, struct log_error *error)
{
	const char *path = reader->path;

	if (reader->lock_fd < 0)
		reader->lock_fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (reader->lock_fd < 0)
		return log_fail(error, -errno, "%s: %s", path, strerror(errno));
	if (flock(reader->lock_fd, LOCK_EX | LOCK_NB))
		return log_fail(error, -EBUSY, "%s: it is being recorded", path);
	if (is_same_file(reader))
		return 0;
	flock(reader->lock_fd, LOCK_UN);
	return log_fail(error, -ESTALE, "%s: somebody removed or replaced it", path);
}

/* Found out before SQLite marks the log as one with a WAL, which cannot be made there. */
static int check_directory(const struct log_reader *reader, struct log_error *error)
{
	CLEANUP(cleanup_free) char *copy = strdup(reader->path);

	if (!copy)
		return log_fail(error, -ENOMEM, "%s", strerror(ENOMEM));
	if (!faccessat(AT_FDCWD, dirname(copy), W_OK | X_OK, AT_EACCESS))
		return 0;
	return log_fail(error, -errno, "%s: its directory cannot be written to", reader->path);
}

static bool is_wal(sqlite3 *db)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *s = NULL;
	const char *mode;

	if (database_prepare(db, "PRAGMA journal_mode", &s) || sqlite3_step(s) != SQLITE_ROW)
		return false;
	mode = (const char *)sqlite3_column_text(s, 0);
	return mode && !strcmp(mode, "wal");
}

/* Through a WAL as the writer does, for its reasons: whoever is killed here leaves a whole log. */
static int enter_wal(sqlite3 *db)
{
	int result = SQLITE_OK;

	if (!is_wal(db))
		result = sqlite3_exec(db, "PRAGMA journal_mode=MEMORY; PRAGMA journal_mode=WAL",
				      NULL, NULL, NULL);
	if (!result && !is_wal(db))
		result = SQLITE_CANTOPEN;
	return result ? result : sqlite3_exec(db, "PRAGMA synchronous=FULL", NULL, NULL, NULL);
}

static int insert(sqlite3 *db, uint64_t sample, int64_t taken_ns, const char *name)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *s = NULL;
	int result = database_prepare(db, "INSERT INTO event VALUES(NULL,?1,?2,?3,NULL,?4)", &s);

	if (result)
		return result;
	sqlite3_bind_int64(s, 1, (int64_t)sample);
	sqlite3_bind_int64(s, 2, taken_ns);
	sqlite3_bind_text(s, 3, event_words[EVENT_BOOKMARK].name, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, name, -1, SQLITE_STATIC);
	result = sqlite3_step(s);
	return result == SQLITE_DONE ? SQLITE_OK : result;
}

int log_reader_keep_bookmark(struct log_reader *reader, uint64_t sample, int64_t taken_ns,
			     const char *name, struct log_error *error)
{
	struct database_budget budget = { DATABASE_BUDGET };
	sqlite3 *db = NULL;
	int code, result;

	if (!reader->inode)
		return log_fail(error, -EROFS, "%s: cannot be written to", reader->path);
	code = check_directory(reader, error);
	if (!code)
		code = lock(reader, error);
	if (code)
		return code;
	result = sqlite3_open_v2(reader->path, &db, SQLITE_OPEN_READWRITE, NULL);
	if (!result)
		result = database_harden(db, &budget);
	if (!result)
		result = sqlite3_busy_timeout(db, BUSY_MS);
	if (!result && database_must_not_map(reader->path))
		result = sqlite3_exec(db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL);
	if (!result)
		result = enter_wal(db);
	if (!result)
		result = insert(db, sample, taken_ns, name);
	if (result)
		code = database_error(db, result, reader->path, error);
	/* Whoever else reads it keeps the WAL; then it stays, and is read with the log. */
	sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	sqlite3_exec(db, "PRAGMA journal_mode=MEMORY", NULL, NULL, NULL);
	sqlite3_close(db);
	flock(reader->lock_fd, LOCK_UN);
	return code;
}
