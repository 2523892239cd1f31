/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PAGEMAP_SLOTS_H
#define PMTOP_PAGEMAP_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/probe.h"
#include "kernel/target.h"

/*
 * The pagemap that a kernel with the patch of 2021 ("pagemap: report swap location for shared
 * pages") would have: a shared page in swap shows its slot as a private one does. Bits 0-4 hold the
 * type, 5-54 the offset, 61 (page of a file or of shared memory) and 62 (swapped) are set, and 55
 * and 57 are as the kernel has them. Each other word is the kernel's own.
 */
struct pagemap_slots;

/* Keeps pointers to both. -ESRCH when the process has ended. */
int pagemap_slots_open(const struct target *target, const struct probe *probe,
		       struct pagemap_slots **ret_slots);
void pagemap_slots_close(struct pagemap_slots *slots);

/* Words that one call may ask for. */
#define PAGEMAP_SLOTS_MOST 16384u

/*
 * The words of `count` pages from `address` on. -ENOTSUP when one of them is a shared page in swap
 * (or may be) and nothing here tells its slot; -ESRCH when the process has ended; -ERANGE where
 * no user address is.
 */
int pagemap_slots_read(struct pagemap_slots *slots, uint64_t address, uint64_t *words,
		       size_t count);

/* Why the slots of shared pages cannot be told, or "". */
const char *pagemap_slots_lack(const struct pagemap_slots *slots);

#endif
