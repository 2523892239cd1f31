// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/view_workload.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ui/app.h"
#include "ui/theme.h"

/* The panel with a workload that only exists here, driven by keys, read off the canvas. */

#define WIDTH  100
#define HEIGHT 30

struct fake {
	struct app *app;
	struct canvas *canvas;
	struct theme theme;
	struct keymap *keymap;
	struct workload_status status;
	const char *refuse; /* what the next action answers, or NULL */
	int starts, stops, pushes, ends;
	char text[HEIGHT * (WIDTH * 4 + 1) + 1];
};

static int answer(struct fake *f, char *message, size_t size)
{
	if (!f->refuse)
		return 0;
	snprintf(message, size, "%s", f->refuse);
	return -EBUSY;
}

static void fake_poll(void *context, struct workload_status *ret)
{
	*ret = ((struct fake *)context)->status;
}

static int fake_limit(void *context, uint64_t bytes, char *message, size_t size)
{
	struct fake *f = context;
	int r = answer(f, message, size);

	if (!r)
		f->status.memory.limit = bytes;
	return r;
}

static int fake_push(void *context, char *message, size_t size)
{
	struct fake *f = context;

	f->pushes++;
	f->status.memory.usage = 96 * 1024;
	return answer(f, message, size);
}

static int fake_start(void *context, char *message, size_t size)
{
	struct fake *f = context;

	f->starts++;
	f->status.state = WORKLOAD_RUNNING;
	f->status.pid++;
	return answer(f, message, size);
}

static int fake_stop(void *context, char *message, size_t size)
{
	struct fake *f = context;

	f->stops++;
	f->status.state = WORKLOAD_STOPPED;
	return answer(f, message, size);
}

static void fake_end(void *context)
{
	((struct fake *)context)->ends++;
}

static const struct workload_status running = {
	.state = WORKLOAD_RUNNING,
	.group = WORKLOAD_GROUP_V2,
	.pid = 4242,
	.lifetime_ms = 12300,
	.memory = {
		.limit = 512 * 1024,
		.swap_limit = WORKLOAD_UNSET,
		.high = WORKLOAD_UNSET,
		.usage = 256 * 1024,
		.peak = 512 * 1024,
		.swap = 868 * 1024,
		.limit_hits = 201,
		.high_hits = 0,
		.oom_kills = 0,
		.swappiness = -1,
		.has_pressure = true,
		.pressure_some = 12.5,
		.pressure_full = 3.25,
	},
	.swap_total = 1 << 30,
	.swap_free = 1 << 29,
	.output_bytes = 23,
	.lines = 2,
	.output = { "first", "evil \x1b[2J end" },
};

static int make(void **state)
{
	static char *const argv[] = { (char *)"prog", (char *)"an \x1b argument", NULL };
	struct fake *f = calloc(1, sizeof(*f));
	struct app_options options = { .utf8 = true };
	const struct workload_control control = {
		.context = f,
		.argv = argv,
		.poll = fake_poll,
		.set_limit = fake_limit,
		.push_out = fake_push,
		.start = fake_start,
		.stop = fake_stop,
		.end = fake_end,
	};

	assert_non_null(f);
	f->theme = theme_make(THEME_DARK, 256);
	f->keymap = keymap_new();
	f->canvas = canvas_new(WIDTH, HEIGHT, true);
	options.theme = &f->theme;
	options.keymap = f->keymap;
	f->app = app_new(&options);
	f->status = running;
	app_set_workload(f->app, view_workload_new(f->app, &control));
	app_request(f->app, REQ_WORKLOAD);
	*state = f;
	return 0;
}

static int unmake(void **state)
{
	struct fake *f = *state;

	app_free(f->app);
	assert_int_equal(f->ends, 1);
	keymap_free(f->keymap);
	canvas_free(f->canvas);
	free(f);
	return 0;
}

/* The glyphs on the screen, a line a row; beyond ASCII: '#'. */
static const char *screen(struct fake *f)
{
	struct view_cursor cursor;
	char *p = f->text;

	canvas_clear(f->canvas);
	app_draw(f->app, f->canvas, &cursor);
	assert_int_equal(canvas_overlaps(f->canvas), 0);
	for (int y = 0; y < canvas_rect(f->canvas).height; y++) {
		for (int x = 0; x < canvas_rect(f->canvas).width; x++) {
			uint32_t glyph = canvas_cell(f->canvas, x, y)->glyph;

			*p++ = glyph < 0x7f ? (char)(glyph ? glyph : ' ') : '#';
		}
		*p++ = '\n';
	}
	*p = '\0';
	return f->text;
}

static void assert_shown(struct fake *f, const char *text)
{
	if (!strstr(screen(f), text))
		fail_msg("'%s' is not on the screen:\n%s", text, f->text);
}

static void assert_not_shown(struct fake *f, const char *text)
{
	if (strstr(screen(f), text))
		fail_msg("'%s' is on the screen:\n%s", text, f->text);
}

static void keys(struct fake *f, const char *text)
{
	for (; *text; text++)
		app_key(f->app, *text == '\n' ? UIKEY_ENTER : *text);
}

static void test_facts(void **state)
{
	struct fake *f = *state;

	assert_shown(f, "prog an \\x1b argument");
	assert_shown(f, "running for 12.3 s, pid 4242");
	assert_shown(f, "limit       512K");
	assert_shown(f, "256K (50 % of the limit); at most 512K");
	assert_shown(f, "in swap     868K");
	assert_shown(f, "201 (memory.events max)");
	assert_shown(f, "0 (memory.events oom_kill)");
	assert_shown(f, "12.50 %, all of it 3.25 %");
	assert_shown(f, "1G of swap, 512M of it free");
	assert_shown(f, "first");
	assert_shown(f, "evil \\x1b[2J end");
	assert_not_shown(f, "swappiness");
}

