// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/worker.h"
#include "log/reader.h"
#include "model/track.h"
#include "sample/replay.h"

/* What the user's thread (replay.c) and the reading thread (replay_thread.c) share. */

#define OVERVIEW_POINTS 1024
#define OVERVIEW_EVENTS 4096

/* Beyond this many, mappings that come and go are left out of the overview. */
#define OVERVIEW_MAPPING_EVENTS 1024

/* Bookmarks of one session that a log did not take. */
#define SESSION_BOOKMARKS 64

struct replay_bookmark {
	int64_t taken_ns;
	char name[EVENT_TEXT_MAX];
};

struct replay {
	struct source base;
	struct log_reader *reader; /* the thread's, from its start on */
	struct log_info info;
	int64_t interval_ns;
	struct log_event session[SESSION_BOOKMARKS]; /* the thread's */
	size_t session_count;
	struct worker worker; /* its lock guards all below */
	bool playing;
	double speed;
	bool seek_pending, find_pending, focus_changed, pace_changed;
	uint64_t seek_to;
	struct source_find find;
	bool bookmark_pending;
	struct replay_bookmark bookmark;
	struct source_focus focus;
	uint64_t position; /* what the newest snapshot shows */
	struct source_status status;
	bool overview_ready; /* what it points to is written before this, and only grows */
	struct source_overview overview;
};

static void replay_run(void *context);

static void replay_make_overview(struct replay *r);

static int replay_find_event(struct replay *r, uint64_t position, int direction,
			     struct log_event *ret_event, struct error *error);

static void replay_describe(const struct replay *r, const struct log_event *event, char *text,
			    size_t size);

static void replay_bookmark(struct replay *r, uint64_t position, int64_t taken_ns, const char *name,
			    char *message, size_t size);

static struct replay *replay_of(struct source *source)
{
	return (struct replay *)source;
}

static int replay_fd(struct source *source)
{
	return replay_of(source)->worker.event;
}

static struct sample *replay_take(struct source *source)
{
	return worker_take(&replay_of(source)->worker);
}

static void replay_status(struct source *source, struct source_status *ret_status)
{
	struct replay *r = replay_of(source);

	worker_lock(&r->worker);
	*ret_status = r->status;
	worker_unlock(&r->worker);
}

/* The pace is that of the recording: set_speed() changes it. */
static void replay_set_interval(struct source *source, int64_t interval_ns)
{
	(void)source;
	(void)interval_ns;
}

static void replay_set_paused(struct source *source, bool paused)
{
	struct replay *r = replay_of(source);

	worker_lock(&r->worker);
	r->playing = !paused;
	r->pace_changed = true;
	/* Played to its end, it starts over. */
	if (r->playing && !r->seek_pending && r->position + 1 >= r->info.samples) {
		r->seek_pending = true;
		r->seek_to = 0;
	}
	r->status.state = paused ? SOURCE_PAUSED : SOURCE_LIVE;
	worker_wake(&r->worker);
	worker_unlock(&r->worker);
}

static void replay_set_focus(struct source *source, const struct source_focus *focus)
{
	struct replay *r = replay_of(source);

	worker_lock(&r->worker);
	if (r->focus.start != focus->start || r->focus.count != focus->count) {
		r->focus = *focus;
		r->focus_changed = true;
		worker_wake(&r->worker);
	}
	worker_unlock(&r->worker);
}

static int replay_request(struct source *source, const struct source_request *request)
{
	(void)source;
	(void)request;
	return -ENOTSUP;
}

static int replay_span(struct source *source, struct source_span *ret_span)
{
	struct replay *r = replay_of(source);

	worker_lock(&r->worker);
	*ret_span = (struct source_span){
		.samples = r->info.samples,
		.first_ns = r->info.first_ns,
		.last_ns = r->info.last_ns,
		.position = r->seek_pending ? r->seek_to : r->position,
	};
	worker_unlock(&r->worker);
	return 0;
}

static int replay_seek(struct source *source, uint64_t sample)
{
	struct replay *r = replay_of(source);

	if (sample >= r->info.samples)
		return -ERANGE;
	worker_lock(&r->worker);
	r->seek_pending = true;
	r->seek_to = sample;
	worker_wake(&r->worker);
	worker_unlock(&r->worker);
	return 0;
}

static void replay_set_speed(struct source *source, double speed)
{
	struct replay *r = replay_of(source);

	if (!(speed > 0))
		return;
	worker_lock(&r->worker);
	r->speed = speed;
	r->pace_changed = true;
	worker_wake(&r->worker);
	worker_unlock(&r->worker);
}

