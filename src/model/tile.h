/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TILE_H
#define PMTOP_TILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/change.h"
#include "model/lens.h"
#include "model/snapshot.h"
#include "model/track.h"

/*
 * What one cell of a grid shows: a tile stands for a number of pages of one mapping, and its value
 * is the most common one of all of them, counted by the summaries of extents and blocks; no page is
 * skipped and none is asked twice. Pure.
 *
 * Every letter is true of at least one page: a tile is "mixed" unless all its pages are alike.
 */

/* Where the answers of all lenses come from. All of it belongs to one snapshot. */
struct tile_source {
	const struct mapping *mapping;
	const struct pages *pages; /* NULL: not read yet, all unknown */
	/* Against the sample before, and the number of this mapping; NULL: none. LENS_WRITTEN */
	const struct change_list *changes;
	size_t index;
	const struct track_mapping *track; /* NULL: not followed. LENS_WRITTEN, LENS_AGE */
	const struct pages *difference; /* change_map(); NULL: no baseline. LENS_DIFFERENCE */
	const struct page_detail *detail; /* NULL: none. LENS_SHARING, LENS_SIZE */
	int64_t now_ns; /* CLOCK_REALTIME. LENS_AGE */
};

/* Pages of each value in a range; of LENS_WHERE also how many are marked written. */
struct tile_counts {
	uint64_t value[LENS_VALUES_MAX];
	uint64_t written;
};

/* Counts pages [first, first + count), clipped to the mapping. */
void tile_count(const struct tile_source *source, enum lens lens, uint64_t first, uint64_t count,
		struct tile_counts *ret_counts);

struct tile {
	uint64_t first, count; /* pages; count 0: past the end of the mapping */
	uint64_t written; /* pages marked written, with LENS_WHERE */
	uint8_t value; /* of the lens */
	bool mixed; /* not all pages have this value, or with LENS_WHERE not all are marked alike */
	bool pinned; /* the pinned value won, though another one is more common */
	bool upper; /* LENS_WHERE: at least one page of this value is surely marked written */
};

#define TILE_NO_PIN (-1)

/*
 * Fills `count` tiles in a row, each of `per_tile` pages, the first of them page `first`. One page
 * with the value `pin` wins its tile.
 */
void tile_fill(const struct tile_source *source, enum lens lens, int pin, uint64_t first,
	       uint64_t per_tile, size_t count, struct tile *tiles);

/* The value of one page, for the inspector. */
unsigned tile_page_value(const struct tile_source *source, enum lens lens, uint64_t page);

#endif
