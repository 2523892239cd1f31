// SPDX-License-Identifier: GPL-2.0-or-later
/* Logs of somebody else: what lies beside them is not trusted. Needs root, to give files away. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "log/reader.h"
#include "log/writer.h"
#include "tests/unit/log_append.h"
#include "tests/unit/log_folder.h"
#include "tests/unit/log_world.h"

#define NOBODY	65534
#define SAMPLES 6

static char wal[128], shm[128];

/* Writes samples and says so; then waits to be killed, so that all is left as it stands. */
static void record_until_killed(int ready)
{
	const struct log_writer_options options = { .path = path };
	struct world *w = world_new(3);
	struct log_writer *writer;
	bool ok = !log_writer_open(&options, &writer, NULL);

	for (int i = 0; ok && i < SAMPLES; i++) {
		world_turn(w);
		ok = !append_snapshot(writer, world_snapshot(w), NULL, NULL, NULL);
	}
	if (write(ready, &ok, sizeof(ok)) != sizeof(ok))
		_exit(1);
	for (;;)
		pause();
}

static pid_t start_recorder(void)
{
	bool ok = false;
	int ready[2];
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid)
		record_until_killed(ready[1]);
	assert_int_equal(read(ready[0], &ok, sizeof(ok)), sizeof(ok));
	assert_true(ok);
	close(ready[0]);
	close(ready[1]);
	snprintf(wal, sizeof(wal), "%s-wal", path);
	snprintf(shm, sizeof(shm), "%s-shm", path);
	return pid;
}

static void kill_recorder(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void load_all(struct log_reader *reader, const char *pulled)
{
	assert_int_equal(log_reader_info(reader)->samples, SAMPLES);
	for (uint64_t i = 0; i < SAMPLES; i++) {
		struct error error = { 0 };
		struct snapshot *s;

		/* The owner does this at any time. */
		assert_int_equal(truncate(pulled, 0), 0);
		if (log_reader_load(reader, i, &s, &error))
			fail_msg("sample %d: %s", (int)i, error.text);
		snapshot_unref(s);
	}
}

/* Who owns the log, or only its FILE-shm, cuts that off: whoever reads the log is not killed. */
static void test_shm_is_not_trusted(void **state)
{
	struct error error = { 0 };
	struct log_reader *reader;

	if (geteuid())
		skip();
	for (int only_shm = 0; only_shm < 2; only_shm++) {
		kill_recorder(start_recorder());
		assert_int_equal(chown(shm, NOBODY, NOBODY), 0);
		assert_int_equal(only_shm || !chown(path, NOBODY, NOBODY), 1);
		assert_int_equal(access(wal, F_OK), 0);
		if (log_reader_open(path, &reader, &error))
			fail_msg("%s", error.text);
		load_all(reader, shm);
		log_reader_free(reader);
		assert_int_equal(unlink(path) | unlink(wal) | unlink(shm), 0);
	}
}

static void test_is_not_read_while_recorded(void **state)
{
	struct error error = { 0 };
	struct log_reader *reader;
	pid_t pid;

	if (geteuid())
		skip();
	pid = start_recorder();
	assert_int_equal(log_reader_open(path, &reader, &error), 0);
	log_reader_free(reader);
	assert_int_equal(chown(path, NOBODY, NOBODY), 0);
	assert_int_equal(log_reader_open(path, &reader, &error), -EBUSY);
	assert_non_null(strstr(error.text, "another user (uid 65534)"));
	kill_recorder(pid);
	assert_int_equal(log_reader_open(path, &reader, &error), 0);
	assert_int_equal(log_reader_info(reader)->samples, SAMPLES);
	/* A bookmark is written without what somebody else could pull away. */
	assert_int_equal(log_reader_keep_bookmark(reader, 1, 1, "seen", &error), 0);
	log_reader_free(reader);
	assert_int_equal(log_reader_open(path, &reader, &error), 0);
	assert_int_equal(log_reader_bookmark(reader, "seen", &(uint64_t){ 0 }, &error), 0);
	log_reader_free(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		log_unit_test(test_shm_is_not_trusted),
		log_unit_test(test_is_not_read_while_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
