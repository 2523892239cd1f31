/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_GRID_H
#define PMTOP_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/snapshot.h"

/*
 * Which pages lie under which cell. A grid shows one mapping or several, one after the other; every
 * mapping starts on a text row of its own, so that no tile belongs to two mappings and each row is
 * one contiguous address range. Pure arithmetic: knows neither canvas nor colours.
 */

#define GRID_ZOOM_MAX 40 /* a tile is 2^zoom pages */

struct grid {
	const struct snapshot *snapshot; /* not owned */
	size_t first, count; /* mappings shown */
	int zoom;
	uint64_t tiles_per_row;
	uint64_t *row_starts; /* count + 1: the first row of each mapping, then the total */
};

/* A range of pages of one mapping. */
struct grid_tile {
	size_t mapping; /* index in the snapshot */
	uint64_t first, count; /* pages; count 0: past the end of the mapping */
};

/* Lays out; -ENOMEM. Free with grid_clear(). */
int grid_set(struct grid *grid, const struct snapshot *snapshot, size_t first, size_t count,
	     int zoom, uint64_t tiles_per_row);
void grid_clear(struct grid *grid);

uint64_t grid_rows(const struct grid *grid);

/* The tile at a row and column; false past the last row. */
bool grid_tile(const struct grid *grid, uint64_t row, uint64_t column, struct grid_tile *ret_tile);

/* Where an address is; false when no mapping of the grid holds it. */
bool grid_find(const struct grid *grid, uint64_t address, uint64_t *ret_row, uint64_t *ret_column);

/* The least zoom with which mappings [first, first + count) need at most `rows` rows. */
int grid_fit(const struct snapshot *snapshot, size_t first, size_t count, uint64_t tiles_per_row,
	     uint64_t rows);

#endif
