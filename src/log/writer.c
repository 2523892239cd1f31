// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "log/detail_chain.h"
#include "log/schema.h"
#include "log/writer_internal.h"

/* Of the database. Small ones, since most logs are: each of some 15 trees begins with one. */
#define PAGE_BYTES 2048

/*
 * Pages below max_bytes that samples leave to events, which nobody will tell again; and those of
 * them that are left to the one that says why the log ends.
 */
#define RESERVED_PAGES	8
#define LAST_WORD_PAGES 4

/* The WAL goes back into the file when it holds about 1 MiB. */
#define CHECKPOINT_PAGES (1048576 / PAGE_BYTES)

#define COUNT_PARAMETERS                                                                           \
	"?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23"

static const char *const statements[WRITER_STATEMENTS] = {
	[WRITE_BEGIN] = "BEGIN IMMEDIATE",
	[WRITE_COMMIT] = "COMMIT",
	[WRITE_ROLLBACK] = "ROLLBACK",
	[WRITE_FACT] = "INSERT OR REPLACE INTO environment VALUES(?1, ?2)",
	[WRITE_SAMPLE] = "INSERT INTO sample VALUES(?1,?2,?3,?4,?5)",
	[WRITE_PHASE] = "INSERT INTO phase VALUES(?1,?2,?3,?4,?12,?5,?6,?7,?8,?9,?10,?11)",
	[WRITE_TOTAL] = "INSERT INTO total VALUES(?1," COUNT_PARAMETERS ",?2)",
	[WRITE_MAPPING] = "INSERT INTO mapping VALUES(?1,?2,?3,NULL,?4,?5,?6,?7,?8,?9,?18,?19,?10,"
			  "?20,?11,?12,?13,?14,?15,?16,?17,?21)",
	[WRITE_MAPPING_END] = "UPDATE mapping SET last_sample = ?1 WHERE mapping = ?2",
	[WRITE_COUNT] = "INSERT INTO mapping_count VALUES(?1,?2," COUNT_PARAMETERS ")",
	[WRITE_LAYOUT] = "INSERT INTO layout VALUES(?1, ?2)",
	[WRITE_BLOCK] = "INSERT INTO block VALUES(?1, ?2, ?3, ?4, ?5)",
	[WRITE_DETAIL] = "INSERT INTO detail VALUES(?1, ?2, ?3, ?4)",
	[WRITE_LEFT_OUT] = "INSERT INTO detail_left_out VALUES(?1, ?2)",
	[FIND_DETAILS] = LOG_SELECT_DETAILS,
	[WRITE_EVENT] = "INSERT INTO event VALUES(NULL, ?1, ?2, ?3, ?4, ?5)",
	[FIND_SAMPLE] = "SELECT sample FROM sample_in_full WHERE taken_ns <= ?1 "
			"ORDER BY sample DESC LIMIT 1",
};

int writer_run(struct log_writer *writer, enum writer_statement which)
{
	sqlite3_stmt *s = writer->statements[which];
	int result = sqlite3_step(s);

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return result == SQLITE_DONE ? SQLITE_OK : result;
}

void writer_bind_counts(sqlite3_stmt *statement, int at, const struct page_counts *counts,
			uint16_t known)
{
	for (int s = 0; s < PAGE_STATES; s++)
		sqlite3_bind_int64(statement, at++, (int64_t)counts->state[s]);
	for (int m = 0; m < PAGE_MARKS; m++, at++)
		if (known >> m & 1)
			sqlite3_bind_int64(statement, at, (int64_t)counts->mark[m]);
}

int writer_put_event(struct log_writer *writer, int64_t sample, int64_t taken_ns,
		     enum event_kind kind, int64_t mapping, const char *text)
{
	sqlite3_stmt *s = writer->statements[WRITE_EVENT];

	sqlite3_bind_int64(s, 1, sample);
	sqlite3_bind_int64(s, 2, taken_ns);
	sqlite3_bind_text(s, 3, event_words[kind].name, -1, SQLITE_STATIC);
	if (mapping)
		sqlite3_bind_int64(s, 4, mapping);
	if (text)
		sqlite3_bind_text(s, 5, text, -1, SQLITE_STATIC);
	return writer_run(writer, WRITE_EVENT);
}

