// SPDX-License-Identifier: GPL-2.0-or-later
/* A log takes the place of another one: whoever reads that goes on with it, and nothing is lost. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "log/file.h"
#include "log/reader.h"
#include "log/recorder.h"
#include "tests/unit/log_folder.h"
#include "tests/unit/log_world.h"
#include "log_append.h"

#define SMALL (128u << 10)

static struct snapshot *bare(uint64_t sequence)
{
	struct snapshot *s = snapshot_new(0);

	s->pid = 7;
	s->sequence = sequence;
	s->taken_ns = s->clock_ns = (int64_t)sequence * 1000;
	snapshot_seal(s);
	return s;
}

static struct log_writer *create(void)
{
	const struct log_writer_options options = { .path = path };
	struct log_writer *writer = NULL;
	struct error error = { 0 };

	if (log_writer_open(&options, &writer, &error))
		fail_msg("%s", error.text);
	return writer;
}

static void append(struct log_writer *writer, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		struct snapshot *s = bare(i);

		assert_int_equal(append_snapshot(writer, s, NULL, NULL, NULL), 0);
		snapshot_unref(s);
	}
}

/*
 * Any program that reads SQLite; some of them take their time over one question. It is this one,
 * started anew: connections do not survive a fork.
 */
struct other {
	pid_t pid;
	int asks, answers;
};

/* What it does: reads, says so, and counts the samples when it is asked. */
static int read_and_count(const char *log, const char *begin)
{
	sqlite3_stmt *s;
	sqlite3 *db;
	char c;

	if (sqlite3_open_v2(log, &db, SQLITE_OPEN_READONLY, NULL) ||
	    sqlite3_exec(db, begin, NULL, NULL, NULL) || write(1, "", 1) != 1 ||
	    read(0, &c, 1) != 1 ||
	    sqlite3_prepare_v2(db, "SELECT count(*) FROM sample", -1, &s, NULL) ||
	    sqlite3_step(s) != SQLITE_ROW)
		return 255;
	c = (char)sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return c;
}

static void read_elsewhere(const char *begin, struct other *ret_other)
{
	int in[2], out[2];
	char c;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	ret_other->pid = fork();
	if (!ret_other->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl("/proc/self/exe", "reader", path, begin, NULL);
		_exit(255);
	}
	close(in[0]);
	close(out[1]);
	ret_other->asks = in[1];
	ret_other->answers = out[0];
	assert_int_equal(read(ret_other->answers, &c, 1), 1);
}

/* How many samples it sees by now. */
static int ask(const struct other *other)
{
	int status;

	assert_int_equal(write(other->asks, "", 1), 1);
	assert_int_equal(waitpid(other->pid, &status, 0), other->pid);
	close(other->asks);
	close(other->answers);
	return WEXITSTATUS(status);
}

/* Samples of all logs that there are; those of the oldest one apart. */
static int samples_of_all(int *ret_oldest)
{
	int sum = 0;

	for (int i = 0; i < 100; i++) {
		struct log_reader *reader;
		char name[128];

		snprintf(name, sizeof(name), i ? "%s.%d" : "%s", path, i);
		if (log_reader_open(name, &reader, NULL))
			continue;
		*ret_oldest = (int)log_reader_info(reader)->samples;
		sum += *ret_oldest;
		log_reader_free(reader);
	}
	return sum;
}

static void record(struct recorder *recorder, uint64_t first, uint64_t count)
{
	struct recorder_status status;

	for (uint64_t i = first; i < first + count; i++) {
		struct snapshot *s = bare(i);

		for (int n = 0; n < 60; n++)
			recorder_event(recorder, EVENT_NOTE, 0, "a sentence, as long as most are");
		observe_snapshot(recorder, s);
		snapshot_unref(s);
		do {
			usleep(1000);
			recorder_status(recorder, &status);
		} while (status.state == RECORDER_RUNS && status.samples <= i);
	}
}

