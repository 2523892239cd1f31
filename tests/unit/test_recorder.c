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
#include "tests/unit/log_world.h"

/* The threads: a recorder that must not make its caller wait, and a replay that plays and seeks. */

#define SAMPLES 30

static void path_of(char *buf, size_t size)
{
	snprintf(buf, size, "/tmp/pmtop-test-recorder.%d", getpid());
}

static struct recorder *start(const char *path)
{
	const struct log_fact facts[] = { { "needs", "0.1.0" }, { "interval_ns", "100000000" } };
	const struct recorder_options options = {
		.log = { .path = path, .replace = true, .facts = facts, .fact_count = 2 },
	};
	struct recorder *recorder = NULL;
	struct log_error error = { 0 };

	if (recorder_start(&options, &recorder, &error))
		fail_msg("%s", error.text);
	return recorder;
}

/* A log of SAMPLES samples with a bookmark at sample 9. */
static void record(const char *path, int64_t *taken, uint64_t *unplaced)
{
	struct recorder *recorder = start(path);
	struct recorder_status status;
	struct world *w = world_new(3);

	for (int i = 0; i < SAMPLES; i++) {
		struct snapshot *s;

		world_turn(w);
		s = world_snapshot(w);
		taken[i] = s->taken_ns;
		unplaced[i] = s->swap_unplaced;
		recorder_observe(recorder, s, NULL);
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

/* Far more than any disk can take at once: what is left out is named, all of it. */
static void test_gap_is_named(void **state)
{
	char path[64];
	struct recorder *recorder;
	struct recorder_status status;
	struct log_reader *reader;
	struct gaps gaps = { 0 };
	struct world *w = world_new(5);
	struct snapshot *s = world_snapshot(w);

	path_of(path, sizeof(path));
	recorder = start(path);
	for (int i = 0; i < 3000; i++)
		recorder_observe(recorder, s, NULL);
	assert_int_equal(recorder_stop(recorder, &status), 0);
	assert_true(status.left_out > 0);
	assert_int_equal(status.samples + status.left_out, 3000);
	assert_int_equal(log_reader_open(path, &reader, NULL), 0);
	assert_int_equal(log_reader_info(reader)->samples, status.samples);
	assert_int_equal(log_reader_events(reader, count_gap, &gaps, NULL), 0);
	assert_int_equal(gaps.named, status.left_out);
	log_reader_free(reader);
	unlink(path);
	snapshot_unref(s);
	world_free(w);
}

/* The next snapshot of the source, or NULL after ten seconds. */
static struct snapshot *next(struct source *source)
{
	struct snapshot *s = NULL;

	for (int i = 0; i < 200 && !s; i++)
		await_news(source, &s);
	return s;
}

/* Waits until the source shows the sample that was taken then. */
static bool shows(struct source *source, int64_t taken_ns)
{
	for (int i = 0; i < 200; i++) {
		struct snapshot *s = next(source);
		bool found = s && s->taken_ns == taken_ns;

		if (s)
			snapshot_unref(s);
		if (found || !s)
			return found;
	}
	return false;
}

static void test_replay(void **state)
{
	const struct source_find event = { .goal = GOAL_EVENT, .direction = 1 };
	const struct source_find time = { .goal = GOAL_TIME, .ns = 1250000000 };
	char path[64], message[REPLAY_MESSAGE] = "";
	struct source_overview overview;
	struct source_status status;
	uint64_t unplaced[SAMPLES];
	int64_t taken[SAMPLES];
	struct source *source;
	struct source_span span;
	struct snapshot *s;

	path_of(path, sizeof(path));
	record(path, taken, unplaced);
	assert_int_equal(replay_open(path, 8, &source, message), 0);
	assert_true(source_is_replay(source));
	source_set_paused(source, true);
	s = next(source);
	assert_non_null(s);
	assert_true(s->taken_ns >= taken[8]);
	snapshot_unref(s);
	assert_int_equal(source->ops->seek(source, 3), 0);
	assert_true(shows(source, taken[3]));
	assert_int_equal(source->ops->span(source, &span), 0);
	assert_int_equal(span.samples, SAMPLES);
	assert_int_equal(span.position, 3);
	assert_int_equal(source->ops->seek(source, SAMPLES), -ERANGE);
	source->ops->find(source, &time);
	assert_true(shows(source, taken[12]));
	assert_int_equal(source->ops->seek(source, 8), 0);
	assert_true(shows(source, taken[8]));
	source->ops->find(source, &event);
	s = next(source);
	assert_non_null(s);
	assert_true(s->taken_ns > taken[8] && s->taken_ns <= taken[9]);
	snapshot_unref(s);
	source->ops->set_speed(source, 64);
	source_set_paused(source, false);
	assert_true(shows(source, taken[SAMPLES - 1]));
	source_status(source, &status);
	assert_int_equal(status.state, SOURCE_ENDED);
	assert_true(source->ops->overview(source, &overview));
	assert_int_equal(overview.point_count, SAMPLES);
	for (int i = 0; i < SAMPLES; i++)
		assert_int_equal(overview.points[i].swap_unplaced, unplaced[i]);
	assert_true(overview.event_count > 0);
	source_free(source);
	unlink(path);
}

static void test_replay_of_nothing(void **state)
{
	char message[REPLAY_MESSAGE] = "";
	struct source *source;

	assert_int_equal(replay_open("/nowhere/log", 0, &source, message), -ENOENT);
	assert_non_null(strstr(message, "/nowhere/log"));
}

/* Two samples, and between them as long as clocks can count. */
static void write_two(const char *path)
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
		assert_int_equal(log_writer_append(writer, s, NULL, NULL), 0);
		snapshot_unref(s);
	}
	assert_int_equal(log_writer_close(writer, NULL), 0);
}

/* Playing goes on after three seconds, however long the log says that it takes. */
static void test_replay_of_wild_clocks(void **state)
{
	char path[64], message[REPLAY_MESSAGE] = "";
	struct source *source;

	path_of(path, sizeof(path));
	write_two(path);
	assert_int_equal(replay_open(path, 0, &source, message), 0);
	assert_true(shows(source, 1));
	usleep(300000);
	assert_null(source_take(source));
	source_free(source);
	unlink(path);
}

static void test_replay_of_a_damaged_sample(void **state)
{
	char path[64], message[REPLAY_MESSAGE] = "";
	struct source_status status = { 0 };
	struct source *source;
	sqlite3 *db;

	path_of(path, sizeof(path));
	write_two(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM total", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(replay_open(path, 0, &source, message), 0);
	for (int i = 0; i < 200 && status.state != SOURCE_FAILED; i++) {
		usleep(10000);
		source_status(source, &status);
	}
	assert_int_equal(status.state, SOURCE_FAILED);
	assert_int_equal(status.error, EBADMSG);
	source_free(source);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gap_is_named),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_replay_of_nothing),
		cmocka_unit_test(test_replay_of_wild_clocks),
		cmocka_unit_test(test_replay_of_a_damaged_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
