/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LIVE_H
#define PMTOP_LIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/probe.h"
#include "sample/source.h"

/* The live source: a thread that samples one process. */

struct live_options {
	pid_t pid;
	uint64_t start_time; /* what it must be, in clock ticks after boot; 0: any */
	int64_t interval_ns;
	double cpu_share; /* of one core that the sampler allows itself; 0: default 0.1 */
	bool new_cgroup; /* made for the target: all that it counted is the target's */
	bool track; /* give every sample its track (model/track.h): somebody looks at it */
	bool slots; /* read swap slots and the exclusive mark of every page in each sample */
};

/*
 * Called on the sampler's thread, in order: the recorder's door. Nothing of it may block.
 */
struct live_observer {
	/* Each complete sample; takes a reference of its own if it keeps it. */
	void (*sample)(void *context, struct sample *sample);
	/* What happened at this moment (CLOCK_REALTIME); may be NULL. */
	void (*event)(void *context, enum event_kind kind, int64_t taken_ns, const char *text);
};

/*
 * Starts to sample. -ESRCH: no such process; -ESTALE: another one has this pid by now; -EACCES or
 * -EPERM: not permitted; others as errno. The probe is copied.
 */
int live_open(const struct live_options *options, const struct probe *probe,
	      struct source **ret_source);

/* The process that is sampled. */
pid_t live_pid(const struct source *live);

/* Its name when it was opened: there before any sample is. Raw: escape it. */
const char *live_comm(const struct source *live);

/*
 * Sets or (NULL) removes the observer; after the return the old one is called no more. A new one is
 * told of the newest complete sample at once, if there is one: the next may be far away, since
 * samples that cost much come rarely, and while it is paused none come.
 */
void live_observe(struct source *live, const struct live_observer *observer, void *context);

/*
 * One complete snapshot without a thread, for dump and tests: with slots, marks and everything that
 * can be known. Errors as live_open(); -ESRCH also when the process ends before it is complete.
 */
int live_snapshot(pid_t pid, const struct probe *probe, struct snapshot **ret_snapshot);

#endif
