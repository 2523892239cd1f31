/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_MEMGROUP_H
#define PMTOP_MEMGROUP_H

#include "model/workload.h"
#include "workload/why.h"

#include <limits.h>
#include <stdbool.h>

/*
 * A cgroup with the memory controller, v1 or v2, whichever holds that controller on this machine
 * (hybrid set-ups too): made through libcgroup, limited, read. It holds no processes by itself:
 * see launch.h; and it is ended by cgdir.h.
 *
 * Kernel facts: Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.
 */

struct memgroup {
	enum workload_group version; /* WORKLOAD_GROUP_V1 or _V2 */
	char name[NAME_MAX +
		  1]; /* for libcgroup: path from the mount point, without a slash before */
	char dir[PATH_MAX];
};

/*
 * Finds out where the group `id` would be made, and fills *ret with its names, without making it:
 * so that the caller can write down what it is going to own. At the top of the hierarchy where
 * that may be written, else below what has been delegated to this process. The sentence of an
 * error says which right is missing, or that there is no memory controller.
 */
int memgroup_find(const char *id, struct memgroup *ret, struct workload_why *why);

/* How to go on without a cgroup, for the end of a sentence. */
#define MEMGROUP_WAY_OUT "pmtop run --no-cgroup runs it without a limit"

/* Makes it, with the memory controller switched on for it. On an error it may half exist. */
int memgroup_make(const struct memgroup *g, struct workload_why *why);

struct memgroup_limits {
	uint64_t limit; /* as in struct workload_options */
	uint64_t swap_limit;
	uint64_t high;
	int swappiness;
};

/* Sets what is set; what is not stays as the kernel made it. */
int memgroup_limit(const struct memgroup *g, const struct memgroup_limits *limits,
		   struct workload_why *why);

/* Changes the limit of a group in use, and with it v1's limit of memory + swap. */
int memgroup_set_limit(const struct memgroup *g, uint64_t limit, uint64_t swap_limit,
		       struct workload_why *why);

int memgroup_push_out(const struct memgroup *g, struct workload_why *why);

/* Reads what the kernel says of the group now; what cannot be read is WORKLOAD_UNSET. */
void memgroup_read(const struct memgroup *g, struct workload_memory *ret);

#endif