static int replay_find(struct source *source, const struct source_find *find)
{
	struct replay *r = replay_of(source);

	worker_lock(&r->worker);
	r->find = *find;
	r->find_pending = true;
	worker_wake(&r->worker);
	worker_unlock(&r->worker);
	return 0;
}

static int replay_set_bookmark(struct source *source, int64_t taken_ns, const char *name)
{
	struct replay *r = replay_of(source);
	int code = 0;

	worker_lock(&r->worker);
	if (r->bookmark_pending) {
		code = -EBUSY;
	} else {
		r->bookmark.taken_ns = taken_ns;
		snprintf(r->bookmark.name, sizeof(r->bookmark.name), "%s", name);
		r->bookmark_pending = true;
		worker_wake(&r->worker);
	}
	worker_unlock(&r->worker);
	return code;
}

static bool replay_overview(struct source *source, struct source_overview *ret_overview)
{
	struct replay *r = replay_of(source);
	bool ready;

	worker_lock(&r->worker);
	ready = r->overview_ready;
	if (ready)
		*ret_overview = r->overview;
	worker_unlock(&r->worker);
	return ready;
}

static void replay_destroy(void *replay)
{
	struct replay *r = replay;

	log_reader_free(r->reader);
	free((void *)r->overview.points);
	free((void *)r->overview.events);
	worker_destroy(&r->worker);
	free(r);
}

static void replay_drop(void *sample)
{
	sample_unref(sample);
}

static void replay_free(struct source *source)
{
	worker_end(&replay_of(source)->worker);
}

static const struct source_ops replay_ops = {
	.fd = replay_fd,
	.take = replay_take,
	.status = replay_status,
	.set_interval = replay_set_interval,
	.set_paused = replay_set_paused,
	.set_focus = replay_set_focus,
	.request = replay_request,
	.span = replay_span,
	.seek = replay_seek,
	.set_speed = replay_set_speed,
	.find = replay_find,
	.bookmark = replay_set_bookmark,
	.overview = replay_overview,
	.free = replay_free,
};

DEFINE_CLEANUP(cleanup_replay, struct replay *, replay_destroy)

int replay_open(const char *path, uint64_t first, struct source **ret_source, struct error *error)
{
	CLEANUP(cleanup_replay) struct replay *r = calloc(1, sizeof(*r));
	char interval[24];
	int code;

	if (!r)
		return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	r->base.ops = &replay_ops;
	code = worker_init(&r->worker, replay_drop);
	if (code)
		return error_set(error, code, "%s", strerror(-code));
	code = log_reader_open(path, &r->reader, error);
	if (code)
		return code;
	r->info = *log_reader_info(r->reader);
	if (!log_reader_fact(r->reader, "interval_ns", interval, sizeof(interval)))
		r->interval_ns = strtoll(interval, NULL, 10);
	r->status.interval_ns = r->status.asked_interval_ns = r->interval_ns;
	r->status.state = SOURCE_LIVE;
	r->speed = 1;
	r->playing = r->seek_pending = true;
	r->seek_to = first < r->info.samples ? first : r->info.samples - 1;
	code = worker_start(&r->worker, replay_run, replay_destroy, r);
	if (code)
		return error_set(error, code, "%s", strerror(-code));
	*ret_source = &TAKE(r)->base;
	return 0;
}

/* Where nothing was recorded for longer than this, playing does not wait longer. */
#define LONGEST_WAIT_NS INT64_C(3000000000)

/* What the thread knows by itself. */
struct player {
	struct replay *r;
	struct sample *shown; /* as it is in the log, without raw facts */
	uint64_t position;
	int64_t clock_ns; /* of the sample shown, on the recorder's clock */
	int64_t anchor_ns; /* when that sample was, or would have been, shown */
	struct source_focus focus;
	double speed;
};

static void __attribute__((format(printf, 2, 3)))
replay_say(struct replay *r, const char *format, ...)
{
	va_list arguments;

	worker_lock(&r->worker);
	va_start(arguments, format);
	vsnprintf(r->status.message, sizeof(r->status.message), format, arguments);
	va_end(arguments);
	r->status.message_serial++;
	worker_unlock(&r->worker);
	worker_tell(&r->worker);
}

/* What is shown, with the raw facts that were recorded of the pages on screen. */
static struct sample *replay_dress(struct player *p)
{
	struct page_detail *detail;
	struct sample *s;

	if (!p->focus.count || log_reader_detail(p->r->reader, p->position, p->focus.start,
						 p->focus.count, &detail, NULL))
		return sample_ref(p->shown);
	s = sample_with_focus(p->shown, detail);
	if (s)
		return s;
	page_detail_unref(detail);
	return sample_ref(p->shown);
}

