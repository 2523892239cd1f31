// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "log/raw_chain.h"
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

static const char *const statements[WRITER_STATEMENTS] = {
	[WRITE_BEGIN] = "BEGIN IMMEDIATE",
	[WRITE_COMMIT] = "COMMIT",
	[WRITE_ROLLBACK] = "ROLLBACK",
	[WRITE_MAPPING_END] = "UPDATE mapping SET last_sample = ?1 WHERE mapping = ?2",
	[FIND_SAMPLE] =
		"SELECT sample FROM sample WHERE taken_ns <= ?1 ORDER BY sample DESC LIMIT 1",
};

struct log_bytes writer_text(const char *text)
{
	return (struct log_bytes){ text, text ? (int)strlen(text) : 0 };
}

static int writer_step(sqlite3_stmt *s)
{
	int result = sqlite3_step(s);

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return result == SQLITE_DONE ? SQLITE_OK : result;
}

int writer_put(struct log_writer *writer, enum log_table table, const void *row)
{
	int result = log_row_bind(writer->inserts[table], table, row);

	return result ? result : writer_step(writer->inserts[table]);
}

int writer_run_with(struct log_writer *writer, enum writer_statement which, size_t count,
		    const int64_t *numbers)
{
	int result = sqlite_bind_numbers(writer->statements[which], count, numbers);

	return result ? result : writer_step(writer->statements[which]);
}

int writer_put_event(struct log_writer *writer, int64_t sample, int64_t taken_ns,
		     enum event_kind kind, int64_t mapping, const char *text)
{
	const struct row_event row = { .event = LOG_NULL,
				       .sample = sample,
				       .taken_ns = taken_ns,
				       .kind = writer_text(event_words[kind].name),
				       .mapping = mapping,
				       .text = writer_text(text) };

	return writer_put(writer, LOG_EVENT, &row);
}

int writer_put_fact(struct log_writer *writer, const char *key, const char *value)
{
	const struct row_environment row = { writer_text(key), writer_text(value) };

	return writer_put(writer, LOG_ENVIRONMENT, &row);
}

/* When it was created is not the caller's: each log of a rotation has its own time. */
static int writer_put_facts(struct log_writer *writer, const struct log_writer_options *options)
{
	char created[40];
	time_t now = time(NULL);
	struct tm utc;
	int result;

	strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	result = writer_put_fact(writer, "created", created);
	for (size_t i = 0; !result && i < options->fact_count; i++)
		result = writer_put_fact(writer, options->facts[i].key, options->facts[i].value);
	return result;
}

/* Whose log it is: with the first snapshot. */
static int writer_put_identity(struct log_writer *writer, const struct snapshot *snapshot)
{
	char pid[24], start_time[24];
	int result;

	if (writer->last)
		return SQLITE_OK;
	snprintf(pid, sizeof(pid), "%d", snapshot->pid);
	snprintf(start_time, sizeof(start_time), "%llu", (unsigned long long)snapshot->start_time);
	result = writer_put_fact(writer, "pid", pid);
	return result ? result : writer_put_fact(writer, "start_time", start_time);
}

/* Makes the tables and all statements. */
static int writer_make_schema(struct log_writer *writer)
{
	char sql[LOG_SQL_MAX];
	int result = SQLITE_OK;

	for (int t = 0; !result && t < LOG_TABLES; t++)
		result = sqlite3_exec(writer->db, log_create_sql((enum log_table)t, sql), NULL,
				      NULL, NULL);
	for (const struct log_extra *x = log_extras; !result && x->sql; x++)
		result = sqlite3_exec(writer->db, x->sql, NULL, NULL, NULL);
	for (int t = 0; !result && t < LOG_TABLES; t++)
		result = sqlite_prepare(writer->db, log_insert_sql((enum log_table)t, sql),
					&writer->inserts[t]);
	for (int i = 0; !result && i < WRITER_STATEMENTS; i++)
		result = sqlite_prepare(writer->db,
					i == FIND_RAW ? log_select_sql(LOG_RAW, LOG_RAW_NEWEST, sql)
						      : statements[i],
					&writer->statements[i]);
	return result;
}

static int writer_set_up(struct log_writer *writer, const struct log_writer_options *options)
{
	char sql[400];
	int result = sqlite3_busy_timeout(writer->db, 2000);

	if (!result && writer->alone)
		result =
			sqlite3_exec(writer->db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL);
	/*
	 * By way of MEMORY: the change to WAL would else have a journal file, and whoever is killed
	 * then leaves a log that nobody can open without the right to write. What it is stands in
	 * the file itself before there is a WAL, so that it can be told from other files.
	 *
	 * A commit reaches the WAL: it survives the end of this process, and a power cut up to it.
	 */
	snprintf(sql, sizeof(sql),
		 "PRAGMA page_size=%d; PRAGMA journal_mode=MEMORY; PRAGMA application_id=%d; "
		 "PRAGMA user_version=%d; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
		 "PRAGMA cache_size=-2048; BEGIN",
		 PAGE_BYTES, LOG_APPLICATION_ID, LOG_SCHEMA_VERSION);
	if (!result)
		result = sqlite3_exec(writer->db, sql, NULL, NULL, NULL);
	if (!result)
		result = writer_make_schema(writer);
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
	for (int t = 0; t < LOG_TABLES; t++)
		sqlite3_finalize(writer->inserts[t]);
	for (int i = 0; i < WRITER_STATEMENTS; i++)
		sqlite3_finalize(writer->statements[i]);
	sqlite3_close(writer->db);
	log_file_close(&writer->file);
	sample_unref(writer->last_sample);
	log_codec_free(writer->codec);
	for (size_t i = 0; i < writer->block_count; i++)
		free(writer->blocks[i].base);
	free(writer->blocks);
	free(writer->changed);
	free(writer->mappings);
	free(writer);
}

