// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.h"

/* Golden screens: every screen at 80×24 and 200×50, glyphs and styles of every cell. */

static void expect_at(struct stage *s, const char *name)
{
	char full[96];

	stage_draw(s, 80, 24);
	snprintf(full, sizeof(full), "%s-80x24", name);
	stage_expect(s, full);
	stage_draw(s, 200, 50);
	snprintf(full, sizeof(full), "%s-200x50", name);
	stage_expect(s, full);
	stage_draw(s, 80, 24);
}

static void screen(const char *fixture, const char *keys, const char *name)
{
	struct stage *s = stage_open(fixture, THEME_DARK, 256, true);

	stage_draw(s, 80, 24);
	stage_keys(s, keys);
	app_scene(s->app); /* the message of the last key belongs to the screen */
	expect_at(s, name);
	stage_close(s);
}

static void test_mappings(void **state)
{
	screen("demo", "", "mappings");
	screen("demo", "s", "mappings-sorted");
}

static void test_pages(void **state)
{
	screen("demo", "j j Enter", "pages");
	screen("demo", "j j Enter v", "pages-half-blocks");
	screen("demo", "a Enter a", "pages-all");
}

static void test_inspector(void **state)
{
	screen("demo", "j j Enter Enter", "inspector");
}

static void test_help(void **state)
{
	screen("demo", "?", "help");
	screen("demo", "j j Enter ? ^F", "help-pages");
}

static void test_options(void **state)
{
	screen("demo", "o j Right j j Left", "options");
}

static void test_first(void **state)
{
	screen("first", "", "first");
}

static void test_plain_user(void **state)
{
	screen("plain", "", "plain-user");
	screen("plain", "j Enter Enter", "plain-user-page");
}

static void test_hostile(void **state)
{
	screen("hostile", "", "hostile");
	screen("hostile", "j Enter Enter", "hostile-page");
}

static void test_lenses(void **state)
{
	static const char *const lenses[] = { "2", "3", "4", "5", "6" };
	char keys[32], name[32];

	for (size_t i = 0; i < 5; i++) {
		snprintf(keys, sizeof(keys), "j j Enter %s", lenses[i]);
		snprintf(name, sizeof(name), "lens%s", lenses[i]);
		screen("demo", keys, name);
	}
}

/* Lens 6 with a baseline, and the strip with history, paused one sample back. */
static void test_time(void **state)
{
	struct stage *s = stage_open("demo", THEME_DARK, 256, true);

	stage_draw(s, 80, 24);
	stage_keys(s, "j j b 6");
	stage_next(s);
	stage_draw(s, 80, 24);
	stage_keys(s, "Enter");
	expect_at(s, "difference");
	stage_keys(s, "Esc 1 t ,");
	expect_at(s, "paused");
	stage_close(s);
}

static void test_ended(void **state)
{
	struct stage *s = stage_open("demo", THEME_DARK, 256, true);

	s->source->status.state = SOURCE_ENDED;
	s->source->status.ended_ns = (FIXTURE_EPOCH + 3) * 1000000000;
	s->source->status.exit_known = true;
	s->source->status.exit_status = 9;
	s->source->status.oom_killed = true;
	app_take(s->app);
	expect_at(s, "ended");
	stage_close(s);
}

static void test_depths(void **state)
{
	static const struct {
		const char *name;
		enum theme_kind kind;
		int colours;
		bool utf8;
	} depths[] = {
		{ "depth-light", THEME_LIGHT, 256, true },
		{ "depth-16", THEME_DARK, 16, true },
		{ "depth-8", THEME_DARK, 8, true },
		{ "depth-monochrome", THEME_MONOCHROME, 0, true },
		{ "depth-ascii", THEME_DARK, 256, false },
	};

	for (size_t i = 0; i < sizeof(depths) / sizeof(*depths); i++) {
		struct stage *s =
			stage_open("demo", depths[i].kind, depths[i].colours, depths[i].utf8);

		stage_draw(s, 80, 24);
		stage_keys(s, "j j Enter");
		stage_draw(s, 80, 24);
		stage_expect(s, depths[i].name);
		for (int y = 0; y < 24; y++)
			for (int x = 0; x < 80; x++) {
				const struct cell *c = canvas_cell(s->canvas, x, y);

				if (!depths[i].utf8)
					assert_true(c->glyph >= 0x20 && c->glyph < 0x7f);
				if (!depths[i].colours)
					assert_true(c->style.fg < 0 && c->style.bg < 0);
				if (depths[i].colours)
					assert_true(c->style.fg < depths[i].colours &&
						    c->style.bg < depths[i].colours);
			}
		stage_close(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mappings),   cmocka_unit_test(test_pages),
		cmocka_unit_test(test_inspector),  cmocka_unit_test(test_help),
		cmocka_unit_test(test_options),	   cmocka_unit_test(test_first),
		cmocka_unit_test(test_plain_user), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_lenses),	   cmocka_unit_test(test_time),
		cmocka_unit_test(test_ended),	   cmocka_unit_test(test_depths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
