/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_CENSUS_H
#define PMTOP_CENSUS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * One immutable picture of all processes, of the shared memory that they map, and of the swap
 * areas. Reference counted and safe to hand between threads. All sizes are bytes.
 */

/* Why a number is not there. */
enum census_doubt {
	CENSUS_KNOWN,
	CENSUS_PENDING, /* not looked at yet */
	CENSUS_NO_RIGHT, /* another user's process */
	CENSUS_NO_MEANS, /* this kernel does not tell it */
	CENSUS_STUCK, /* it does not answer: see census.stuck */
	CENSUS_DOUBTS
};

/* Why there may be processes that are not in the list. */
enum census_unlisted {
	CENSUS_ALL_LISTED,
	CENSUS_HIDEPID, /* /proc hides those of others */
	CENSUS_NAMESPACE, /* another PID namespace than that of the machine */
	CENSUS_UNLISTED
};
struct census_unlisted_info {
	const char *key, *text;
};
extern const struct census_unlisted_info census_unlisted[CENSUS_UNLISTED];

/* Which process: a pid alone may be another one's by now. */
struct census_identity {
	pid_t pid; /* 0: none */
	uint64_t start_time; /* clock ticks after boot; 0: whichever has the pid */
};

struct census_process {
	pid_t pid;
	uint64_t start_time; /* clock ticks after boot; with pid the identity */
	char comm[64]; /* raw */
	char user[33];
	/*
	 * Another process that has the very same memory (CLONE_VM without CLONE_THREAD, vfork), the
	 * one with the lowest pid of all that have; 0: none. Totals count that memory once.
	 */
	pid_t memory_of;
	bool memory_unsure; /* another one has equal sums, and this user may not compare them */
	char run_state; /* letter of proc_pid_stat(5) */
	uint64_t private_ram, file_ram, shared_ram; /* RssAnon, RssFile, RssShmem */
	uint64_t private_swap; /* VmSwap */
	/* Swapped pages of the shared memory that it maps, each once however often mapped. */
	uint64_t shared_swap;
	uint8_t shared_doubt; /* enum census_doubt */
	int64_t shared_clock_ns; /* CLOCK_MONOTONIC: when shared_swap was true */
};

static inline uint64_t census_total_swap(const struct census_process *p)
{
	return p->private_swap + (p->shared_doubt == CENSUS_KNOWN ? p->shared_swap : 0);
}

/* Shared memory: a memfd, shared anonymous memory, a SysV segment, or a file on tmpfs. */
struct census_object {
	uint32_t dev_major, dev_minor;
	uint64_t inode; /* of a SysV segment its shmid */
	uint64_t ipc; /* and its IPC namespace: each counts from 0; else 0 */
	char *name; /* as in /proc/PID/maps, raw */
	uint64_t size; /* 0 when it could not be opened */
	uint64_t ram, swap; /* of all its pages, mapped or not */
	uint8_t doubt; /* of size, ram and swap */
	bool sysv; /* a SysV segment that is known to the kernel */
	size_t mapper_first, mapper_count; /* in census.mappers, ascending by pid */
};

struct census_area {
	char *path; /* raw, without escapes */
	char kind[16]; /* "file", "partition" */
	uint64_t size, used;
	int priority;
};

/* A process that does not answer, since somebody holds its memory lock. */
struct census_stuck {
	pid_t pid;
	uint64_t start_time;
	int64_t since_ns; /* CLOCK_MONOTONIC */
	char why[96]; /* which thread waits where, or "" */
};

struct census_totals {
	uint64_t private_swap; /* of all processes; a slot that a fork shares counts for each */
	uint64_t object_swap; /* of the objects, each once */
	uint64_t swap_size, swap_used; /* of the areas */
	uint64_t swap_cached; /* in swap and in RAM, SwapCached of /proc/meminfo */
	bool swap_cached_known;
	size_t hidden; /* processes whose shared memory could not be looked at; without stuck */
	size_t unsure; /* processes that may be one memory with another that is counted as well */
};

struct census {
	atomic_uint refs;
	int64_t taken_ns; /* CLOCK_REALTIME */
	int64_t clock_ns; /* CLOCK_MONOTONIC */
	uint64_t sequence;
	bool complete; /* every process was looked at at least once, but for the stuck ones */
	size_t process_count, object_count, mapper_count, area_count, stuck_count;
	struct census_process *processes; /* ascending by pid */
	struct census_object *objects; /* ascending by device and inode */
	pid_t *mappers;
	struct census_area *areas; /* in the order of /proc/swaps */
	struct census_stuck *stuck;
	bool areas_unknown; /* /proc shows processes only (subset=pid) */
	uint8_t unlisted; /* enum census_unlisted */
	struct census_totals totals;
};

/* An empty one with one reference; NULL when memory is out. */
struct census *census_new(void);
struct census *census_ref(struct census *census);
void census_unref(struct census *census);

/* Sums the totals up from the arrays; swap_cached is the caller's. */
void census_seal(struct census *census);

/* What is known of a process that does not answer, or NULL: it does, as far as is known. */
const struct census_stuck *census_find_stuck(const struct census *census,
					     const struct census_process *process);

/* The process with this pid, or NULL. */
const struct census_process *census_find(const struct census *census, pid_t pid);

#endif
