// SPDX-License-Identifier: GPL-2.0-or-later
/* Somebody removes, replaces or moves a log while it is written: what stays, and what goes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "log/reader.h"
#include "log/writer.h"
#include "tests/unit/log_folder.h"
#include "log_append.h"

#define SAMPLES 5

static char wal[128], shm[128], other[128];

static int set_up(void **state)
{
	if (log_set_up(state))
		return -1;
	snprintf(wal, sizeof(wal), "%s-wal", path);
	snprintf(shm, sizeof(shm), "%s-shm", path);
	snprintf(other, sizeof(other), "%s/other", folder.name);
	return 0;
}

static bool is_there(const char *name)
{
	return !access(name, F_OK);
}

static void make(const char *name, const char *text)
{
	FILE *file = fopen(name, "we");

	fputs(text, file);
	fclose(file);
}

static void assert_holds(const char *name, const char *text)
{
	char buf[64] = "";
	FILE *file = fopen(name, "re");

	assert_non_null(file);
	assert_int_equal(fread(buf, 1, sizeof(buf) - 1, file), strlen(text));
	fclose(file);
	assert_string_equal(buf, text);
}

/* A log that is being written. */
static struct log_writer *begin(void)
{
	const struct log_writer_options options = { .path = path };
	struct log_writer *writer = NULL;

	assert_int_equal(log_writer_open(&options, &writer, NULL), 0);
	for (int i = 0; i < SAMPLES; i++) {
		struct snapshot *s = snapshot_new(0);

		s->pid = 7;
		s->sequence = (uint64_t)i;
		s->taken_ns = s->clock_ns = i + 1;
		snapshot_seal(s);
		assert_int_equal(append_snapshot(writer, s, NULL, NULL, NULL), 0);
		snapshot_unref(s);
	}
	assert_true(is_there(wal));
	assert_true(is_there(shm));
	return writer;
}

/* Nobody finds its samples any more, so nothing of it stays. */
static void test_removed(void **state)
{
	struct log_writer *writer = begin();
	struct error error = { 0 };

	assert_int_equal(unlink(path), 0);
	assert_int_equal(log_writer_close(writer, &error), -ESTALE);
	assert_non_null(strstr(error.text, "removed"));
	assert_false(is_there(path));
	assert_false(is_there(wal));
	assert_false(is_there(shm));
}

/* Beside another file what is left of this one would be taken for a part of that. */
static void test_replaced(void **state)
{
	struct log_writer *writer = begin();

	make(other, "another");
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(log_writer_close(writer, NULL), -ESTALE);
	assert_holds(path, "another");
	assert_false(is_there(wal));
	assert_false(is_there(shm));
}

/* A file of that name that is not the one which was there. */
static void test_not_ours(void **state)
{
	struct log_writer *writer = begin();

	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(wal), 0);
	make(wal, "somebody's");
	assert_int_equal(log_writer_close(writer, NULL), -ESTALE);
	assert_false(is_there(path));
	assert_holds(wal, "somebody's");
	assert_false(is_there(shm));
}

/* Another recorder has the name: what is beside its log may be its own at any moment. */
static void test_recorded_again(void **state)
{
	struct log_writer *writer = begin();
	int fd;

	make(other, "another");
	assert_int_equal(rename(other, path), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(log_writer_close(writer, NULL), -ESTALE);
	close(fd);
	assert_holds(path, "another");
	assert_true(is_there(wal));
	assert_true(is_there(shm));
}

/* It lives under another name, and needs its -wal there. */
static void test_moved(void **state)
{
	struct log_writer *writer = begin();
	struct error error = { 0 };
	struct log_reader *reader;
	char moved[160];

	assert_int_equal(rename(path, other), 0);
	assert_int_equal(log_writer_close(writer, &error), -ESTALE);
	assert_non_null(strstr(error.text, "-wal: keep both"));
	assert_false(is_there(path));
	snprintf(moved, sizeof(moved), "%s-wal", other);
	assert_int_equal(rename(wal, moved), 0);
	assert_int_equal(log_reader_open(other, &reader, NULL), 0);
	assert_int_equal(log_reader_info(reader)->samples, SAMPLES);
	log_reader_free(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_removed, set_up, log_tear_down),
		cmocka_unit_test_setup_teardown(test_replaced, set_up, log_tear_down),
		cmocka_unit_test_setup_teardown(test_not_ours, set_up, log_tear_down),
		cmocka_unit_test_setup_teardown(test_recorded_again, set_up, log_tear_down),
		cmocka_unit_test_setup_teardown(test_moved, set_up, log_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