static void test_what_is_not_known(void **state)
{
	struct fake *f = *state;

	f->status.group = WORKLOAD_GROUP_V1;
	f->status.memory.has_pressure = false;
	f->status.memory.swap = WORKLOAD_UNSET;
	f->status.memory.oom_kills = WORKLOAD_UNSET;
	f->status.memory.limit = WORKLOAD_UNSET;
	f->status.swap_total = 0;
	app_tick(f->app);
	assert_shown(f, "limit       none");
	assert_shown(f, "in swap     unknown");
	assert_shown(f, "OOM kills   unknown");
	assert_shown(f, "cgroup v1 keeps none for a group");
	assert_shown(f, "no swap: pages have nowhere to go");
	assert_not_shown(f, "% of the limit");
}

static void test_limit_keys(void **state)
{
	struct fake *f = *state;

	keys(f, "+");
	assert_int_equal(f->status.memory.limit, 1024 * 1024);
	assert_shown(f, "the limit is 1M now");
	keys(f, "--");
	assert_int_equal(f->status.memory.limit, 256 * 1024);
	keys(f, "L3M\n");
	assert_int_equal(f->status.memory.limit, 3 * 1024 * 1024);
	keys(f, "Lnone\n");
	assert_true(f->status.memory.limit == WORKLOAD_UNSET);
	keys(f, "+");
	assert_shown(f, "nothing to raise");
	keys(f, "-");
	assert_int_equal(f->status.memory.limit, 256 * 1024);
	keys(f, "L12Q\n");
	assert_shown(f, "\"12Q\" is not a size");
	assert_int_equal(f->status.memory.limit, 256 * 1024);
	f->refuse = "the limit stays: too much in RAM";
	keys(f, "-");
	assert_shown(f, "the limit stays: too much in RAM");
}

static void test_push_out_start_stop(void **state)
{
	struct fake *f = *state;

	keys(f, "O");
	assert_int_equal(f->pushes, 1);
	assert_shown(f, "pushed out: 256K in RAM before, 96K now");
	keys(f, "s");
	assert_shown(f, "Kill all processes of the workload (pid 4242)?");
	keys(f, "n");
	assert_int_equal(f->stops, 0);
	/* Another one by the time of the answer. */
	keys(f, "s");
	f->status.pid = 4200;
	keys(f, "y");
	assert_int_equal(f->stops, 0);
	assert_shown(f, "it had ended already: nothing was done");
	f->status.pid = 4242;
	keys(f, "sy");
	assert_int_equal(f->stops, 1);
	assert_shown(f, "state       stopped");
	assert_shown(f, "when last seen");
	keys(f, "s");
	assert_int_equal(f->starts, 1);
	assert_shown(f, "it runs again, pid 4243");
	assert_int_equal(f->stops, 1);
}

/* Whatever screen is shown: how it ended, limit and last usage, and where it can be raised. */
static void test_oom_is_news_everywhere(void **state)
{
	struct fake *f = *state;

	keys(f, "w");
	assert_not_shown(f, "limit hits");
	f->status.state = WORKLOAD_OOM;
	f->status.code = 9;
	app_tick(f->app);
	assert_shown(f, "OOM-killed after 12.3 s: limit 512K, last usage 256K");
	assert_shown(f, "last usage 256K; w to raise it");
	keys(f, "w");
	assert_shown(f, "OOM-killed after 12.3 s: limit 512K, last usage 256K");
	assert_shown(f, "+ raises the limit to 1M, s starts it again");
	keys(f, "+s");
	assert_int_equal(f->status.memory.limit, 1024 * 1024);
	assert_int_equal(f->starts, 1);
	assert_shown(f, "running for");
	/* The next end is news again. */
	f->status.state = WORKLOAD_EXITED;
	f->status.code = 3;
	app_tick(f->app);
	assert_shown(f, "exited with status 3");
}

static void test_without_a_group(void **state)
{
	struct fake *f = *state;

	f->status.group = WORKLOAD_NO_GROUP;
	app_tick(f->app);
	assert_shown(f, "runs without a cgroup");
	assert_not_shown(f, "OOM kills");
	keys(f, "+");
	assert_shown(f, "no limit");
}

static void test_every_size(void **state)
{
	struct fake *f = *state;

	for (int height = 1; height <= HEIGHT; height += 3)
		for (int width = 1; width <= WIDTH; width += 7) {
			assert_int_equal(canvas_resize(f->canvas, width, height), 0);
			screen(f);
			app_key(f->app, UIKEY_END);
			screen(f);
			app_key(f->app, UIKEY_PAGE_UP);
			app_key(f->app, UIKEY_DOWN);
			screen(f);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_facts, make, unmake),
		cmocka_unit_test_setup_teardown(test_what_is_not_known, make, unmake),
		cmocka_unit_test_setup_teardown(test_limit_keys, make, unmake),
		cmocka_unit_test_setup_teardown(test_push_out_start_stop, make, unmake),
		cmocka_unit_test_setup_teardown(test_oom_is_news_everywhere, make, unmake),
		cmocka_unit_test_setup_teardown(test_without_a_group, make, unmake),
		cmocka_unit_test_setup_teardown(test_every_size, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