/* A log that is rotated away takes along what lies beside it for those who read it. */
static void test_rotated_while_read(void **state)
{
	enum { SAMPLES = 40 };
	const struct recorder_options options = {
		.log = { .path = path, .max_bytes = SMALL },
		.rotate = 50,
	};
	struct recorder_status status;
	struct recorder *recorder;
	struct other idle, busy;
	int oldest = 0, seen;

	assert_int_equal(recorder_start(&options, &recorder, NULL), 0);
	record(recorder, 0, 2);
	read_elsewhere("SELECT * FROM sample", &idle);
	read_elsewhere("BEGIN; SELECT * FROM sample", &busy);
	record(recorder, 2, SAMPLES - 2);
	if (recorder_stop(recorder, &status))
		fail_msg("%s", status.error.text);
	assert_int_equal(ask(&busy), 2);
	seen = ask(&idle);
	assert_int_equal(samples_of_all(&oldest), SAMPLES);
	assert_in_range(oldest, 2, SAMPLES - 1);
	assert_int_equal(seen, oldest);
}

static void read_created(const char *log, char *buf, size_t size)
{
	struct log_reader *reader;
	struct error error = { 0 };

	if (log_reader_open(log, &reader, &error))
		fail_msg("%s", error.text);
	assert_int_equal(log_reader_fact(reader, "created", buf, size), 0);
	log_reader_free(reader);
}

/* A log tells when it was made itself, not when the first one of the recording was. */
static void test_rotated_in_another_second(void **state)
{
	const struct recorder_options options = {
		.log = { .path = path, .max_bytes = SMALL },
		.rotate = 50,
	};
	char older[128], began[40], went_on[40];
	struct recorder_status status;
	struct recorder *recorder;
	time_t started;

	assert_int_equal(recorder_start(&options, &recorder, NULL), 0);
	for (started = time(NULL); time(NULL) == started;)
		usleep(1000);
	snprintf(older, sizeof(older), "%s.1", path);
	for (uint64_t i = 0; access(older, F_OK); i++)
		record(recorder, i, 1);
	assert_int_equal(recorder_stop(recorder, &status), 0);
	read_created(older, began, sizeof(began));
	read_created(path, went_on, sizeof(went_on));
	assert_true(strcmp(began, went_on) < 0);
}

/* A sample that needs more room than a log has: slots in no order. */
static struct snapshot *large(uint64_t sequence)
{
	static const struct pages_facts facts = { .slots_known = true };
	static const struct mapping like = { .start = 1 << 30,
					     .end = (1 << 30) + (40000u << 12),
					     .perms = "rw-p" };
	struct pages_builder *b = pages_builder_new();
	struct snapshot *s = snapshot_new(1);

	pages_builder_start(b, like.start, NULL);
	pages_builder_add(b, 40000, PAGE_SWAP, 0);
	for (uint64_t i = 0; i < 40000; i++) {
		const struct slot_run slot = { i, 1, i * i * 7919 % 10000019, 0 };

		pages_builder_slot(b, &slot);
	}
	s->mappings[0].mapping = mapping_new(&like, "", 0);
	assert_int_equal(pages_builder_finish(b, &facts, &s->mappings[0].pages), 0);
	pages_builder_free(b);
	s->pid = 7;
	s->sequence = sequence;
	snapshot_seal(s);
	return s;
}

/* A new log into which nothing fits goes away: then the sentence says where the samples are. */
static void test_rotated_for_nothing(void **state)
{
	const struct recorder_options options = {
		.log = { .path = path, .max_bytes = SMALL },
		.rotate = 2,
	};
	struct recorder_status status;
	struct recorder *recorder;
	struct snapshot *s = large(3);
	struct stat st;
	int oldest;

	assert_int_equal(recorder_start(&options, &recorder, NULL), 0);
	record(recorder, 0, 3);
	observe_snapshot(recorder, s);
	snapshot_unref(s);
	assert_int_equal(recorder_stop(recorder, &status), -EFBIG);
	assert_int_equal(status.samples, 3);
	assert_int_equal(samples_of_all(&oldest), 3);
	assert_int_not_equal(stat(path, &st), 0);
	assert_false(status.logs.newest);
	assert_int_equal(status.logs.older, 1);
	assert_int_equal(status.logs.samples, 3);
	assert_true(status.logs.bytes > 0);
}

