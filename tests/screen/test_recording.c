// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.h"

/* What R and the ends of a recording say. */

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

static struct stage *with_recorder(struct recorder *recorder)
{
	const struct app_hooks hooks = { .context = recorder, .record = toggle };
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

/* One that is under way when the process ends can still be stopped. */
static void test_end_while_recording(void **state)
{
	struct recorder recorder = { 0 };
	struct stage *s = with_recorder(&recorder);

	stage_keys(s, "R");
	s->source->status.state = SOURCE_ENDED;
	app_take(s->app);
	stage_keys(s, "R");
	assert_int_equal(recorder.toggled, 2);
	assert_true(stage_shows(s, "recorded 7 samples"));
	stage_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaving_tells),
		cmocka_unit_test(test_nothing_to_record),
		cmocka_unit_test(test_end_while_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
