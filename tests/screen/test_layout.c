// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.h"

/* No size is refused, and nothing overlaps at any. */

static const char *const places[] = {
	"",    "s s f", "j j Enter", "j j Enter Enter", "j j Enter 2 - v", "?", "Tab Tab Tab",
	"a /", "C",	"o j",
};

static void check_size(struct stage *s, int width, int height)
{
	stage_draw(s, width, height); /* fails when cells were drawn twice */
	assert_true(s->cursor.x < width && s->cursor.y < height);
}

static void sweep(const char *fixture)
{
	for (size_t p = 0; p < sizeof(places) / sizeof(*places); p++) {
		struct stage *s = stage_open(fixture, THEME_DARK, 256, true);

		stage_draw(s, 80, 24);
		stage_keys(s, places[p]);
		for (int height = 1; height <= 80; height += height < 18 ? 1 : 9)
			for (int width = 1; width <= 250; width += width < 44 ? 1 : 9)
				check_size(s, width, height);
		for (int width = 110; width <= 170; width++)
			check_size(s, width, 30);
		stage_close(s);
	}
}

static void test_any_size(void **state)
{
	sweep("demo");
}

static void test_any_size_hostile(void **state)
{
	sweep("hostile");
}

static void test_any_size_first(void **state)
{
	sweep("first");
	sweep("plain");
}

/* On the smallest of screens one can still ask for help and leave. */
static void test_tiny(void **state)
{
	for (int width = 1; width <= 5; width++)
		for (int height = 1; height <= 3; height++) {
			struct stage *s = stage_open("demo", THEME_DARK, 256, true);

			stage_draw(s, width, height);
			stage_keys(s, "? Esc");
			assert_false(app_quits(s->app));
			stage_keys(s, "q");
			assert_true(app_quits(s->app));
			stage_close(s);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_size),
		cmocka_unit_test(test_any_size_hostile),
		cmocka_unit_test(test_any_size_first),
		cmocka_unit_test(test_tiny),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