/* Of a rotation only what is there counts: logs of this recording, and from FILE.1 on. */
static void test_rotated_away(void **state)
{
	enum { MANY = 150 }; /* for more logs than are kept */
	const struct recorder_options options = {
		.log = { .path = path, .max_bytes = SMALL },
		.rotate = 3,
	};
	struct recorder_status status;
	struct recorder *recorder;
	char older[128], oldest[128];
	uint64_t samples = 0;
	struct stat st;
	int last;

	snprintf(older, sizeof(older), "%s.1", path);
	snprintf(oldest, sizeof(oldest), "%s.3", path);
	fclose(fopen(older, "we")); /* of an earlier recording */
	assert_int_equal(recorder_start(&options, &recorder, NULL), 0);
	while (stat(older, &st) || !st.st_size)
		record(recorder, samples++, 1);
	assert_int_equal(recorder_stop(recorder, &status), 0);
	assert_true(status.logs.newest);
	assert_int_equal(status.logs.older, 1);
	assert_int_equal(status.logs.samples, samples);
	assert_int_equal(status.logs.samples, samples_of_all(&last));
	assert_int_equal(status.logs.gone, 0);
	assert_int_equal(unlink(path), 0);

	assert_int_equal(recorder_start(&options, &recorder, NULL), 0);
	record(recorder, 0, MANY);
	assert_int_equal(recorder_stop(recorder, &status), 0);
	assert_int_equal(status.samples, MANY);
	assert_int_equal(status.logs.older, 3);
	assert_int_equal(status.logs.samples, samples_of_all(&last));
	assert_in_range(status.logs.gone, 1, MANY - 1);
	assert_int_equal(status.logs.samples + status.logs.gone, MANY);
	assert_true(status.logs.bytes > 3 * (SMALL / 2) && status.logs.bytes <= 4 * SMALL);
	assert_int_equal(unlink(path), 0);

	assert_int_equal(recorder_start(&options, &recorder, NULL), 0);
	record(recorder, 0, MANY);
	assert_int_equal(unlink(oldest), 0);
	assert_int_equal(recorder_stop(recorder, &status), 0);
	assert_int_equal(status.logs.older, 2);
	assert_int_equal(status.logs.samples, samples_of_all(&last));
}

/* What a reader keeps from being put back into the file is said, and read with it. */
static void test_closed_while_read(void **state)
{
	struct log_writer *writer = create();
	struct error error = { 0 };
	struct other busy;
	int oldest;

	append(writer, 5);
	read_elsewhere("BEGIN; SELECT * FROM sample", &busy);
	append(writer, 5);
	assert_int_equal(log_writer_close(writer, &error), -EBUSY);
	assert_non_null(strstr(error.text, "-wal beside it"));
	assert_int_equal(samples_of_all(&oldest), 10);
	assert_int_equal(ask(&busy), 5);
	assert_int_equal(samples_of_all(&oldest), 10);
}

/* The name of a log that somebody still reads, and that is gone, is free for another one. */
static void test_removed_while_read(void **state)
{
	struct log_writer *writer = create();
	struct other idle;
	int oldest;

	append(writer, 5);
	read_elsewhere("SELECT * FROM sample", &idle);
	append(writer, 5);
	assert_int_equal(log_writer_close(writer, NULL), 0);
	assert_int_equal(unlink(path), 0);
	writer = create();
	append(writer, 3);
	assert_int_equal(ask(&idle), 10);
	assert_int_equal(log_writer_close(writer, NULL), 0);
	assert_int_equal(samples_of_all(&oldest), 3);
}

