/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SETTLE_H
#define PMTOP_SETTLE_H

#include "model/snapshot.h"
#include "sample/pass.h"

/*
 * Sums of the kernel settle what single pages could not: VmSwap proves that private swap entries
 * are swap, and smaps says of pages that are all in one of two states which one it is. Changes
 * pages of a snapshot that is not sealed yet. 0, or -ESRCH, -ENOMEM.
 */
int settle_by_sums(struct pass *pass, struct snapshot *snapshot);

#endif
