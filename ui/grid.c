// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/grid.h"

#include <errno.h>
#include <stdlib.h>

static uint64_t grid_divide_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

static uint64_t grid_rows_of(const struct mapping *m, int zoom, uint64_t tiles_per_row)
{
	uint64_t tiles = grid_divide_up(mapping_pages(m), (uint64_t)1 << zoom);

	return grid_divide_up(tiles, tiles_per_row);
}

int grid_set(struct grid *grid, const struct snapshot *snapshot, size_t first, size_t count,
	     int zoom, uint64_t tiles_per_row)
{
	uint64_t *starts = reallocarray(grid->row_starts, count + 1, sizeof(*starts));
	uint64_t row = 0;

	if (!starts)
		return -ENOMEM;
	*grid = (struct grid){ snapshot, first, count, zoom, tiles_per_row, starts };
	for (size_t i = 0; i < count; i++) {
		starts[i] = row;
		row += grid_rows_of(snapshot->mappings[first + i].mapping, zoom, tiles_per_row);
	}
	starts[count] = row;
	return 0;
}

void grid_clear(struct grid *grid)
{
	free(grid->row_starts);
	*grid = (struct grid){ 0 };
}

uint64_t grid_rows(const struct grid *grid)
{
	return grid->row_starts ? grid->row_starts[grid->count] : 0;
}

/* The last mapping that starts at or before the row. */
static size_t grid_mapping_of_row(const struct grid *grid, uint64_t row)
{
	size_t low = 0, high = grid->count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (grid->row_starts[middle] <= row)
			low = middle;
		else
			high = middle;
	}
	return low;
}

bool grid_tile(const struct grid *grid, uint64_t row, uint64_t column, struct grid_tile *ret_tile)
{
	uint64_t first, pages, per_tile = (uint64_t)1 << grid->zoom;
	size_t i;

	if (row >= grid_rows(grid) || column >= grid->tiles_per_row)
		return false;
	i = grid_mapping_of_row(grid, row);
	pages = mapping_pages(grid->snapshot->mappings[grid->first + i].mapping);
	first = ((row - grid->row_starts[i]) * grid->tiles_per_row + column) << grid->zoom;
	ret_tile->mapping = grid->first + i;
	ret_tile->first = first;
	ret_tile->count = first >= pages ? 0 : pages - first < per_tile ? pages - first : per_tile;
	return true;
}

bool grid_find(const struct grid *grid, uint64_t address, uint64_t *ret_row, uint64_t *ret_column)
{
	const struct mapping *m;
	uint64_t tile;
	size_t i;

	if (!grid->snapshot)
		return false;
	i = snapshot_find(grid->snapshot, address);
	if (i < grid->first || i >= grid->first + grid->count)
		return false;
	m = grid->snapshot->mappings[i].mapping;
	if (address < m->start)
		return false;
	tile = (address - m->start) >> PMTOP_PAGE_SHIFT >> grid->zoom;
	*ret_row = grid->row_starts[i - grid->first] + tile / grid->tiles_per_row;
	*ret_column = tile % grid->tiles_per_row;
	return true;
}

int grid_fit(const struct snapshot *snapshot, size_t first, size_t count, uint64_t tiles_per_row,
	     uint64_t rows)
{
	/*
	 * Each mapping has a row of its own: with fewer rows than that, one row each is the least.
	 */
	uint64_t most = rows > count ? rows : count;

	for (int zoom = 0; zoom < GRID_ZOOM_MAX; zoom++) {
		uint64_t needed = 0;

		for (size_t i = 0; i < count && needed <= most; i++)
			needed += grid_rows_of(snapshot->mappings[first + i].mapping, zoom,
					       tiles_per_row);
		if (needed <= most)
			return zoom;
	}
	return GRID_ZOOM_MAX;
}
