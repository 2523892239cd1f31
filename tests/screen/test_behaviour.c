// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.h"

/* What the screens promise beyond their looks. Every test here names the promise it holds. */

static struct stage *demo(void)
{
	struct stage *s = stage_open("demo", THEME_DARK, 256, true);

	stage_draw(s, 80, 24);
	return s;
}

/* The row with the selection mark. */
static int selected_row(const struct stage *s)
{
	for (int y = 0; y < canvas_rect(s->canvas).height; y++)
		if (canvas_cell(s->canvas, 0, y)->glyph == '>')
			return y;
	return -1;
}

static void expect_selected(const struct stage *s, const char *address)
{
	int y = selected_row(s);

	assert_true(y >= 0);
	assert_memory_equal(stage_row(s, y) + 1, address, strlen(address));
	assert_int_equal(s->cursor.x, 0);
	assert_int_equal(s->cursor.y, y);
}

/* Selection is an identity: a mapping that appears before it, sorting and filters do not move it. */
static void test_selection_survives(void **state)
{
	struct stage *s = demo();
	uint64_t page;

	stage_keys(s, "j j");
	expect_selected(s, "7f21b0000000");
	stage_next(s); /* 55d0c8b00000 appears before it */
	stage_draw(s, 80, 24);
	expect_selected(s, "7f21b0000000");
	for (int i = 0; i < 9; i++) {
		stage_keys(s, "s");
		expect_selected(s, "7f21b0000000");
		stage_keys(s, "r");
		expect_selected(s, "7f21b0000000");
	}
	stage_keys(s, "f");
	stage_type(s, "rw-");
	stage_draw(s, 80, 24);
	expect_selected(s, "7f21b0000000");
	stage_keys(s, "Esc Enter l l l");
	page = app_scene(s->app)->page;
	assert_int_equal(page, 0x7f21b0003000);
	stage_keys(s, "- - + +");
	stage_draw(s, 200, 50);
	stage_draw(s, 20, 5);
	stage_draw(s, 80, 24);
	assert_int_equal(app_scene(s->app)->page, page);
	stage_next(s); /* the mapping is gone: the nearest one is selected, and it says which */
	stage_draw(s, 80, 24);
	assert_true(app_scene(s->app)->page != page);
	stage_keys(s, "Esc");
	expect_selected(s, "7f22b1200000");
	stage_close(s);
}

/* Who has chosen no mapping sees what comes first by the new order. */
static void test_sorting_without_a_choice(void **state)
{
	struct stage *s = demo();

	expect_selected(s, "55d0c8a00000");
	stage_keys(s, "s");
	stage_draw(s, 80, 6);
	assert_int_equal(selected_row(s), 2);
	expect_selected(s, "7f21b0000000"); /* has the most pages in shared-swap */
	stage_keys(s, "r");
	assert_int_equal(selected_row(s), 2);
	assert_true(app_scene(s->app)->mapping != 0x7f21b0000000);
	stage_keys(s, "r");
	expect_selected(s, "7f21b0000000");
	stage_close(s);
}

/* The line of the screen stays, too, when there are more rows than fit. */
static void test_line_stays(void **state)
{
	struct stage *s = demo();
	int line;

	stage_draw(s, 80, 10);
	stage_keys(s, "j j");
	line = selected_row(s);
	stage_next(s);
	stage_draw(s, 80, 10);
	assert_int_equal(selected_row(s), line);
	stage_close(s);
}

/* The hardware cursor sits on the selected page, at any zoom and in both densities. */
static void test_cursor_on_page(void **state)
{
	static const char *const keys[] = { "j j Enter", "l l l", "j", "-", "-", "v", "h", "k",
					    "G",	 "+",	  "v", "0", "a", "}", "{" };
	struct stage *s = demo();

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct cell *cell;

		stage_keys(s, keys[i]);
		assert_true(s->cursor.x >= 14 && s->cursor.y >= 3);
		cell = canvas_cell(s->canvas, s->cursor.x, s->cursor.y);
		assert_true(cell->style.attr & ATTR_REVERSE);
	}
	stage_close(s);
}

static void test_changes_of_state(void **state)
{
	struct stage *s = demo();

	stage_keys(s, "j j Enter }");
	assert_int_equal(app_scene(s->app)->page, 0x7f21b0000000 + 216 * 4096);
	stage_keys(s, "}"); /* there is none: it stays */
	assert_int_equal(app_scene(s->app)->page, 0x7f21b0000000 + 216 * 4096);
	stage_keys(s, "{");
	assert_int_equal(app_scene(s->app)->page, 0x7f21b0000000);
	stage_close(s);
}

