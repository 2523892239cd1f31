/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SOURCE_H
#define PMTOP_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/event.h"
#include "model/sample.h"

/*
 * Where snapshots come from. Live and replay are two kinds of the same thing, so every view works
 * on both. A source never blocks its caller: it has a descriptor to poll, and hands out the newest
 * snapshot. All calls of one source come from one thread (its user's).
 */

enum source_state {
	SOURCE_WAITING, /* no snapshot yet */
	SOURCE_LIVE,
	SOURCE_PAUSED,
	SOURCE_ENDED, /* the target has ended, or the replay is at its last sample */
	SOURCE_FAILED, /* no sample can be taken any more: error says why */
};

struct source_status {
	enum source_state state;
	int error; /* errno of SOURCE_FAILED, or of the newest sample that failed */
	int64_t interval_ns; /* in force; above what was asked for when the sampler limits itself */
	int64_t asked_interval_ns;
	int64_t ended_ns; /* CLOCK_REALTIME, with SOURCE_ENDED */
	bool exit_known;
	int exit_status; /* as wait(2) gives it, when exit_known */
	bool oom_killed; /* the kernel told that the OOM killer did it */
	int64_t stalled_ns; /* for how long the target has not answered; 0: it does */
	char stall[96]; /* which of its threads waits where, or "" */
	char message[576]; /* newest news for the message line, or ""; see message_serial */
	uint64_t message_serial; /* moves with each new message */
};

/* The pages on screen: read first, and with their raw facts. count 0: none. */
struct source_focus {
	uint64_t start; /* address of a page */
	uint64_t count; /* pages, at most 65,536 */
};

enum source_action {
	SOURCE_CLEAR_WRITTEN, /* clear_refs 4: the person has confirmed */
	SOURCE_PUSH_OUT, /* MADV_PAGEOUT on [start, start + length): the person has confirmed */
	SOURCE_VERIFY, /* compare the next sample with smaps; the outcome is a message */
	SOURCE_SAMPLE_NOW, /* take one full sample at once, also when paused */
};

/* What the person was asked about: only that is acted on, or nothing. */
struct source_asked {
	pid_t pid;
	uint64_t start_time; /* clock ticks after boot */
	unsigned int execs; /* of the snapshot that was shown */
	/* The mapping, for SOURCE_PUSH_OUT: as in struct mapping. */
	uint64_t start, end, offset, inode;
	uint32_t dev_major, dev_minor;
	char perms[5];
};

struct source_request {
	enum source_action action;
	uint64_t start, length; /* bytes, for SOURCE_PUSH_OUT */
	struct source_asked asked; /* for those that change the process */
};

/* A replay's extent. Samples are numbered from 0. */
struct source_span {
	uint64_t samples;
	int64_t first_ns, last_ns; /* CLOCK_REALTIME */
	uint64_t position; /* sample shown */
};

/* What a replay can look for. It goes there, or a message says that there is nothing. */
enum source_goal {
	GOAL_EVENT, /* the next event or bookmark */
	GOAL_CHANGE, /* the next sample in which a page of [start, start + length) is another */
	GOAL_TIME, /* the sample at ns after the first one */
};

struct source_find {
	enum source_goal goal;
	int direction; /* 1: after the sample shown, -1: before it */
	uint64_t start, length; /* bytes, for GOAL_CHANGE */
	int64_t ns; /* for GOAL_TIME */
};

/*
 * A whole replay at one glance, for the strip: at most 1,024 points at equal distances in samples.
 */
struct source_point {
	uint64_t sample;
	int64_t taken_ns;
	struct page_counts totals;
	uint64_t swap_unplaced;
};

struct source_event {
	uint64_t sample; /* of a replay */
	int64_t taken_ns;
	enum event_kind kind;
	char text[EVENT_TEXT_MAX]; /* raw: escape it */
};

struct source_overview {
	size_t point_count, event_count;
	const struct source_point *points;
	const struct source_event *events; /* mappings that come and go only while few */
};

struct source;

struct source_ops {
	int (*fd)(struct source *source);
	struct sample *(*take)(struct source *source);
	void (*status)(struct source *source, struct source_status *ret_status);
	void (*set_interval)(struct source *source, int64_t interval_ns);
	void (*set_paused)(struct source *source, bool paused);
	void (*set_focus)(struct source *source, const struct source_focus *focus);
	int (*request)(struct source *source, const struct source_request *request);
	/* Live only: what happened and was not taken yet, at most max; returns how many. */
	size_t (*events)(struct source *source, struct source_event *ret_events, size_t max);
	/* Replay only, NULL for live. */
	int (*span)(struct source *source, struct source_span *ret_span);
	int (*seek)(struct source *source, uint64_t sample);
	void (*set_speed)(struct source *source, double speed);
	int (*find)(struct source *source, const struct source_find *find);
	/* Names the sample that was taken then; a message says what became of it. 0 or -EBUSY. */
	int (*bookmark)(struct source *source, int64_t taken_ns, const char *name);
	/* False until it has been read; then it stays valid, and only events are added to it. */
	bool (*overview)(struct source *source, struct source_overview *ret_overview);
	void (*free)(struct source *source);
};

/* First member of every kind of source. */
struct source {
	const struct source_ops *ops;
};

/* Readable when source_take() may give something, or the status changed. */
static inline int source_fd(struct source *source)
{
	return source->ops->fd(source);
}

/* The newest snapshot that was not taken yet, with a reference for the caller; or NULL. */
static inline struct sample *source_take(struct source *source)
{
	return source->ops->take(source);
}

static inline void source_status(struct source *source, struct source_status *ret_status)
{
	source->ops->status(source, ret_status);
}

static inline void source_set_interval(struct source *source, int64_t interval_ns)
{
	source->ops->set_interval(source, interval_ns);
}

static inline void source_set_paused(struct source *source, bool paused)
{
	source->ops->set_paused(source, paused);
}

static inline void source_set_focus(struct source *source, const struct source_focus *focus)
{
	source->ops->set_focus(source, focus);
}

/* 0, or -ENOTSUP when this kind of source cannot do it. The outcome comes as a message. */
static inline int source_request(struct source *source, const struct source_request *request)
{
	return source->ops->request(source, request);
}

static inline bool source_is_replay(const struct source *source)
{
	return source->ops->seek;
}

static inline void source_free(struct source *source)
{
	source->ops->free(source);
}

#endif
