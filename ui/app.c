// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ui/app_internal.h"
#include "ui/theme.h"
#include "ui/tiles.h"
#include "ui/view_help.h"
#include "ui/view_inspector.h"
#include "ui/view_mappings.h"
#include "ui/view_objects.h"
#include "ui/view_options.h"
#include "ui/view_pages.h"
#include "ui/view_processes.h"
#include "ui/view_timeline.h"

static void app_free_view(struct view *view)
{
	if (view)
		view->ops->free(view);
}

struct app *app_new(const struct app_options *options)
{
	struct app *app = calloc(1, sizeof(*app));

	if (!app)
		return NULL;
	app->options = *options;
	app->scene.theme = options->theme;
	app->scene.keymap = options->keymap;
	app->scene.kept = &app->kept;
	app->scene.pinned = TILE_NO_PIN;
	app->show_inspector = true;
	app->timeline_rows = -1;
	app->speed = 1;
	app->scene.history = history_new(options->history_bytes ? options->history_bytes
								: HISTORY_DEFAULT_BYTES);
	app->panes[PANE_MAPPINGS] = view_mappings_new();
	app->panes[PANE_PAGES] = view_pages_new();
	app->panes[PANE_INSPECTOR] = view_inspector_new();
	app->panes[PANE_TIMELINE] = view_timeline_new();
	for (int p = 0; p < PANES; p++)
		if (!app->panes[p] || !app->scene.history) {
			app_free(app);
			return NULL;
		}
	return app;
}

void app_free(struct app *app)
{
	if (!app)
		return;
	record_stop(app);
	time_clear(app);
	if (app->scene.history)
		history_free(app->scene.history);
	if (app->scene.source)
		source_free(app->scene.source);
	for (int p = 0; p < PANES; p++)
		app_free_view(app->panes[p]);
	while (app->overlay_count)
		app_free_view(app->overlays[--app->overlay_count]);
	app_free_view(app->processes);
	census_feed_unref(app->census);
	app_free_view(app->workload);
	free(app);
}

void app_set_colours(struct app *app, int colours)
{
	app->options.colours = colours;
}

void app_set_hooks(struct app *app, const struct app_hooks *hooks)
{
	app->options.hooks = *hooks;
}

struct scene *app_scene(struct app *app)
{
	return &app->scene;
}

struct view *app_focused(struct app *app)
{
	if (app->overlay_count)
		return app->overlays[app->overlay_count - 1];
	if (app->in_workload)
		return app->workload;
	if (app->in_processes)
		return app->processes;
	return app->panes[app->focus];
}

void app_set_source(struct app *app, struct source *source)
{
	record_stop(app);
	time_clear(app);
	if (app->scene.source)
		source_free(app->scene.source);
	app->scene.source = source;
	app->in_processes = false;
	app->focus = PANE_MAPPINGS;
	app->message_serial = 0;
	memset(&app->sent, 0, sizeof(app->sent));
	memset(&app->scene.status, 0, sizeof(app->scene.status));
	if (source)
		app_take(app);
}

/* The screen below all others: a list of processes. The app owns it. */
static void app_set_processes(struct app *app, struct view *processes)
{
	app_free_view(app->processes);
	app->processes = processes;
	app->in_processes = processes && !app->scene.source;
	if (app->in_processes && processes->ops->update)
		processes->ops->update(processes, &app->scene);
}

void app_set_census(struct app *app, struct census_feed *feed)
{
	census_feed_unref(app->census);
	app->census = census_feed_ref(feed);
	app_set_processes(app, view_processes_new(feed));
}

void app_set_workload(struct app *app, struct view *workload)
{
	app_free_view(app->workload);
	app->workload = workload;
}

static void app_push_overlay(struct app *app, struct view *view)
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
static void app_show_objects(struct app *app)
{
	int r = 0;

	if (!app->census && app->options.hooks.census)
		r = app->options.hooks.census(app->options.hooks.context, &app->census);
	if (r < 0)
		app_problem(app, "cannot count shared objects: %s", strerror(-r));
	else if (!app->census)
		app_message(app, "shared objects: nothing to count here");
	else
		app_push_overlay(app, view_objects_new(app->census));
}

