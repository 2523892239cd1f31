// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernel/clock.h"
#include "model/cleanup.h"
#include "model/track.h"
#include "sample/replay_internal.h"

/* Where nothing was recorded for longer than this, playing does not wait longer. */
#define LONGEST_WAIT_NS INT64_C(3000000000)

/* What the thread knows by itself. */
struct player {
	struct replay *r;
	struct snapshot *shown; /* as it is in the log, without raw facts */
	uint64_t position;
	int64_t clock_ns; /* of the sample shown, on the recorder's clock */
	int64_t anchor_ns; /* when that sample was, or would have been, shown */
	struct source_focus focus;
	double speed;
};

static void replay_tell(struct replay *r)
{
	static const uint64_t one = 1;
	ssize_t n = write(r->event, &one, sizeof(one));

	(void)n; /* a full counter is readable too */
}

static void __attribute__((format(printf, 2, 3)))
replay_say(struct replay *r, const char *format, ...)
{
	va_list arguments;

	pthread_mutex_lock(&r->lock);
	va_start(arguments, format);
	vsnprintf(r->status.message, sizeof(r->status.message), format, arguments);
	va_end(arguments);
	r->status.message_serial++;
	pthread_mutex_unlock(&r->lock);
	replay_tell(r);
}

/* The same picture with the raw facts that were recorded of the pages on screen. */
static struct snapshot *replay_with_detail(const struct snapshot *like, struct page_detail *detail)
{
	struct snapshot *s = snapshot_new(like->count);

	if (!s)
		return NULL;
	for (size_t i = 0; i < like->count; i++) {
		s->mappings[i].mapping = mapping_ref(like->mappings[i].mapping);
		if (like->mappings[i].pages)
			s->mappings[i].pages = pages_ref(like->mappings[i].pages);
	}
	s->sequence = like->sequence;
	s->pid = like->pid;
	s->start_time = like->start_time;
	memcpy(s->comm, like->comm, sizeof(s->comm));
	s->taken_ns = like->taken_ns;
	s->clock_ns = like->clock_ns;
	s->known = like->known;
	s->totals = like->totals;
	s->swap_unplaced = like->swap_unplaced;
	s->partial = like->partial;
	s->skipped = like->skipped;
	s->detail = detail;
	s->track = like->track ? track_ref(like->track) : NULL;
	return s;
}

static struct snapshot *replay_dress(struct player *p)
{
	struct page_detail *detail;
	struct snapshot *s;

	if (!p->focus.count || log_reader_detail(p->r->reader, p->position, p->focus.start,
						 p->focus.count, &detail, NULL))
		return snapshot_ref(p->shown);
	s = replay_with_detail(p->shown, detail);
	if (s)
		return s;
	page_detail_unref(detail);
	return snapshot_ref(p->shown);
}

static void replay_publish(struct player *p)
{
	struct replay *r = p->r;
	struct snapshot *s = replay_dress(p), *old;
	bool last = p->position + 1 >= r->info.samples;

	pthread_mutex_lock(&r->lock);
	old = r->newest;
	r->newest = s;
	r->position = p->position;
	if (last) {
		r->playing = false;
		r->status.state = SOURCE_ENDED;
		r->status.ended_ns = r->info.last_ns;
	} else {
		r->status.state = r->playing ? SOURCE_LIVE : SOURCE_PAUSED;
	}
	pthread_mutex_unlock(&r->lock);
	if (old)
		snapshot_unref(old);
	replay_tell(r);
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

/*
 * Forward it goes on from what was shown; a step back begins anew, as the history of the screen
 * does.
 */
static void replay_add_track(struct player *p, uint64_t sample, struct snapshot *s)
{
	bool goes_on = p->shown && p->shown->track && sample > p->position;

	/* The reader hands the same one out again. */
	if (s->track)
		return;
	if (track_next(goes_on ? p->shown->track : NULL, goes_on ? p->shown : NULL, s, &s->track) <
	    0)
		replay_say(p->r, "no memory left for the ages of pages");
}

/* Shows a sample; one that is damaged is said, and what was shown stays. */
static void replay_show(struct player *p, uint64_t sample)
{
	uint64_t before = p->shown ? p->position : sample;
	struct log_error error = { 0 };
	struct snapshot *s;

	if (log_reader_load(p->r->reader, sample, &s, &error)) {
		pthread_mutex_lock(&p->r->lock);
		p->r->playing = false;
		p->r->status.state = p->shown ? SOURCE_PAUSED : SOURCE_FAILED;
		p->r->status.error = -error.code;
		pthread_mutex_unlock(&p->r->lock);
		replay_say(p->r, "%s", error.text);
		return;
	}
	replay_add_track(p, sample, s);
	if (p->shown)
		snapshot_unref(p->shown);
	p->shown = s;
	p->position = sample;
	p->clock_ns = s->clock_ns;
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
	struct log_error error = { .text = "there is nothing" };
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

static void replay_wait_until(struct replay *r, int64_t until)
{
	struct timespec t = { .tv_sec = until / 1000000000, .tv_nsec = until % 1000000000 };

	pthread_cond_timedwait(&r->wake, &r->lock, &t);
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
	pthread_mutex_unlock(&r->lock);
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
	pthread_mutex_lock(&r->lock);
}

/* Entered and left with the lock held. */
static void replay_wait_for_work(struct player *p)
{
	struct replay *r = p->r;
	int64_t due = 0;
	bool plays = r->playing && p->shown && p->position + 1 < r->info.samples;

	if (plays) {
		pthread_mutex_unlock(&r->lock);
		due = replay_next_due(p);
		pthread_mutex_lock(&r->lock);
	}
	while (!r->stop && !r->seek_pending && !r->find_pending && !r->focus_changed &&
	       !r->pace_changed && !r->bookmark_pending &&
	       (!plays || clock_ns(CLOCK_MONOTONIC) < due))
		if (plays)
			replay_wait_until(r, due);
		else
			pthread_cond_wait(&r->wake, &r->lock);
}

void *replay_run(void *context)
{
	struct replay *r = context;
	struct player p = { .r = r, .speed = 1 };
	bool overviewed = false;

	pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		replay_turn(&p);
		/* The first picture first. */
		if (!overviewed && p.shown) {
			pthread_mutex_unlock(&r->lock);
			replay_make_overview(r);
			replay_tell(r);
			overviewed = true;
			pthread_mutex_lock(&r->lock);
		}
		replay_wait_for_work(&p);
	}
	pthread_mutex_unlock(&r->lock);
	if (p.shown)
		snapshot_unref(p.shown);
	return NULL;
}
