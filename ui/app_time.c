// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "ui/app_internal.h"
#include "ui/tiles.h"

static void app_time_add_event(struct app *app, const struct source_event *event);

/* Views learn that another snapshot is shown. */
static void app_time_update_views(struct app *app)
{
	for (int p = 0; p < PANES; p++)
		if (app->panes[p]->ops->update)
			app->panes[p]->ops->update(app->panes[p], &app->scene);
}

/* A partial sample is shown, but only complete ones are history. */
static void app_time_show_sample(struct app *app, struct sample *sample)
{
	struct scene *scene = &app->scene;

	scene_forget(scene);
	sample_ref(sample);
	sample_unref(scene->sample);
	scene->sample = sample;
	scene->snapshot = sample->snapshot;
	if (!scene->mapping && scene->snapshot->count)
		scene->mapping = scene->page = scene->snapshot->mappings[0].mapping->start;
	app_time_update_views(app);
}

void app_time_show(struct app *app, size_t index)
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
	app_time_show_sample(app, history_sample(h, index));
}

static void app_time_follow(struct app *app)
{
	size_t count = history_count(app->scene.history);

	app->scene.paused = false;
	if (count)
		app_time_show(app, count - 1);
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
		app_time_show(app, index);
}

/* The source says where a replay is; what is kept of it goes up to there, without a step back. */
static void app_time_take_replayed(struct app *app, struct sample *sample)
{
	struct history *h = app->scene.history;
	size_t count = history_count(h);
	uint64_t newest = count ? history_snapshot(h, count - 1)->sequence : 0;

	app->scene.paused = false;
	if (count && sample->snapshot->sequence < newest)
		history_clear(h);
	if ((!count || sample->snapshot->sequence != newest) && history_push(h, sample) < 0)
		app_problem(app, "no memory left for the history");
	count = history_count(h);
	app->scene.position = count ? count - 1 : 0;
	app_time_show_sample(app, sample);
}

static void app_time_take_sample(struct app *app, struct sample *sample)
{
	struct scene *scene = &app->scene;

	if (source_is_replay(scene->source)) {
		app_time_take_replayed(app, sample);
		return;
	}
	if (sample->snapshot->partial) {
		if (!scene->paused)
			app_time_show_sample(app, sample);
		return;
	}
	if (history_push(scene->history, sample) < 0)
		app_problem(app, "no memory left for the history");
	if (!history_count(scene->history))
		app_time_show_sample(app, sample);
	else if (!scene->paused)
		app_time_follow(app);
	else if (scene->snapshot)
		app_time_keep_place(app, scene->snapshot->sequence);
}

void app_take(struct app *app)
{
	struct scene *scene = &app->scene;
	struct sample *sample;
	struct source_event event;

	if (!scene->source)
		return;
	while ((sample = source_take(scene->source))) {
		app_time_take_sample(app, sample);
		sample_unref(sample);
	}
	while (scene->source->ops->events && scene->source->ops->events(scene->source, &event, 1))
		app_time_add_event(app, &event);
	source_status(scene->source, &scene->status);
	if (scene->status.message_serial != app->message_serial && scene->status.message[0]) {
		app->message_serial = scene->status.message_serial;
		app_message(app, "%s", scene->status.message);
	}
	/* With samples coming in all the time there may be no tick. */
	app_record_poll(app);
}