/* Only files are replaced: somebody may have meant /dev/null. */
static void test_what_is_no_file_stays(void **state)
{
	const struct log_writer_options options = { .path = path, .replace = true };
	const struct log_writer_options careful = { .path = path };
	struct error error = { 0 };
	struct log_writer *writer;
	char beside[128];
	struct stat st;

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(log_writer_open(&careful, &writer, &error), -EINVAL);
	assert_int_equal(log_writer_open(&options, &writer, &error), -EINVAL);
	assert_non_null(strstr(error.text, "not a regular file"));
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(unlink(path), 0);
	/* What lies beside something that cannot be opened is not ours. */
	assert_int_equal(symlink("nowhere", path), 0);
	snprintf(beside, sizeof(beside), "%s-wal", path);
	fclose(fopen(beside, "we"));
	assert_int_equal(log_writer_open(&options, &writer, &error), -EINVAL);
	assert_non_null(strstr(error.text, "symbolic link"));
	assert_int_equal(lstat(beside, &st), 0);
}

/* --force is for logs: whatever else has the name stays as it is. */
static void test_what_is_no_log_stays(void **state)
{
	static const char *const contents[] = {
		"a letter",
		"SQLite format 3 is what this text is about, and it goes on for long enough to be "
		"looked at more closely than others would be, because it is long enough for that",
	};
	const struct log_writer_options options = { .path = path, .replace = true };
	struct error error = { 0 };
	struct log_writer *writer;
	struct stat before, after;
	sqlite3 *db;

	for (size_t i = 0; i < 3; i++) {
		unlink(path);
		if (i < 2) {
			FILE *file = fopen(path, "we");

			fputs(contents[i], file);
			fclose(file);
		} else {
			/* Somebody else's database. */
			assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
			sqlite3_exec(db, "CREATE TABLE cookies(name)", NULL, NULL, NULL);
			sqlite3_close(db);
		}
		assert_int_equal(stat(path, &before), 0);
		assert_int_equal(log_writer_open(&options, &writer, &error), -EINVAL);
		assert_non_null(strstr(error.text, "not a log of pmtop"));
		assert_int_equal(stat(path, &after), 0);
		assert_int_equal(before.st_ino, after.st_ino);
		assert_int_equal(before.st_size, after.st_size);
	}
	/* What a recorder leaves that is killed at once holds nothing. */
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(log_writer_open(&options, &writer, &error), 0);
	append(writer, 1);
	/* A log that is being written says what it is, also when all the rest is in its WAL. */
	assert_int_equal(log_file_check_replaceable(path, &error), -EBUSY);
	assert_int_equal(log_writer_close(writer, NULL), 0);
	assert_int_equal(log_file_check_replaceable(path, &error), 0);
}

/* A rotation gives FILE.1 and FILE.2 away only where they are logs. */
static void test_rotation_spares_other_files(void **state)
{
	const struct recorder_options options = { .log = { .path = path }, .rotate = 2 };
	struct recorder *recorder;
	struct recorder_status status;
	struct error error = { 0 };
	char name[128];
	struct stat st;
	FILE *file;

	snprintf(name, sizeof(name), "%s.2", path);
	file = fopen(name, "we");
	fputs("the second letter", file);
	fclose(file);
	assert_int_equal(recorder_start(&options, &recorder, &error), -EINVAL);
	assert_non_null(strstr(error.text, "log.pmtop.2: is not a log of pmtop"));
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_size, 17);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(unlink(name) | symlink("log.pmtop", name), 0);
	assert_int_equal(recorder_start(&options, &recorder, &error), -EINVAL);
	assert_int_equal(lstat(name, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(unlink(name), 0);
	assert_int_equal(recorder_start(&options, &recorder, &error), 0);
	assert_int_equal(recorder_stop(recorder, &status), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		log_unit_test(test_rotated_while_read),
		log_unit_test(test_rotated_in_another_second),
		log_unit_test(test_rotated_away),
		log_unit_test(test_rotated_for_nothing),
		log_unit_test(test_closed_while_read),
		log_unit_test(test_removed_while_read),
		log_unit_test(test_what_is_no_file_stays),
		log_unit_test(test_what_is_no_log_stays),
		log_unit_test(test_rotation_spares_other_files),
	};

	if (argc == 3)
		return read_and_count(argv[1], argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
