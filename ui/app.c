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
#include "ui/view_inspector.h"
#include "ui/view_mappings.h"
#include "ui/view_pages.h"
#include "ui/view_processes.h"
#include "ui/view_timeline.h"

void app_free_view(struct view *view)
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

void app_keep_snapshot(struct snapshot **place, struct snapshot *snapshot)
{
	if (snapshot)
		snapshot_ref(snapshot);
	if (*place)
		snapshot_unref(*place);
	*place = snapshot;
}

void app_clear(struct app *app)
{
	struct scene *scene = &app->scene;

	scene_forget(scene);
	sample_unref(scene->sample);
	scene->sample = NULL;
	scene->snapshot = NULL;
	app_keep_snapshot(&scene->baseline, NULL);
	if (scene->history)
		history_clear(scene->history);
	scene->position = 0;
	scene->paused = false;
	scene->mapping = scene->page = 0;
	scene->event_count = 0;
}

bool app_is_living(const struct app *app)
{
	const struct scene *scene = &app->scene;

	return scene->snapshot && scene->source && !source_is_replay(scene->source) &&
	       scene->status.state != SOURCE_ENDED && scene->status.state != SOURCE_FAILED;
}

/* R: what the command behind the screen does for it, and what became of it. */

void app_record_toggle(struct app *app)
{
	const struct app_hooks *hooks = &app->options.hooks;
	char message[256] = "";
	struct timespec now;
	int r;

	if (!hooks->record || !app->scene.source || source_is_replay(app->scene.source)) {
		app_message(app, "nothing to record here");
		return;
	}
	if (!app->recording &&
	    (app->scene.status.state == SOURCE_ENDED || app->scene.status.state == SOURCE_FAILED)) {
		app_message(app, "no sample comes any more: there is nothing more to record");
		return;
	}
	r = hooks->record(hooks->context, app->scene.source, "", message, sizeof(message));
	if (r < 0)
		app_problem(app, "%s", *message ? message : strerror(-r));
	else
		app_message(app, "%s", message);
	app->recording = r > 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	app->recording_since_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void app_record_stop(struct app *app)
{
	if (app->recording)
		app_record_toggle(app);
}

void app_record_poll(struct app *app)
{
	const struct app_hooks *hooks = &app->options.hooks;
	char message[256] = "";
	int r;

	if (!app->recording || !hooks->recording)
		return;
	r = hooks->recording(hooks->context, app->scene.source, message, sizeof(message));
	app->recording = r > 0;
	if (!r)
		app_news(app, NEWS_RECORDING, message);
	else if (r < 0)
		app_problem(app, "%s", message);
}

void app_free(struct app *app)
{
	if (!app)
		return;
	app_record_stop(app);
	app_clear(app);
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

void app_set_timeline_rows(struct app *app, int rows)
{
	app->timeline_rows = rows;
	/* What is not there cannot have the keys. */
	if (!rows && app->focus == PANE_TIMELINE)
		app->focus = app->before_timeline;
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

	app_take(app); /* from one that does not answer only its status is new */
	app_record_poll(app);
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

/* What the last row says in place of the keys, until the next key. */

static __attribute__((format(printf, 3, 0))) void app_vmessage(struct app *app, bool bad,
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
	app_vmessage(app, false, format, args);
	va_end(args);
}

void app_problem(struct app *app, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	app_vmessage(app, true, format, args);
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

bool app_utf8(const struct app *app)
{
	return app->options.utf8;
}

bool app_density(struct app *app, int unused)
{
	app->scene.half_blocks = !app->scene.half_blocks;
	if (app->scene.half_blocks && !theme_half_blocks(app->scene.theme)) {
		app->scene.half_blocks = false;
		app_message(app, "two tiles a cell need 256 colours and UTF-8");
	}
	return true;
}
