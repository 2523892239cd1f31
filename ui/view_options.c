// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/view_options.h"

#include <stdlib.h>

#include "base/units.h"
#include "ui/app_internal.h"
#include "ui/list.h"
#include "ui/theme.h"
#include "ui/view_timeline.h"

#define HELP_COLUMN 57

struct options_view {
	struct view view;
	struct app *app;
	struct list list;
	struct rect drawn;
};

static struct options_view *view_options_self(struct view *view)
{
	return (struct options_view *)view;
}

/* Each option tells its value and changes to the next (1) or the previous (-1) one. */
struct option_row {
	const char *name, *help;
	void (*value)(const struct app *app, char *buf, size_t size);
	void (*change)(struct app *app, int by); /* NULL: only to read */
};

static void view_options_interval_value(const struct app *app, char *buf, size_t size)
{
	int64_t ns = app->scene.status.asked_interval_ns;

	if (!app->scene.source || source_is_replay(app->scene.source))
		snprintf(buf, size, "no living process is open");
	else if (ns < 1000000000)
		snprintf(buf, size, "%ld ms", (long)(ns / 1000000));
	else
		snprintf(buf, size, "%g s", (double)ns / 1e9);
}

static void view_options_interval_change(struct app *app, int by)
{
	static const int64_t steps[] = { 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000 };
	const int count = sizeof(steps) / sizeof(*steps);
	int64_t now = app->scene.status.asked_interval_ns / 1000000;
	int i = 0;

	if (!app->scene.source || source_is_replay(app->scene.source))
		return;
	while (i + 1 < count && steps[i] < now)
		i++;
	i = (i + by + count) % count;
	source_set_interval(app->scene.source, steps[i] * 1000000);
	source_status(app->scene.source, &app->scene.status);
}

static void view_options_theme_value_text(const struct app *app, char *buf, size_t size)
{
	const struct theme *theme = app->options.theme;

	if (theme->colours)
		snprintf(buf, size, "%s, %d colours", theme_kind_names[theme->kind],
			 theme->colours);
	else
		snprintf(buf, size, "%s", theme_kind_names[THEME_MONOCHROME]);
}

static void view_options_theme_change(struct app *app, int by)
{
	struct theme_colours_of own = app->options.theme->own;
	int kind = ((int)app->options.theme->kind + by + THEME_KINDS) % THEME_KINDS;

	*app->options.theme = theme_make((enum theme_kind)kind, app->options.colours);
	app->options.theme->own = own;
}

static void view_options_density_value(const struct app *app, char *buf, size_t size)
{
	snprintf(buf, size, app->scene.half_blocks ? "half blocks, two tiles a cell" : "letters");
}

static void view_options_density_change(struct app *app, int by)
{
	app_request(app, REQ_DENSITY);
}

static void view_options_strip_value(const struct app *app, char *buf, size_t size)
{
	if (app->timeline_rows < 0)
		snprintf(buf, size, "as suits the height");
	else
		snprintf(buf, size, "%d row%s", app->timeline_rows,
			 app->timeline_rows == 1 ? "" : "s");
}

static void view_options_strip_change(struct app *app, int by)
{
	app->timeline_rows += by;
	if (app->timeline_rows > TIMELINE_ROWS)
		app->timeline_rows = -1;
	else if (app->timeline_rows < -1)
		app->timeline_rows = TIMELINE_ROWS;
	/* What is not there cannot have the keys. */
	if (!app->timeline_rows && app->focus == PANE_TIMELINE)
		app->focus = app->before_timeline;
}

static void view_options_inspector_value(const struct app *app, char *buf, size_t size)
{
	snprintf(buf, size, app->show_inspector ? "shown" : "hidden");
}

static void view_options_inspector_change(struct app *app, int by)
{
	app->show_inspector = !app->show_inspector;
}

static void view_options_history_value(const struct app *app, char *buf, size_t size)
{
	const struct history *h = app->scene.history;
	size_t count = history_count(h);
	char most[UNITS_SIZE_MAX];
	double seconds = 0;

	if (count)
		seconds =
			(double)(history_snapshot(h, count - 1)->taken_ns - history_reach(h)) / 1e9;
	snprintf(buf, size, "%zu samples, back %.1f s, %.1fM of %s%s", count, seconds,
		 (double)history_memory(h) / (1 << 20),
		 units_format_size(app->options.history_bytes ? app->options.history_bytes
							      : HISTORY_DEFAULT_BYTES,
				   most),
		 history_has_dropped(h) ? ", older ones are gone" : "");
}

