// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/app_internal.h"

#include <stdlib.h>
#include <string.h>

#include "model/units.h"

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

void seek_sample(struct app *app, int by)
{
	size_t count = history_count(app->scene.history);

	if (app->scene.source && source_is_replay(app->scene.source)) {
		app_time_step_replay(app, by);
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

bool scene_event_sample(const struct scene *scene, const struct source_event *event,
			size_t *ret_index)
{
	/* What happened before the first sample that was seen belongs to that one. */
	if (history_has_dropped(scene->history) && event->taken_ns < history_reach(scene->history))
		return false;
	return history_find_time(scene->history, event->taken_ns, ret_index) >= 0;
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
static void app_time_say_events(struct app *app, size_t at)
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
void seek_change(struct app *app, int by)
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
			time_show(app, i);
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
		time_show(app, index);
	} else {
		app_problem(app, "there is no bookmark \"%s\"", name);
	}
	return true;
}

bool time_go(struct app *app, const char *text)
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

void seek_event(struct app *app, int by)
{
	const struct source_find find = { .goal = GOAL_EVENT, .direction = by };
	size_t count = history_count(app->scene.history), i = app->scene.position, event;

	if (app_time_find_in_log(app, &find))
		return;
	event = app_time_nearest_event(&app->scene, by);
	while (by < 0 ? i > 0 : i + 1 < count) {
		i += (size_t)(int64_t)by;
		if (i == event || app_time_mappings_differ(app, i)) {
			app->scene.paused = true;
			time_show(app, i);
			app_time_say_events(app, i);
			return;
		}
	}
	app_message(app, by < 0 ? "no event before this sample" : "no event after this sample");
}

void seek_edge(struct app *app, bool newest)
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

void seek_speed(struct app *app, double speed)
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
