// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ui/app_internal.h"
#include "ui/app_options.h"
#include "ui/theme.h"
#include "ui/tiles.h"
#include "ui/view_help.h"
#include "ui/view_objects.h"
#include "ui/view_timeline.h"

/* What a key or the mouse does: the view that has the keys first, then the handler of its row. */

static void app_input_push(struct app *app, struct view *view)
{
	if (!view || app->overlay_count == OVERLAYS) {
		app_free_view(view);
		return;
	}
	app->overlays[app->overlay_count++] = view;
	if (view->ops->update)
		view->ops->update(view, &app->scene);
}

/* Every shared memory object; the census starts with the first look. */
bool app_objects(struct app *app, int unused)
{
	int r = 0;

	if (!app->census && app->options.hooks.census)
		r = app->options.hooks.census(app->options.hooks.context, &app->census);
	if (r < 0)
		app_problem(app, "cannot count shared objects: %s", strerror(-r));
	else if (!app->census)
		app_message(app, "shared objects: nothing to count here");
	else
		app_input_push(app, view_objects_new(app->census));
	return true;
}

static void app_input_open_process(struct app *app, struct view *list)
{
	struct source *source = NULL;
	struct census_identity who = list->ops->selected_process(list);
	pid_t pid = who.pid;
	int r;

	if (pid <= 0) {
		app_message(app, "no process maps it: there is none to open");
		return;
	}
	if (!app->options.hooks.open) {
		app_message(app, "pmtop -p %d opens it", pid);
		return;
	}
	r = app->options.hooks.open(app->options.hooks.context, &who, &source);
	if (r == -EACCES || r == -EPERM)
		app_problem(app, "not permitted to look into process %d: pmtop dump -p %d says why",
			    pid, pid);
	else if (r == -ESRCH)
		app_problem(app, "process %d has ended, or is a kernel thread", pid);
	else if (r == -ESTALE)
		app_problem(app,
			    "process %d has ended, and another one has its number now: the list "
			    "shows it in a moment",
			    pid);
	else if (r < 0)
		app_problem(app, "process %d: %s", pid, strerror(-r));
	else {
		while (app->overlay_count)
			app_free_view(app->overlays[--app->overlay_count]);
		app_set_source(app, source);
	}
}

/* One depth down. */
bool app_open(struct app *app, int unused)
{
	struct view *view = app_focused(app);

	if (view->ops->selected_process)
		app_input_open_process(app, view);
	else if (app->overlay_count || app->in_workload)
		return true;
	else if (app->focus == PANE_MAPPINGS)
		app->focus = PANE_PAGES;
	else if (app->focus == PANE_PAGES) {
		app->show_inspector = true;
		app->focus = PANE_INSPECTOR;
	}
	return true;
}

/* One depth up. */
bool app_back(struct app *app, int unused)
{
	if (app->overlay_count)
		app_free_view(app->overlays[--app->overlay_count]);
	else if (app->in_workload)
		app->in_workload = false;
	else if (app->in_processes)
		app_message(app, "this is the first screen; q leaves pmtop");
	else if (app->focus == PANE_TIMELINE)
		app->focus = app->before_timeline;
	else if (app->focus != PANE_MAPPINGS)
		app->focus--;
	else if (app->processes) {
		app_set_source(app, NULL);
		app->in_processes = true;
		if (app->processes->ops->update)
			app->processes->ops->update(app->processes, &app->scene);
	} else
		app_message(app, "this is the first screen; q leaves pmtop");
	return true;
}

bool app_quit(struct app *app, int unused)
{
	app->quits = true;
	return true;
}

bool app_suspend(struct app *app, int unused)
{
	app->suspend = true;
	return true;
}

bool app_redraw(struct app *app, int unused)
{
	app->redraw = true;
	return true;
}

bool app_help(struct app *app, int unused)
{
	app_input_push(app, view_help_new(app_focused(app)->ops->screen));
	return true;
}

bool app_options(struct app *app, int unused)
{
	app_input_push(app, app_options_new(app));
	return true;
}

bool app_workload(struct app *app, int unused)
{
	if (app->workload)
		app->in_workload = !app->in_workload;
	else
		app_message(app, "no workload: pmtop run starts one under a memory limit");
	return true;
}

bool app_lens(struct app *app, int number)
{
	enum lens lens = (enum lens)number;
	const char *trouble;

	app->scene.lens = lens;
	app->scene.pinned = TILE_NO_PIN;
	trouble = lens_unavailable_reason(&app->scene);
	if (trouble)
		app_message(app, "lens %d %s: %s", lens + 1, lens_name(lens), trouble);
	else
		app_message(app, "lens %d %s: %s", lens + 1, lens_name(lens), lens_question(lens));
	return true;
}

bool app_pin(struct app *app, int unused)
{
	struct scene *scene = &app->scene;
	size_t i = scene->snapshot ? snapshot_find(scene->snapshot, scene->page) : SIZE_MAX;
	struct tile_source source;
	int value;

	if (!scene->snapshot || i >= scene->snapshot->count)
		return true;
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
	return true;
}

bool app_pane(struct app *app, int by)
{
	int pane = (int)app->focus;

	do {
		pane = (pane + by + PANES) % PANES;
	} while ((pane == PANE_INSPECTOR && !app->show_inspector) ||
		 (pane == PANE_TIMELINE && !app->timeline_rows));
	if (pane == PANE_TIMELINE)
		app->before_timeline = app->focus;
	app->focus = (enum pane)pane;
	return true;
}