static const struct option_row rows[] = {
	{ "interval", "time between samples", view_options_interval_value,
	  view_options_interval_change },
	{ "theme", "colours", view_options_theme_value_text, view_options_theme_change },
	{ "density", "what a cell shows", view_options_density_value, view_options_density_change },
	{ "strip", "height of the strip", view_options_strip_value, view_options_strip_change },
	{ "inspector", "facts of a page", view_options_inspector_value,
	  view_options_inspector_change },
	{ "history", "kept in memory", view_options_history_value, NULL },
};
#define ROWS (sizeof(rows) / sizeof(*rows))

static void view_options_options_draw(struct view *view, struct scene *scene, struct canvas *canvas,
				      struct rect rect, bool focused,
				      struct view_cursor *ret_cursor)
{
	struct options_view *v = view_options_self(view);
	bool foot = rect.height > (int)ROWS + 2, helps = rect.width >= HELP_COLUMN + 16;
	char value[96];

	v->drawn = rect;
	v->list.height = (size_t)rect.height;
	list_settle(&v->list);
	for (int y = 0; y < rect.height && v->list.top + (size_t)y < ROWS; y++) {
		const struct option_row *row = &rows[v->list.top + (size_t)y];
		bool selected = v->list.top + (size_t)y == v->list.selected;

		row->value(v->app, value, sizeof(value));
		if (selected)
			canvas_put(canvas, rect, 0, y, theme_role(scene->theme, ROLE_TEXT), '>');
		canvas_fit(canvas, rect, 1, y, 11, theme_role(scene->theme, ROLE_KEY), row->name,
			   false);
		canvas_fit(canvas, rect, 13, y, (helps ? HELP_COLUMN - 2 : rect.width) - 13,
			   theme_role(scene->theme, row->change ? ROLE_TEXT : ROLE_DIM), value,
			   false);
		if (helps)
			canvas_fit(canvas, rect, HELP_COLUMN, y, rect.width - HELP_COLUMN,
				   theme_role(scene->theme, ROLE_DIM), row->help, false);
		if (selected)
			*ret_cursor = (struct view_cursor){ rect.x, rect.y + y };
	}
	if (foot)
		canvas_fit(canvas, rect, 1, (int)ROWS + 1, rect.width - 1,
			   theme_role(scene->theme, ROLE_DIM),
			   "← and → change a value for this run; pmtop.conf keeps it (see "
			   "pmtop.conf(5))",
			   false);
}

static enum view_answer view_options_options_request(struct view *view, struct scene *scene,
						     enum request request)
{
	struct options_view *v = view_options_self(view);
	const struct option_row *row = &rows[v->list.selected];

	if (list_move(&v->list, request))
		return VIEW_DONE;
	switch (request) {
	case REQ_OPEN:
	case REQ_RIGHT:
	case REQ_LEFT:
		if (row->change)
			row->change(v->app, request == REQ_LEFT ? -1 : 1);
		return VIEW_DONE;
	case REQ_OPTIONS:
	case REQ_BACK:
		return VIEW_BACK;
	default:
		return VIEW_IGNORED;
	}
}

static enum view_answer view_options_options_click(struct view *view, struct scene *scene, int x,
						   int y)
{
	struct options_view *v = view_options_self(view);
	size_t row = v->list.top + (size_t)(y - v->drawn.y);

	if (y < v->drawn.y || row >= ROWS)
		return VIEW_IGNORED;
	if (row == v->list.selected)
		return view_options_options_request(view, scene, REQ_RIGHT);
	v->list.selected = row;
	return VIEW_DONE;
}

static void view_options_options_title(struct view *view, const struct scene *scene, char *buf,
				       size_t size)
{
	snprintf(buf, size, "options");
}

static void view_options_options_free(struct view *view)
{
	free(view);
}

static const struct view_ops ops = {
	.screen = SCREEN_HELP,
	.draw = view_options_options_draw,
	.request = view_options_options_request,
	.title = view_options_options_title,
	.click = view_options_options_click,
	.free = view_options_options_free,
};

struct view *view_options_new(struct app *app)
{
	struct options_view *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->view.ops = &ops;
	v->app = app;
	v->list.count = ROWS;
	return &v->view;
}