void app_set_source(struct app *app, struct source *source)
{
	app_record_stop(app);
	app_clear(app);
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

bool app_time_pause(struct app *app, int unused)
{
	struct scene *scene = &app->scene;
	bool replay = scene->source && source_is_replay(scene->source);

	if (replay) {
		/* At its end it starts over. */
		source_set_paused(scene->source, scene->status.state == SOURCE_LIVE);
		source_status(scene->source, &scene->status);
		return true;
	}
	if (scene->paused)
		app_time_follow(app);
	else if (app_is_living(app))
		scene->paused = true;
	else if (scene->snapshot)
		app_message(app, "nothing comes any more; , and . step through what was seen");
	return true;
}

static void app_time_set_baseline(struct app *app, struct snapshot *snapshot)
{
	scene_forget(&app->scene);
	app_keep_snapshot(&app->scene.baseline, snapshot);
	if (snapshot)
		app_message(app, "baseline set; lens 6 shows what changed since");
	else
		app_message(app, "no baseline any more");
}

static void app_time_add_event(struct app *app, const struct source_event *event)
{
	struct scene *scene = &app->scene;

	if (scene->event_count == EVENTS)
		memmove(app->events, app->events + 1, --scene->event_count * sizeof(*app->events));
	app->events[scene->event_count++] = *event;
	scene->events = app->events;
}

/* What the source does not know of: the recording learns it from here. */
static void app_time_add_own_event(struct app *app, enum event_kind kind, int64_t taken_ns,
				   const char *text)
{
	struct source_event event = { .kind = kind, .taken_ns = taken_ns };

	snprintf(event.text, sizeof(event.text), "%s", text);
	app_time_add_event(app, &event);
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
	app_time_add_own_event(app, kind, now.tv_sec * INT64_C(1000000000) + now.tv_nsec, text);
}

/* What FILE@NAME could not find. */
static bool app_time_name_is_good(const char *name)
{
	return *name != '+' && *name != '#' && !strchr(name, '@');
}

void app_time_bookmark(struct app *app, const char *name)
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
	app_time_add_own_event(app, EVENT_BOOKMARK, app->bookmark_ns, name);
	app_message(app, "bookmark \"%s\" set; < and > go there", name);
}

/* There the keys that move go through time. */
static bool app_time_on_strip(const struct app *app)
{
	return !app->overlay_count && app->focus == PANE_TIMELINE;
}

/* Going to another moment: through the history of a live source, or by asking a replay. */

/* Steps in a log: the source has all samples, the history only those that were shown. */
static void app_time_step_replay(struct app *app, int by)
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

bool app_time_sample(struct app *app, int by)
{
	size_t count = history_count(app->scene.history);

	if (app->scene.source && source_is_replay(app->scene.source)) {
		app_time_step_replay(app, by);
		return true;
	}
	if (!count)
		return true;
	if (by < 0 && !app->scene.position) {
		app_message(app, history_has_dropped(app->scene.history)
					 ? "the history does not reach further back; it is bounded "
					   "in bytes"
					 : "this is the first sample");
		return true;
	}
	if (by > 0 && app->scene.position + 1 >= count) {
		app_message(app, "this is the newest sample; e follows the process again");
		return true;
	}
	app->scene.paused = true;
	app_time_show(app, app->scene.position + (size_t)(int64_t)by);
	return true;
}

