/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_DIFF_INTERNAL_H
#define PMTOP_DIFF_INTERNAL_H

#include "model/diff.h"

/* The inside of diff_new(), for diff.c and diff_build.c only. */

/* Both snapshots know the written marks of the segment's mappings. */
bool diff_written_known(const struct diff *diff, const struct diff_segment *segment);

/* Adds up the changes of the segment's pages. */
void diff_count(const struct diff *diff, struct diff_segment *segment);

/* Joins segments of whole mappings that vanished and appeared: see diff.h. -ENOMEM. */
int diff_find_moves(struct diff *diff);

#endif
