// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.h"

/* The last row says what each key would do now, and names none that could do nothing. */

static void expect_footer(const struct stage *s, const char *shown, const char *not_shown)
{
	const char *footer = stage_row(s, canvas_rect(s->canvas).height - 1);

	if (!strstr(footer, shown))
		fail_msg("the footer lacks %s: %s", shown, footer);
	if (not_shown && strstr(footer, not_shown))
		fail_msg("the footer has %s: %s", not_shown, footer);
}

static struct stage *wide(void)
{
	struct stage *s = stage_open("demo", THEME_DARK, 256, true);

	stage_draw(s, 160, 30);
	return s;
}

static void test_pause(void **state)
{
	struct stage *s = wide();

	expect_footer(s, "Space pause", NULL);
	stage_keys(s, "Space");
	assert_true(stage_shows(s, "PAUSED"));
	expect_footer(s, "Space go on  . step  > event", "pause");
	stage_keys(s, "Space");
	assert_false(stage_shows(s, "PAUSED"));
	expect_footer(s, "Space pause", "go on");
	expect_footer(s, "Space pause", "step");
	stage_next(s);
	stage_draw(s, 160, 30);
	stage_keys(s, ",");
	expect_footer(s, "Space go on", "pause");
	stage_keys(s, "e");
	expect_footer(s, "Space pause", "go on");
	stage_close(s);
}

/* What has ended cannot be paused: its title keeps saying that it has ended. */
static void test_ended(void **state)
{
	struct stage *s = wide();

	stage_next(s);
	s->source->status.state = SOURCE_ENDED;
	app_take(s->app);
	stage_draw(s, 160, 30);
	expect_footer(s, "q quit", "Space");
	expect_footer(s, "q quit", "rec");
	expect_footer(s, "q quit", "verify");
	stage_keys(s, "Space");
	assert_true(stage_shows(s, "ENDED"));
	assert_true(stage_shows(s, "nothing comes any more"));
	stage_keys(s, ",");
	assert_true(stage_shows(s, "PAUSED"));
	expect_footer(s, "Space go on", "pause");
	stage_keys(s, "Space");
	assert_true(stage_shows(s, "ENDED"));
	stage_close(s);
}

/* Starts, and then stops. */
static int toggle_recording(void *context, struct source *source, const char *path, char *message,
			    size_t size)
{
	int *runs = context;

	snprintf(message, size, *runs ? "recorded" : "recording");
	*runs = !*runs;
	return *runs;
}

static void test_record(void **state)
{
	int runs = 0;
	const struct app_hooks hooks = { .context = &runs, .record = toggle_recording };
	struct stage *s = wide();

	app_set_hooks(s->app, &hooks);
	expect_footer(s, "R rec", "stop");
	stage_keys(s, "R j");
	expect_footer(s, "R stop rec", NULL);
	stage_keys(s, "R j");
	expect_footer(s, "R rec", "stop");
	stage_close(s);
}

static int replay_span(struct source *source, struct source_span *ret_span)
{
	*ret_span = (struct source_span){ .samples = 2 };
	return 0;
}

static int replay_seek(struct source *source, uint64_t sample)
{
	return 0;
}

/* Where a replay goes on is a matter of its source. */
static void replay_paused(struct source *source, bool paused)
{
	struct fake_source *f = (struct fake_source *)source;

	f->status.state = paused ? SOURCE_PAUSED : SOURCE_LIVE;
}

static bool replay_overview(struct source *source, struct source_overview *ret_overview)
{
	return false;
}

static void test_replay(void **state)
{
	struct source_ops ops = fake_ops;
	struct stage *s = wide();

	ops.span = replay_span;
	ops.seek = replay_seek;
	ops.overview = replay_overview;
	ops.set_paused = replay_paused;
	s->source->source.ops = &ops;
	stage_draw(s, 160, 30);
	assert_true(stage_shows(s, "REPLAY #"));
	expect_footer(s, "Space pause", "rec");
	stage_keys(s, "Space");
	assert_true(stage_shows(s, "REPLAY PAUSED #"));
	expect_footer(s, "Space play", "pause");
	expect_footer(s, "Space play  . step  > event", "verify");
	stage_draw(s, 80, 24);
	expect_footer(s, "Space play  . step", NULL);
	stage_draw(s, 60, 15); /* there is room for little, but for this */
	expect_footer(s, "Space play", NULL);
	stage_draw(s, 160, 30);
	stage_keys(s, "Space");
	expect_footer(s, "Space pause", "play");
	s->source->status.state = SOURCE_ENDED; /* Space then starts over */
	app_take(s->app);
	stage_draw(s, 160, 30);
	expect_footer(s, "Space play", "pause");
	stage_keys(s, "S-Tab");
	expect_footer(s, "+ speed", "zoom");
	stage_close(s);
}

/* On the strip of a live view + does nothing, and w does nothing where no workload is. */
static void test_nothing_to_do(void **state)
{
	struct stage *s = wide();

	expect_footer(s, "q quit", "workload");
	stage_keys(s, "Enter");
	expect_footer(s, "+ zoom", NULL);
	stage_keys(s, "Tab Tab");
	expect_footer(s, "Space pause", "zoom");
	expect_footer(s, "Space pause", "speed");
	stage_close(s);
}

/* Where the strip has the keys it is seen, also on a screen that has no row to spare for it. */
static void test_strip_is_seen(void **state)
{
	struct stage *s = wide();

	stage_draw(s, 60, 15);
	assert_false(stage_shows(s, "shsw"));
	stage_keys(s, "S-Tab");
	assert_true(stage_shows(s, "strip"));
	assert_true(stage_shows(s, "shsw"));
	stage_keys(s, "Esc");
	assert_false(stage_shows(s, "shsw"));
	/* Without rows it loses the keys: t took them away, or the options. */
	stage_draw(s, 80, 24);
	stage_keys(s, "S-Tab o j j j Right Esc");
	assert_false(stage_shows(s, "shsw"));
	assert_false(stage_shows(s, "strip"));
	stage_close(s);
}

/* Words of the options are left out where there is room for three letters of them. */
static void test_options_in_little_room(void **state)
{
	struct stage *s = wide();

	stage_keys(s, "o");
	assert_true(stage_shows(s, "time between samples"));
	stage_draw(s, 60, 15);
	assert_true(stage_shows(s, "100 ms"));
	assert_false(stage_shows(s, "  ti"));
	stage_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_strip_is_seen),
		cmocka_unit_test(test_options_in_little_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
