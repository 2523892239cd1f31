// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "log/file.h"
#include "log/reader_internal.h"

/* Writing into a log that is being read: bookmarks, and nothing else. */

/* Another program may be reading it at this moment. */
#define BUSY_MS 500

/* Room for a WAL with a bookmark in it, and for its index. */
#define ROOM 65536

/* Whether its place is still that of the file that is being read. */
static bool bookmark_is_same_file(const struct log_reader *reader)
{
	struct stat found;

	return !stat(reader->file, &found) && found.st_dev == reader->device &&
	       found.st_ino == reader->inode;
}

/*
 * The lock that recorders hold as long as they live. The descriptor stays open until the reader is
 * freed: closing it earlier would drop SQLite's POSIX locks on the same file.
 */
static int bookmark_lock(struct log_reader *reader, struct error *error)
{
	const char *path = reader->path;

	if (reader->lock_fd < 0)
		reader->lock_fd = open(reader->file, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (reader->lock_fd < 0)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	if (flock(reader->lock_fd, LOCK_EX | LOCK_NB))
		return error_set(error, -EBUSY, "%s: it is being recorded", path);
	if (bookmark_is_same_file(reader))
		return 0;
	flock(reader->lock_fd, LOCK_UN);
	return error_set(error, -ESTALE, "%s: somebody removed or replaced it", path);
}

/*
 * Writes as much as a WAL needs, into a file without a name. 0 also where there are no such files.
 */
static int bookmark_try_room(const char *directory)
{
	static const char nothing[4096];
	CLEANUP(cleanup_close) int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL ? 0 : -errno;
	for (int written = 0; written < ROOM; written += (int)sizeof(nothing)) {
		ssize_t n = write(fd, nothing, sizeof(nothing));

		if (n != (ssize_t)sizeof(nothing))
			return n < 0 ? -errno : -ENOSPC;
	}
	return 0;
}

/* What is there already under a name that SQLite needs must be a file that it can use. */
static int bookmark_check_beside(const struct log_reader *reader, enum sidecar which,
				 struct error *error)
{
	char side[SIDECAR_PATH_MAX];
	struct stat st = { 0 };

	sidecar_path(reader->file, which, side);
	if (lstat(side, &st) && errno == ENOENT)
		return 0;
	if (S_ISREG(st.st_mode) && !faccessat(AT_FDCWD, side, R_OK | W_OK, AT_EACCESS))
		return 0;
	return error_set(error, -EACCES, "%s%s is in the way: it cannot be written to",
			 reader->path, sidecar_suffixes[which]);
}

/*
 * Found out before SQLite marks the log as one with a WAL: where none can be made, none can open
 * it.
 */
static int bookmark_check_place(const struct log_reader *reader, struct error *error)
{
	CLEANUP(cleanup_free) char *copy = strdup(reader->file);
	const char *directory;
	int code;

	if (!copy)
		return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	directory = dirname(copy);
	if (faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS))
		return error_set(error, -errno, "%s: its directory cannot be written to",
				 reader->path);
	code = bookmark_check_beside(reader, SIDECAR_WAL, error);
	if (!code)
		code = bookmark_check_beside(reader, SIDECAR_SHM, error);
	if (code)
		return code;
	code = bookmark_try_room(directory);
	return code ? error_set(error, code, "%s: no room in its directory: %s", reader->path,
				strerror(-code))
		    : 0;
}

static bool bookmark_is_wal(sqlite3 *db)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *s = NULL;
	const char *mode;

	if (sqlite_prepare(db, "PRAGMA journal_mode", &s) || sqlite3_step(s) != SQLITE_ROW)
		return false;
	mode = (const char *)sqlite3_column_text(s, 0);
	return mode && !strcmp(mode, "wal");
}

/* Through a WAL as the writer does, for its reasons: whoever is killed here leaves a whole log. */
static int bookmark_enter_wal(sqlite3 *db)
{
	int result = SQLITE_OK;

	if (!bookmark_is_wal(db))
		result = sqlite3_exec(db, "PRAGMA journal_mode=MEMORY; PRAGMA journal_mode=WAL",
				      NULL, NULL, NULL);
	if (!result && !bookmark_is_wal(db))
		result = SQLITE_CANTOPEN;
	return result ? result : sqlite3_exec(db, "PRAGMA synchronous=FULL", NULL, NULL, NULL);
}

static int bookmark_insert(sqlite3 *db, uint64_t sample, int64_t taken_ns, const char *name)
{
	const char *kind = event_words[EVENT_BOOKMARK].name;
	const struct row_event row = { .event = LOG_NULL,
				       .sample = (int64_t)sample,
				       .taken_ns = taken_ns,
				       .kind = { kind, (int)strlen(kind) },
				       .mapping = LOG_NULL,
				       .text = { name, (int)strlen(name) } };
	CLEANUP(cleanup_statement) sqlite3_stmt *s = NULL;
	char sql[LOG_SQL_MAX];
	int result = sqlite_prepare(db, log_insert_sql(LOG_EVENT, sql), &s);

	if (!result)
		result = log_row_bind(s, LOG_EVENT, &row);
	if (!result)
		result = sqlite3_step(s);
	return result == SQLITE_DONE ? SQLITE_OK : result;
}

int log_reader_keep_bookmark(struct log_reader *reader, uint64_t sample, int64_t taken_ns,
			     const char *name, struct error *error)
{
	struct sqlite_budget budget = { SQLITE_BUDGET };
	sqlite3 *db = NULL;
	int code, result;

	if (!reader->inode)
		return error_set(error, -EROFS, "%s: cannot be written to", reader->path);
	code = bookmark_check_place(reader, error);
	if (!code)
		code = bookmark_lock(reader, error);
	if (code)
		return code;
	/* Where something was damaged, one may stand on a row: the file would be locked by us. */
	for (int i = 0; i < READER_STATEMENTS; i++)
		sqlite3_reset(reader->statements[i]);
	result = sqlite3_open_v2(reader->file, &db, SQLITE_OPEN_READWRITE, NULL);
	if (!result)
		result = sqlite_harden(db, &budget);
	if (!result)
		result = sqlite3_busy_timeout(db, BUSY_MS);
	if (!result && (reader->foreign || sqlite_must_not_map(reader->file)))
		result = sqlite3_exec(db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL);
	if (!result)
		result = bookmark_enter_wal(db);
	if (!result)
		result = bookmark_insert(db, sample, taken_ns, name);
	if (result)
		code = sqlite_error(db, result, reader->path, error);
	/* Whoever else reads it keeps the WAL; then it stays, and is read with the log. */
	sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	sqlite3_exec(db, "PRAGMA journal_mode=MEMORY", NULL, NULL, NULL);
	sqlite3_close(db);
	flock(reader->lock_fd, LOCK_UN);
	return code;
}
