/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SLOTS_H
#define PMTOP_SLOTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/probe.h"

/*
 * The swap slots that private pages of processes hold, each slot once: after a fork, parent and
 * child point at the same ones. Needs PROBE_PFN.
 */
struct slot_set;

struct slot_set *slot_set_new(void); /* NULL when memory is out */
void slot_set_free(struct slot_set *set);

/* Adds a slot; 1 if it is new, 0 if it was there, -ENOMEM. */
int slot_set_add(struct slot_set *set, uint32_t type, uint64_t offset);

/* Slots in it. */
uint64_t slot_set_count(const struct slot_set *set);

/*
 * Adds the slots of one process. Tells how many it holds and how many of these were in the set by
 * then. -ESRCH: it has ended; -EACCES, -EPERM: not permitted.
 */
int slots_of_process(struct slot_set *set, pid_t pid, const struct probe *probe,
		     uint64_t *ret_slots, uint64_t *ret_known);

#endif
