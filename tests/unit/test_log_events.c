// SPDX-License-Identifier: GPL-2.0-or-later
/* Events: of which sample they are, and what becomes of them while a log is read or full. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

#include "log/reader.h"
#include "log/writer.h"
#include "tests/unit/log_world.h"

static const char *path_of(char *buf, size_t size)
{
	snprintf(buf, size, "/tmp/pmtop-test-log-events.%d", getpid());
	return buf;
}

static struct log_writer *create(const char *path, uint64_t max_bytes)
{
	const struct log_writer_options options = { .path = path,
						    .replace = true,
						    .max_bytes = max_bytes };
	struct log_writer *writer = NULL;
	struct log_error error = { 0 };

	if (log_writer_open(&options, &writer, &error))
		fail_msg("%s", error.text);
	return writer;
}

static void append(struct log_writer *writer, struct world *w, int64_t *ret_taken_ns)
{
	struct snapshot *s = world_snapshot(w);

	assert_int_equal(log_writer_append(writer, s, NULL, NULL), 0);
	*ret_taken_ns = s->taken_ns;
	snapshot_unref(s);
}

static int count_event(void *context, const struct log_event *event)
{
	*(int *)context += !event_is_of_mapping(event->kind);
	return 0;
}

/* What was recorded after a log was opened is of samples that this reader does not have. */
static void test_newer_than_the_reader(void **state)
{
	char path[64];
	struct world *w = world_new(2);
	struct log_writer *writer = create(path_of(path, sizeof(path)), 0);
	struct log_error error = { 0 };
	struct log_reader *reader;
	struct log_event event;
	uint64_t sample;
	int64_t taken;
	int events = 0;

	append(writer, w, &taken);
	append(writer, w, &taken);
	assert_int_equal(log_writer_event(writer, EVENT_BOOKMARK, taken, "old", &error), 0);
	assert_int_equal(log_reader_open(path, &reader, &error), 0);
	append(writer, w, &taken);
	assert_int_equal(log_writer_event(writer, EVENT_BOOKMARK, taken, "new", &error), 0);
	assert_int_equal(log_writer_event(writer, EVENT_BOOKMARK, taken, "old", &error), 0);
	assert_int_equal(log_reader_event(reader, 0, 1, &event, &error), 0);
	assert_string_equal(event.text, "old");
	if (log_reader_event(reader, 1, 1, &event, &error) != -ENOENT)
		fail_msg("%s", error.text);
	assert_int_equal(log_reader_event(reader, 1, -1, &event, &error), -ENOENT);
	assert_int_equal(log_reader_events(reader, count_event, &events, &error), 0);
	assert_int_equal(events, 1);
	assert_int_equal(log_reader_bookmark(reader, "new", &sample, &error), -ENOENT);
	assert_int_equal(log_reader_bookmark(reader, "old", &sample, &error), 0);
	assert_int_equal(sample, 1);
	log_reader_free(reader);
	assert_int_equal(log_writer_close(writer, &error), 0);
	unlink(path);
	world_free(w);
}

/* Nothing but a time. */
static struct snapshot *bare(uint64_t sequence)
{
	struct snapshot *s = snapshot_new(0);

	s->pid = 7;
	s->sequence = sequence;
	s->taken_ns = (int64_t)sequence * 1000;
	s->clock_ns = s->taken_ns;
	snapshot_seal(s);
	return s;
}

/* Somebody went far back in a live view and named what is there. */
static void test_of_long_ago(void **state)
{
	enum { SAMPLES = 10000, OLD = 77 };
	char path[64];
	struct log_writer *writer = create(path_of(path, sizeof(path)), 0);
	struct log_reader *reader;
	uint64_t sample;

	for (uint64_t i = 1; i <= SAMPLES; i++) {
		struct snapshot *s = bare(i);

		assert_int_equal(log_writer_append(writer, s, NULL, NULL), 0);
		snapshot_unref(s);
	}
	assert_int_equal(log_writer_event(writer, EVENT_BOOKMARK, (OLD + 1) * 1000, "old", NULL),
			 0);
	assert_int_equal(log_writer_event(writer, EVENT_BOOKMARK, 1, "before all", NULL), 0);
	assert_int_equal(log_writer_close(writer, NULL), 0);
	assert_int_equal(log_reader_open(path, &reader, NULL), 0);
	assert_int_equal(log_reader_bookmark(reader, "old", &sample, NULL), 0);
	assert_int_equal(sample, OLD);
	assert_int_equal(log_reader_bookmark(reader, "before all", &sample, NULL), 0);
	assert_int_equal(sample, 0);
	log_reader_free(reader);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_newer_than_the_reader),
		cmocka_unit_test(test_of_long_ago),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
