// SPDX-License-Identifier: GPL-2.0-or-later
/* Bookmarks that are made while a log is read: kept in it, or said why not; the log stays whole. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "log/reader.h"
#include "log/writer.h"
#include "sample/replay.h"
#include "tests/unit/await.h"
#include "tests/unit/log_folder.h"
#include "tests/unit/log_world.h"
#include "log_append.h"

#define KILLS 40

/* How many files lie beside the log. */
static int others(void)
{
	DIR *directory = opendir(folder.name);
	int count = -1;

	for (struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

static void make_log(int samples, bool close)
{
	const struct log_writer_options options = { .path = path, .replace = true };
	struct world *w = world_new(3);
	struct log_writer *writer;

	assert_int_equal(log_writer_open(&options, &writer, NULL), 0);
	for (int i = 0; i < samples; i++) {
		struct snapshot *s;

		world_turn(w);
		s = world_snapshot(w);
		assert_int_equal(append_snapshot(writer, s, NULL, NULL, NULL), 0);
		snapshot_unref(s);
	}
	log_writer_event(writer, EVENT_NOTE, INT64_MAX, "the end", NULL);
	if (!close)
		_exit(0); /* as if killed: the WAL stays */
	assert_int_equal(log_writer_close(writer, NULL), 0);
	world_free(w);
}

static struct log_reader *open_log(void)
{
	struct error error = { 0 };
	struct log_reader *reader;

	if (log_reader_open(path, &reader, &error))
		fail_msg("%s", error.text);
	return reader;
}

static void load_all(struct log_reader *reader)
{
	for (uint64_t i = 0; i < log_reader_info(reader)->samples; i++) {
		struct snapshot *s;

		assert_int_equal(log_reader_load(reader, i, &s, NULL), 0);
		snapshot_unref(s);
	}
}

static char *bytes_of(size_t *ret_size)
{
	FILE *file = fopen(path, "re");
	char *bytes = NULL;
	size_t room = 0;
	ssize_t n = getdelim(&bytes, &room, EOF, file);

	fclose(file);
	*ret_size = (size_t)n;
	return bytes;
}

/* Runs it as somebody without rights, and gives back what it returned. */
static int as_nobody(int (*what)(void))
{
	pid_t child = fork();
	int status;

	if (!child) {
		if (!geteuid() &&
		    (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
			_exit(99);
		_exit(what());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int count_event(void *context, const struct log_event *event)
{
	uint64_t *last = context;

	assert_true(event->sample >= last[1]);
	last[1] = event->sample;
	last[0] += event->kind == EVENT_BOOKMARK;
	return 0;
}

static void test_is_kept(void **state)
{
	struct log_reader *reader, *other;
	uint64_t sample, seen[2] = { 0 };

	make_log(12, true);
	reader = open_log();
	other = open_log();
	assert_int_equal(log_reader_keep_bookmark(reader, 7, 70, "it's \"here\"\x1b", NULL), 0);
	assert_int_equal(log_reader_keep_bookmark(reader, 3, 30, "before", NULL), 0);
	assert_int_equal(log_reader_bookmark(reader, "it's \"here\"\x1b", &sample, NULL), 0);
	assert_int_equal(sample, 7);
	assert_int_equal(log_reader_bookmark(other, "before", &sample, NULL), 0);
	assert_int_equal(sample, 3);
	load_all(other);
	log_reader_free(other);
	log_reader_free(reader);
	assert_int_equal(others(), 0);
	reader = open_log();
	assert_int_equal(log_reader_bookmark(reader, "before", &sample, NULL), 0);
	assert_int_equal(log_reader_events(reader, count_event, seen, NULL), 0);
	assert_int_equal(seen[0], 2);
	load_all(reader);
	log_reader_free(reader);
	assert_int_equal(others(), 0);
}

static int ignore_counts(void *context, const struct log_counts *counts)
{
	(void)context;
	(void)counts;
	return 0;
}

/* Whatever was read last, this reader does not stand in its own way. */
static void test_after_reading(void **state)
{
	struct error error = { 0 };
	struct log_reader *reader;
	struct snapshot *s;
	uint64_t sample;

	make_log(12, true);
	reader = open_log();
	for (uint64_t i = 0; i < 12; i++) {
		assert_int_equal(log_reader_load(reader, i, &s, NULL), 0);
		snapshot_unref(s);
		if (log_reader_keep_bookmark(reader, i, 1, "seen", &error))
			fail_msg("sample %d: %s", (int)i, error.text);
	}
	assert_int_equal(log_reader_totals(reader, 0, 1, ignore_counts, NULL, &error), 0);
	if (log_reader_keep_bookmark(reader, 3, 1, "counted", &error))
		fail_msg("%s", error.text);
	assert_int_equal(log_reader_bookmark(reader, "counted", &sample, NULL), 0);
	log_reader_free(reader);
	assert_int_equal(others(), 0);
}

/* The recorder was killed, so its WAL lies beside the log: both stay, and are read together. */
static void test_cut_off_log(void **state)
{
	struct log_reader *reader;
	uint64_t sample;
	pid_t child = fork();
	int status;

	if (!child)
		make_log(12, false);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(others() > 0);
	reader = open_log();
	assert_int_equal(log_reader_info(reader)->samples, 12);
	assert_int_equal(log_reader_keep_bookmark(reader, 11, 110, "last", NULL), 0);
	load_all(reader);
	log_reader_free(reader);
	reader = open_log();
	assert_int_equal(log_reader_info(reader)->samples, 12);
	assert_int_equal(log_reader_bookmark(reader, "last", &sample, NULL), 0);
	assert_int_equal(sample, 11);
	log_reader_free(reader);
}

/* Writes one after the other until it is killed, and counts those that it was told are kept. */
static void keep_many(atomic_uint *kept)
{
	struct error error = { 0 };
	struct log_reader *reader;

	if (log_reader_open(path, &reader, &error))
		_exit(1);
	for (uint64_t i = 0; !log_reader_keep_bookmark(reader, i % 12, 0, "x", NULL); i++)
		atomic_fetch_add(kept, 1);
	_exit(2);
}

/* Whoever is killed while writing one leaves a log that opens, with all that was kept before. */
static void test_killed(void **state)
{
	atomic_uint *kept = mmap(NULL, sizeof(*kept), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t seed = 11, seen[2] = { 0 };

	assert_ptr_not_equal(kept, MAP_FAILED);
	make_log(12, true);
	for (int kill_count = 0; kill_count < KILLS; kill_count++) {
		struct await await = await_begin("a bookmark");
		unsigned int before = atomic_load(kept);
		struct log_reader *reader;
		int status;
		pid_t child = fork();

		if (!child)
			keep_many(kept);
		/* Some are killed before they keep one, or while they open the log. */
		while (kill_count % 4 && atomic_load(kept) == before)
			await_pause(&await);
		usleep((useconds_t)build_below(&seed, 10000));
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFSIGNALED(status))
			fail_msg("it ended by itself: %d", WEXITSTATUS(status));
		reader = open_log();
		seen[0] = seen[1] = 0;
		assert_int_equal(log_reader_events(reader, count_event, seen, NULL), 0);
		/* Of each that was killed the last one may be kept without its having been told. */
		assert_in_range(seen[0], atomic_load(kept),
				atomic_load(kept) + (unsigned int)kill_count + 1);
		load_all(reader);
		log_reader_free(reader);
	}
	munmap(kept, sizeof(*kept));
}

static void refused(const char *word, int code)
{
	struct log_reader *reader = open_log();
	struct error error = { 0 };

	assert_int_equal(log_reader_keep_bookmark(reader, 1, 1, "x", &error), code);
	if (!strstr(error.text, word))
		fail_msg("\"%s\" does not say \"%s\"", error.text, word);
	log_reader_free(reader);
}

static void test_while_recorded(void **state)
{
	struct log_reader *reader;
	int fd;

	make_log(3, true);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	refused("being recorded", -EBUSY);
	close(fd);
	/* It keeps the lock only while it writes. */
	reader = open_log();
	assert_int_equal(log_reader_keep_bookmark(reader, 1, 1, "x", NULL), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
	log_reader_free(reader);
}

static void test_replaced(void **state)
{
	struct error error = { 0 };
	struct log_reader *reader;
	char away[128];

	make_log(3, true);
	reader = open_log();
	snprintf(away, sizeof(away), "%s.1", path);
	assert_int_equal(rename(path, away), 0);
	make_log(2, true);
	assert_int_equal(log_reader_keep_bookmark(reader, 1, 1, "x", &error), -ESTALE);
	assert_non_null(strstr(error.text, "replaced"));
	log_reader_free(reader);
}

static int keep_and_return(void)
{
	struct error error = { 0 };
	struct log_reader *reader;
	int code;

	if (log_reader_open(path, &reader, &error))
		return 98;
	code = -log_reader_keep_bookmark(reader, 1, 1, "x", &error);
	if (code && !strstr(error.text, "Permission denied") && !strstr(error.text, "directory"))
		code = 97;
	log_reader_free(reader);
	return code;
}

static void test_without_rights(void **state)
{
	size_t size, after;
	char *bytes, *now;

	make_log(3, true);
	assert_int_equal(chmod(path, 0444), 0);
	bytes = bytes_of(&size);
	assert_int_equal(as_nobody(keep_and_return), EACCES);
	/* The file may be written to, but not the directory. */
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(chmod(folder.name, 0555), 0);
	assert_int_equal(as_nobody(keep_and_return), EACCES);
	now = bytes_of(&after);
	assert_int_equal(after, size);
	assert_memory_equal(now, bytes, size);
	assert_int_equal(others(), 0);
	assert_int_equal(chmod(folder.name, 0777), 0);
	assert_int_equal(as_nobody(keep_and_return), 0);
	free(bytes);
	free(now);
}

/* The log through a symlink in a folder of its own, where anybody may write. */
static void make_link(char folder_of_link[static 64], char kept_path[static 96])
{
	snprintf(folder_of_link, 64, "/tmp/pmtop-bookmark-link-XXXXXX");
	assert_non_null(mkdtemp(folder_of_link));
	assert_int_equal(chmod(folder_of_link, 0777), 0);
	memcpy(kept_path, folder.log, sizeof(folder.log));
	snprintf(folder.log, sizeof(folder.log), "%s/link", folder_of_link);
	assert_int_equal(symlink(kept_path, path), 0);
}

static void remove_link(const char *folder_of_link, const char *kept_path)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder_of_link), 0); /* nothing else was left in it */
	memcpy(folder.log, kept_path, sizeof(folder.log));
}

/* How many samples there are; all of them can be loaded. */
static int samples_and_return(void)
{
	struct log_reader *reader;
	int samples;

	if (log_reader_open(path, &reader, NULL))
		return 98;
	load_all(reader);
	samples = (int)log_reader_info(reader)->samples;
	log_reader_free(reader);
	return samples;
}

/* What counts is the directory of the log itself, whatever the way to it. */
static void test_through_a_symlink(void **state)
{
	char link_folder[64], kept_path[96];
	size_t size, after;
	char *bytes, *now;

	make_log(3, true);
	bytes = bytes_of(&size);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(chmod(folder.name, 0555), 0);
	make_link(link_folder, kept_path);
	assert_int_equal(as_nobody(keep_and_return), EACCES);
	now = bytes_of(&after);
	assert_int_equal(after, size);
	assert_memory_equal(now, bytes, size);
	assert_int_equal(as_nobody(samples_and_return), 3);
	assert_int_equal(chmod(folder.name, 0777), 0);
	assert_int_equal(as_nobody(keep_and_return), 0);
	assert_int_equal(others(), 0);
	remove_link(link_folder, kept_path);
	free(bytes);
	free(now);
}

/* The WAL of a recorder that was killed is found beside the log, not beside the symlink. */
static void test_cut_off_through_a_symlink(void **state)
{
	char link_folder[64], kept_path[96], side[128];
	pid_t child = fork();

	if (!child)
		make_log(12, false);
	assert_int_equal(waitpid(child, NULL, 0), child);
	snprintf(side, sizeof(side), "%s-shm", path);
	assert_int_equal(unlink(side), 0);
	snprintf(side, sizeof(side), "%s-wal", path);
	assert_int_equal(chmod(side, 0644), 0);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chmod(folder.name, 0555), 0);
	assert_int_equal(as_nobody(samples_and_return), 12);
	make_link(link_folder, kept_path);
	assert_int_equal(as_nobody(samples_and_return), 12);
	remove_link(link_folder, kept_path);
}

static int refused_for_room(void)
{
	const struct rlimit limit = { 8192, 8192 };
	struct log_reader *reader;
	int code;

	signal(SIGXFSZ, SIG_IGN);
	if (log_reader_open(path, &reader, NULL) || setrlimit(RLIMIT_FSIZE, &limit))
		return 98;
	code = -log_reader_keep_bookmark(reader, 1, 1, "x", NULL);
	log_reader_free(reader);
	return code;
}

/* Where no WAL can be made the log must not be marked as one that has one. */
static void test_no_room_for_a_wal(void **state)
{
	static const char *const suffixes[] = { "-wal", "-shm" };
	size_t size, after;
	char *bytes, *now, side[128];

	make_log(3, true);
	bytes = bytes_of(&size);
	for (int i = 0; i < 2; i++) {
		struct log_reader *reader = open_log();
		struct error error = { 0 };
		int code;

		snprintf(side, sizeof(side), "%s%s", path, suffixes[i]);
		assert_int_equal(mkdir(side, 0777), 0);
		code = log_reader_keep_bookmark(reader, 1, 1, "x", &error);
		assert_int_equal(rmdir(side), 0);
		assert_int_equal(code, -EACCES);
		assert_non_null(strstr(error.text, "in the way"));
		log_reader_free(reader);
	}
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(chmod(folder.name, 0777), 0);
	assert_int_equal(as_nobody(refused_for_room), EFBIG);
	now = bytes_of(&after);
	assert_int_equal(after, size);
	assert_memory_equal(now, bytes, size);
	assert_int_equal(others(), 0);
	free(bytes);
	free(now);
}

/* Waits until a replay has said that, and gives the newest snapshot. */
static void await_word(struct source *source, const char *word, struct sample **newest)
{
	struct await await = await_begin(word);
	struct source_status status;

	for (source_status(source, &status); !strstr(status.message, word);) {
		if (await_is_over(&await))
			fail_msg("it never said \"%s\", but \"%s\"", word, status.message);
		await_news(&await, source, newest);
		source_status(source, &status);
	}
	await_news(&await, source, newest);
}

static void await_sample(struct source *source, uint64_t sequence, struct sample **newest)
{
	struct await await = await_begin("the sample that was asked for");

	while (!*newest || (*newest)->snapshot->sequence != sequence)
		await_news(&await, source, newest);
}

static void replay_bookmarks(const char *outcome)
{
	const struct source_find next = { .goal = GOAL_EVENT, .direction = 1 };
	struct await await = await_begin("an overview");
	struct source_overview before, after;
	struct sample *newest = NULL;
	struct source *source;
	struct source_span span;
	struct error problem;
	int64_t named;

	assert_int_equal(replay_open(path, 0, &source, &problem), 0);
	/* It plays until it is told not to. */
	source_set_paused(source, true);
	source->ops->seek(source, 4);
	await_sample(source, 4, &newest);
	named = newest->snapshot->taken_ns;
	while (!source->ops->overview(source, &before))
		await_pause(&await);
	/* The name was typed for a while: the sample is the one that was seen. */
	source->ops->seek(source, 9);
	await_sample(source, 9, &newest);
	assert_int_equal(source->ops->bookmark(source, named, "spot"), 0);
	await_word(source, outcome, &newest);
	assert_true(source->ops->overview(source, &after));
	assert_int_equal(after.event_count, before.event_count + 1);
	assert_int_equal(after.events[before.event_count].kind, EVENT_BOOKMARK);
	assert_int_equal(after.events[before.event_count].sample, 4);
	source->ops->seek(source, 3);
	source->ops->find(source, &next);
	await_word(source, "bookmark: spot", &newest);
	source->ops->span(source, &span);
	assert_int_equal(span.position, 4);
	assert_int_equal(newest->snapshot->taken_ns, named);
	sample_unref(newest);
	source_free(source);
}

static void test_in_replay(void **state)
{
	struct log_reader *reader;
	uint64_t sample;

	make_log(12, true);
	replay_bookmarks("kept in the log");
	assert_int_equal(others(), 0);
	reader = open_log();
	assert_int_equal(log_reader_bookmark(reader, "spot", &sample, NULL), 0);
	assert_int_equal(sample, 4);
	log_reader_free(reader);
}

static void test_in_replay_of_a_recording(void **state)
{
	int fd;

	make_log(12, true);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	replay_bookmarks("this session only");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		log_unit_test(test_is_kept),
		log_unit_test(test_after_reading),
		log_unit_test(test_cut_off_log),
		log_unit_test(test_killed),
		log_unit_test(test_while_recorded),
		log_unit_test(test_replaced),
		log_unit_test(test_without_rights),
		log_unit_test(test_through_a_symlink),
		log_unit_test(test_cut_off_through_a_symlink),
		log_unit_test(test_no_room_for_a_wal),
		log_unit_test(test_in_replay),
		log_unit_test(test_in_replay_of_a_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
