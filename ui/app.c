// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/app_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

void app_set_processes(struct app *app, struct view *processes)
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
void app_open_selected(struct app *app)
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
void app_go_back(struct app *app)
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

bool app_own_request(struct app *app, enum request request)
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
