// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/app_options.h"

#include <stdio.h>

#include "base/units.h"
#include "ui/app_internal.h"
#include "ui/theme.h"
#include "ui/view_options.h"
#include "ui/view_timeline.h"

static void app_options_interval_value(const void *context, char *buf, size_t size)
{
	const struct app *app = context;
	int64_t ns = app->scene.status.asked_interval_ns;

	if (!app->scene.source || source_is_replay(app->scene.source))
		snprintf(buf, size, "no living process is open");
	else if (ns < 1000000000)
		snprintf(buf, size, "%ld ms", (long)(ns / 1000000));
	else
		snprintf(buf, size, "%g s", (double)ns / 1e9);
}

static void app_options_interval_change(void *context, int by)
{
	struct app *app = context;
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

static void app_options_theme_value(const void *context, char *buf, size_t size)
{
	const struct app *app = context;
	const struct theme *theme = app->options.theme;

	if (theme->colours)
		snprintf(buf, size, "%s, %d colours", theme_kind_names[theme->kind],
			 theme->colours);
	else
		snprintf(buf, size, "%s", theme_kind_names[THEME_MONOCHROME]);
}

static void app_options_theme_change(void *context, int by)
{
	struct app *app = context;
	struct theme_colours_of own = app->options.theme->own;
	int kind = ((int)app->options.theme->kind + by + THEME_KINDS) % THEME_KINDS;

	*app->options.theme = theme_make((enum theme_kind)kind, app->options.colours);
	app->options.theme->own = own;
}

static void app_options_density_value(const void *context, char *buf, size_t size)
{
	const struct app *app = context;
	snprintf(buf, size, app->scene.half_blocks ? "half blocks, two tiles a cell" : "letters");
}

static void app_options_density_change(void *context, int by)
{
	struct app *app = context;
	app_density(app, 0);
}

static void app_options_strip_value(const void *context, char *buf, size_t size)
{
	const struct app *app = context;
	if (app->timeline_rows < 0)
		snprintf(buf, size, "as suits the height");
	else
		snprintf(buf, size, "%d row%s", app->timeline_rows,
			 app->timeline_rows == 1 ? "" : "s");
}

static void app_options_strip_change(void *context, int by)
{
	struct app *app = context;
	int rows = app->timeline_rows + by;

	app_set_timeline_rows(app, rows > TIMELINE_ROWS ? -1 : rows < -1 ? TIMELINE_ROWS : rows);
}

static void app_options_inspector_value(const void *context, char *buf, size_t size)
{
	const struct app *app = context;
	snprintf(buf, size, app->show_inspector ? "shown" : "hidden");
}

static void app_options_inspector_change(void *context, int by)
{
	struct app *app = context;
	app->show_inspector = !app->show_inspector;
}

static void app_options_history_value(const void *context, char *buf, size_t size)
{
	const struct app *app = context;
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

static const struct option_line rows[] = {
	{ "interval", "time between samples", app_options_interval_value,
	  app_options_interval_change },
	{ "theme", "colours", app_options_theme_value, app_options_theme_change },
	{ "density", "what a cell shows", app_options_density_value, app_options_density_change },
	{ "strip", "height of the strip", app_options_strip_value, app_options_strip_change },
	{ "inspector", "facts of a page", app_options_inspector_value,
	  app_options_inspector_change },
	{ "history", "kept in memory", app_options_history_value, NULL },
};

struct view *app_options_new(struct app *app)
{
	return view_options_new(rows, sizeof(rows) / sizeof(*rows), app);
}
