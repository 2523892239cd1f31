/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SWAPAREA_H
#define PMTOP_SWAPAREA_H

#include "workload/why.h"

#include <stdint.h>

/*
 * A temporary swap area in a file. No priority is asked for, so
 * the kernel uses every area that is there already before this one (swapon(2); kernels that give
 * all such areas the same priority use them in turn).
 */

#define SWAPAREA_MIN (40 * UINT64_C(1024)) /* as mkswap(8): ten pages of 4 KiB */

/*
 * Whether an area of that size can be made in that folder: the right to switch swap on, the room
 * on disk, and that nobody else can exchange what is in it: the folder and all above it belong to
 * root or to us, and who else can write there cannot take our file away (sticky). Fast; nothing is
 * written.
 */
int swaparea_check(const char *dir, uint64_t size, struct workload_why *why);

/*
 * Makes the file at an absolute path without links, with real extents (every block written: a hole
 * or a reservation is not enough for every file system), formats it and switches it on: always the
 * file that was made, never what has its name by then. On an error the file may be there: see
 * swaparea_remove().
 */
int swaparea_make(const char *path, uint64_t size, struct workload_why *why);

/*
 * Switches it off, which reads its pages back into RAM, and deletes the file. 0 also when it is
 * gone; what else has its name by then is left alone. -ENOMEM: the pages do not fit into RAM;
 * -ESTALE: it was moved and is on. It stays on then.
 */
int swaparea_remove(const char *path, struct workload_why *why);

#endif
