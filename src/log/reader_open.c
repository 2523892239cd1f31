// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "log/beside.h"
#include "log/detail_chain.h"
#include "log/reader_internal.h"
#include "log/schema.h"

#define MAGIC "SQLite format 3"

static const char *const statements[READER_STATEMENTS] = {
	[READ_SAMPLE] = LOG_SELECT_SAMPLES " WHERE s.sample = ?1",
	[READ_TOTAL] = "SELECT " LOG_COUNT_COLUMNS ", swap_unplaced FROM total WHERE sample <= ?1 "
		       "ORDER BY sample DESC LIMIT 1",
	[READ_TOTALS_FROM] = "SELECT " LOG_COUNT_COLUMNS ", swap_unplaced, sample FROM total "
			     "WHERE sample > ?1 AND sample < ?2 ORDER BY sample",
	[READ_LAYOUT] = "SELECT sample, mappings FROM layout WHERE sample <= ?1 "
			"ORDER BY sample DESC LIMIT 1",
	[READ_MAPPING] = "SELECT * FROM mapping WHERE mapping = ?1",
	[READ_MAPPINGS_AFTER] = "SELECT * FROM mapping WHERE mapping > ?1 AND mapping <= ?2 "
				"ORDER BY mapping",
	[READ_NEXT_BLOCK] = "SELECT block FROM block INDEXED BY block_by_place WHERE block >= ?1 "
			    "ORDER BY block LIMIT 1",
	[READ_BLOCK_AT] = "SELECT id, block, base, data FROM block INDEXED BY block_by_place WHERE "
			  "block = ?1 AND sample <= ?2 ORDER BY sample DESC LIMIT 1",
	[READ_BLOCK_ROW_AT] = "SELECT id FROM block INDEXED BY block_by_place WHERE block = ?1 "
			      "AND sample <= ?2 ORDER BY sample DESC LIMIT 1",
	[READ_BLOCK] = "SELECT id, block, base, data FROM block WHERE id = ?1",
	[READ_BLOCKS_BETWEEN] = "SELECT block FROM block WHERE id > ?1 AND id <= ?2 ORDER BY id",
	[READ_BLOCK_CHANGE_AFTER] = "SELECT sample FROM block INDEXED BY block_by_place WHERE "
				    "block = ?1 AND sample > ?2 AND sample < ?3 ORDER BY sample "
				    "LIMIT 1",
	[READ_BLOCK_CHANGE_BEFORE] = "SELECT sample FROM block INDEXED BY block_by_place WHERE "
				     "block = ?1 AND sample <= ?2 ORDER BY sample DESC LIMIT 1",
	[READ_DETAILS] = LOG_SELECT_DETAILS,
	[READ_EVENT_AFTER] = "SELECT sample, taken_ns, kind, text FROM event INDEXED BY "
			     "event_by_sample WHERE sample > ?1 AND sample < ?2 ORDER BY "
			     "sample, mapping IS NOT NULL LIMIT 1",
	[READ_EVENT_BEFORE] = "SELECT sample, taken_ns, kind, text FROM event INDEXED BY "
			      "event_by_sample WHERE sample < ?1 ORDER BY sample DESC, "
			      "mapping IS NOT NULL LIMIT 1",
	[READ_EVENTS] = "SELECT sample, taken_ns, kind, text FROM event INDEXED BY "
			"event_by_sample WHERE sample < ?1 ORDER BY sample, event",
	[READ_BOOKMARK] = "SELECT sample FROM event INDEXED BY event_by_kind WHERE "
			  "kind = 'bookmark' AND text = ?1 AND sample < ?2 ORDER BY event "
			  "DESC LIMIT 1",
	[READ_FACT] = "SELECT value FROM environment WHERE key = ?1",
	[READ_ALL_MAPPINGS] = "SELECT * FROM mapping ORDER BY start, perms, kind, name, "
			      "first_sample",
	[READ_COUNTS] = "SELECT sample, " LOG_COUNT_COLUMNS " FROM mapping_count WHERE "
			"mapping = ?1 AND sample <= ?2 ORDER BY sample",
	[READ_FACTS] = "SELECT key, value FROM environment ORDER BY key",
};

/* What older schemas want to be asked in another way. */
static const char *reader_open_sql_of(int schema, int which)
{
	if (schema == 1 && which == READ_SAMPLE)
		return "SELECT sample, taken_ns, clock_ns, sequence, comm, known_written, "
		       "known_shared_swap, known_private_slots, known_shared_slots, "
		       "known_swap_exact, skipped, last_mapping, last_block, \"check\", "
		       "last_detail FROM sample WHERE sample = ?1";
	return statements[which];
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
	if (reader->builder)
		pages_builder_free(reader->builder);
	free(reader->path);
	free(reader->file);
	free(reader);
}

