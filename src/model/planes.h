/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PLANES_H
#define PMTOP_PLANES_H

#include <stdatomic.h>
#include <stddef.h>

#include "model/pages.h"

/*
 * The pages between two 2 MiB borders one by one, for pages.c and pages_builder.c only. State and
 * marks of a page together are its value, a number of 13 bits. Bits that all pages of the block
 * agree on are stored once, each other one as a plane of 512 bits: two states that differ in one
 * bit cost one bit a page, all twelve four, and the next page that differs is found 64 pages at a
 * time.
 */

#define BLOCK_PAGES 512u
#define STATE_BITS  PAGE_VALUE_MARKS
#define VALUE_BITS  PAGE_PLANES

_Static_assert(PLANE_WORDS == BLOCK_PAGES / 64, "a plane has a bit for each page");
_Static_assert(PAGE_STATES <= 1 << STATE_BITS, "a state fits into its bits");
_Static_assert(VALUE_BITS <= 16, "a value fits into 16 bits");

/* Page 0 is the one at the border. Bits of pages that the mapping has not got are 0. */
struct block {
	atomic_uint refs;
	uint16_t base; /* value bits that every page has */
	uint16_t varied; /* value bits that some have: a plane each, lowest bit first */
	uint16_t state_counts[PAGE_STATES];
	uint16_t mark_counts[PAGE_MARKS];
	uint64_t planes[][PLANE_WORDS];
};

static inline uint16_t value_of(enum page_state state, uint16_t marks)
{
	return (uint16_t)(state | marks << STATE_BITS);
}

static inline enum page_state value_state(uint16_t value)
{
	return value & ((1 << STATE_BITS) - 1);
}

static inline uint16_t value_marks(uint16_t value)
{
	return value >> STATE_BITS;
}

static inline size_t block_size(uint16_t varied)
{
	return sizeof(struct block) +
	       (size_t)__builtin_popcount(varied) * PLANE_WORDS * sizeof(uint64_t);
}

/* Whether two blocks of the same places hold the same; their sizes are then equal as well. */
bool block_equal(const struct block *a, const struct block *b);

uint16_t block_value(const struct block *block, unsigned int place);

/* How many pages from `place` on, before `limit`, have this value. */
unsigned int block_run(const struct block *block, unsigned int place, unsigned int limit,
		       uint16_t value);

/* Adds the values of places [from, to) to planes that are 0 there. */
void block_planes(const struct block *block, unsigned int from, unsigned int to,
		  uint64_t (*planes)[PLANE_WORDS]);

/* The values that 512 pages have in planes. */
void planes_values(const uint64_t (*planes)[PLANE_WORDS], uint16_t values[static BLOCK_PAGES]);

/* Adds all pages of the block to *counts, or those of [from, to). */
void block_count(const struct block *block, struct page_counts *counts);
void block_count_part(const struct block *block, unsigned int from, unsigned int to,
		      struct page_counts *counts);

/*
 * Makes the block of the values of pages [from, to), all of which have the bits in `base` and no
 * others than those in `any`. The other values must be 0. Needs room for every plane.
 */
void block_fill(struct block *block, const uint16_t values[static BLOCK_PAGES], unsigned int from,
		unsigned int to, uint16_t base, uint16_t any);

void block_unref(struct block *block);

#endif
