/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SWAPAREA_H
#define PMTOP_SWAPAREA_H

#include "workload/why.h"

#include <stdint.h>

/*
 * A temporary swap area in a file, and how much swap the machine has. No priority is asked for, so
 * the kernel uses every area that is there already before this one (swapon(2); kernels that give
 * all such areas the same priority use them in turn).
 */

#define SWAPAREA_MIN (40 * UINT64_C(1024)) /* mkswap(8) wants ten pages of 4 KiB */

/*
 * Whether an area of that size can be made in that folder: the right to switch swap on, the room
 * on disk. Fast; nothing is written.
 */
int swaparea_check(const char *dir, uint64_t size, struct workload_why *why);

/*
 * Makes the file, with real extents (every block written: a hole or a reservation is not enough
 * for every file system), formats it with mkswap(8) and switches it on. On an error the file may be
 * there: see swaparea_remove().
 */
int swaparea_make(const char *path, uint64_t size, struct workload_why *why);

/*
 * Switches it off, which reads its pages back into RAM, and deletes the file. 0 also when there is
 * none. -ENOMEM: the pages do not fit into RAM; it stays on.
 */
int swaparea_remove(const char *path);

/* Bytes of swap of the whole machine. */
int swaparea_total(uint64_t *ret_total, uint64_t *ret_free);

#endif
