// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

#include "log/reader.h"
#include "log/recorder.h"
#include "sample/replay.h"
#include "tests/unit/await.h"
#include "tests/unit/log_folder.h"
#include "tests/unit/log_world.h"
#include "log_append.h"

/* The threads: a recorder that must not make its caller wait, and a replay that plays and seeks. */

#define SAMPLES 30

static struct recorder *start(void)
{
	const struct log_fact facts[] = { { "needs", "0.1.0" }, { "interval_ns", "100000000" } };
	const struct recorder_options options = {
		.log = { .path = path, .replace = true, .facts = facts, .fact_count = 2 },
	};
	struct recorder *recorder = NULL;
	struct error error = { 0 };

	if (recorder_start(&options, &recorder, &error))
		fail_msg("%s", error.text);
	return recorder;
}

/* A log of SAMPLES samples with a bookmark at sample 9. */
static void record(int64_t *taken, uint64_t *unplaced)
{
	struct recorder *recorder = start();
	struct recorder_status status;
	struct world *w = world_new(3);

	for (int i = 0; i < SAMPLES; i++) {
		struct snapshot *s;

		world_turn(w);
		s = world_snapshot(w);
		taken[i] = s->taken_ns;
		unplaced[i] = s->swap_unplaced;
		observe_snapshot(recorder, s);
		snapshot_unref(s);
		if (i == 9)
			recorder_event(recorder, EVENT_BOOKMARK, 0, "nine");
	}
	assert_int_equal(recorder_stop(recorder, &status), 0);
	assert_int_equal(status.samples, SAMPLES);
	assert_int_equal(status.left_out, 0);
	world_free(w);
}

struct gaps {
	unsigned long long named;
	int count;
};

static int count_gap(void *context, const struct log_event *event)
{
	struct gaps *gaps = context;
	unsigned long long n;

	if (event->kind == EVENT_GAP && sscanf(event->text, "%llu samples", &n) == 1) {
		gaps->named += n;
		gaps->count++;
	}
	return 0;
}

/* More than any disk can take at once: what is left out is named, all of it. */
static void test_gap_is_named(void **state)
{
	struct await await = await_begin("a sample that was left out");
	struct recorder *recorder = start();
	struct recorder_status status = { 0 };
	struct log_reader *reader;
	struct gaps gaps = { 0 };
	struct world *w = world_new(5);
	struct snapshot *s = world_snapshot(w);
	uint64_t told = 0;

	for (; status.left_out < 500; recorder_status(recorder, &status)) {
		await_check(&await);
		for (int i = 0; i < 3000; i++, told++)
			observe_snapshot(recorder, s);
	}
	assert_int_equal(recorder_stop(recorder, &status), 0);
	assert_int_equal(status.samples + status.left_out, told);
	assert_int_equal(log_reader_open(path, &reader, NULL), 0);
	assert_int_equal(log_reader_info(reader)->samples, status.samples);
	assert_int_equal(log_reader_events(reader, count_gap, &gaps, NULL), 0);
	assert_int_equal(gaps.named, status.left_out);
	log_reader_free(reader);
	snapshot_unref(s);
	world_free(w);
}

/* The next sample of the source. */
static struct sample *next(struct source *source)
{
	struct await await = await_begin("a snapshot");
	struct sample *s = NULL;

	while (!await_news(&await, source, &s))
		continue;
	return s;
}

/* Waits until the source shows the sample that was taken then. */
static void await_shown(struct source *source, int64_t taken_ns)
{
	struct await await = await_begin("a snapshot");
	struct source_status status;
	struct sample *s = NULL;

	while (!s || s->snapshot->taken_ns != taken_ns) {
		source_status(source, &status);
		if (await_is_over(&await))
			fail_msg("never showed what was taken at %lld, but %lld: %s",
				 (long long)taken_ns, s ? (long long)s->snapshot->taken_ns : 0,
				 status.message);
		await_news(&await, source, &s);
	}
	sample_unref(s);
}

