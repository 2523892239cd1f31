// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/app_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ui/tiles.h"

/* Views learn that another snapshot is shown. */
static void app_time_tell_views(struct app *app)
{
	for (int p = 0; p < PANES; p++)
		if (app->panes[p]->ops->update)
			app->panes[p]->ops->update(app->panes[p], &app->scene);
}

static void app_time_replace(struct snapshot **place, struct snapshot *with)
{
	if (with)
		snapshot_ref(with);
	if (*place)
		snapshot_unref(*place);
	*place = with;
}

/* A partial snapshot is shown, but only complete ones are history. */
static void app_time_show_snapshot(struct app *app, struct snapshot *snapshot,
				   struct snapshot *before, struct track *track)
{
	struct scene *scene = &app->scene;

	scene_forget(scene);
	scene->track = track;
	app_time_replace(&scene->before, before);
	app_time_replace(&scene->snapshot, snapshot);
	if (snapshot && !scene->mapping && snapshot->count)
		scene->mapping = scene->page = snapshot->mappings[0].mapping->start;
	app_time_tell_views(app);
}

void time_show(struct app *app, size_t index)
{
	struct history *h = app->scene.history;
	size_t count = history_count(h);
	struct source_span span;

	if (!count)
		return;
	index = index < count ? index : count - 1;
	app->scene.position = index;
	app->scene.paused = index + 1 < count || app->scene.paused;
	/* A replay is where its screen is: what was seen last goes on from there. */
	if (app->scene.source && source_is_replay(app->scene.source) &&
	    app->scene.source->ops->span(app->scene.source, &span) >= 0)
		source_set_paused(app->scene.source, true);
	app_time_show_snapshot(app, history_snapshot(h, index),
			       index ? history_snapshot(h, index - 1) : NULL,
			       history_track(h, index));
}

void time_follow(struct app *app)
{
	size_t count = history_count(app->scene.history);

	app->scene.paused = false;
	if (count)
		time_show(app, count - 1);
}

void time_clear(struct app *app)
{
	struct scene *scene = &app->scene;

	scene_forget(scene);
	app_time_replace(&scene->snapshot, NULL);
	app_time_replace(&scene->before, NULL);
	app_time_replace(&scene->baseline, NULL);
	if (scene->history)
		history_clear(scene->history);
	scene->track = NULL;
	scene->position = 0;
	scene->paused = false;
	scene->mapping = scene->page = 0;
	scene->event_count = 0;
}

/* The history dropped old snapshots: the one shown may have moved, or be gone. */
static void app_time_keep_place(struct app *app, uint64_t sequence)
{
	size_t index;

	if (history_find(app->scene.history, sequence, &index) < 0)
		return;
	if (history_snapshot(app->scene.history, index)->sequence == sequence)
		app->scene.position = index;
	else
		time_show(app, index);
}

/* The source says where a replay is; what is kept of it goes up to there, without a step back. */
static void app_time_take_replayed(struct app *app, struct snapshot *snapshot)
{
	struct history *h = app->scene.history;
	size_t count = history_count(h);
	uint64_t newest = count ? history_snapshot(h, count - 1)->sequence : 0;

	app->scene.paused = false;
	if (count && snapshot->sequence < newest)
		history_clear(h);
	if ((!count || snapshot->sequence != newest) && history_push(h, snapshot) < 0)
		app_problem(app, "no memory left for the history");
	count = history_count(h);
	app->scene.position = count ? count - 1 : 0;
	app_time_show_snapshot(app, snapshot, count > 1 ? history_snapshot(h, count - 2) : NULL,
			       count ? history_track(h, count - 1) : NULL);
}

static void app_time_take_snapshot(struct app *app, struct snapshot *snapshot)
{
	struct scene *scene = &app->scene;

	if (source_is_replay(scene->source)) {
		app_time_take_replayed(app, snapshot);
		return;
	}
	if (snapshot->partial) {
		if (!scene->paused)
			app_time_show_snapshot(app, snapshot, NULL, NULL);
		return;
	}
	if (history_push(scene->history, snapshot) < 0)
		app_problem(app, "no memory left for the history");
	if (!history_count(scene->history))
		app_time_show_snapshot(app, snapshot, NULL, NULL);
	else if (!scene->paused)
		time_follow(app);
	else if (scene->snapshot)
		app_time_keep_place(app, scene->snapshot->sequence);
}

void app_take(struct app *app)
{
	struct scene *scene = &app->scene;
	struct snapshot *snapshot;
	struct source_event event;

	if (!scene->source)
		return;
	while ((snapshot = source_take(scene->source))) {
		app_time_take_snapshot(app, snapshot);
		snapshot_unref(snapshot);
	}
	while (scene->source->ops->events && scene->source->ops->events(scene->source, &event, 1))
		time_add_event(app, &event);
	source_status(scene->source, &scene->status);
	if (scene->status.message_serial != app->message_serial && scene->status.message[0]) {
		app->message_serial = scene->status.message_serial;
		app_message(app, "%s", scene->status.message);
	}
	/* With samples coming in all the time there may be no tick. */
	record_look(app);
}

