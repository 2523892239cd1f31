// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/app_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/units.h"
#include "ui/tiles.h"

/* Views learn that another snapshot is shown. */
static void tell_views(struct app *app)
{
	for (int p = 0; p < PANES; p++)
		if (app->panes[p]->ops->update)
			app->panes[p]->ops->update(app->panes[p], &app->scene);
}

static void replace(struct snapshot **place, struct snapshot *with)
{
	if (with)
		snapshot_ref(with);
	if (*place)
		snapshot_unref(*place);
	*place = with;
}

/* A partial snapshot is shown, but only complete ones are history. */
static void show_snapshot(struct app *app, struct snapshot *snapshot, struct snapshot *before,
			  struct track *track)
{
	struct scene *scene = &app->scene;

	scene_forget(scene);
	scene->track = track;
	replace(&scene->before, before);
	replace(&scene->snapshot, snapshot);
	if (snapshot && !scene->mapping && snapshot->count)
		scene->mapping = scene->page = snapshot->mappings[0].mapping->start;
	tell_views(app);
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
	show_snapshot(app, history_snapshot(h, index),
		      index ? history_snapshot(h, index - 1) : NULL, history_track(h, index));
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
	replace(&scene->snapshot, NULL);
	replace(&scene->before, NULL);
	replace(&scene->baseline, NULL);
	if (scene->history)
		history_clear(scene->history);
	scene->track = NULL;
	scene->position = 0;
	scene->paused = false;
	scene->mapping = scene->page = 0;
	app->bookmark_count = 0;
	scene->bookmark_count = 0;
}

/* The history dropped old snapshots: the one shown may have moved, or be gone. */
static void keep_place(struct app *app, uint64_t sequence)
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
static void take_replayed(struct app *app, struct snapshot *snapshot)
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
	show_snapshot(app, snapshot, count > 1 ? history_snapshot(h, count - 2) : NULL,
		      count ? history_track(h, count - 1) : NULL);
}

static void take_snapshot(struct app *app, struct snapshot *snapshot)
{
	struct scene *scene = &app->scene;

	if (source_is_replay(scene->source)) {
		take_replayed(app, snapshot);
		return;
	}
	if (snapshot->partial) {
		if (!scene->paused)
			show_snapshot(app, snapshot, NULL, NULL);
		return;
	}
	if (history_push(scene->history, snapshot) < 0)
		app_problem(app, "no memory left for the history");
	if (!history_count(scene->history))
		show_snapshot(app, snapshot, NULL, NULL);
	else if (!scene->paused)
		time_follow(app);
	else if (scene->snapshot)
		keep_place(app, scene->snapshot->sequence);
}

void app_take(struct app *app)
{
	struct scene *scene = &app->scene;
	struct snapshot *snapshot;

	if (!scene->source)
		return;
	while ((snapshot = source_take(scene->source))) {
		take_snapshot(app, snapshot);
		snapshot_unref(snapshot);
	}
	source_status(scene->source, &scene->status);
	if (scene->status.message_serial != app->message_serial && scene->status.message[0]) {
		app->message_serial = scene->status.message_serial;
		app_message(app, "%s", scene->status.message);
	}
}

/* Steps in a log: the source has all samples, the history only those that were shown. */
static void step_replay(struct app *app, int by)
{
	struct source *source = app->scene.source;
	struct source_span span;

	if (source->ops->span(source, &span) < 0 || !span.samples)
		return;
	source_set_paused(source, true);
	if (by < 0 ? !span.position : span.position + 1 >= span.samples) {
		app_message(app, by < 0 ? "this is the first sample" : "this is the last sample");
		return;
	}
	source->ops->seek(source, span.position + (uint64_t)(int64_t)by);
}

static void step(struct app *app, int by)
{
	size_t count = history_count(app->scene.history);

	if (app->scene.source && source_is_replay(app->scene.source)) {
		step_replay(app, by);
		return;
	}
	if (!count)
		return;
	if (by < 0 && !app->scene.position) {
		app_message(app, history_has_dropped(app->scene.history)
					 ? "the history does not reach further back; it is bounded "
					   "in bytes"
					 : "this is the first sample");
		return;
	}
	if (by > 0 && app->scene.position + 1 >= count) {
		app_message(app, "this is the newest sample; e follows the process again");
		return;
	}
	app->scene.paused = true;
	time_show(app, app->scene.position + (size_t)(int64_t)by);
}

/* Mappings came or went between two samples, or a bookmark is there. */
static bool is_event(const struct app *app, size_t index)
{
	const struct snapshot *s = history_snapshot(app->scene.history, index), *before;

	for (int i = 0; i < app->bookmark_count; i++)
		if (app->bookmarks[i].taken_ns == s->taken_ns)
			return true;
	if (!index)
		return true;
	before = history_snapshot(app->scene.history, index - 1);
	if (before->count != s->count)
		return true;
	for (size_t i = 0; i < s->count; i++)
		if (s->mappings[i].mapping != before->mappings[i].mapping &&
		    !mapping_equal(s->mappings[i].mapping, before->mappings[i].mapping))
			return true;
	return false;
}

/* Asks a replay; what it finds comes as the next snapshot, or as a message. */
static bool find_in_log(struct app *app, const struct source_find *find)
{
	struct source *source = app->scene.source;

	if (!source || !source_is_replay(source) || !source->ops->find)
		return false;
	source_set_paused(source, true);
	source->ops->find(source, find);
	return true;
}

/* The next sample of a log in which the selected page is another. */
static void step_change(struct app *app, int by)
{
	const struct source_find find = { .goal = GOAL_CHANGE,
					  .direction = by,
					  .start = app->scene.page,
					  .length = PMTOP_PAGE_SIZE };

	if (!find_in_log(app, &find))
		app_message(app, "changes of a page are found in replays; , and . step here");
}

