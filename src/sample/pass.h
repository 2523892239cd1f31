/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PASS_H
#define PMTOP_PASS_H

#include <stdbool.h>

#include "kernel/probe.h"
#include "kernel/target.h"
#include "model/change.h"
#include "model/snapshot.h"

/*
 * One pass over a process makes one snapshot. Owns what is kept between passes: buffers, the list
 * of mappings, what is known of file systems. Used from one thread.
 */
struct pass;

/* Keeps pointers to both, and follows the target when it execs. NULL when memory is out. */
struct pass *pass_new(struct target *target, const struct probe *probe);
void pass_free(struct pass *pass);

/*
 * Complete passes read the word of every populated page: swap slots, exclusive, KSM, lazily freed,
 * swap-cached and allocated marks. Others read only what states need.
 */
void pass_set_complete(struct pass *pass, bool complete);

/* Called now and then during a long pass with what is known so far; may be NULL. */
typedef void pass_progress(void *context, struct snapshot *partial);
void pass_set_progress(struct pass *pass, pass_progress *progress, void *context);

/* The mapping at this address is read first, and shown before the others are there; 0: none. */
void pass_set_focus(struct pass *pass, uint64_t address);

/* Why slots of shared pages cannot be told here, or "" (valid as long as the pass). */
const char *pass_slots_lack(const struct pass *pass);

/* The number that the snapshots from now on have. */
void pass_set_sequence(struct pass *pass, uint64_t sequence);

/* The mapping list alone, all pages NULL: the first screen. -ESRCH when the process has ended. */
int pass_take_list(struct pass *pass, struct snapshot **ret_snapshot);

/*
 * A whole snapshot. What did not change since `before` (may be NULL) is shared with it. The pages
 * of a mapping that changed while it was read, again and again, are unknown (DOUBT_GONE).
 */
int pass_take(struct pass *pass, const struct snapshot *before, struct snapshot **ret_snapshot);

/* Lets go of the files that are kept open between samples: the next one is not near. */
void pass_rest(struct pass *pass);

/*
 * A signature of everything that can be asked cheaply. Equal signatures: the target's own page
 * table entries and its shared memory have very probably not changed; exclusive marks, frames and
 * cached file pages may have. False when a cheap answer cannot be had for this process.
 */
struct pass_signature {
	struct target_counters counters;
	uint64_t shmem_cached, shmem_swapped;
};
bool pass_sign(struct pass *pass, const struct snapshot *snapshot,
	       struct pass_signature *ret_signature);

/*
 * Raw facts for the pages that changed since the sample before: of as many as fit into a budget,
 * taking turns when there are more; left_out says how many did not. -ENOENT: none changed.
 */
int pass_changes(struct pass *pass, const struct change_list *list,
		 struct page_detail **ret_detail);

/* Raw facts for pages on screen. */
int pass_detail(struct pass *pass, const struct snapshot *snapshot, uint64_t start, uint64_t count,
		struct page_detail **ret_detail);

#endif
