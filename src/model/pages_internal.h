/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PAGES_INTERNAL_H
#define PMTOP_PAGES_INTERNAL_H

#include <stdatomic.h>

#include "model/pages.h"

/* The inside of struct pages, for pages.c and pages_builder.c only. */

#define BLOCK_PAGES 512u
#define PLANE_WORDS (BLOCK_PAGES / 64)

/* The states of the pages between two 2 MiB borders, one by one. Page 0 is the one at the border. */
struct block {
	atomic_uint refs;
	uint16_t mark_mask; /* which planes follow, lowest bit first */
	uint16_t state_counts[PAGE_STATES];
	uint16_t mark_counts[PAGE_MARKS];
	uint8_t state[BLOCK_PAGES];
	uint64_t planes[][PLANE_WORDS];
};

/* Pages from `first` up to the next extent: all of one kind, or as the block says. */
struct extent {
	uint64_t first;
	struct block *block; /* NULL: uniform */
	uint16_t marks;
	uint8_t state;
	uint8_t zero[5]; /* so that extents can be compared as bytes */
};

struct pages {
	atomic_uint refs;
	uint32_t skew; /* pages between the 2 MiB border below and page 0 */
	uint64_t total;
	struct page_counts counts;
	struct pages_facts facts;
	size_t extent_count, slot_count;
	struct slot_run *slots; /* behind the extents, in the same allocation */
	struct extent extents[];
};

static inline size_t block_size(uint16_t mark_mask)
{
	return sizeof(struct block) +
	       (size_t)__builtin_popcount(mark_mask) * PLANE_WORDS * sizeof(uint64_t);
}

/* The page's place in its block. */
static inline unsigned int block_place(const struct pages *pages, uint64_t index)
{
	return (unsigned int)((pages->skew + index) & (BLOCK_PAGES - 1));
}

void block_unref(struct block *block);

/* Adds what a whole block holds, by its summary. */
void count_block(const struct block *block, struct page_counts *counts);

/* The extent that holds a page: the last one that starts at or before it. */
size_t extent_find(const struct pages *pages, uint64_t index);

static inline uint64_t extent_end(const struct pages *pages, size_t i)
{
	return i + 1 < pages->extent_count ? pages->extents[i + 1].first : pages->total;
}

/* The first run of slots that ends behind a page. */
size_t slots_from(const struct pages *pages, uint64_t index);

#endif
