/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LIMIT_WATCH_H
#define PMTOP_LIMIT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/memcg.h"
#include "kernel/target.h"
#include "model/event.h"

/*
 * What happens in the memory cgroup of a process that is watched: that its limit is hit, and that
 * the OOM killer strikes. Turns the kernel's counts into events that a person can read.
 */
struct limit_watch {
	struct memcg *memcg; /* NULL: nothing is told */
	struct memcg_events first, seen; /* at the start, and by now */
	int64_t hit_ns, noted_ns; /* when the limit was last seen hit, and when that was noted */
	int64_t hits_noted;
};

typedef void limit_watch_note(void *context, enum event_kind kind, const char *text);

/*
 * new_cgroup: all that the cgroup has counted is news. Never fails; without a cgroup it is silent.
 */
void limit_watch_begin(struct limit_watch *watch, const struct target *target, bool new_cgroup);

/* What was counted since the look before, at this time of the monotonic clock. */
void limit_watch_look(struct limit_watch *watch, int64_t now_ns, limit_watch_note *note,
		      void *context);

/* The same for given counts: what limit_watch_look() does with those of the cgroup. */
void limit_watch_take(struct limit_watch *watch, struct memcg_events now, int64_t now_ns,
		      limit_watch_note *note, void *context);

/* Something was OOM-killed since the start. */
bool limit_watch_saw_oom(const struct limit_watch *watch);

void limit_watch_end(struct limit_watch *watch);

#endif