static void test_find(void **state)
{
	struct stage *s = demo();

	stage_keys(s, "/");
	stage_type(s, "LIBC"); /* a name, in any case */
	stage_draw(s, 80, 24);
	expect_selected(s, "7f22b1200000");
	stage_keys(s, "/");
	stage_type(s, "7f21b0012345"); /* an address inside */
	stage_draw(s, 80, 24);
	expect_selected(s, "7f21b0000000");
	stage_keys(s, "/");
	stage_type(s, "guard"); /* a state */
	stage_draw(s, 80, 24);
	expect_selected(s, "7f22b1400000");
	stage_keys(s, "/");
	stage_type(s, "r-x"); /* permissions; n goes on, N comes back */
	stage_draw(s, 80, 24);
	expect_selected(s, "55d0c8a00000");
	stage_keys(s, "n");
	expect_selected(s, "7f22b1200000");
	stage_keys(s, "N");
	expect_selected(s, "55d0c8a00000");
	stage_keys(s, "/");
	stage_type(s, "no such thing");
	stage_draw(s, 80, 24);
	assert_true(stage_shows(s, "\"no such thing\" is not in this list"));
	stage_keys(s, "j j Enter /");
	stage_type(s, "shmem");
	assert_int_equal(app_scene(s->app)->page, 0x7f21b0000000 + 216 * 4096);
	stage_close(s);
}

static void test_filter(void **state)
{
	struct stage *s = demo();

	stage_keys(s, "f");
	stage_type(s, "shared-swap");
	stage_draw(s, 80, 24);
	assert_true(stage_shows(s, "/dev/zero"));
	assert_false(stage_shows(s, "[heap]"));
	stage_keys(s, "f");
	stage_type(s, "nothing at all");
	stage_draw(s, 80, 24);
	assert_true(stage_shows(s, "nothing matches"));
	stage_keys(s, "Esc");
	assert_true(stage_shows(s, "[heap]"));
	stage_close(s);
}

/* A pinned state wins every tile that holds one page of it, and only those. */
static void test_pin(void **state)
{
	struct stage *s = demo();

	stage_keys(s, "j j j j Enter - - -"); /* tiles of 8 pages: aaaazzzw wwwwg... */
	assert_true(stage_shows(s, "7f22b1400000  "));
	stage_draw(s, 80, 24);
	assert_int_equal(canvas_cell(s->canvas, 15, 3)->glyph, 'w');
	assert_true(canvas_cell(s->canvas, 15, 3)->style.attr & ATTR_UNDERLINE);
	stage_keys(s, "+ + + l l l l l l l l l l l l p - - -"); /* on the guard page */
	assert_int_equal(app_scene(s->app)->pinned, PAGE_GUARD);
	assert_int_equal(canvas_cell(s->canvas, 15, 3)->glyph, 'g');
	assert_int_equal(canvas_cell(s->canvas, 14, 3)->glyph, 'a');
	stage_close(s);
}

/* C and O change the target: nothing is sent before a y. */
static void test_confirmations(void **state)
{
	struct stage *s = demo();

	stage_keys(s, "j j C");
	assert_true(stage_shows(s, "breaks a checkpoint"));
	stage_keys(s, "n");
	assert_int_equal(s->source->requests, 0);
	stage_keys(s, "C Enter");
	assert_int_equal(s->source->requests, 0);
	stage_keys(s, "O Esc");
	assert_int_equal(s->source->requests, 0);
	stage_keys(s, "O y");
	assert_int_equal(s->source->requests, 1);
	assert_int_equal(s->source->requested.action, SOURCE_PUSH_OUT);
	assert_int_equal(s->source->requested.start, 0x7f21b0000000);
	assert_int_equal(s->source->requested.length, 1 << 20);
	stage_keys(s, "C y");
	assert_int_equal(s->source->requested.action, SOURCE_CLEAR_WRITTEN);
	stage_keys(s, "V");
	assert_int_equal(s->source->requested.action, SOURCE_VERIFY);
	stage_close(s);
}