static void replay_publish(struct player *p)
{
	struct replay *r = p->r;
	struct sample *s = replay_dress(p);
	bool last = p->position + 1 >= r->info.samples;

	worker_lock(&r->worker);
	r->position = p->position;
	if (last) {
		r->playing = false;
		r->status.state = SOURCE_ENDED;
		r->status.ended_ns = r->info.last_ns;
	} else {
		r->status.state = r->playing ? SOURCE_LIVE : SOURCE_PAUSED;
	}
	worker_unlock(&r->worker);
	worker_post(&r->worker, s);
}

static void replay_say_all(struct replay *r, const struct log_event *event)
{
	char text[sizeof(r->status.message)];

	replay_describe(r, event, text, sizeof(text));
	replay_say(r, "%s", text);
}

/* Events between what was shown and what is shown now, the newest one. */
static void replay_say_event(struct player *p, uint64_t before)
{
	struct log_event event;

	if (p->position <= before ||
	    log_reader_event(p->r->reader, p->position + 1, -1, &event, NULL) ||
	    event.sample <= before || event.kind == EVENT_CHANGED)
		return;
	replay_say_all(p->r, &event);
}

/* Shows a sample; one that is damaged is said, and what was shown stays. */
static void replay_show(struct player *p, uint64_t sample)
{
	uint64_t before = p->shown ? p->position : sample;
	CLEANUP(cleanup_snapshot) struct snapshot *snapshot = NULL;
	struct error error = { 0 };
	struct sample *shown;

	if (log_reader_load(p->r->reader, sample, &snapshot, &error)) {
		worker_lock(&p->r->worker);
		p->r->playing = false;
		p->r->status.state = p->shown ? SOURCE_PAUSED : SOURCE_FAILED;
		p->r->status.error = -error.code;
		worker_unlock(&p->r->worker);
		replay_say(p->r, "%s", error.text);
		return;
	}
	/* Forward it goes on from what was shown; a step back begins anew, as the history does. */
	if (p->shown && p->shown->snapshot == snapshot)
		shown = sample_ref(p->shown); /* the reader hands the same one out again */
	else if (sample_new(p->shown && sample > p->position ? p->shown : NULL, snapshot, true,
			    &shown)) {
		replay_say(p->r, "out of memory");
		return;
	}
	sample_unref(p->shown);
	p->shown = shown;
	p->position = sample;
	p->clock_ns = snapshot->clock_ns;
	p->anchor_ns = clock_ns(CLOCK_MONOTONIC);
	replay_publish(p);
	replay_say_event(p, before);
}

static void replay_say_length(struct replay *r)
{
	replay_say(r, "this is the last sample: the log is %.1f s long",
		   (double)(r->info.last_clock_ns - r->info.first_clock_ns) / 1e9);
}

static void replay_thread_find(struct player *p, const struct source_find *find)
{
	struct log_reader *reader = p->r->reader;
	struct error error = { .text = "there is nothing" };
	struct log_event event = { 0 };
	uint64_t sample = 0;
	int code = -EINVAL;

	switch (find->goal) {
	case GOAL_EVENT:
		code = replay_find_event(p->r, p->position, find->direction, &event, &error);
		sample = event.sample;
		break;
	case GOAL_CHANGE:
		code = log_reader_change(reader, p->position, find->direction, find->start,
					 find->length, &sample, &error);
		break;
	case GOAL_TIME:
		code = log_reader_at(reader, find->ns, &sample, &error);
		break;
	}
	if (code == -ENOENT)
		replay_say(p->r, "no %s %s this sample",
			   find->goal == GOAL_EVENT ? "event" : "change",
			   find->direction > 0 ? "after" : "before");
	else if (code)
		replay_say(p->r, "%s", error.text);
	else
		replay_show(p, sample);
	if (!code && find->goal == GOAL_TIME && sample + 1 == p->r->info.samples)
		replay_say_length(p->r);
	if (!code && find->goal == GOAL_EVENT)
		replay_say_all(p->r, &event);
}

/* The outcome is a message. */
static void replay_thread_bookmark(struct player *p, const struct replay_bookmark *bookmark)
{
	char message[sizeof(p->r->status.message)];

	replay_bookmark(p->r, p->position, bookmark->taken_ns, bookmark->name, message,
			sizeof(message));
	replay_say(p->r, "%s", message);
}

/* When the next sample is due, on our clock. */
static int64_t replay_next_due(struct player *p)
{
	int64_t taken, clock;
	double wait;

	if (log_reader_time(p->r->reader, p->position + 1, &taken, &clock, NULL))
		return p->anchor_ns;
	wait = clock > p->clock_ns ? (double)(clock - p->clock_ns) / p->speed : 0;
	return p->anchor_ns + (wait < LONGEST_WAIT_NS ? (int64_t)wait : LONGEST_WAIT_NS);
}

