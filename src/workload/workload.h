/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_WORKLOAD_H
#define PMTOP_WORKLOAD_H

#include <stdint.h>

#include "model/workload.h"
#include "workload/why.h"

/*
 * A command that pmtop starts under a memory limit, in a cgroup of its own, and everything that
 * belongs to it: the cgroup, a temporary swap area, the supervisor that ends all of it when pmtop
 * dies in whatever way. One thread at a time may use a workload. Never reads the command's memory.
 */

struct workload;

struct workload_options {
	char *const *argv; /* the command, NULL-terminated; must outlive the workload */
	bool no_cgroup; /* run without a limit */
	uint64_t limit; /* bytes of RAM; WORKLOAD_UNSET: none */
	uint64_t swap_limit; /* bytes of swap; WORKLOAD_UNSET: none */
	uint64_t high; /* bytes above which the kernel reclaims; WORKLOAD_UNSET: none */
	int swappiness; /* 0..200; -1: leave it as it is */
	uint64_t make_swap; /* bytes of a temporary swap area; 0: none */
	const char *swap_dir; /* where its file goes; NULL: /var/tmp */
};

/* What a struct workload_options starts from: nothing is limited. */
#define WORKLOAD_OPTIONS_INIT                                                                      \
	{                                                                                          \
		.limit = WORKLOAD_UNSET, .swap_limit = WORKLOAD_UNSET, .high = WORKLOAD_UNSET,     \
		.swappiness = -1,                                                                  \
	}

/*
 * Makes swap, cgroup and supervisor and starts the command. On an error nothing is left behind.
 * The supervisor is this program again (/proc/self/exe) with the word "supervise".
 */
int workload_start(const struct workload_options *options, struct workload **ret,
		   struct workload_why *why);

/*
 * Reads what is known now. Never blocks. A descriptor that workload_fd() gives wakes up for news.
 */
void workload_poll(struct workload *w, struct workload_status *ret);
int workload_fd(const struct workload *w);

/* The last status that workload_poll() saw. */
const struct workload_status *workload_status(const struct workload *w);

/* Bytes of swap of the whole machine. */
int workload_machine_swap(uint64_t *ret_total, uint64_t *ret_free);

/*
 * Changes the limit while the command runs; WORKLOAD_UNSET takes it away. -EBUSY: the group uses
 * more than that and the kernel could not push enough of it out.
 */
int workload_set_limit(struct workload *w, uint64_t limit, struct workload_why *why);

/*
 * Pushes out of RAM what can be pushed out: memory.reclaim on v2 (since 5.19; before, memory.high
 * for a moment), memory.force_empty on v1, which reclaims without touching the limit.
 */
int workload_push_out(struct workload *w, struct workload_why *why);

/* Kills every process of the workload; its cgroup, limits and swap stay. */
int workload_stop(struct workload *w, struct workload_why *why);

/* Stops it and starts the command again under the same limits. */
int workload_restart(struct workload *w, struct workload_why *why);

/*
 * Ends all: no process, no cgroup, no swap. -EBUSY with the sentence when something could not be
 * taken away; then the next pmtop tries again. Frees w in any case; NULL is fine.
 */
int workload_free(struct workload *w, struct workload_why *why);

/*
 * Takes away what pmtops that were killed have left; never what belongs to a living one. Returns
 * how many of them there were, or the first error with its sentence.
 */
int workload_sweep(struct workload_why *why);

/* The program behind the word "supervise": not for people. */
int workload_supervise(int argc, char **argv);

/* Whether what a person asks of a workload makes sense on this machine. */

#define WORKLOAD_SWAP_DIR "/var/tmp" /* where a temporary swap file goes */

#endif
