/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TILE_INTERNAL_H
#define PMTOP_TILE_INTERNAL_H

#include "model/tile.h"

/* The inside of tile_count(), for tile.c and tile_detail.c only. */

/* A range of pages, clipped to the mapping, and what all lenses start from. */
struct range {
	uint64_t first, count;
	struct page_counts pages;
};

static inline uint64_t present(const struct page_counts *counts)
{
	return counts->state[PAGE_ANON] + counts->state[PAGE_FILE] + counts->state[PAGE_SHMEM] +
	       counts->state[PAGE_ZERO];
}

static inline bool is_known(const struct tile_source *source, enum page_mark mark)
{
	return source->pages && pages_facts(source->pages)->marks_known & mark;
}

/* Counts LENS_SHARING or LENS_SIZE, where raw facts of a window may tell more than marks. */
void tile_count_detailed(const struct tile_source *source, enum lens lens,
			 const struct range *range, struct tile_counts *out);

/* The value of a present page by raw facts and marks. */
enum sharing_value tile_page_sharing(const struct tile_source *source, uint64_t page);
enum size_value tile_page_size(const struct tile_source *source, uint64_t page);

#endif