/* Plays on: what is due by now; at high speed samples are passed over. */
static void replay_play(struct player *p)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC), due, ahead, after;
	uint64_t sample = p->position + 1, reached;

	due = replay_next_due(p);
	ahead = (int64_t)((double)(now - due) * p->speed);
	if (__builtin_add_overflow(p->clock_ns - p->r->info.first_clock_ns, ahead, &after))
		after = INT64_MAX;
	if (ahead > 0 && !log_reader_at(p->r->reader, after, &reached, NULL) && reached > sample)
		sample = reached;
	replay_show(p, sample);
	/* Keep the pace: count from when it was due, unless that is long ago. */
	if (p->position == sample && now - due < LONGEST_WAIT_NS)
		p->anchor_ns = sample == p->position && ahead <= 0 ? due : now;
}

/* One turn, entered and left with the lock held. */
static void replay_turn(struct player *p)
{
	struct replay *r = p->r;
	bool seeks = r->seek_pending, finds = r->find_pending, focuses = r->focus_changed;
	bool marks = r->bookmark_pending && p->shown;
	bool plays = r->playing && p->shown && p->position + 1 < r->info.samples;
	struct replay_bookmark new_mark = r->bookmark;
	struct source_find what = r->find;
	uint64_t to = r->seek_to;

	r->seek_pending = r->bookmark_pending = r->find_pending = r->focus_changed = false;
	p->focus = r->focus;
	p->speed = r->speed;
	if (r->pace_changed)
		p->anchor_ns = clock_ns(CLOCK_MONOTONIC);
	r->pace_changed = false;
	worker_unlock(&r->worker);
	if (marks)
		replay_thread_bookmark(p, &new_mark);
	if (seeks)
		replay_show(p, to);
	if (finds)
		replay_thread_find(p, &what);
	if (seeks || finds)
		plays = focuses = false;
	if (plays && clock_ns(CLOCK_MONOTONIC) >= replay_next_due(p))
		replay_play(p);
	else if (focuses && p->shown)
		replay_publish(p);
	worker_lock(&r->worker);
}

/* Entered and left with the lock held. */
static void replay_wait_for_work(struct player *p)
{
	struct replay *r = p->r;
	int64_t due = 0;
	bool plays = r->playing && p->shown && p->position + 1 < r->info.samples;

	if (plays) {
		worker_unlock(&r->worker);
		due = replay_next_due(p);
		worker_lock(&r->worker);
	}
	while (!r->worker.stop && !r->seek_pending && !r->find_pending && !r->focus_changed &&
	       !r->pace_changed && !r->bookmark_pending &&
	       (!plays || clock_ns(CLOCK_MONOTONIC) < due))
		worker_wait(&r->worker, plays ? due : WORKER_FOREVER);
}

static void replay_run(void *context)
{
	struct replay *r = context;
	struct player p = { .r = r, .speed = 1 };
	bool overviewed = false;

	worker_lock(&r->worker);
	while (!r->worker.stop) {
		replay_turn(&p);
		/* The first picture first. */
		if (!overviewed && p.shown) {
			worker_unlock(&r->worker);
			replay_make_overview(r);
			worker_tell(&r->worker);
			overviewed = true;
			worker_lock(&r->worker);
		}
		replay_wait_for_work(&p);
	}
	worker_unlock(&r->worker);
	sample_unref(p.shown);
}

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

/* Reads the whole log at one glance; a damaged one gives fewer points. */
static void replay_make_overview(struct replay *r)
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
	worker_lock(&r->worker);
	r->overview = o;
	r->overview_ready = true;
	worker_unlock(&r->worker);
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

/* As log_reader_event(), with the bookmarks of this session. */
static int replay_find_event(struct replay *r, uint64_t position, int direction,
			     struct log_event *ret_event, struct error *error)
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

/* An event, and what else happened at its sample, but for mappings. */
static void replay_describe(const struct replay *r, const struct log_event *event, char *text,
			    size_t size)
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
	worker_lock(&r->worker);
	if (r->overview_ready)
		replay_events_add_event(&r->overview, event);
	worker_unlock(&r->worker);
}

/*
 * Keeps a bookmark at the sample of taken_ns, which was shown when `position` was or before: in the
 * log, or, where that cannot be written to, for the session. The message says which.
 */
static void replay_bookmark(struct replay *r, uint64_t position, int64_t taken_ns, const char *name,
			    char *message, size_t size)
{
	struct log_event event = { .kind = EVENT_BOOKMARK, .taken_ns = taken_ns };
	struct error error = { .text = "memory is out" };
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