/* The strip: stepping back shows the sample before, live goes on, e comes back. */
static void test_history(void **state)
{
	struct stage *s = demo();

	stage_next(s);
	stage_draw(s, 80, 24);
	assert_true(stage_shows(s, "55d0c8b00000"));
	stage_keys(s, ",");
	assert_false(stage_shows(s, "55d0c8b00000"));
	assert_true(stage_shows(s, "PAUSED"));
	stage_next(s);
	stage_draw(s, 80, 24);
	assert_false(stage_shows(s, "55d0c8b00000"));
	stage_keys(s, ".");
	assert_true(stage_shows(s, "55d0c8b00000"));
	stage_keys(s, "<");
	assert_false(stage_shows(s, "55d0c8b00000"));
	stage_keys(s, ",");
	assert_true(stage_shows(s, "this is the first sample"));
	stage_keys(s, "e");
	assert_false(stage_shows(s, "PAUSED"));
	assert_false(stage_shows(s, "/dev/zero"));
	stage_close(s);
}

static void note_event(void *context, enum event_kind kind, int64_t taken_ns, const char *text)
{
	struct source_event *seen = context;

	*seen = (struct source_event){ .kind = kind, .taken_ns = taken_ns };
	snprintf(seen->text, sizeof(seen->text), "%s", text);
}

/* Events stand on the strip and < > go there, whether the source knew of them or a person made them. */
static void test_events(void **state)
{
	struct source_event seen = { 0 };
	const struct app_hooks hooks = { .context = &seen, .event = note_event };
	struct stage *s = demo();
	int64_t first = app_scene(s->app)->snapshot->taken_ns;

	app_set_hooks(s->app, &hooks);
	assert_false(stage_shows(s, "@limit"));
	s->source->event = (struct source_event){ .kind = EVENT_LIMIT,
						  .taken_ns = first + 1,
						  .text = "hit 7 times" };
	s->source->has_event = true;
	stage_next(s);
	stage_draw(s, 80, 24);
	assert_true(stage_shows(s, "@limit"));
	assert_int_equal(seen.kind, 0);
	/* The name belongs to the sample of the key m, though time goes on meanwhile. */
	stage_keys(s, "m");
	stage_next(s);
	stage_type(s, "spot");
	assert_int_equal(seen.kind, EVENT_BOOKMARK);
	assert_string_equal(seen.text, "spot");
	assert_int_equal(seen.taken_ns, s->fixture->samples[1]->snapshot->taken_ns);
	stage_draw(s, 110, 30);
	assert_true(stage_shows(s, "@bookmark"));
	stage_keys(s, "<");
	assert_true(stage_shows(s, "bookmark: spot"));
	assert_int_equal(app_scene(s->app)->snapshot->taken_ns, seen.taken_ns);
	stage_keys(s, "<");
	assert_true(stage_shows(s, "limit: hit 7 times"));
	assert_true(stage_shows(s, "@limit"));
	assert_false(stage_shows(s, "@bookmark"));
	assert_int_equal(app_scene(s->app)->snapshot->taken_ns, first);
	stage_keys(s, ">");
	assert_true(stage_shows(s, "bookmark: spot"));
	stage_keys(s, "e :");
	stage_type(s, "@spot");
	assert_int_equal(app_scene(s->app)->snapshot->taken_ns, seen.taken_ns);
	stage_keys(s, ":");
	stage_type(s, "@elsewhere");
	stage_draw(s, 110, 30);
	assert_true(stage_shows(s, "there is no bookmark \"elsewhere\""));
	for (int i = 0; i < 3; i++) {
		static const char *const bad[] = { "+3s", "#1", "a@b" };

		stage_keys(s, "m");
		stage_type(s, bad[i]);
		stage_draw(s, 110, 30);
		assert_string_equal(seen.text, "spot");
		assert_true(stage_shows(s, "neither + nor #"));
	}
	stage_close(s);
}

/* In the list { and } go through time, to where the selected mapping is another. */
static void test_changes_in_time(void **state)
{
	struct stage *s = demo();
	int64_t first = app_scene(s->app)->snapshot->taken_ns;

	stage_keys(s, "j j");
	expect_selected(s, "7f21b0000000");
	stage_next(s);
	stage_next(s); /* it is gone, so the cursor stands on another one */
	stage_keys(s, ", ,");
	assert_int_equal(app_scene(s->app)->snapshot->taken_ns, first);
	stage_keys(s, "k k k k j j");
	expect_selected(s, "7f21b0000000");
	stage_keys(s, "}");
	assert_true(app_scene(s->app)->snapshot->taken_ns > first);
	stage_keys(s, "{");
	stage_keys(s, "{");
	assert_int_equal(app_scene(s->app)->snapshot->taken_ns, first);
	assert_true(stage_shows(s, "no change before this sample"));
	stage_close(s);
}

