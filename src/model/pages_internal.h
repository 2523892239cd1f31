/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PAGES_INTERNAL_H
#define PMTOP_PAGES_INTERNAL_H

#include <stdatomic.h>

#include "model/planes.h"

/* The inside of struct pages, for pages.c and pages_builder.c only. */

/* Pages from `first` up to the next extent: all of one kind, or as the block says. */
struct extent {
	uint64_t first;
	struct block *block; /* NULL: uniform */
	uint16_t value;
	uint8_t zero[6]; /* so that extents can be compared as bytes */
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

/* The page's place in its block. */
static inline unsigned int block_place(const struct pages *pages, uint64_t index)
{
	return (unsigned int)((pages->skew + index) & (BLOCK_PAGES - 1));
}

/* The extent that holds a page: the last one that starts at or before it. */
size_t extent_find(const struct pages *pages, uint64_t index);

static inline uint64_t extent_end(const struct pages *pages, size_t i)
{
	return i + 1 < pages->extent_count ? pages->extents[i + 1].first : pages->total;
}

/* The first run of slots that ends behind a page. */
size_t slots_from(const struct pages *pages, uint64_t index);

#endif
