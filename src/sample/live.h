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
	int64_t interval_ns;
	double cpu_share; /* of one core that the sampler allows itself; 0: default 0.1 */
	bool slots; /* read swap slots and the exclusive mark of every page in each sample */
};

/*
 * Called on the sampler's thread with each complete sample, in order; the recorder's door. It must
 * not block and takes its own reference if it keeps the snapshot.
 */
typedef void live_observer(void *context, struct snapshot *snapshot);

/*
 * Starts to sample. -ESRCH: no such process; -EACCES or -EPERM: not permitted; others as errno.
 * The probe is copied.
 */
int live_open(const struct live_options *options, const struct probe *probe,
	      struct source **ret_source);

/* The process that is sampled. */
pid_t live_pid(const struct source *live);

/* Sets or (NULL) removes the observer; after the return the old one is called no more. */
void live_observe(struct source *live, live_observer *observer, void *context);

/*
 * One complete snapshot without a thread, for dump and tests: with slots, marks and everything that
 * can be known. Errors as live_open(); -ESRCH also when the process ends before it is complete.
 */
int live_snapshot(pid_t pid, const struct probe *probe, struct snapshot **ret_snapshot);

#endif