bool time_go(struct app *app, const char *text)
{
	struct source_find find = { .goal = GOAL_TIME, .direction = 1 };
	struct source *source = app->scene.source;
	uint64_t ns, sample;
	char *end;

	if (*text == '+') {
		if (units_parse_duration(text + 1, &ns) < 0)
			return false;
		find.ns = (int64_t)ns;
		return find_in_log(app, &find);
	}
	sample = strtoull(text + 1, &end, 10);
	if (*text != '#' || !text[1] || *end || !source || !source_is_replay(source))
		return false;
	source_set_paused(source, true);
	source->ops->seek(source, sample);
	return true;
}

static void step_event(struct app *app, int by)
{
	const struct source_find find = { .goal = GOAL_EVENT, .direction = by };
	size_t count = history_count(app->scene.history), i = app->scene.position;

	if (find_in_log(app, &find))
		return;
	while (by < 0 ? i > 0 : i + 1 < count) {
		i += (size_t)(int64_t)by;
		if (is_event(app, i)) {
			app->scene.paused = true;
			time_show(app, i);
			return;
		}
	}
	app_message(app, by < 0 ? "no event before this sample" : "no event after this sample");
}

static void pause_or_go(struct app *app)
{
	struct scene *scene = &app->scene;
	bool replay = scene->source && source_is_replay(scene->source);

	if (replay) {
		source_set_paused(scene->source, scene->status.state != SOURCE_PAUSED);
		return;
	}
	if (scene->paused)
		time_follow(app);
	else if (scene->snapshot)
		scene->paused = true;
}

static void set_baseline(struct app *app, struct snapshot *snapshot)
{
	scene_forget(&app->scene);
	replace(&app->scene.baseline, snapshot);
	if (snapshot)
		app_message(app, "baseline set; lens 6 shows what changed since");
	else
		app_message(app, "no baseline any more");
}

void time_bookmark(struct app *app, const char *name)
{
	struct scene *scene = &app->scene;
	struct bookmark *b;

	if (!scene->snapshot)
		return;
	if (app->bookmark_count == BOOKMARKS) {
		app_problem(app, "there are %d bookmarks already", BOOKMARKS);
		return;
	}
	b = &app->bookmarks[app->bookmark_count++];
	b->taken_ns = scene->snapshot->taken_ns;
	app->bookmark_times[app->bookmark_count - 1] = b->taken_ns;
	scene->bookmarks = app->bookmark_times;
	scene->bookmark_count = (size_t)app->bookmark_count;
	snprintf(b->name, sizeof(b->name), "%s", name);
	if (app->options.hooks.bookmark)
		app->options.hooks.bookmark(app->options.hooks.context, scene->source, name);
	app_message(app, "bookmark \"%s\" set; < and > go there", b->name);
}

static void to_edge(struct app *app, bool newest)
{
	struct scene *scene = &app->scene;
	struct source_span span;

	if (scene->source && source_is_replay(scene->source)) {
		if (scene->source->ops->span(scene->source, &span) >= 0 && span.samples)
			scene->source->ops->seek(scene->source, newest ? span.samples - 1 : 0);
	} else if (newest) {
		time_follow(app);
	} else if (history_count(scene->history)) {
		scene->paused = true;
		time_show(app, 0);
	}
}

static void set_speed(struct app *app, double speed)
{
	struct source *source = app->scene.source;

	if (!source || !source_is_replay(source) || !source->ops->set_speed) {
		app_message(app, "speed is for replays");
		return;
	}
	app->speed = speed < 1.0 / 16 ? 1.0 / 16 : speed > 256 ? 256 : speed;
	source->ops->set_speed(source, app->speed);
	app_message(app, "speed %g", app->speed);
}

/* On the strip the keys that move go through time. */
static bool strip_request(struct app *app, enum request request)
{
	switch (request) {
	case REQ_LEFT:
	case REQ_RIGHT:
		step(app, request == REQ_LEFT ? -1 : 1);
		return true;
	case REQ_FIRST:
	case REQ_LAST:
		to_edge(app, request == REQ_LAST);
		return true;
	case REQ_ZOOM_IN:
	case REQ_ZOOM_OUT:
		set_speed(app, request == REQ_ZOOM_IN ? app->speed * 2 : app->speed / 2);
		return true;
	case REQ_ZOOM_FIT:
		set_speed(app, 1);
		return true;
	case REQ_NEXT_CHANGE:
	case REQ_PREVIOUS_CHANGE:
		step_change(app, request == REQ_NEXT_CHANGE ? 1 : -1);
		return true;
	default:
		return false;
	}
}

bool time_request(struct app *app, enum request request)
{
	if (!app->overlay_count && app->focus == PANE_TIMELINE && strip_request(app, request))
		return true;
	switch (request) {
	case REQ_PAUSE:
		pause_or_go(app);
		return true;
	case REQ_SAMPLE_BACK:
	case REQ_SAMPLE_ON:
		step(app, request == REQ_SAMPLE_BACK ? -1 : 1);
		return true;
	case REQ_EVENT_BACK:
	case REQ_EVENT_ON:
		step_event(app, request == REQ_EVENT_BACK ? -1 : 1);
		return true;
	case REQ_LIVE:
		to_edge(app, true);
		return true;
	case REQ_BASELINE:
		if (app->scene.snapshot)
			set_baseline(app, app->scene.snapshot);
		return true;
	case REQ_BASELINE_CLEAR:
		set_baseline(app, NULL);
		return true;
	default:
		return false;
	}
}