DEFINE_CLEANUP(cleanup_reader, struct log_reader *, log_reader_free)

/* Something that is no log is best told from the first bytes, before SQLite sees it. */
static int reader_open_check_file(struct log_reader *reader, bool *ret_wal, struct log_error *error)
{
	const char *path = reader->path;
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	unsigned char header[100];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		return log_fail(error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return log_fail(error, -EMEDIUMTYPE, "%s: not a regular file", path);
	n = pread(fd, header, sizeof(header), 0);
	if (n < 0)
		return log_fail(error, -errno, "%s: %s", path, strerror(errno));
	/*
	 * A recorder that was killed in its first moments leaves an empty file, maybe with a WAL.
	 */
	if (n && (n < (ssize_t)sizeof(header) || memcmp(header, MAGIC, sizeof(MAGIC)) != 0))
		return log_fail(error, -EMEDIUMTYPE, "%s: not a log of pmtop", path);
	*ret_wal = n && header[18] == 2;
	reader->device = st.st_dev;
	reader->inode = st.st_ino;
	reader->file = realpath(path, NULL);
	return reader->file ? 0 : log_fail(error, -errno, "%s: %s", path, strerror(errno));
}

/* With a word for SQLite, which wants the path as a URI then. */
static int reader_open_open_with(const char *path, const char *option, sqlite3 **ret_db)
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
static int64_t reader_open_size_beside(const char *path, enum beside which)
{
	char side[BESIDE_MAX];
	struct stat st;

	return stat(beside_path(path, which, side), &st) ? -1 : st.st_size;
}

/* The tables and indexes are exactly ours; nothing else in the file is ever used. */
static int reader_open_check_schema(struct log_reader *reader, struct log_error *error)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *s = NULL;

	if (database_prepare(reader->db, "SELECT sql FROM sqlite_schema WHERE type=?1 AND name=?2",
			     &s))
		return reader_failed(reader, error);
	for (const struct log_table *t = log_schema_of(reader->info.schema); t->sql; t++) {
		const char *sql;

		if (!strcmp(t->type, "view"))
			continue;
		sqlite3_bind_text(s, 1, t->type, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 2, t->name, -1, SQLITE_STATIC);
		if (sqlite3_step(s) != SQLITE_ROW)
			return log_fail(error, -EBADMSG, "%s: damaged: no %s %s", reader->path,
					t->type, t->name);
		sql = (const char *)sqlite3_column_text(s, 0);
		if (!sql || strcmp(sql, t->sql) != 0)
			return log_fail(error, -EBADMSG, "%s: damaged: %s %s is not that of a log",
					reader->path, t->type, t->name);
		sqlite3_reset(s);
	}
	return 0;
}

static int reader_open_newer_schema(struct log_reader *reader, int64_t version,
				    struct log_error *error)
{
	char needs[32] = "a newer version";

