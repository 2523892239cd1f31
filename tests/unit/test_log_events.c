// SPDX-License-Identifier: GPL-2.0-or-later
/* Events: of which sample they are, and what becomes of them while a log is read or full. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

#include "log/reader.h"
#include "log/recorder.h"
#include "log/writer.h"
#include "tests/unit/log_folder.h"
#include "tests/unit/log_world.h"
#include "log_append.h"

static struct log_writer *create(uint64_t max_bytes)
{
	const struct log_writer_options options = { .path = path,
						    .replace = true,
						    .max_bytes = max_bytes };
	struct log_writer *writer = NULL;
	struct error error = { 0 };

	if (log_writer_open(&options, &writer, &error))
		fail_msg("%s", error.text);
	return writer;
}

static void append(struct log_writer *writer, struct world *w, int64_t *ret_taken_ns)
{
	struct snapshot *s = world_snapshot(w);

	assert_int_equal(append_snapshot(writer, s, NULL, NULL, NULL), 0);
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
	struct world *w = world_new(2);
	struct log_writer *writer = create(0);
	struct error error = { 0 };
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
	struct log_writer *writer = create(0);
	struct log_reader *reader;
	uint64_t sample;

	for (uint64_t i = 1; i <= SAMPLES; i++) {
		struct snapshot *s = bare(i);

		assert_int_equal(append_snapshot(writer, s, NULL, NULL, NULL), 0);
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
}

#define SMALL	 (128u << 10)
#define SENTENCE "a sentence about something that has happened to this process, as long as most are"

static int find_stopped(void *context, const struct log_event *event)
{
	*(bool *)context |= event->kind == EVENT_STOPPED;
	return 0;
}

/* Events may use what samples leave free, and the last word has its place in any case. */
static void test_in_a_full_log(void **state)
{
	struct log_writer *writer = create(SMALL);
	struct snapshot *s = bare(1);
	struct error error = { 0 };
	struct log_reader *reader;
	uint64_t before = 0, after;
	bool stopped = false;
	int code;

	assert_int_equal(append_snapshot(writer, s, NULL, NULL, NULL), 0);
	while (!(code = log_writer_event(writer, EVENT_NOTE, 1000, SENTENCE, &error)))
		before = log_writer_bytes(writer);
	assert_int_equal(code, -EFBIG);
	assert_non_null(strstr(error.text, "largest size"));
	assert_true(before > SMALL - 8 * 2048);
	/* Many of them, or it would find room on a page that has some. */
	for (int i = 0; i < 5; i++)
		assert_int_equal(log_writer_event(writer, EVENT_STOPPED, 1000, SENTENCE, &error),
				 0);
	after = log_writer_bytes(writer);
	assert_true(after > before);
	assert_true(after <= SMALL);
	assert_int_equal(log_writer_close(writer, NULL), 0);
	assert_int_equal(log_reader_open(path, &reader, NULL), 0);
	assert_int_equal(log_reader_events(reader, find_stopped, &stopped, NULL), 0);
	assert_true(stopped);
	log_reader_free(reader);
	snapshot_unref(s);
}

/* Events and samples of a log and of all that were rotated away; removes them. */
static void count_all(uint64_t *ret_samples, int *ret_events, int *ret_logs)
{
	*ret_samples = 0;
	*ret_events = *ret_logs = 0;
	for (int i = 0; i < 100; i++) {
		struct log_reader *reader;
		char name[96];

		snprintf(name, sizeof(name), i ? "%s.%d" : "%s", path, i);
		if (log_reader_open(name, &reader, NULL))
			continue;
		*ret_samples += log_reader_info(reader)->samples;
		assert_int_equal(log_reader_events(reader, count_event, ret_events, NULL), 0);
		++*ret_logs;
		log_reader_free(reader);
		unlink(name);
	}
}

/* It is mostly an event that finds no room, and the recording goes on in the next log. */
static void test_rotates(void **state)
{
	enum { SAMPLES = 20, EACH = 60 };
	const struct recorder_options options = {
		.log = { .path = path, .replace = true, .max_bytes = SMALL },
		.rotate = 50,
	};
	struct recorder_status status;
	struct recorder *recorder;
	int events, logs;
	uint64_t samples;

	assert_int_equal(recorder_start(&options, &recorder, NULL), 0);
	for (uint64_t i = 0; i < SAMPLES; i++) {
		struct snapshot *s = bare(i + 1);

		for (int n = 0; i && n < EACH; n++)
			recorder_event(recorder, EVENT_NOTE, (int64_t)i * 1000, SENTENCE);
		observe_snapshot(recorder, s);
		snapshot_unref(s);
		/* Until the queue is empty: what finds no room in it is lost. */
		do {
			usleep(1000);
			recorder_status(recorder, &status);
		} while (status.state == RECORDER_RUNS && status.samples <= i);
	}
	if (recorder_stop(recorder, &status))
		fail_msg("%s", status.error.text);
	count_all(&samples, &events, &logs);
	assert_true(logs > 2);
	assert_int_equal(samples, SAMPLES);
	assert_int_equal(events, (SAMPLES - 1) * EACH + logs - 1); /* and where each goes on */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		log_unit_test(test_newer_than_the_reader),
		log_unit_test(test_of_long_ago),
		log_unit_test(test_in_a_full_log),
		log_unit_test(test_rotates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