static int writer_set_up(struct log_writer *writer, const struct log_writer_options *options)
{
	char sql[160];
	int result;

	sqlite3_busy_timeout(writer->db, 2000);
	if (writer->alone)
		sqlite3_exec(writer->db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL);
	/*
	 * By way of MEMORY: the change to WAL would else have a journal file, and whoever is killed
	 * then leaves a log that nobody can open without the right to write.
	 */
	/*
	 * A commit reaches the WAL: it survives the end of this process, and a power cut up to it.
	 */
	result = sqlite3_exec(
		writer->db,
		"PRAGMA page_size=" UNITS_TEXT(
			PAGE_BYTES) "; PRAGMA journal_mode=MEMORY; "
				    "PRAGMA journal_mode=WAL; "
				    "PRAGMA synchronous=NORMAL; PRAGMA cache_size=-2048; BEGIN",
		NULL, NULL, NULL);
	snprintf(sql, sizeof(sql), "PRAGMA application_id=%d; PRAGMA user_version=%d",
		 LOG_APPLICATION_ID, LOG_SCHEMA_VERSION);
	if (!result)
		result = sqlite3_exec(writer->db, sql, NULL, NULL, NULL);
	for (const struct log_table *t = log_schema; !result && t->sql; t++)
		result = sqlite3_exec(writer->db, t->sql, NULL, NULL, NULL);
	for (int i = 0; !result && i < WRITER_STATEMENTS; i++)
		result = database_prepare(writer->db, statements[i], &writer->statements[i]);
	if (!result)
		result = writer_put_facts(writer, options);
	if (!result)
		result = writer_run(writer, WRITE_COMMIT);
	if (!result)
		result = sqlite3_wal_autocheckpoint(writer->db, CHECKPOINT_PAGES);
	return result;
}

/* Keeps what is committed within max_bytes; SQLite then says SQLITE_FULL. */
static void writer_limit_pages(struct log_writer *writer, uint64_t pages)
{
	char sql[64];

	if (!writer->max_pages)
		return;
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%llu", (unsigned long long)pages);
	sqlite3_exec(writer->db, sql, NULL, NULL, NULL);
}

static void writer_free(struct log_writer *writer)
{
	for (int i = 0; i < WRITER_STATEMENTS; i++)
		sqlite3_finalize(writer->statements[i]);
	sqlite3_close(writer->db);
	if (writer->lock_fd >= 0)
		close(writer->lock_fd);
	if (writer->last)
		snapshot_unref(writer->last);
	log_codec_free(writer->codec);
	writer_blocks_free(&writer->blocks);
	writer_details_free(&writer->details);
	free(writer->mappings);
	free(writer->path);
	free(writer);
}

DEFINE_CLEANUP(cleanup_writer, struct log_writer *, writer_free)

static bool writer_limit_is_possible(const struct log_writer *writer)
{
	int64_t pages = 0;

	return !writer->max_pages ||
	       (!database_number(writer->db, "PRAGMA page_count", &pages) &&
		writer->max_pages > (uint64_t)pages + UINT64_C(2) * RESERVED_PAGES);
}

static struct log_writer *writer_new(const struct log_writer_options *options)
{
	CLEANUP(cleanup_writer) struct log_writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return NULL;
	writer->lock_fd = -1;
	writer->page_size = PAGE_BYTES;
	writer->max_pages = options->max_bytes / (uint64_t)writer->page_size;
	writer->path = strdup(options->path);
	writer->codec = log_codec_new();
	return writer->path && writer->codec ? TAKE(writer) : NULL;
}

int log_writer_open(const struct log_writer_options *options, struct log_writer **ret_writer,
		    struct log_error *error)
{
	CLEANUP(cleanup_writer) struct log_writer *writer = writer_new(options);
	int result;

	if (!writer)
		return log_fail(error, -ENOMEM, "%s", strerror(ENOMEM));
	writer->lock_fd = writer_create_file(options, error);
	if (writer->lock_fd < 0)
		return writer->lock_fd;
	writer->alone = database_must_not_map(options->path);
	if (writer->alone)
		writer_make_shm(options->path);
	result = sqlite3_open_v2(options->path, &writer->db, SQLITE_OPEN_READWRITE, NULL);
	if (!result)
		result = writer_set_up(writer, options);
	if (result) {
		writer_remove(options->path);
		return database_error(writer->db, result, options->path, error);
	}
	if (!writer_limit_is_possible(writer) || (options->max_bytes && !writer->max_pages)) {
		writer_remove(options->path);
		return log_fail(error, -EINVAL, "%s: a log needs more room than %llu bytes",
				options->path, (unsigned long long)options->max_bytes);
	}
	writer_limit_pages(writer, writer->max_pages - RESERVED_PAGES);
	writer_know_beside(writer);
	*ret_writer = TAKE(writer);
	return 0;
}

static int writer_put_all(struct log_writer *writer, const struct snapshot *snapshot,
			  const struct page_detail *changed, struct written_mapping **ret_mappings)
{
	int result = writer_run(writer, WRITE_BEGIN);

	if (!result)
		result = writer_put_identity(writer, snapshot);
	if (!result)
		result = writer_put_mappings(writer, snapshot, ret_mappings);
	if (!result)
		result = writer_put_blocks(writer, snapshot, *ret_mappings);
	if (!result)
		result = writer_put_detail(writer, snapshot, changed);
	if (!result)
		result = writer_put_total(writer, snapshot);
	if (!result)
		result = writer_put_sample(writer, snapshot);
	if (!result)
		result = writer_run(writer, WRITE_COMMIT);
	return result;
}

