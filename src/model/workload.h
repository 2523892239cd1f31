/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_MODEL_WORKLOAD_H
#define PMTOP_MODEL_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What is known of a workload at one moment: plain values, for screens and reports. The process
 * that stands behind them is src/workload's.
 */

/* "Not set" as an option, "not known" or "none" as a fact. */
#define WORKLOAD_UNSET UINT64_MAX

#define WORKLOAD_LINES	 12 /* last lines of output that are kept */
#define WORKLOAD_COLUMNS 200 /* bytes of each; a longer line is cut */

enum workload_state {
	WORKLOAD_STOPPED, /* not started, or ended by workload_stop() */
	WORKLOAD_RUNNING,
	WORKLOAD_EXITED, /* by itself: `code` is its exit status */
	WORKLOAD_KILLED, /* by a signal: `code` is its number */
	WORKLOAD_OOM, /* killed by the kernel for want of memory under its limit */
	WORKLOAD_LOST, /* its supervisor was killed, so everything was ended */
};

/* Which cgroup facts there are, and under which words the kernel keeps them. */
enum workload_group {
	WORKLOAD_NO_GROUP, /* --no-cgroup: no limit, no counters */
	WORKLOAD_GROUP_V1, /* failcnt, memory.oom_control; limits memory + swap together */
	WORKLOAD_GROUP_V2, /* memory.events, memory.pressure; limits swap by itself */
};

/* Counts are since the group was made; WORKLOAD_UNSET is "not known" in every uint64_t. */
struct workload_memory {
	uint64_t limit; /* bytes; WORKLOAD_UNSET: none */
	uint64_t swap_limit; /* bytes of swap; WORKLOAD_UNSET: none */
	uint64_t high; /* v2 memory.high, v1 soft limit; WORKLOAD_UNSET: none */
	uint64_t usage; /* bytes in RAM that are charged to the group */
	uint64_t peak; /* the most that usage ever was */
	uint64_t swap; /* bytes in swap that are charged to the group */
	uint64_t limit_hits; /* v1 memory.failcnt, v2 memory.events max */
	uint64_t high_hits; /* v2 memory.events high */
	uint64_t oom_kills;
	int swappiness; /* v1 memory.swappiness; -1: the group has none of its own */
	bool has_pressure; /* PSI of this group: v2 only */
	double pressure_some; /* percent of the last 10 s in which some task waited for memory */
	double pressure_full; /* ... in which all of them did */
};

struct workload_status {
	enum workload_state state;
	enum workload_group group;
	pid_t pid; /* of the command, or of the last one; 0: never started */
	int code; /* exit status or signal */
	uint64_t lifetime_ms; /* since its start, or from its start to its end */
	struct workload_memory memory; /* after the end: as it was last seen */
	uint64_t swap_total; /* swap of the whole machine, bytes */
	uint64_t swap_free;
	uint64_t output_bytes; /* all that it ever printed */
	unsigned lines; /* of `output` that are in use, oldest first */
	char output[WORKLOAD_LINES][WORKLOAD_COLUMNS + 1]; /* raw bytes: escape when shown */
};

/* "running", "exited", ...; one word for people. */
const char *workload_state_name(enum workload_state state);

#endif
