/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_RUNS_H
#define PMTOP_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/pages.h"

/*
 * A walk over the pages of a mapping in runs that are alike in everything, swap slots included: in
 * a run with a slot, page k lies in slot offset + k. Pure, and of constant memory.
 */

struct run {
	uint64_t first, count; /* pages of the mapping */
	uint8_t state; /* enum page_state */
	bool has_slot;
	uint16_t marks;
	uint32_t slot_type;
	uint64_t slot_offset;
};

struct run_walk {
	const struct pages *pages;
	const struct slot_run *slots;
	size_t slot_count, slot;
	struct page_run rest; /* what is left of the current run of pages */
};

void run_walk_start(struct run_walk *walk, const struct pages *pages);

/* The next run, in page order and without gaps; false at the end. */
bool run_walk_next(struct run_walk *walk, struct run *ret_run);

#endif
