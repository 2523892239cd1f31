// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/cleanup.h"
#include "sample/replay_internal.h"

/* What happened in a log, and bookmarks that are made while it is replayed. All for the thread. */

/* A bookmark is made soon after its sample was shown; playing may have gone on meanwhile. */
#define LOOK_BACK 65536

static int replay_events_add_event(void *context, const struct log_event *event)
{
	struct source_overview *o = context;
	struct source_event *e;

	if (o->event_count == OVERVIEW_EVENTS)
		return 1;
	if (event_is_of_mapping(event->kind) && o->event_count >= OVERVIEW_MAPPING_EVENTS)
		return 0;
	e = (struct source_event *)&o->events[o->event_count++];
	e->sample = event->sample;
	e->taken_ns = event->taken_ns;
	e->kind = event->kind;
	snprintf(e->text, sizeof(e->text), "%s", event->text);
	return 0;
}

static int replay_events_add_point(void *context, const struct log_counts *counts)
{
	struct source_overview *o = context;
	struct source_point *p = (struct source_point *)&o->points[o->point_count++];

	p->sample = counts->sample;
	p->taken_ns = counts->taken_ns;
	p->totals = counts->counts;
	p->swap_unplaced = counts->swap_unplaced;
	return 0;
}

void replay_make_overview(struct replay *r)
{
	uint64_t samples = r->info.samples;
	uint64_t points = samples < OVERVIEW_POINTS ? samples : OVERVIEW_POINTS;
	struct source_overview o = { .points = calloc(points, sizeof(*o.points)),
				     .events = calloc(OVERVIEW_EVENTS, sizeof(*o.events)) };

	if (!o.points || !o.events) {
		free((void *)o.points);
		free((void *)o.events);
		return;
	}
	for (uint64_t i = 0; i < points; i++)
		log_reader_totals(r->reader, i * samples / points, 1, replay_events_add_point, &o,
				  NULL);
	log_reader_events(r->reader, replay_events_add_event, &o, NULL);
	pthread_mutex_lock(&r->lock);
	r->overview = o;
	r->overview_ready = true;
	pthread_mutex_unlock(&r->lock);
}

/* The nearest of those that the log did not take. */
static const struct log_event *replay_events_nearest_of_session(const struct replay *r,
								uint64_t position, int direction)
{
	const struct log_event *best = NULL;

	for (size_t i = 0; i < r->session_count; i++) {
		const struct log_event *e = &r->session[i];
		bool there = direction > 0 ? e->sample > position : e->sample < position;

		if (there && (!best || (direction > 0 ? e->sample < best->sample
						      : e->sample > best->sample)))
			best = e;
	}
	return best;
}

int replay_find_event(struct replay *r, uint64_t position, int direction,
		      struct log_event *ret_event, struct log_error *error)
{
	const struct log_event *own = replay_events_nearest_of_session(r, position, direction);
	int code = log_reader_event(r->reader, position, direction, ret_event, error);

	if (own &&
	    (code == -ENOENT || (!code && (direction > 0 ? own->sample <= ret_event->sample
							 : own->sample >= ret_event->sample)))) {
		*ret_event = *own;
		return 0;
	}
	return code;
}

void replay_describe(const struct replay *r, const struct log_event *event, char *text, size_t size)
{
	const struct source_overview *o = &r->overview;
	size_t used =
		(size_t)snprintf(text, size, "%s: %s", event_words[event->kind].name, event->text);

	for (size_t i = 0; i < o->event_count && used < size; i++) {
		const struct source_event *e = &o->events[i];

		if (e->sample == event->sample && !event_is_of_mapping(e->kind) &&
		    (e->kind != event->kind || strcmp(e->text, event->text) != 0))
			used += (size_t)snprintf(text + used, size - used, " · %s: %s",
						 event_words[e->kind].name, e->text);
	}
}

/* The sample of this log that was taken then, from the one shown on backward. */
static int replay_events_find_sample(struct replay *r, uint64_t position, int64_t taken_ns,
				     uint64_t *ret_sample)
{
	for (uint64_t back = 0; back <= position && back < LOOK_BACK; back++) {
		int64_t taken, clock;

		if (log_reader_time(r->reader, position - back, &taken, &clock, NULL))
			break;
		if (taken == taken_ns) {
			*ret_sample = position - back;
			return 0;
		}
	}
	return -ENOENT;
}

static void replay_events_show_on_strip(struct replay *r, const struct log_event *event)
{
	pthread_mutex_lock(&r->lock);
	if (r->overview_ready)
		replay_events_add_event(&r->overview, event);
	pthread_mutex_unlock(&r->lock);
}

void replay_bookmark(struct replay *r, uint64_t position, int64_t taken_ns, const char *name,
		     char *message, size_t size)
{
	struct log_event event = { .kind = EVENT_BOOKMARK, .taken_ns = taken_ns };
	struct log_error error = { .text = "memory is out" };
	int code = replay_events_find_sample(r, position, taken_ns, &event.sample);

	if (code) {
		snprintf(message, size, "no bookmark: the log holds no such sample");
		return;
	}
	snprintf(event.text, sizeof(event.text), "%s", name);
	code = log_reader_keep_bookmark(r->reader, event.sample, taken_ns, name, &error);
	if (!code)
		snprintf(message, size, "bookmark \"%s\" is kept in the log; FILE@%s goes there",
			 name, name);
	else
		snprintf(message, size, "bookmark \"%s\" lasts for this session only: %s", name,
			 error.text);
	if (code && r->session_count < SESSION_BOOKMARKS)
		r->session[r->session_count++] = event;
	replay_events_show_on_strip(r, &event);
}
