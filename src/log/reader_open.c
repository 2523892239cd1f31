// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "log/file.h"
#include "log/raw_chain.h"
#include "log/reader_internal.h"

#define NO_TABLE LOG_TABLES

/* Statements: of all columns of a table, or of the whole text. */
static const struct {
	enum log_table table;
	const char *sql;
} statements[READER_STATEMENTS] = {
	[READ_SAMPLE] = { LOG_SAMPLE, "WHERE sample = ?1" },
	[READ_CLOCKS] = { NO_TABLE, "SELECT sample, taken_ns, clock_ns FROM sample WHERE "
				    "sample < ?1 ORDER BY sample" },
	[READ_TOTAL] = { LOG_TOTAL, "WHERE sample <= ?1 ORDER BY sample DESC LIMIT 1" },
	[READ_TOTALS_FROM] = { LOG_TOTAL, "WHERE sample > ?1 AND sample < ?2 ORDER BY sample" },
	[READ_MAPPINGS_AT] = { LOG_MAPPING, "INDEXED BY mapping_by_life WHERE last_sample >= ?1 "
					    "AND first_sample <= ?1" },
	[READ_MAPPINGS_AFTER] = { LOG_MAPPING,
				  "WHERE mapping > ?1 AND mapping <= ?2 ORDER BY mapping" },
	[READ_NEXT_BLOCK] = { NO_TABLE, "SELECT block FROM block INDEXED BY block_by_place WHERE "
					"block >= ?1 ORDER BY block LIMIT 1" },
	[READ_BLOCK_AT] = { LOG_BLOCK, "INDEXED BY block_by_place WHERE block = ?1 AND "
				       "sample <= ?2 ORDER BY sample DESC LIMIT 1" },
	[READ_BLOCK] = { LOG_BLOCK, "WHERE id = ?1" },
	[READ_BLOCKS_BETWEEN] = { NO_TABLE,
				  "SELECT block FROM block WHERE id > ?1 AND id <= ?2 ORDER BY id" },
	[READ_BLOCK_CHANGE_AFTER] = { NO_TABLE,
				      "SELECT sample FROM block INDEXED BY block_by_place WHERE "
				      "block = ?1 AND sample > ?2 AND sample < ?3 ORDER BY sample "
				      "LIMIT 1" },
	[READ_BLOCK_CHANGE_BEFORE] = { NO_TABLE,
				       "SELECT sample FROM block INDEXED BY block_by_place WHERE "
				       "block = ?1 AND sample <= ?2 ORDER BY sample DESC LIMIT 1" },
	[READ_RAW] = { LOG_RAW, LOG_RAW_NEWEST },
	[READ_EVENT_AFTER] = { LOG_EVENT, "INDEXED BY event_by_sample WHERE sample > ?1 AND "
					  "sample < ?2 ORDER BY sample, mapping IS NOT NULL "
					  "LIMIT 1" },
	[READ_EVENT_BEFORE] = { LOG_EVENT, "INDEXED BY event_by_sample WHERE sample < ?1 ORDER BY "
					   "sample DESC, mapping IS NOT NULL LIMIT 1" },
	[READ_EVENTS] = { LOG_EVENT, "INDEXED BY event_by_sample WHERE sample < ?1 ORDER BY "
				     "sample, event" },
	[READ_BOOKMARK] = { LOG_EVENT, "INDEXED BY event_by_kind WHERE kind = 'bookmark' AND "
				       "text = ?1 AND sample < ?2 ORDER BY event DESC LIMIT 1" },
	[READ_FACT] = { LOG_ENVIRONMENT, "WHERE key = ?1" },
	[READ_FACTS] = { LOG_ENVIRONMENT, "ORDER BY key" },
	[READ_ALL_MAPPINGS] = { LOG_MAPPING, "ORDER BY start, perms, kind, name, first_sample" },
	[READ_COUNTS] = { LOG_MAPPING_COUNT,
			  "WHERE mapping = ?1 AND sample <= ?2 ORDER BY sample" },
};

static int reader_open_prepare(struct log_reader *reader, enum reader_statement which)
{
	char sql[LOG_SQL_MAX];
	const char *text = statements[which].sql;

	if (statements[which].table != NO_TABLE)
		text = log_select_sql(statements[which].table, text, sql);
	return sqlite_prepare(reader->db, text, &reader->statements[which]);
}

