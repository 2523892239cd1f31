/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_MEMCG_H
#define PMTOP_MEMCG_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/target.h"
#include "model/workload.h"

/*
 * Memory cgroups as an onlooker sees them, v1 or v2: which one a page or a process belongs to, and
 * how often its limit was hit and the OOM killer struck there. Making and limiting them is the
 * workload layer's.
 */
struct memcg;

/* Finds the mount of the memory controller. NULL when memory is out; all calls work without one. */
struct memcg *memcg_new(void);
void memcg_free(struct memcg *memcg);

/*
 * Path below the mount of the cgroup with this inode (a number of /proc/kpagecgroup), cut to size;
 * -ENOENT when there is none any more. Walks the hierarchy, so answers are worth keeping.
 */
int memcg_name(const struct memcg *memcg, uint64_t inode, char *name, size_t size);

/* Remembers the cgroup of a process, whose files can be asked after the process has ended. */
int memcg_watch(struct memcg *memcg, const struct target *target);

/* What has happened in the watched cgroup since it was made; negative where that is not told. */
struct memcg_events {
	int64_t limit_hits; /* v1 memory.failcnt, v2 max of memory.events (cgroup-v2.rst) */
	int64_t oom_kills; /* oom_kill of v1 memory.oom_control (since 4.13), v2 memory.events */
};
struct memcg_events memcg_events(const struct memcg *memcg);

/*
 * What the kernel says of the group whose directory this is: limits, use, events, pressure. What
 * cannot be read is WORKLOAD_UNSET ("not known"), and so is a limit that is not set.
 */
void memcg_read(int directory, enum workload_group version, struct workload_memory *ret);

#endif
