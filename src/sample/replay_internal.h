/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_REPLAY_INTERNAL_H
#define PMTOP_REPLAY_INTERNAL_H

#include <pthread.h>

#include "log/reader.h"
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
	pthread_t thread;
	int event; /* readable for the user when there is news */

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wake;
	bool stop, playing;
	double speed;
	bool seek_pending, find_pending, focus_changed, pace_changed;
	uint64_t seek_to;
	struct source_find find;
	bool bookmark_pending;
	struct replay_bookmark bookmark;
	struct source_focus focus;
	uint64_t position; /* what the newest snapshot shows */
	struct snapshot *newest; /* the mailbox */
	struct source_status status;
	bool overview_ready; /* what it points to is written before this, and only grows */
	struct source_overview overview;
};

void *replay_run(void *context);

/* Reads the whole log at one glance; a damaged one gives fewer points. */
void replay_make_overview(struct replay *r);

/* As log_reader_event(), with the bookmarks of this session. */
int replay_find_event(struct replay *r, uint64_t position, int direction,
		      struct log_event *ret_event, struct log_error *error);

/* An event, and what else happened at its sample, but for mappings. */
void replay_describe(const struct replay *r, const struct log_event *event, char *text,
		     size_t size);

/*
 * Keeps a bookmark at the sample of taken_ns, which was shown when `position` was or before: in the
 * log, or, where that cannot be written to, for the session. The message says which.
 */
void replay_bookmark(struct replay *r, uint64_t position, int64_t taken_ns, const char *name,
		     char *message, size_t size);

#endif