void log_reader_free(struct log_reader *reader)
{
	if (!reader)
		return;
	for (int i = 0; i < READER_STATEMENTS; i++)
		sqlite3_finalize(reader->statements[i]);
	sqlite3_close(reader->db);
	if (reader->lock_fd >= 0)
		close(reader->lock_fd);
	if (reader->snapshot)
		snapshot_unref(reader->snapshot);
	read_layout_free(&reader->layout);
	log_codec_free(reader->codec);
	free(reader->clock_steps);
	if (reader->builder)
		pages_builder_free(reader->builder);
	free(reader->path);
	free(reader->file);
	free(reader);
}

DEFINE_CLEANUP(cleanup_reader, struct log_reader *, log_reader_free)

/* Something that is no log is best told from the first bytes, before SQLite sees it. */
static int reader_open_check_file(struct log_reader *reader, bool *ret_wal, struct error *error)
{
	const char *path = reader->path;
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	unsigned char header[100];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(error, -EMEDIUMTYPE, "%s: not a regular file", path);
	n = pread(fd, header, sizeof(header), 0);
	if (n < 0)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	/*
	 * A recorder that was killed in its first moments leaves an empty file, maybe with a WAL.
	 */
	if (n && (n < (ssize_t)sizeof(header) ||
		  memcmp(header, LOG_FILE_MAGIC, sizeof(LOG_FILE_MAGIC)) != 0))
		return error_set(error, -EMEDIUMTYPE, "%s: not a log of pmtop", path);
	*ret_wal = n && header[18] == 2;
	reader->device = st.st_dev;
	reader->inode = st.st_ino;
	reader->foreign = st.st_uid != geteuid();
	if (reader->foreign && flock(fd, LOCK_SH | LOCK_NB))
		return error_set(error, -EBUSY,
				 "%s: it is being recorded by another user (uid %u); read it after "
				 "that, or as that user",
				 path, st.st_uid);
	reader->file = realpath(path, NULL);
	return reader->file ? 0 : error_set(error, -errno, "%s: %s", path, strerror(errno));
}