static void app_open_process(struct app *app, struct view *list)
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
		app_problem(app, "not permitted to look into process %d: run as root", pid);
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
static void app_open_selected(struct app *app)
{
	struct view *view = app_focused(app);

	if (view->ops->selected_process)
		app_open_process(app, view);
	else if (app->overlay_count || app->in_workload)
		return;
	else if (app->focus == PANE_MAPPINGS)
		app->focus = PANE_PAGES;
	else if (app->focus == PANE_PAGES) {
		app->show_inspector = true;
		app->focus = PANE_INSPECTOR;
	}
}

/* One depth up. */
static void app_go_back(struct app *app)
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
}

/* app.c: what the app itself does on a request; false: not that one. One depth down, one up. */
static bool app_own_request(struct app *app, enum request request)
{
	switch (request) {
	case REQ_QUIT:
		app->quits = true;
		return true;
	case REQ_SUSPEND:
		app->suspend = true;
		return true;
	case REQ_REDRAW:
		app->redraw = true;
		return true;
	case REQ_HELP:
		app_push_overlay(app, view_help_new(app_focused(app)->ops->screen));
		return true;
	case REQ_OPTIONS:
		app_push_overlay(app, view_options_new(app));
		return true;
	case REQ_OBJECTS:
		app_show_objects(app);
		return true;
	case REQ_BACK:
		app_go_back(app);
		return true;
	case REQ_OPEN:
		app_open_selected(app);
		return true;
	case REQ_WORKLOAD:
		if (app->workload)
			app->in_workload = !app->in_workload;
		else
			app_message(app, "no workload: pmtop run starts one under a memory limit");
		return true;
	default:
		return false;
	}
}

bool app_utf8(const struct app *app)
{
	return app->options.utf8;
}

bool app_quits(const struct app *app)
{
	return app->quits;
}

static bool app_once(bool *flag)
{
	bool was = *flag;

	*flag = false;
	return was;
}

bool app_wants_suspend(struct app *app)
{
	return app_once(&app->suspend);
}

bool app_wants_redraw(struct app *app)
{
	return app_once(&app->redraw);
}

bool app_wants_copy(struct app *app, char *buf, size_t size)
{
	if (!*app->copy)
		return false;
	snprintf(buf, size, "%s", app->copy);
	app->copy[0] = '\0';
	return true;
}

size_t app_fds(const struct app *app, int *fds, size_t max)
{
	const struct view *views[] = { app->in_processes ? app->processes : NULL, app->workload,
				       app->overlay_count ? app->overlays[app->overlay_count - 1]
							  : NULL };
	size_t count = 0;

	for (size_t i = 0; i < 3; i++) {
		int fd = views[i] && views[i]->ops->fd ? views[i]->ops->fd(views[i]) : -1;

		if (fd >= 0 && count < max)
			fds[count++] = fd;
	}
	return count;
}

void app_tick(struct app *app)
{
	struct view *view = app->overlay_count ? app->overlays[app->overlay_count - 1] : NULL;

	record_look(app);
	if (app->processes && app->in_processes && app->processes->ops->tick)
		app->processes->ops->tick(app->processes, &app->scene);
	if (app->workload && app->workload->ops->tick)
		app->workload->ops->tick(app->workload, &app->scene);
	if (view && view->ops->tick)
		view->ops->tick(view, &app->scene);
}