static void test_replay(void **state)
{
	const struct source_find event = { .goal = GOAL_EVENT, .direction = 1 };
	const struct source_find time = { .goal = GOAL_TIME, .ns = 1250000000 };
	struct error problem = { 0 };
	struct source_overview overview;
	struct source_status status;
	uint64_t unplaced[SAMPLES];
	int64_t taken[SAMPLES];
	struct source *source;
	struct source_span span;
	struct sample *s;

	record(taken, unplaced);
	assert_int_equal(replay_open(path, 8, &source, &problem), 0);
	assert_true(source_is_replay(source));
	source_set_paused(source, true);
	s = next(source);
	assert_true(s->snapshot->taken_ns >= taken[8]);
	sample_unref(s);
	assert_int_equal(source->ops->seek(source, 3), 0);
	await_shown(source, taken[3]);
	assert_int_equal(source->ops->span(source, &span), 0);
	assert_int_equal(span.samples, SAMPLES);
	assert_int_equal(span.position, 3);
	assert_int_equal(source->ops->seek(source, SAMPLES), -ERANGE);
	source->ops->find(source, &time);
	await_shown(source, taken[12]);
	assert_int_equal(source->ops->seek(source, 8), 0);
	await_shown(source, taken[8]);
	source->ops->find(source, &event);
	s = next(source);
	assert_true(s->snapshot->taken_ns > taken[8] && s->snapshot->taken_ns <= taken[9]);
	sample_unref(s);
	source->ops->set_speed(source, 64);
	source_set_paused(source, false);
	await_shown(source, taken[SAMPLES - 1]);
	source_status(source, &status);
	assert_int_equal(status.state, SOURCE_ENDED);
	assert_true(source->ops->overview(source, &overview));
	assert_int_equal(overview.point_count, SAMPLES);
	for (int i = 0; i < SAMPLES; i++)
		assert_int_equal(overview.points[i].swap_unplaced, unplaced[i]);
	assert_true(overview.event_count > 0);
	source_free(source);
}

static void test_replay_of_nothing(void **state)
{
	struct error problem = { 0 };
	struct source *source;

	assert_int_equal(replay_open("/nowhere/log", 0, &source, &problem), -ENOENT);
	assert_non_null(strstr(problem.text, "/nowhere/log"));
}

/* Two samples, and between them as long as clocks can count. */
static void write_two(void)
{
	const struct log_writer_options options = { .path = path, .replace = true };
	struct log_writer *writer;

	assert_int_equal(log_writer_open(&options, &writer, NULL), 0);
	for (int i = 0; i < 2; i++) {
		struct snapshot *s = snapshot_new(0);

		s->pid = 1;
		s->sequence = (uint64_t)i;
		s->taken_ns = i + 1;
		s->clock_ns = i ? INT64_MAX - 2 : 0;
		snapshot_seal(s);
		assert_int_equal(append_snapshot(writer, s, NULL, NULL, NULL), 0);
		snapshot_unref(s);
	}
	assert_int_equal(log_writer_close(writer, NULL), 0);
}

/* Playing goes on after three seconds, not before, however long the log says that it takes. */
static void test_replay_of_wild_clocks(void **state)
{
	int64_t began = clock_ns(CLOCK_MONOTONIC);
	struct error problem = { 0 };
	struct source *source;

	write_two();
	assert_int_equal(replay_open(path, 0, &source, &problem), 0);
	await_shown(source, 1);
	await_shown(source, 2);
	assert_true(clock_ns(CLOCK_MONOTONIC) - began >= INT64_C(3000000000));
	source_free(source);
}

static void test_replay_of_a_damaged_sample(void **state)
{
	struct await await = await_begin("a failure");
	struct error problem = { 0 };
	struct source_status status = { 0 };
	struct source *source;
	sqlite3 *db;

	write_two();
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM total", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(replay_open(path, 0, &source, &problem), 0);
	while (status.state != SOURCE_FAILED) {
		await_pause(&await);
		source_status(source, &status);
	}
	assert_int_equal(status.error, EBADMSG);
	source_free(source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		log_unit_test(test_gap_is_named),
		log_unit_test(test_replay),
		log_unit_test(test_replay_of_nothing),
		log_unit_test(test_replay_of_wild_clocks),
		log_unit_test(test_replay_of_a_damaged_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
