// SPDX-License-Identifier: GPL-2.0-or-later
/* A clock that is set while a log is written: what is told of time still goes forward. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

#include "log/reader.h"
#include "log/writer.h"
#include "tests/unit/log_append.h"
#include "tests/unit/log_folder.h"
#include "tests/unit/log_world.h"

#define SECOND	 INT64_C(1000000000)
#define FIRST_NS INT64_C(1700000000000000000)
#define HOUR	 (3600 * SECOND)

/* Seconds after the first sample by the one clock, and how far the other one was set. */
static const struct {
	int64_t clock, set;
} moments[] = {
	{ 0, 0 }, { 1, 0 }, { 2, -HOUR / SECOND }, { 3, -HOUR / SECOND }, { 4, HOUR / SECOND },
	{ 5, 0 }, { 6, 0 },
};
#define SAMPLES (sizeof(moments) / sizeof(*moments))

static void write_log(void)
{
	const struct log_writer_options options = { .path = path };
	struct world *w = world_new(5);
	struct log_writer *writer;

	assert_int_equal(log_writer_open(&options, &writer, NULL), 0);
	for (size_t i = 0; i < SAMPLES; i++) {
		struct snapshot *s;

		world_turn(w);
		s = world_snapshot(w);
		s->clock_ns = 7 * SECOND + moments[i].clock * SECOND;
		s->taken_ns = FIRST_NS + (moments[i].clock + moments[i].set) * SECOND;
		assert_int_equal(append_snapshot(writer, s, NULL, NULL, NULL), 0);
		/* Half a second after each of them something happens. */
		assert_int_equal(
			log_writer_event(writer, EVENT_NOTE, s->taken_ns + SECOND / 2, "x", NULL),
			0);
		snapshot_unref(s);
	}
	assert_int_equal(log_writer_close(writer, NULL), 0);
	world_free(w);
}

struct times {
	int64_t last;
	size_t count;
};

static int add_total(void *context, const struct log_counts *counts)
{
	struct times *t = context;

	assert_true(counts->taken_ns > t->last);
	t->last = counts->taken_ns;
	t->count++;
	return 0;
}

static int add_series(void *context, const struct log_series *series)
{
	for (size_t i = 1; i < series->count; i++)
		assert_true(series->points[i].taken_ns > series->points[i - 1].taken_ns);
	*(size_t *)context += series->count;
	return 0;
}

static void test_exported_times_go_forward(void **state)
{
	const struct log_series_range range = { 0, SAMPLES - 1, SECOND };
	struct times times = { 0 };
	struct log_reader *reader;
	int64_t at;
	size_t points = 0;

	write_log();
	assert_int_equal(log_reader_open(path, &reader, NULL), 0);
	assert_int_equal(log_reader_totals(reader, 0, SAMPLES, add_total, &times, NULL), 0);
	assert_int_equal(times.count, SAMPLES);
	assert_int_equal(log_reader_series(reader, &range, add_series, &points, NULL), 0);
	assert_true(points > SAMPLES);
	/* Up to where it was set they are what the clock said. */
	assert_int_equal(log_reader_steady_time(reader, 1, &at, NULL), 0);
	assert_int_equal(at, FIRST_NS + SECOND);
	assert_int_equal(log_reader_steady_time(reader, 2, &at, NULL), 0);
	assert_int_equal(at, FIRST_NS + 2 * SECOND);
	log_reader_free(reader);
}

struct notes {
	struct log_reader *reader;
	size_t count;
};

static int add_note(void *context, const struct log_event *event)
{
	struct notes *notes = context;
	int64_t after;

	if (event->kind != EVENT_NOTE)
		return 0;
	assert_int_equal(log_reader_event_after(notes->reader, event, &after, NULL), 0);
	/* Of the right moment, as far as the log can tell; never an hour before it began. */
	assert_true(after >= 0 && after <= (int64_t)SAMPLES * SECOND);
	notes->count++;
	return 0;
}

static void test_events_are_within_the_log(void **state)
{
	struct notes notes = { 0 };

	write_log();
	assert_int_equal(log_reader_open(path, &notes.reader, NULL), 0);
	assert_int_equal(log_reader_events(notes.reader, add_note, &notes, NULL), 0);
	assert_int_equal(notes.count, SAMPLES);
	log_reader_free(notes.reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		log_unit_test(test_exported_times_go_forward),
		log_unit_test(test_events_are_within_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
