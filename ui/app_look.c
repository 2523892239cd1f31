// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/app_internal.h"

#include "ui/theme.h"
#include "ui/tiles.h"
#include "ui/view_timeline.h"

static void app_set_lens(struct app *app, enum lens lens)
{
	const char *trouble;

	app->scene.lens = lens;
	app->scene.pinned = TILE_NO_PIN;
	trouble = lens_trouble(&app->scene);
	if (trouble)
		app_message(app, "lens %d %s: %s", lens + 1, lens_name(lens), trouble);
	else
		app_message(app, "lens %d %s: %s", lens + 1, lens_name(lens), lens_question(lens));
}

static void app_pin(struct app *app)
{
	struct scene *scene = &app->scene;
	size_t i = scene->snapshot ? snapshot_find(scene->snapshot, scene->page) : SIZE_MAX;
	struct tile_source source;
	int value;

	if (!scene->snapshot || i >= scene->snapshot->count)
		return;
	source = scene_tiles(scene, i);
	value = (int)tile_page_value(&source, scene->lens,
				     (scene->page - source.mapping->start) >> PMTOP_PAGE_SHIFT);
	scene->pinned = scene->pinned == value ? TILE_NO_PIN : value;
	if (scene->pinned >= 0)
		app_message(app,
			    "%s is pinned: one page of it wins its tile; p on it again lets go",
			    lens_value(scene->lens, (unsigned)value).name);
	else
		app_message(app, "nothing is pinned");
}

static void app_toggle_half_blocks(struct app *app)
{
	app->scene.half_blocks = !app->scene.half_blocks;
	if (app->scene.half_blocks && !theme_half_blocks(app->scene.theme)) {
		app->scene.half_blocks = false;
		app_message(app, "two tiles a cell need 256 colours and UTF-8");
	}
}

static void app_next_pane(struct app *app, int by)
{
	int pane = (int)app->focus;

	do {
		pane = (pane + by + PANES) % PANES;
	} while ((pane == PANE_INSPECTOR && !app->show_inspector) ||
		 (pane == PANE_TIMELINE && !app->timeline_rows));
	if (pane == PANE_TIMELINE)
		app->before_timeline = app->focus;
	app->focus = (enum pane)pane;
}

bool app_look_request(struct app *app, enum request request)
{
	switch (request) {
	case REQ_LENS_WHERE:
	case REQ_LENS_WRITTEN:
	case REQ_LENS_SHARING:
	case REQ_LENS_SIZE:
	case REQ_LENS_AGE:
	case REQ_LENS_DIFFERENCE:
		app_set_lens(app, (enum lens)(request - REQ_LENS_WHERE));
		return true;
	case REQ_PIN:
		app_pin(app);
		return true;
	case REQ_DENSITY:
		app_toggle_half_blocks(app);
		return true;
	case REQ_INSPECTOR:
		app->show_inspector = !app->show_inspector;
		if (!app->show_inspector && app->focus == PANE_INSPECTOR)
			app->focus = PANE_PAGES;
		return true;
	case REQ_TIMELINE:
		app->timeline_rows = app->timeline_rows < 0    ? 4
				     : app->timeline_rows == 4 ? TIMELINE_ROWS
				     : app->timeline_rows      ? 0
							       : -1;
		if (!app->timeline_rows && app->focus == PANE_TIMELINE)
			app->focus = app->before_timeline;
		return true;
	case REQ_NEXT_PANE:
	case REQ_PREVIOUS_PANE:
		app_next_pane(app, request == REQ_NEXT_PANE ? 1 : -1);
		return true;
	default:
		return false;
	}
}