static bool writer_is_full(const struct log_writer *writer, int result)
{
	return writer->max_pages && database_reached_limit(writer->db, result);
}

static int writer_fail(const struct log_writer *writer, int result, struct log_error *error)
{
	if (writer_is_full(writer, result))
		return log_fail(error, -EFBIG, "%s: has reached its largest size (--max-size)",
				writer->path);
	return database_error(writer->db, result, writer->path, error);
}

static int writer_fail_append(struct log_writer *writer, int result, struct log_error *error)
{
	int code = writer_fail(writer, result, error);

	writer->broken = true;
	if (!sqlite3_get_autocommit(writer->db))
		writer_run(writer, WRITE_ROLLBACK);
	return code;
}

int log_writer_append(struct log_writer *writer, const struct snapshot *snapshot,
		      const struct page_detail *changed, struct log_error *error)
{
	struct written_mapping *mappings = NULL;
	int result;

	if (writer->broken)
		return log_fail(error, -EIO, "%s: stopped by an error before", writer->path);
	if (writer->last && (writer->last->pid != snapshot->pid ||
			     writer->last->start_time != snapshot->start_time))
		return log_fail(error, -EINVAL, "%s: holds another process", writer->path);
	result = writer_check_file(writer, error);
	if (result) {
		writer->broken = true;
		return result;
	}
	result = writer_put_all(writer, snapshot, changed, &mappings);
	if (result) {
		free(mappings);
		return writer_fail_append(writer, result, error);
	}
	free(writer->mappings);
	writer->mappings = mappings;
	if (writer->last)
		snapshot_unref(writer->last);
	writer->last = snapshot_ref((struct snapshot *)snapshot);
	writer->samples++;
	return 0;
}

/* The newest sample at a moment; a clock may have been set, so none of them may be. */
static int64_t writer_sample_at(const struct log_writer *writer, int64_t taken_ns)
{
	sqlite3_stmt *s = writer->statements[FIND_SAMPLE];
	int64_t found = 0;

	sqlite3_bind_int64(s, 1, taken_ns);
	if (sqlite3_step(s) == SQLITE_ROW)
		found = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return found;
}

int log_writer_event(struct log_writer *writer, enum event_kind kind, int64_t taken_ns,
		     const char *text, struct log_error *error)
{
	int64_t sample = writer_sample_at(writer, taken_ns);
	int result = writer_put_event(writer, sample, taken_ns, kind, 0, text);

	if (writer_is_full(writer, result)) {
		uint64_t kept = kind == EVENT_STOPPED ? 0 : LAST_WORD_PAGES;

		writer_limit_pages(writer, writer->max_pages - kept);
		result = writer_put_event(writer, sample, taken_ns, kind, 0, text);
		writer_limit_pages(writer, writer->max_pages - RESERVED_PAGES);
	}
	return result ? writer_fail(writer, result, error) : 0;
}

uint64_t log_writer_samples(const struct log_writer *writer)
{
	return (uint64_t)writer->samples;
}

uint64_t log_writer_bytes(const struct log_writer *writer)
{
	int64_t pages = 0;

	database_number(writer->db, "PRAGMA page_count", &pages);
	return (uint64_t)(pages * writer->page_size);
}

/* Puts the WAL back into the file, as far as those who read it let us. */
static int writer_put_back(struct log_writer *writer, struct log_error *error)
{
	int frames = 0, done = 0;
	int result = sqlite3_wal_checkpoint_v2(writer->db, NULL, SQLITE_CHECKPOINT_TRUNCATE,
					       &frames, &done);

	if (result == SQLITE_BUSY && done < frames)
		return log_fail(error, -EBUSY,
				"%s: somebody is reading it: its newest samples are in the -wal "
				"beside it, keep both",
				writer->path);
	if (result && result != SQLITE_BUSY)
		return database_error(writer->db, result, writer->path, error);
	/* Not DELETE, for the reason in set_up(): both modes leave the same file. */
	sqlite3_exec(writer->db, "PRAGMA journal_mode=MEMORY", NULL, NULL, NULL);
	return 0;
}

int log_writer_close(struct log_writer *writer, struct log_error *error)
{
	int code = writer_check_file(writer, error);

	for (int i = 0; i < WRITER_STATEMENTS; i++)
		sqlite3_finalize(TAKE(writer->statements[i]));
	/* Nobody can read a log without a sample. */
	if (!code && !writer->samples)
		writer_remove(writer->path);
	else if (!code)
		code = writer_put_back(writer, error);
	else
		writer_remove_orphans(writer);
	if (writer->alone && !code)
		writer_remove_shm(writer->path);
	writer_free(writer);
	return code;
}
