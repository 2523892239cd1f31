/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PAGES_BUILDER_INTERNAL_H
#define PMTOP_PAGES_BUILDER_INTERNAL_H

#include "model/pages_internal.h"

/* The inside of a builder, for pages_builder.c and pages_copy.c only. */

/*
 * A block of up to this many runs is cheaper as uniform extents (24 bytes each) than as a dense
 * block (80 bytes, and 64 for each bit that varies).
 */
#define RUNS_AS_EXTENTS 8u

/*
 * Runs in a mixed block are short: values are stored this many at a time, and the next run
 * overwrites.
 */
#define FILL_AT_ONCE 8u

struct pages_builder {
	const struct pages *after;
	size_t after_cursor; /* extent of `after` that was looked at last */
	uint32_t skew;
	uint64_t position;
	bool out_of_memory;

	/* The block that is being filled: places [from, to), and what they have in common. */
	uint16_t values[BLOCK_PAGES + FILL_AT_ONCE];
	unsigned int from, to;
	uint16_t all, any;
	uint64_t block_first; /* page at place `from` */
	unsigned int run_count;
	uint16_t run_places[RUNS_AS_EXTENTS]; /* where the first ones start */

	struct extent *extents;
	size_t extent_count, extent_room;
	struct slot_run *slots;
	size_t slot_count, slot_room;
	struct page_counts counts;
	struct block *scratch; /* with room for every plane */
};

/* Appends an extent; what is in it now belongs to the builder. */
void pages_builder_push(struct pages_builder *builder, const struct extent *extent);

#endif