DEFINE_CLEANUP(cleanup_writer, struct log_writer *, writer_free)

static bool writer_limit_is_possible(const struct log_writer *writer)
{
	int64_t pages = 0;

	return !writer->max_pages ||
	       (!sqlite_number(writer->db, "PRAGMA page_count", &pages) &&
		writer->max_pages > (uint64_t)pages + UINT64_C(2) * RESERVED_PAGES);
}

int log_writer_open(const struct log_writer_options *options, struct log_writer **ret_writer,
		    struct error *error)
{
	CLEANUP(cleanup_writer) struct log_writer *writer = calloc(1, sizeof(*writer));
	const char *path = options->path;
	int result;

	if (!writer)
		return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	writer->file.fd = -1;
	writer->max_pages = options->max_bytes / PAGE_BYTES;
	writer->codec = log_codec_new();
	if (!writer->codec)
		return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	result = log_file_create(path, options->replace, &writer->file, error);
	if (result)
		return result;
	writer->alone = sqlite_must_not_map(path);
	if (writer->alone)
		log_file_make_shm(&writer->file);
	result = sqlite3_open_v2(path, &writer->db, SQLITE_OPEN_READWRITE, NULL);
	if (!result)
		result = writer_set_up(writer, options);
	if (result) {
		log_file_remove(&writer->file);
		return sqlite_error(writer->db, result, path, error);
	}
	if (!writer_limit_is_possible(writer) || (options->max_bytes && !writer->max_pages)) {
		log_file_remove(&writer->file);
		return error_set(error, -EINVAL, "%s: a log needs more room than %llu bytes", path,
				 (unsigned long long)options->max_bytes);
	}
	writer_limit_pages(writer, writer->max_pages - RESERVED_PAGES);
	log_file_know_sidecars(&writer->file);
	/* SQLite does not open the FILE-shm of log_file_make_shm(). */
	if (writer->alone)
		writer->file.sidecars[SIDECAR_SHM].inode = 0;
	*ret_writer = TAKE(writer);
	return 0;
}

static int writer_put_sample(struct log_writer *writer, const struct snapshot *snapshot)
{
	const struct snapshot_known *known = &snapshot->known;
	const struct row_sample row = {
		.sample = writer->samples,
		.taken_ns = snapshot->taken_ns,
		.clock_ns = snapshot->clock_ns,
		.sequence = (int64_t)snapshot->sequence,
		.comm = { snapshot->comm, (int)strnlen(snapshot->comm, LOG_COMM_MAX) },
		.known_written = known->written,
		.known_shared_swap = known->shared_swap,
		.known_private_slots = known->private_slots,
		.known_shared_slots = known->shared_slots,
		.known_swap_exact = known->swap_exact,
		.skipped = snapshot->skipped,
		.last_mapping = writer->last_mapping,
		.last_block = writer->last_block,
	};

	return writer_put(writer, LOG_SAMPLE, &row);
}

static int writer_put_total(struct log_writer *writer, const struct snapshot *snapshot)
{
	const struct snapshot *last = writer->last;
	struct row_total row = { .sample = writer->samples,
				 .counted = { snapshot->totals, (1 << PAGE_MARKS) - 1, true },
				 .swap_unplaced = (int64_t)snapshot->swap_unplaced };

	if (last && !memcmp(&last->totals, &snapshot->totals, sizeof(last->totals)) &&
	    last->swap_unplaced == snapshot->swap_unplaced &&
	    last->known.written == snapshot->known.written)
		return SQLITE_OK;
	if (!snapshot->known.written)
		row.counted.marks_known &= (uint16_t)~MARK_WRITTEN;
	return writer_put(writer, LOG_TOTAL, &row);
}

/*
 * What changed since the newest sample here, or since there was nothing. The sampler has compared
 * already, unless samples were left out in between.
 */
static int writer_compare(const struct log_writer *writer, const struct sample *sample,
			  struct change_list **ret_list)
{
	struct snapshot *nothing = writer->last ? NULL : snapshot_new(0);
	int code = -ENOMEM;

	if (sample->changes && sample->changes->before == writer->last) {
		*ret_list = change_list_ref(sample->changes);
		return 0;
	}
	if (writer->last)
		return change_list_new(writer->last, sample->snapshot, ret_list);
	if (nothing) {
		code = change_list_new(nothing, sample->snapshot, ret_list);
		snapshot_unref(nothing);
	}
	return code;
}

