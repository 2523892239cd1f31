/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LIVE_INTERNAL_H
#define PMTOP_LIVE_INTERNAL_H

#include "base/worker.h"
#include "kernel/target.h"
#include "sample/live.h"
#include "sample/pass.h"

/*
 * What the live source (live.c, the user's thread) and its sampler (sampler.c, a thread of its own)
 * share. Only the sampler reads the target.
 */

#define PENDING_REQUESTS 8
#define PENDING_EVENTS	 32

struct live {
	struct source base;
	struct target target;
	struct probe probe;
	struct live_options options;
	struct worker worker; /* its lock guards what stands below it; the mailbox has snapshots */
	struct pass *pass; /* the sampler's, from its start on */
	char comm[64]; /* the target's, when it was opened */

	/* Guarded by the worker's lock. */
	bool paused;
	bool sample_now;
	int64_t interval_ns;
	struct source_focus focus;
	struct source_request requests[PENDING_REQUESTS];
	unsigned int request_count;
	struct source_status status;
	bool reads; /* the target: if it sleeps now, it does so without a reason of ours */
	bool stalled; /* it was seen to */
	int64_t read_from; /* CLOCK_MONOTONIC */
	struct source_event events[PENDING_EVENTS]; /* not taken yet, the oldest first */
	unsigned int event_count;
	const struct live_observer *observer;
	void *observer_context;
	bool observer_new; /* has not been told of any sample */
};

#endif