/* Whether mappings came, went or changed between two samples. */
static bool app_time_mappings_differ(const struct app *app, size_t index)
{
	const struct snapshot *s = history_snapshot(app->scene.history, index), *before;

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

/* The nearest sample with an event in a direction; the number of samples when there is none. */
static size_t app_time_nearest_event(const struct scene *scene, int by)
{
	size_t none = history_count(scene->history), best = none, index;

	for (size_t e = 0; e < scene->event_count; e++) {
		if (!scene_event_sample(scene, &scene->events[e], &index))
			continue;
		if (by > 0 ? index > scene->position && index < best
			   : index < scene->position && (best == none || index > best))
			best = index;
	}
	return best;
}

/* All that happened at a sample, in the message line. */
static void app_time_show_events(struct app *app, size_t at)
{
	const struct scene *scene = &app->scene;
	char text[sizeof(app->message)] = "";
	size_t index, used = 0;

	for (size_t e = 0; e < scene->event_count && used < sizeof(text); e++)
		if (scene_event_sample(scene, &scene->events[e], &index) && index == at)
			used += (size_t)snprintf(
				text + used, sizeof(text) - used, "%s%s: %s", used ? " · " : "",
				event_words[scene->events[e].kind].name, scene->events[e].text);
	if (used)
		app_message(app, "%s", text);
	else
		app_message(app, at ? "mappings came, went or changed"
				    : "this is the first sample kept");
}

/* Asks a replay; what it finds comes as the next snapshot, or as a message. */
static bool app_time_find_in_log(struct app *app, const struct source_find *find)
{
	struct source *source = app->scene.source;

	if (!source || !source_is_replay(source) || !source->ops->find)
		return false;
	source_set_paused(source, true);
	source->ops->find(source, find);
	return true;
}

/* What {} look at: the selected page, or in the list of mappings the whole mapping. */
static void app_time_changing_range(const struct app *app, uint64_t *ret_start,
				    uint64_t *ret_length)
{
	const struct snapshot *s = app->scene.snapshot;
	enum pane pane = app->focus == PANE_TIMELINE ? app->before_timeline : app->focus;
	size_t i = snapshot_find(s, app->scene.mapping);

	*ret_start = app->scene.page;
	*ret_length = PMTOP_PAGE_SIZE;
	if (pane == PANE_MAPPINGS && i < s->count) {
		*ret_start = s->mappings[i].mapping->start;
		*ret_length = s->mappings[i].mapping->end - *ret_start;
	}
}

/* Whether a page of a range is another in two snapshots, or the mapping that holds it. */
static bool app_time_range_differs(const struct snapshot *a, const struct snapshot *b,
				   uint64_t start, uint64_t length)
{
	size_t i = snapshot_find(a, start), j = snapshot_find(b, start);
	const struct snapshot_mapping *m, *n;
	uint64_t first;

	if (i >= a->count || j >= b->count)
		return i < a->count || j < b->count;
	m = &a->mappings[i];
	n = &b->mappings[j];
	if (m->mapping->start != n->mapping->start || !m->pages || !n->pages)
		return m->mapping->start != n->mapping->start;
	if (m->pages == n->pages || m->mapping->start > start)
		return false;
	first = (start - m->mapping->start) >> PMTOP_PAGE_SHIFT;
	return length > PMTOP_PAGE_SIZE
		       ? !pages_equal(m->pages, n->pages)
		       : pages_state(m->pages, first) != pages_state(n->pages, first);
}

/* The next sample in which the selected page or mapping is another. */
static void app_time_seek_change(struct app *app, int by)
{
	struct source_find find = { .goal = GOAL_CHANGE, .direction = by };
	size_t count = history_count(app->scene.history), i = app->scene.position;

	if (!app->scene.snapshot)
		return;
	app_time_changing_range(app, &find.start, &find.length);
	if (app_time_find_in_log(app, &find))
		return;
	while (by < 0 ? i > 0 : i + 1 < count) {
		i += (size_t)(int64_t)by;
		if (app_time_range_differs(app->scene.snapshot,
					   history_snapshot(app->scene.history, i), find.start,
					   find.length)) {
			app->scene.paused = true;
			app_time_show(app, i);
			return;
		}
	}
	app_message(app, "no change %s this sample", by > 0 ? "after" : "before");
}

/* A sample of a replay by its number, as FILE@#N counts. */
static bool app_time_go_to_number(struct app *app, const char *text)
{
	struct source *source = app->scene.source;
	struct source_span span;
	char *end;
	uint64_t sample = strtoull(text, &end, 10);

	if (!*text || *end || !source || !source_is_replay(source))
		return false;
	source_set_paused(source, true);
	if (source->ops->seek(source, sample) < 0 && source->ops->span(source, &span) >= 0)
		app_problem(app, "the log has samples #0 to #%lu", (unsigned long)span.samples - 1);
	return true;
}

/* The newest bookmark of a name, as FILE@NAME finds it. */
static bool app_time_go_to_bookmark(struct app *app, const char *name)
{
	struct source *source = app->scene.source;
	struct source_overview o = { 0 };
	bool replay = source && source_is_replay(source);
	const struct source_event *events = app->scene.events, *found = NULL;
	size_t count = app->scene.event_count, index;

	if (replay && source->ops->overview(source, &o)) {
		events = o.events;
		count = o.event_count;
	}
	for (size_t i = 0; i < count; i++)
		if (events[i].kind == EVENT_BOOKMARK && !strcmp(events[i].text, name))
			found = &events[i];
	if (found && replay) {
		source_set_paused(source, true);
		source->ops->seek(source, found->sample);
	} else if (found && scene_event_sample(&app->scene, found, &index)) {
		app->scene.paused = true;
		app_time_show(app, index);
	} else {
		app_problem(app, "there is no bookmark \"%s\"", name);
	}
	return true;
}

bool app_time_go(struct app *app, const char *text)
{
	struct source_find find = { .goal = GOAL_TIME, .direction = 1 };
	uint64_t ns;

	if (*text == '#')
		return app_time_go_to_number(app, text + 1);
	if (*text == '@')
		return app_time_go_to_bookmark(app, text + 1);
	if (*text != '+' || units_parse_duration(text + 1, &ns) < 0)
		return false;
	find.ns = (int64_t)ns;
	return app_time_find_in_log(app, &find);
}

bool app_time_event(struct app *app, int by)
{
	const struct source_find find = { .goal = GOAL_EVENT, .direction = by };
	size_t count = history_count(app->scene.history), i = app->scene.position, event;

	if (app_time_find_in_log(app, &find))
		return true;
	event = app_time_nearest_event(&app->scene, by);
	while (by < 0 ? i > 0 : i + 1 < count) {
		i += (size_t)(int64_t)by;
		if (i == event || app_time_mappings_differ(app, i)) {
			app->scene.paused = true;
			app_time_show(app, i);
			app_time_show_events(app, i);
			return true;
		}
	}
	app_message(app, by < 0 ? "no event before this sample" : "no event after this sample");
	return true;
}

static void app_time_seek_edge(struct app *app, bool newest)
{
	struct scene *scene = &app->scene;
	struct source_span span;

	if (scene->source && source_is_replay(scene->source)) {
		if (scene->source->ops->span(scene->source, &span) >= 0 && span.samples)
			scene->source->ops->seek(scene->source, newest ? span.samples - 1 : 0);
	} else if (newest) {
		app_time_follow(app);
	} else if (history_count(scene->history)) {
		scene->paused = true;
		app_time_show(app, 0);
	}
}

static void app_time_set_speed(struct app *app, double speed)
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

bool app_time_live(struct app *app, int unused)
{
	app_time_seek_edge(app, true);
	return true;
}

bool app_time_baseline(struct app *app, int set)
{
	if (!set)
		app_time_set_baseline(app, NULL);
	else if (app->scene.snapshot)
		app_time_set_baseline(app, app->scene.snapshot);
	return true;
}

/* In the grid it goes from page to page. */
bool app_time_change(struct app *app, int by)
{
	if (!app_time_on_strip(app) && (app->overlay_count || app->focus != PANE_MAPPINGS))
		return false;
	app_time_seek_change(app, by);
	return true;
}

bool app_time_strip_step(struct app *app, int by)
{
	return app_time_on_strip(app) && app_time_sample(app, by);
}

bool app_time_strip_edge(struct app *app, int newest)
{
	if (!app_time_on_strip(app))
		return false;
	app_time_seek_edge(app, newest);
	return true;
}

bool app_time_strip_speed(struct app *app, int by)
{
	if (!app_time_on_strip(app))
		return false;
	app_time_set_speed(app, by > 0 ? app->speed * 2 : by < 0 ? app->speed / 2 : 1);
	return true;
}