static void test_unknown_keys_are_answered(void **state)
{
	struct stage *s = demo();

	stage_keys(s, "z");
	assert_true(stage_shows(s, "z does nothing here"));
	stage_keys(s, "j");
	assert_false(stage_shows(s, "does nothing here"));
	stage_close(s);
}

/* Whatever the footer shows is what the keymap does, also after a key was bound anew. */
static void test_footer_and_help_follow_the_keymap(void **state)
{
	struct stage *s = demo();
	enum request clash;
	const char *bad;

	assert_int_equal(keymap_bind(s->keymap, "quit", "x", &bad, &clash), 0);
	stage_draw(s, 200, 24);
	assert_true(stage_shows(s, "x quit"));
	assert_false(stage_shows(s, "q quit"));
	stage_keys(s, "?");
	stage_draw(s, 80, 200);
	for (int r = 1; r < REQUESTS; r++)
		if (requests[r].where & SCREEN_MAPPINGS) {
			char start[40];

			snprintf(start, sizeof(start), "%.30s", requests[r].help);
			assert_true(stage_shows(s, start));
		}
	stage_keys(s, "q");
	assert_false(app_quits(s->app));
	stage_keys(s, "x");
	assert_true(app_quits(s->app));
	stage_close(s);
}

/* What is on screen is what the sampler is asked to look at. */
static void test_focus(void **state)
{
	struct stage *s = demo();

	stage_keys(s, "j j Enter");
	assert_int_equal(s->source->focus.start, 0x7f21b0000000);
	assert_int_equal(s->source->focus.count, 256);
	stage_close(s);
}

static void test_mouse(void **state)
{
	struct stage *s = demo();

	app_mouse(s->app, APP_CLICK, 20, 6); /* a row: selects, and again: opens */
	stage_draw(s, 80, 24);
	expect_selected(s, "7f21b0000000");
	app_mouse(s->app, APP_CLICK, 20, 6);
	stage_draw(s, 80, 24);
	assert_true(stage_shows(s, "256 pages"));
	app_mouse(s->app, APP_CLICK, 14 + 5, 4);
	assert_int_equal(app_scene(s->app)->page, 0x7f21b0000000 + 69 * 4096);
	stage_draw(s, 80, 24);
	app_mouse(s->app, APP_CLICK, 0, 22); /* the legend pins */
	assert_true(app_scene(s->app)->pinned >= 0);
	stage_close(s);
}

/* The target has ended: the screen stays, what needs it says so, q works. */
static void test_ended(void **state)
{
	struct stage *s = demo();

	s->source->status.state = SOURCE_ENDED;
	app_take(s->app);
	stage_keys(s, "j j Enter Enter Esc Esc O");
	assert_int_equal(s->source->requests, 0);
	assert_true(stage_shows(s, "only a living process"));
	stage_keys(s, "q");
	assert_true(app_quits(s->app));
	stage_close(s);
}

static void test_commands(void **state)
{
	struct stage *s = demo();

	stage_keys(s, ":");
	stage_type(s, "7f21b0041000");
	stage_draw(s, 80, 24);
	assert_int_equal(app_scene(s->app)->page, 0x7f21b0041000);
	stage_keys(s, ":");
	stage_type(s, "lens-age");
	assert_int_equal(app_scene(s->app)->lens, LENS_AGE);
	stage_keys(s, ":");
	stage_type(s, "fly");
	stage_draw(s, 80, 24);
	assert_true(stage_shows(s, "no such command: fly"));
	stage_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selection_survives),
		cmocka_unit_test(test_sorting_without_a_choice),
		cmocka_unit_test(test_line_stays),
		cmocka_unit_test(test_cursor_on_page),
		cmocka_unit_test(test_changes_of_state),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_pin),
		cmocka_unit_test(test_confirmations),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_changes_in_time),
		cmocka_unit_test(test_unknown_keys_are_answered),
		cmocka_unit_test(test_footer_and_help_follow_the_keymap),
		cmocka_unit_test(test_focus),
		cmocka_unit_test(test_mouse),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