void app_send_focus(struct app *app)
{
	struct source_focus focus = { 0 };

	if (!app->scene.source || !app->scene.snapshot)
		return;
	if (app->pane_rects[PANE_PAGES].height > 0)
		focus = view_pages_focus(app->panes[PANE_PAGES], &app->scene);
	if (!focus.count && app->scene.page) {
		focus.start = app->scene.page;
		focus.count = 1;
	}
	if (focus.start == app->sent.start && focus.count == app->sent.count)
		return;
	app->sent = focus;
	source_set_focus(app->scene.source, &focus);
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

static bool app_look_request(struct app *app, enum request request)
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

void app_request(struct app *app, enum request request)
{
	struct view *view = app_focused(app);
	enum view_answer answer = view->ops->request(view, &app->scene, request);

	if (answer == VIEW_OPEN)
		app_open_selected(app);
	else if (answer == VIEW_BACK)
		app_go_back(app);
	/* The inspector shows the selected page, so the grid's keys work from there as well. */
	else if (answer == VIEW_IGNORED && view == app->panes[PANE_INSPECTOR] &&
		 request != REQ_FIND &&
		 (requests[request].group == GROUP_MOVE || requests[request].group == GROUP_LOOK))
		answer = app->panes[PANE_PAGES]->ops->request(app->panes[PANE_PAGES], &app->scene,
							      request);
	if (answer != VIEW_IGNORED)
		return;
	if (app_own_request(app, request) || app_look_request(app, request) ||
	    time_request(app, request) || do_request(app, request))
		return;
	app_message(app, "%s: nothing to do here", requests[request].name);
}

void app_key(struct app *app, int key)
{
	enum request request;
	char name[16], help[16];

	app->message[0] = '\0';
	if (app->prompt.kind) {
		do_prompt(app, key);
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

static bool app_inside(struct rect rect, int x, int y)
{
	return x >= rect.x && y >= rect.y && x < rect.x + rect.width && y < rect.y + rect.height;
}

static void app_click_legend(struct app *app, int x)
{
	for (int i = 0; i < app->legend_count; i++)
		if (x >= app->legend[i].x && x < app->legend[i].end)
			app->scene.pinned = app->scene.pinned == app->legend[i].value
						    ? TILE_NO_PIN
						    : app->legend[i].value;
}

static void app_click_strip(struct app *app, int x)
{
	bool of_log;
	uint64_t index;

	if (!view_timeline_sample(app->panes[PANE_TIMELINE], &app->scene, x, &index, &of_log))
		return;
	if (of_log)
		app->scene.source->ops->seek(app->scene.source, index);
	else
		time_show(app, (size_t)index);
}

static void app_input_click(struct app *app, int x, int y)
{
	struct view *view = app_focused(app);
	enum view_answer answer = VIEW_IGNORED;

	if (app_inside(app->legend_rect, x, y)) {
		app_click_legend(app, x);
		return;
	}
	if (view == app->panes[app->focus])
		for (int p = 0; p < PANES; p++) {
			if (!app_inside(app->pane_rects[p], x, y))
				continue;
			if (p == PANE_TIMELINE) {
				app_click_strip(app, x);
				return;
			}
			app->focus = (enum pane)p;
			view = app->panes[p];
		}
	if (view->ops->click)
		answer = view->ops->click(view, &app->scene, x, y);
	if (answer == VIEW_OPEN)
		app_open_selected(app);
	else if (answer == VIEW_BACK)
		app_go_back(app);
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

/* What the last row says in place of the keys, until the next key. */

static __attribute__((format(printf, 3, 0))) void app_set_message(struct app *app, bool bad,
								  const char *format, va_list args)
{
	vsnprintf(app->message, sizeof(app->message), format, args);
	app->message_bad = bad;
	app->message_news = false;
}

void app_message(struct app *app, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	app_set_message(app, false, format, args);
	va_end(args);
}

void app_problem(struct app *app, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	app_set_message(app, true, format, args);
	va_end(args);
}

void app_news(struct app *app, enum app_news which, const char *text)
{
	char other[sizeof(app->message)] = "";

	if (app->message_news)
		snprintf(other, sizeof(other), "%s", app->message);
	if (!*other)
		app_message(app, "%s", text);
	else if (which == NEWS_WORKLOAD)
		app_message(app, "%s; %s", text, other);
	else
		app_message(app, "%s; %s", other, text);
	app->message_news = true;
}
