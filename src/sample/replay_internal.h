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

struct replay {
	struct source base;
	struct log_reader *reader; /* the thread's, from its start on */
	struct log_info info;
	int64_t interval_ns;
	pthread_t thread;
	int event; /* readable for the user when there is news */

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wake;
	bool stop, playing;
	double speed;
	bool seek_pending, find_pending, focus_changed, pace_changed;
	uint64_t seek_to;
	struct source_find find;
	struct source_focus focus;
	uint64_t position; /* what the newest snapshot shows */
	struct snapshot *newest; /* the mailbox */
	struct source_status status;
	bool overview_ready; /* what it points to is written once, before this */
	struct source_overview overview;
};

void *replay_run(void *context);

#endif