static void app_time_pause_or_go(struct app *app)
{
	struct scene *scene = &app->scene;
	bool replay = scene->source && source_is_replay(scene->source);

	if (replay) {
		/* At its end it starts over. */
		source_set_paused(scene->source, scene->status.state == SOURCE_LIVE);
		source_status(scene->source, &scene->status);
		return;
	}
	if (scene->paused)
		time_follow(app);
	else if (app_is_living(app))
		scene->paused = true;
	else if (scene->snapshot)
		app_message(app, "nothing comes any more; , and . step through what was seen");
}

static void app_time_set_baseline(struct app *app, struct snapshot *snapshot)
{
	scene_forget(&app->scene);
	app_time_replace(&app->scene.baseline, snapshot);
	if (snapshot)
		app_message(app, "baseline set; lens 6 shows what changed since");
	else
		app_message(app, "no baseline any more");
}

void time_add_event(struct app *app, const struct source_event *event)
{
	struct scene *scene = &app->scene;

	if (scene->event_count == EVENTS)
		memmove(app->events, app->events + 1, --scene->event_count * sizeof(*app->events));
	app->events[scene->event_count++] = *event;
	scene->events = app->events;
}

/* What the source does not know of: the recording learns it from here. */
static void app_time_note(struct app *app, enum event_kind kind, int64_t taken_ns, const char *text)
{
	struct source_event event = { .kind = kind, .taken_ns = taken_ns };

	snprintf(event.text, sizeof(event.text), "%s", text);
	time_add_event(app, &event);
	if (app->options.hooks.event)
		app->options.hooks.event(app->options.hooks.context, kind, taken_ns, text);
}

void app_event(struct app *app, enum event_kind kind, const char *format, ...)
{
	char text[EVENT_TEXT_MAX];
	struct timespec now;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	clock_gettime(CLOCK_REALTIME, &now);
	app_time_note(app, kind, now.tv_sec * INT64_C(1000000000) + now.tv_nsec, text);
}

/* What FILE@NAME could not find. */
static bool app_time_name_is_good(const char *name)
{
	return *name != '+' && *name != '#' && !strchr(name, '@');
}

void time_bookmark(struct app *app, const char *name)
{
	struct scene *scene = &app->scene;

	if (!app->bookmark_ns)
		return;
	if (!app_time_name_is_good(name)) {
		app_problem(app, "a name begins with neither + nor # and has no @: FILE@NAME "
				 "could not find it");
		return;
	}
	if (scene->source && source_is_replay(scene->source)) {
		if (scene->source->ops->bookmark(scene->source, app->bookmark_ns, name) < 0)
			app_problem(app, "the bookmark before this one is not written yet");
		return;
	}
	app_time_note(app, EVENT_BOOKMARK, app->bookmark_ns, name);
	app_message(app, "bookmark \"%s\" set; < and > go there", name);
}

/* On the strip the keys that move go through time. */
static bool app_time_strip_request(struct app *app, enum request request)
{
	switch (request) {
	case REQ_LEFT:
	case REQ_RIGHT:
		seek_sample(app, request == REQ_LEFT ? -1 : 1);
		return true;
	case REQ_FIRST:
	case REQ_LAST:
		seek_edge(app, request == REQ_LAST);
		return true;
	case REQ_ZOOM_IN:
	case REQ_ZOOM_OUT:
		seek_speed(app, request == REQ_ZOOM_IN ? app->speed * 2 : app->speed / 2);
		return true;
	case REQ_ZOOM_FIT:
		seek_speed(app, 1);
		return true;
	case REQ_NEXT_CHANGE:
	case REQ_PREVIOUS_CHANGE:
		seek_change(app, request == REQ_NEXT_CHANGE ? 1 : -1);
		return true;
	default:
		return false;
	}
}

bool time_request(struct app *app, enum request request)
{
	if (!app->overlay_count && app->focus == PANE_TIMELINE &&
	    app_time_strip_request(app, request))
		return true;
	switch (request) {
	case REQ_PAUSE:
		app_time_pause_or_go(app);
		return true;
	case REQ_SAMPLE_BACK:
	case REQ_SAMPLE_ON:
		seek_sample(app, request == REQ_SAMPLE_BACK ? -1 : 1);
		return true;
	case REQ_EVENT_BACK:
	case REQ_EVENT_ON:
		seek_event(app, request == REQ_EVENT_BACK ? -1 : 1);
		return true;
	case REQ_NEXT_CHANGE:
	case REQ_PREVIOUS_CHANGE:
		/* In the grid they go from page to page. */
		if (app->overlay_count || app->focus != PANE_MAPPINGS)
			return false;
		seek_change(app, request == REQ_NEXT_CHANGE ? 1 : -1);
		return true;
	case REQ_LIVE:
		seek_edge(app, true);
		return true;
	case REQ_BASELINE:
		if (app->scene.snapshot)
			app_time_set_baseline(app, app->scene.snapshot);
		return true;
	case REQ_BASELINE_CLEAR:
		app_time_set_baseline(app, NULL);
		return true;
	default:
		return false;
	}
}