static int writer_put_all(struct log_writer *writer, const struct sample *sample,
			  struct written_mapping **ret_mappings)
{
	CLEANUP(cleanup_change_list) struct change_list *list = NULL;
	int result = writer_compare(writer, sample, &list) ? SQLITE_NOMEM : SQLITE_OK;
	struct snapshot *snapshot = sample->snapshot;

	if (!result)
		result = writer_run(writer, WRITE_BEGIN);
	if (!result)
		result = writer_put_identity(writer, snapshot);
	if (!result)
		result = writer_put_mappings(writer, list, ret_mappings);
	if (!result)
		result = writer_find_changes(writer, list, *ret_mappings);
	if (!result)
		result = writer_put_blocks(writer, snapshot, *ret_mappings);
	if (!result)
		result = writer_put_raw(writer, sample);
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
	return writer->max_pages && sqlite_reached_limit(writer->db, result);
}

static int writer_fail(const struct log_writer *writer, int result, struct error *error)
{
	if (writer_is_full(writer, result))
		return error_set(error, -EFBIG, "%s: has reached its largest size (--max-size)",
				 writer->file.path);
	return sqlite_error(writer->db, result, writer->file.path, error);
}

static int writer_fail_append(struct log_writer *writer, int result, struct error *error)
{
	int code = writer_fail(writer, result, error);

	writer->broken = true;
	if (!sqlite3_get_autocommit(writer->db))
		writer_run(writer, WRITE_ROLLBACK);
	return code;
}

int log_writer_append(struct log_writer *writer, struct sample *sample, struct error *error)
{
	const struct snapshot *snapshot = sample->snapshot;
	struct written_mapping *mappings = NULL;
	int result;

	if (writer->broken)
		return error_set(error, -EIO, "%s: stopped by an error before", writer->file.path);
	if (writer->last && (writer->last->pid != snapshot->pid ||
			     writer->last->start_time != snapshot->start_time))
		return error_set(error, -EINVAL, "%s: holds another process", writer->file.path);
	result = log_file_check(&writer->file, error);
	if (result) {
		writer->broken = true;
		return result;
	}
	result = writer_put_all(writer, sample, &mappings);
	if (result) {
		free(mappings);
		return writer_fail_append(writer, result, error);
	}
	free(writer->mappings);
	writer->mappings = mappings;
	sample_unref(writer->last_sample);
	writer->last_sample = sample_ref(sample);
	writer->last = sample->snapshot;
	writer->samples++;
	return 0;
}

/* The newest sample at a moment; a clock may have been set, so none of them may be. */
static int64_t writer_sample_at(const struct log_writer *writer, int64_t taken_ns)
{
	sqlite3_stmt *s = writer->statements[FIND_SAMPLE];
	int64_t found = 0;

	if (!sqlite_bind_numbers(s, 1, &taken_ns) && sqlite3_step(s) == SQLITE_ROW)
		found = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return found;
}

int log_writer_event(struct log_writer *writer, enum event_kind kind, int64_t taken_ns,
		     const char *text, struct error *error)
{
	int64_t sample = writer_sample_at(writer, taken_ns);
	int result = writer_put_event(writer, sample, taken_ns, kind, LOG_NULL, text);

	if (writer_is_full(writer, result)) {
		uint64_t kept = kind == EVENT_STOPPED ? 0 : LAST_WORD_PAGES;

		writer_limit_pages(writer, writer->max_pages - kept);
		result = writer_put_event(writer, sample, taken_ns, kind, LOG_NULL, text);
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

	sqlite_number(writer->db, "PRAGMA page_count", &pages);
	return (uint64_t)(pages * PAGE_BYTES);
}

/* Puts the WAL back into the file, as far as those who read it let us. */
static int writer_put_back(struct log_writer *writer, struct error *error)
{
	int frames = 0, done = 0;
	int result = sqlite3_wal_checkpoint_v2(writer->db, NULL, SQLITE_CHECKPOINT_TRUNCATE,
					       &frames, &done);

	if (result == SQLITE_BUSY && done < frames)
		return error_set(error, -EBUSY,
				 "%s: somebody is reading it: its newest samples are in the -wal "
				 "beside it, keep both",
				 writer->file.path);
	if (result && result != SQLITE_BUSY)
		return sqlite_error(writer->db, result, writer->file.path, error);
	/* Not DELETE, for the reason in set_up(): both modes leave the same file. */
	sqlite3_exec(writer->db, "PRAGMA journal_mode=MEMORY", NULL, NULL, NULL);
	return 0;
}

int log_writer_close(struct log_writer *writer, struct error *error)
{
	int code = log_file_check(&writer->file, error);

	/* Nobody can read a log without a sample. */
	if (!code && !writer->samples)
		log_file_remove(&writer->file);
	else if (!code)
		code = writer_put_back(writer, error);
	else
		log_file_remove_orphans(&writer->file);
	if (writer->alone && !code)
		log_file_remove_shm(&writer->file);
	writer_free(writer);
	return code;
}
