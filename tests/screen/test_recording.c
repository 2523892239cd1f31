// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* What R and the ends of a recording say. */

/* By how much somebody has set back the clock of the day. */
static time_t set_back;

/* In place of that of the C library. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	int r = (int)syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_REALTIME)
		now->tv_sec -= set_back;
	return r;
}

struct recorder {
	bool runs;
	int toggled;
};

static int toggle(void *context, struct source *source, const char *path, char *message,
		  size_t size)
{
	struct recorder *r = context;

	r->runs = !r->runs;
	r->toggled++;
	snprintf(message, size, r->runs ? "recording into a log" : "recorded 7 samples");
	return r->runs;
}

/* As of a process: with its end the recording is over. */
static int look(void *context, struct source *source, char *message, size_t size)
{
	struct recorder *r = context;
	struct source_status status;

	source_status(source, &status);
	if (status.state != SOURCE_ENDED)
		return 1;
	r->runs = false;
	snprintf(message, size, "recorded 7 samples");
	return 0;
}

static struct stage *with_recorder(struct recorder *recorder)
{
	const struct app_hooks hooks = { .context = recorder, .record = toggle, .recording = look };
	struct stage *s = stage_open("demo", THEME_DARK, 256, true);

	app_set_hooks(s->app, &hooks);
	stage_draw(s, 80, 24);
	return s;
}

/* Who goes back to the list of processes learns what became of the recording. */
static void test_leaving_tells(void **state)
{
	struct recorder recorder = { 0 };
	struct stage *s = with_recorder(&recorder);

	stage_keys(s, "R");
	assert_true(stage_shows(s, "recording into a log"));
	stage_keys(s, "j");
	app_set_source(s->app, NULL);
	stage_draw(s, 80, 24);
	assert_false(recorder.runs);
	assert_true(stage_shows(s, "recorded 7 samples"));
	stage_close(s);
}

/* Of a process that has ended no sample comes any more: R makes no empty log. */
static void test_nothing_to_record(void **state)
{
	struct recorder recorder = { 0 };
	struct stage *s = with_recorder(&recorder);

	s->source->status.state = SOURCE_ENDED;
	app_take(s->app);
	stage_keys(s, "R");
	assert_int_equal(recorder.toggled, 0);
	assert_true(stage_shows(s, "there is nothing more to record"));
	stage_close(s);
}

/* With the process its recording ends, and R has nothing to stop any more. */
static void test_end_while_recording(void **state)
{
	struct recorder recorder = { 0 };
	struct stage *s = with_recorder(&recorder);

	stage_keys(s, "R");
	stage_draw(s, 80, 24);
	assert_true(stage_shows(s, "rec 0:0"));
	s->source->status.state = SOURCE_ENDED;
	app_take(s->app);
	stage_draw(s, 80, 24);
	assert_false(recorder.runs);
	assert_true(stage_shows(s, "recorded 7 samples"));
	assert_false(stage_shows(s, "rec 0:0"));
	stage_keys(s, "R");
	assert_int_equal(recorder.toggled, 1);
	assert_true(stage_shows(s, "there is nothing more to record"));
	stage_close(s);
}

/* A workload's end and that of its recording are said beside each other, whichever comes first. */
static void test_two_pieces_of_news(void **state)
{
	struct recorder recorder = { 0 };
	struct stage *s = with_recorder(&recorder);

	app_message(s->app, "something of before");
	app_news(s->app, NEWS_RECORDING, "recorded 7 samples");
	stage_draw(s, 80, 24);
	assert_false(stage_shows(s, "of before"));
	app_news(s->app, NEWS_WORKLOAD, "exited with status 3");
	stage_draw(s, 80, 24);
	assert_true(stage_shows(s, "exited with status 3; recorded 7 samples"));
	stage_keys(s, "j");
	app_news(s->app, NEWS_WORKLOAD, "exited with status 4");
	app_news(s->app, NEWS_RECORDING, "recorded 8 samples");
	stage_draw(s, 80, 24);
	assert_true(stage_shows(s, "exited with status 4; recorded 8 samples"));
	assert_false(stage_shows(s, "recorded 7"));
	app_message(s->app, "something else");
	stage_draw(s, 80, 24);
	assert_false(stage_shows(s, "recorded 8 samples"));
	stage_close(s);
}

/* For how long it has been recorded does not depend on the clock of the day. */
static void test_clock_is_set_back(void **state)
{
	struct recorder recorder = { 0 };
	struct stage *s = with_recorder(&recorder);

	stage_keys(s, "R");
	assert_true(stage_shows(s, "@ rec 0:"));
	set_back = 3600;
	stage_draw(s, 80, 24);
	set_back = 0;
	assert_true(stage_shows(s, "@ rec 0:"));
	stage_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock_is_set_back),
		cmocka_unit_test(test_leaving_tells),
		cmocka_unit_test(test_nothing_to_record),
		cmocka_unit_test(test_end_while_recording),
		cmocka_unit_test(test_two_pieces_of_news),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