bool app_inspector(struct app *app, int unused)
{
	app->show_inspector = !app->show_inspector;
	if (!app->show_inspector && app->focus == PANE_INSPECTOR)
		app->focus = PANE_PAGES;
	return true;
}

bool app_timeline(struct app *app, int unused)
{
	app_set_timeline_rows(app, app->timeline_rows < 0    ? 4
				   : app->timeline_rows == 4 ? TIMELINE_ROWS
				   : app->timeline_rows	     ? 0
							     : -1);
	return true;
}

bool app_copy(struct app *app, int unused)
{
	snprintf(app->copy, sizeof(app->copy), "%lx",
		 (unsigned long)(app->focus == PANE_MAPPINGS ? app->scene.mapping
							     : app->scene.page));
	app_message(app, "copied %s", app->copy);
	return true;
}

bool app_record(struct app *app, int unused)
{
	app_record_toggle(app);
	return true;
}

/* Of a request that only views answer. */
bool app_input_none(struct app *app, int unused)
{
	return false;
}

static const struct {
	bool (*handle)(struct app *app, int argument); /* false: there is nothing to do here */
	int argument;
} app_input_handlers[REQUESTS] = {
#define APP_INPUT_HANDLER(id, name, keys, where, group, priority, footer, handler, argument, help) \
	[REQ_##id] = { handler, argument },
	REQUEST_LIST(APP_INPUT_HANDLER)
};

/* What a view answered. */
static bool app_input_take(struct app *app, enum view_answer answer)
{
	if (answer == VIEW_OPEN)
		app_open(app, 0);
	else if (answer == VIEW_BACK)
		app_back(app, 0);
	return answer != VIEW_IGNORED;
}

void app_request(struct app *app, enum request request)
{
	struct view *view = app_focused(app), *pages = app->panes[PANE_PAGES];
	bool moves = requests[request].group == GROUP_MOVE || requests[request].group == GROUP_LOOK;

	if (app_input_take(app, view->ops->request(view, &app->scene, request)))
		return;
	/* The inspector shows the selected page, so the grid's keys work from there as well. */
	if (view == app->panes[PANE_INSPECTOR] && moves && request != REQ_FIND &&
	    pages->ops->request(pages, &app->scene, request) != VIEW_IGNORED)
		return;
	if (!app_input_handlers[request].handle(app, app_input_handlers[request].argument))
		app_message(app, "%s: nothing to do here", requests[request].name);
}

void app_key(struct app *app, int key)
{
	enum request request;
	char name[16], help[16];

	app->message[0] = '\0';
	if (app->prompt.kind) {
		request = app_prompt_key(app, key);
		if (request)
			app_request(app, request);
		return;
	}
	request = keymap_find(app->scene.keymap, app_focused(app)->ops->screen, key);
	if (request)
		app_request(app, request);
	else if (key < UIKEY_MOUSE)
		app_message(app, "%s does nothing here; %s lists the keys",
			    ui_key_name(key, name, sizeof(name)),
			    keymap_first(app->scene.keymap, REQ_HELP, help, sizeof(help)));
}

void app_show(struct app *app, enum ui_screen screen)
{
	if (screen == SCREEN_HELP)
		app_request(app, REQ_HELP);
	else
		app->focus = screen == SCREEN_PAGES	  ? PANE_PAGES
			     : screen == SCREEN_INSPECTOR ? PANE_INSPECTOR
			     : screen == SCREEN_TIMELINE  ? PANE_TIMELINE
							  : PANE_MAPPINGS;
}

static bool app_input_inside(struct rect rect, int x, int y)
{
	return x >= rect.x && y >= rect.y && x < rect.x + rect.width && y < rect.y + rect.height;
}

static void app_input_click_legend(struct app *app, int x)
{
	for (int i = 0; i < app->legend_count; i++)
		if (x >= app->legend[i].x && x < app->legend[i].end)
			app->scene.pinned = app->scene.pinned == app->legend[i].value
						    ? TILE_NO_PIN
						    : app->legend[i].value;
}

static void app_input_click_strip(struct app *app, int x)
{
	bool of_log;
	uint64_t index;

	if (!view_timeline_sample(app->panes[PANE_TIMELINE], &app->scene, x, &index, &of_log))
		return;
	if (of_log)
		app->scene.source->ops->seek(app->scene.source, index);
	else
		app_time_show(app, (size_t)index);
}

static void app_input_click(struct app *app, int x, int y)
{
	struct view *view = app_focused(app);
	enum view_answer answer = VIEW_IGNORED;

	if (app_input_inside(app->legend_rect, x, y)) {
		app_input_click_legend(app, x);
		return;
	}
	if (view == app->panes[app->focus])
		for (int p = 0; p < PANES; p++) {
			if (!app_input_inside(app->pane_rects[p], x, y))
				continue;
			if (p == PANE_TIMELINE) {
				app_input_click_strip(app, x);
				return;
			}
			app->focus = (enum pane)p;
			view = app->panes[p];
		}
	if (view->ops->click)
		answer = view->ops->click(view, &app->scene, x, y);
	app_input_take(app, answer);
}

void app_mouse(struct app *app, enum app_click what, int x, int y)
{
	app->message[0] = '\0';
	if (app->prompt.kind)
		return;
	if (what == APP_CLICK) {
		app_input_click(app, x, y);
		return;
	}
	for (int i = 0; i < 3; i++)
		app_request(app, what == APP_WHEEL_UP ? REQ_UP : REQ_DOWN);
}
