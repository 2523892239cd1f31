// SPDX-License-Identifier: GPL-2.0-or-later
/* The strip of a replay whose log lies about where its events belong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/log_world.h"
#include "ui/theme.h"
#include "ui/view_timeline.h"

#define SAMPLES 10
#define ROWS	3

struct fake {
	struct source base;
	struct source_point points[SAMPLES];
	struct source_event events[2];
};

static int fake_span(struct source *source, struct source_span *ret_span)
{
	*ret_span = (struct source_span){ .samples = SAMPLES, .position = 4 };
	return 0;
}

static int fake_seek(struct source *source, uint64_t sample)
{
	return 0;
}

static bool fake_overview(struct source *source, struct source_overview *ret_overview)
{
	const struct fake *f = (const struct fake *)source;

	*ret_overview = (struct source_overview){
		.point_count = SAMPLES, .event_count = 2, .points = f->points, .events = f->events
	};
	return true;
}

static const struct source_ops fake_ops = {
	.span = fake_span,
	.seek = fake_seek,
	.overview = fake_overview,
};

static int marks(const struct canvas *canvas, int width)
{
	int count = 0;

	for (int x = 0; x < width; x++)
		count += canvas_cell(canvas, x, 0)->glyph == 0x25b2;
	return count;
}

/* One event in its place, and one that is nowhere: with `width` columns. */
static void draw(int width, uint64_t far)
{
	struct fake f = { .base.ops = &fake_ops,
			  .events = { { .sample = 4, .kind = EVENT_BOOKMARK },
				      { .sample = far, .kind = EVENT_BOOKMARK } } };
	struct world *w = world_new(1);
	struct snapshot *s = world_snapshot(w);
	struct theme theme = theme_make(THEME_DARK, 256);
	struct scene scene = { .theme = &theme, .source = &f.base, .snapshot = s };
	struct canvas *canvas = canvas_new(width, ROWS, true);
	struct view *view = view_timeline_new();
	struct view_cursor cursor;

	for (int i = 0; i < SAMPLES; i++)
		f.points[i] = (struct source_point){ .sample = (uint64_t)i, .taken_ns = i };
	view->ops->draw(view, &scene, canvas, canvas_rect(canvas), true, &cursor);
	/* The other ▲ is the one that names what happened last. */
	assert_int_equal(marks(canvas, width - 11), 1);
	view->ops->free(view);
	canvas_free(canvas);
	snapshot_unref(s);
	world_free(w);
}

static void test_event_of_no_sample(void **state)
{
	static const uint64_t far[] = { SAMPLES, UINT32_MAX, INT64_MAX, UINT64_MAX };

	for (int width = 120; width <= 200; width += 40) {
		uint64_t columns = (uint64_t)width - 12 - 11;

		for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++)
			draw(width, far[i]);
		/* Just so many that columns × sample / samples is 2³¹, 2³² - 1 or 2³² + 3. */
		draw(width, SAMPLES * (UINT64_C(1) << 31) / columns + 1);
		draw(width, SAMPLES * ((UINT64_C(1) << 32) - 1) / columns + 1);
		draw(width, SAMPLES * ((UINT64_C(1) << 32) + 3) / columns + 1);
	}
}

/* Pages in swap of which nothing tells which they are: in a log as in a live source. */
static void test_pages_without_a_place(void **state)
{
	struct fake f = { .base.ops = &fake_ops };
	struct world *w = world_new(1);
	struct snapshot *s = world_snapshot(w);
	struct theme theme = theme_make(THEME_DARK, 256);
	struct scene scene = { .theme = &theme, .source = &f.base, .snapshot = s };
	struct canvas *canvas = canvas_new(120, ROWS, true);
	struct view *view = view_timeline_new();
	struct view_cursor cursor;

	for (int i = 0; i < SAMPLES; i++)
		f.points[i] = (struct source_point){ .sample = (uint64_t)i,
						     .taken_ns = i,
						     .swap_unplaced = i < 5 ? 0 : 7 };
	view->ops->draw(view, &scene, canvas, canvas_rect(canvas), true, &cursor);
	assert_int_equal(canvas_cell(canvas, 12, 1)->glyph, ' ');
	assert_int_equal(canvas_cell(canvas, 120 - 12, 1)->glyph, 0x2588);
	view->ops->free(view);
	canvas_free(canvas);
	snapshot_unref(s);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_without_a_place),
		cmocka_unit_test(test_event_of_no_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