	if (!database_prepare(reader->db, statements[READ_FACT], &reader->statements[READ_FACT]))
		log_reader_fact(reader, "needs", needs, sizeof(needs));
	for (char *p = needs; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return log_fail(error, -EPROTONOSUPPORT,
			"%s: has schema %lld, and this is pmtop " PMTOP_VERSION
			", which reads schemas up to %d: pmtop %s is needed",
			reader->path, (long long)version, LOG_SCHEMA_VERSION, needs);
}

static int reader_open_check_versions(struct log_reader *reader, struct log_error *error)
{
	int64_t application, version, tables;
	int result = sqlite3_exec(reader->db, "SELECT 1 FROM sqlite_schema", NULL, NULL, NULL);

	if (result == SQLITE_NOTADB)
		return log_fail(error, -EMEDIUMTYPE, "%s: not a log of pmtop", reader->path);
	if (result)
		return database_error(reader->db, result, reader->path, error);
	if (database_number(reader->db, "PRAGMA application_id", &application) ||
	    database_number(reader->db, "PRAGMA user_version", &version) ||
	    database_number(reader->db, "SELECT count(*) FROM sqlite_schema", &tables))
		return reader_failed(reader, error);
	if (!application && !tables)
		return log_fail(error, -ENODATA,
				"%s: empty: the recording was cut off before its first sample",
				reader->path);
	if (application != LOG_APPLICATION_ID)
		return log_fail(error, -EMEDIUMTYPE,
				"%s: an SQLite database, but not a log of pmtop", reader->path);
	if (version > LOG_SCHEMA_VERSION)
		return reader_open_newer_schema(reader, version, error);
	if (version < 1)
		return log_fail(error, -EBADMSG, "%s: damaged: has no schema version",
				reader->path);
	reader->info.schema = (int)version;
	log_codec_set_schema(reader->codec, (int)version);
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

static int reader_open_read_info(struct log_reader *reader, struct log_error *error)
{
	struct log_info *info = &reader->info;
	int64_t last;
	uint64_t pid;
	int code;

	if (database_number(reader->db, "SELECT max(sample) FROM sample", &last))
		return log_fail(error, -ENODATA,
				"%s: holds no sample: the recording was cut off before the first",
				reader->path);
	if (last < 0 || last == INT64_MAX || reader_open_read_identity(reader, "pid", &pid) ||
	    pid > INT_MAX || reader_open_read_identity(reader, "start_time", &reader->start_time))
		return log_fail(error, -EBADMSG, "%s: damaged: does not say of what process it is",
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
static int reader_open_reader_check(struct log_reader *reader, struct log_error *error)
{
	int code, result;

	reader->decoded_sample = UINT64_MAX;
	reader->budget.left = DATABASE_BUDGET;
	result = database_harden(reader->db, &reader->budget);
	if (result)
		return database_error(reader->db, result, reader->path, error);
	sqlite3_busy_timeout(reader->db, 2000);
	code = reader_open_check_versions(reader, error);
	if (code)
		return code;
	for (int i = 0; i < READER_STATEMENTS; i++)
		if (database_prepare(reader->db, reader_open_sql_of(reader->info.schema, i),
				     &reader->statements[i]))
			return reader_failed(reader, error);
	return reader_open_read_info(reader, error);
}

static struct log_reader *reader_open_reader_new(const char *path)
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
static int reader_open_open_alone(const char *path, sqlite3 **ret_db)
{
	int result = sqlite3_open_v2(path, ret_db, SQLITE_OPEN_READONLY, "unix-none");

	if (!result)
		result = sqlite3_exec(*ret_db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL);
	return result ? result : reader_open_try_it(*ret_db);
}

static int reader_open_open_database(struct log_reader *reader, bool wal)
{
	const char *path = reader->file;
	int result = sqlite3_open_v2(path, &reader->db, SQLITE_OPEN_READONLY, NULL);

	if (!result)
		result = reader_open_try_it(reader->db);
	if (!result || !wal || (result & 0xff) == SQLITE_NOTADB || (result & 0xff) == SQLITE_BUSY)
		return result;
	/*
	 * Cut off where nothing can be written: what there is of a WAL is read with an index in our
	 * memory.
	 */
	sqlite3_close(TAKE(reader->db));
	wal = reader_open_size_beside(path, BESIDE_WAL) > 0;
	result = reader_open_open_with(path, wal ? "readonly_shm=1" : "immutable=1", &reader->db);
	if (!result)
		result = reader_open_try_it(reader->db);
	if ((result & 0xff) != SQLITE_CANTOPEN || !wal ||
	    reader_open_size_beside(path, BESIDE_SHM) >= 0)
		return result;
	sqlite3_close(TAKE(reader->db));
	return reader_open_open_alone(path, &reader->db);
}

int log_reader_open(const char *path, struct log_reader **ret_reader, struct log_error *error)
{
	CLEANUP(cleanup_reader) struct log_reader *reader = reader_open_reader_new(path);
	bool wal = false;
	int code, result;

	if (!reader)
		return log_fail(error, -ENOMEM, "%s", strerror(ENOMEM));
	code = reader_open_check_file(reader, &wal, error);
	if (code)
		return code;
	result = reader_open_open_database(reader, wal);
	if ((result & 0xff) == SQLITE_BUSY && database_must_not_map(reader->file))
		return log_fail(error, -EBUSY,
				"%s: it is being recorded; on btrfs it can be read after that",
				path);
	if (result && (result & 0xff) != SQLITE_NOTADB)
		return database_error(reader->db, result, path, error);
	code = reader_open_reader_check(reader, error);
	if (!code)
		*ret_reader = TAKE(reader);
	return code;
}

int log_reader_open_bytes(const void *bytes, size_t size, struct log_reader **ret_reader,
			  struct log_error *error)
{
	CLEANUP(cleanup_reader) struct log_reader *reader = reader_open_reader_new("log");
	unsigned char *copy;
	int code, result;

	if (!reader)
		return log_fail(error, -ENOMEM, "%s", strerror(ENOMEM));
	copy = sqlite3_malloc64(size ? size : 1);
	if (!copy)
		return log_fail(error, -ENOMEM, "%s", strerror(ENOMEM));
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
		return database_error(reader->db, result, "log", error);
	code = reader_open_reader_check(reader, error);
	if (!code)
		*ret_reader = TAKE(reader);
	return code;
}

const struct log_info *log_reader_info(const struct log_reader *reader)
{
	return &reader->info;
}