/* With a word for SQLite, which wants the path as a URI then. */
static int reader_open_with(const char *path, const char *option, sqlite3 **ret_db)
{
	static const char hex[] = "0123456789abcdef";
	char uri[PATH_MAX * 3 + 64], *at = uri + sprintf(uri, "file:");

	if (strlen(path) >= PATH_MAX)
		return SQLITE_CANTOPEN;
	for (const char *p = path; *p; p++) {
		if (strchr("%?#", *p)) {
			*at++ = '%';
			*at++ = hex[(unsigned char)*p >> 4];
			*at++ = hex[*p & 15];
		} else {
			*at++ = *p;
		}
	}
	sprintf(at, "?%s", option);
	return sqlite3_open_v2(uri, ret_db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
}

/* Bytes of a file that SQLite has beside a log; -1: there is none. */
static int64_t reader_open_sidecar_size(const char *path, enum sidecar which)
{
	char side[SIDECAR_PATH_MAX];
	struct stat st;

	return stat(sidecar_path(path, which, side), &st) ? -1 : st.st_size;
}

/* One thing of the schema is exactly ours. */
static int reader_open_check_sql(struct log_reader *reader, sqlite3_stmt *s, const char *type,
				 const char *name, const char *want, struct error *error)
{
	const char *sql = NULL;
	bool same;

	if (sqlite3_bind_text(s, 1, type, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(s, 2, name, -1, SQLITE_STATIC))
		return reader_failed(reader, error);
	if (sqlite3_step(s) == SQLITE_ROW)
		sql = (const char *)sqlite3_column_text(s, 0);
	same = sql && !strcmp(sql, want);
	sqlite3_reset(s);
	return same ? 0
		    : error_set(error, -EBADMSG, "%s: damaged: %s %s is not that of a log",
				reader->path, type, name);
}

/* The tables and indexes; nothing else in the file is ever used. */
static int reader_open_check_schema(struct log_reader *reader, struct error *error)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *s = NULL;
	char sql[LOG_SQL_MAX];
	int code = 0;

	if (sqlite_prepare(reader->db, "SELECT sql FROM sqlite_schema WHERE type=?1 AND name=?2",
			   &s))
		return reader_failed(reader, error);
	for (int t = 0; !code && t < LOG_TABLES; t++)
		code = reader_open_check_sql(reader, s, "table", log_table_name((enum log_table)t),
					     log_create_sql((enum log_table)t, sql), error);
	for (const struct log_extra *x = log_extras; !code && x->sql; x++)
		if (!strcmp(x->type, "index"))
			code = reader_open_check_sql(reader, s, x->type, x->name, x->sql, error);
	return code;
}

static int reader_open_other_schema(struct log_reader *reader, int64_t version, struct error *error)
{
	char needs[32] = "another version";

	if (!reader_open_prepare(reader, READ_FACT))
		log_reader_fact(reader, "needs", needs, sizeof(needs));
	for (char *p = needs; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return error_set(error, -EPROTONOSUPPORT,
			 "%s: has schema %lld, and this is pmtop " PMTOP_VERSION
			 ", which reads schema %d: pmtop %s is needed",
			 reader->path, (long long)version, LOG_SCHEMA_VERSION, needs);
}

static int reader_open_check_versions(struct log_reader *reader, struct error *error)
{
	int64_t application, version, tables;
	int result = sqlite3_exec(reader->db, "SELECT 1 FROM sqlite_schema", NULL, NULL, NULL);

	if (result == SQLITE_NOTADB)
		return error_set(error, -EMEDIUMTYPE, "%s: not a log of pmtop", reader->path);
	if (result)
		return sqlite_error(reader->db, result, reader->path, error);
	if (sqlite_number(reader->db, "PRAGMA application_id", &application) ||
	    sqlite_number(reader->db, "PRAGMA user_version", &version) ||
	    sqlite_number(reader->db, "SELECT count(*) FROM sqlite_schema", &tables))
		return reader_failed(reader, error);
	if ((!application || application == LOG_APPLICATION_ID) && !tables)
		return error_set(error, -ENODATA,
				 "%s: empty: the recording was cut off before its first sample",
				 reader->path);
	if (application != LOG_APPLICATION_ID)
		return error_set(error, -EMEDIUMTYPE,
				 "%s: an SQLite database, but not a log of pmtop", reader->path);
	if (version != LOG_SCHEMA_VERSION)
		return reader_open_other_schema(reader, version, error);
	reader->info.schema = LOG_SCHEMA_VERSION;
	return reader_open_check_schema(reader, error);
}

static int reader_open_read_identity(struct log_reader *reader, const char *key,
				     uint64_t *ret_number)
{
	char text[24], *end;

	if (log_reader_fact(reader, key, text, sizeof(text)))
		return -EBADMSG;
	errno = 0;
	*ret_number = strtoull(text, &end, 10);
	return errno || *end || end == text || *text == '-' ? -EBADMSG : 0;
}

static int reader_open_read_info(struct log_reader *reader, struct error *error)
{
	struct log_info *info = &reader->info;
	int64_t last;
	uint64_t pid;
	int code;

	if (sqlite_number(reader->db, "SELECT max(sample) FROM sample", &last))
		return error_set(error, -ENODATA,
				 "%s: holds no sample: the recording was cut off before the first",
				 reader->path);
	if (last < 0 || last == INT64_MAX || reader_open_read_identity(reader, "pid", &pid) ||
	    pid > INT_MAX || reader_open_read_identity(reader, "start_time", &reader->start_time))
		return error_set(error, -EBADMSG, "%s: damaged: does not say of what process it is",
				 reader->path);
	info->pid = (int64_t)pid;
	info->samples = (uint64_t)last + 1;
	code = log_reader_time(reader, 0, &info->first_ns, &info->first_clock_ns, error);
	if (code)
		return code;
	return log_reader_time(reader, info->samples - 1, &info->last_ns, &info->last_clock_ns,
			       error);
}

/* Everything after SQLite has opened something. */
static int reader_open_check(struct log_reader *reader, struct error *error)
{
	int code, result;

	reader->decoded_sample = UINT64_MAX;
	reader->budget.left = SQLITE_BUDGET;
	result = sqlite_harden(reader->db, &reader->budget);
	if (result)
		return sqlite_error(reader->db, result, reader->path, error);
	result = sqlite3_busy_timeout(reader->db, 2000);
	if (result)
		return sqlite_error(reader->db, result, reader->path, error);
	code = reader_open_check_versions(reader, error);
	if (code)
		return code;
	for (int i = 0; i < READER_STATEMENTS; i++)
		if (reader_open_prepare(reader, (enum reader_statement)i))
			return reader_failed(reader, error);
	return reader_open_read_info(reader, error);
}

static struct log_reader *reader_open_new(const char *path)
{
	CLEANUP(cleanup_reader) struct log_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->lock_fd = -1;
	reader->path = strdup(path);
	reader->codec = log_codec_new();
	reader->builder = pages_builder_new();
	return reader->path && reader->codec && reader->builder ? TAKE(reader) : NULL;
}

/* The first statement finds out whether a WAL can be read. */
static int reader_open_try_it(sqlite3 *db)
{
	return sqlite3_exec(db, "PRAGMA schema_version", NULL, NULL, NULL);
}

/*
 * Without FILE-shm and the right to make one: SQLite keeps the index of a WAL in memory for whoever
 * has the file alone, which needs no lock here: nobody can write to a log without that index
 * either.
 */
static int reader_open_alone(const char *path, sqlite3 **ret_db)
{
	int result = sqlite3_open_v2(path, ret_db, SQLITE_OPEN_READONLY, "unix-none");

	if (!result)
		result = sqlite3_exec(*ret_db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL);
	return result ? result : reader_open_try_it(*ret_db);
}

/*
 * Whether nobody else could pull FILE-shm away from under SQLite, which maps it: a file that
 * shrinks while it is mapped is a SIGBUS for whoever reads it.
 */
static bool reader_open_is_trusted(const struct log_reader *reader)
{
	char side[SIDECAR_PATH_MAX];
	struct stat st;

	for (int which = 0; which < SIDECARS; which++)
		if (!lstat(sidecar_path(reader->file, which, side), &st) &&
		    (!S_ISREG(st.st_mode) || st.st_uid != geteuid()))
			return false;
	return !reader->foreign;
}

/* Of somebody else, who does not record now: nothing is mapped and nothing written. */
static int reader_open_foreign(struct log_reader *reader)
{
	const char *path = reader->file;
	int result;

	if (reader_open_sidecar_size(path, SIDECAR_WAL) > 0)
		return reader_open_alone(path, &reader->db);
	result = reader_open_with(path, "immutable=1", &reader->db);
	return result ? result : reader_open_try_it(reader->db);
}

static int reader_open_database(struct log_reader *reader, bool wal)
{
	const char *path = reader->file;
	int result;

	if (!reader_open_is_trusted(reader))
		return reader_open_foreign(reader);
	result = sqlite3_open_v2(path, &reader->db, SQLITE_OPEN_READONLY, NULL);
	if (!result)
		result = reader_open_try_it(reader->db);
	if (!result || !wal || (result & 0xff) == SQLITE_NOTADB || (result & 0xff) == SQLITE_BUSY)
		return result;
	/*
	 * Cut off where nothing can be written: what there is of a WAL is read with an index in our
	 * memory.
	 */
	sqlite3_close(TAKE(reader->db));
	wal = reader_open_sidecar_size(path, SIDECAR_WAL) > 0;
	result = reader_open_with(path, wal ? "readonly_shm=1" : "immutable=1", &reader->db);
	if (!result)
		result = reader_open_try_it(reader->db);
	if ((result & 0xff) != SQLITE_CANTOPEN || !wal ||
	    reader_open_sidecar_size(path, SIDECAR_SHM) >= 0)
		return result;
	sqlite3_close(TAKE(reader->db));
	return reader_open_alone(path, &reader->db);
}

int log_reader_open(const char *path, struct log_reader **ret_reader, struct error *error)
{
	CLEANUP(cleanup_reader) struct log_reader *reader = reader_open_new(path);
	bool wal = false;
	int code, result;

	if (!reader)
		return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	code = reader_open_check_file(reader, &wal, error);
	if (code)
		return code;
	result = reader_open_database(reader, wal);
	if ((result & 0xff) == SQLITE_BUSY && sqlite_must_not_map(reader->file))
		return error_set(error, -EBUSY,
				 "%s: it is being recorded; on btrfs it can be read after that",
				 path);
	if (result && (result & 0xff) != SQLITE_NOTADB)
		return sqlite_error(reader->db, result, path, error);
	code = reader_open_check(reader, error);
	if (!code)
		*ret_reader = TAKE(reader);
	return code;
}

int log_reader_open_bytes(const void *bytes, size_t size, struct log_reader **ret_reader,
			  struct error *error)
{
	CLEANUP(cleanup_reader) struct log_reader *reader = reader_open_new("log");
	unsigned char *copy;
	int code, result;

	if (!reader)
		return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	copy = sqlite3_malloc64(size ? size : 1);
	if (!copy)
		return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	memcpy(copy, bytes, size);
	/* In memory there is no WAL: what was checkpointed is read as it is. */
	if (size >= 20)
		copy[18] = copy[19] = 1;
	result = sqlite3_open_v2(":memory:", &reader->db, SQLITE_OPEN_READWRITE, NULL);
	if (!result)
		result = sqlite3_deserialize(
			reader->db, "main", copy, (sqlite3_int64)size, (sqlite3_int64)size,
			SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY);
	else
		sqlite3_free(copy);
	if (result)
		return sqlite_error(reader->db, result, "log", error);
	code = reader_open_check(reader, error);
	if (!code)
		*ret_reader = TAKE(reader);
	return code;
}

const struct log_info *log_reader_info(const struct log_reader *reader)
{
	return &reader->info;
}
