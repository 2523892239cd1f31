// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/grid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/*
 * At every zoom and width: each page lies under exactly one tile, no tile and no row belongs to two
 * mappings, a row is one contiguous range, and grid_find() finds what grid_tile() says.
 */

#define MAPPINGS 7

static struct snapshot *make_snapshot(unsigned *seed)
{
	struct snapshot *s = snapshot_new(MAPPINGS);
	uint64_t at = 0x10000;

	for (int i = 0; i < MAPPINGS; i++) {
		struct mapping like = { .perms = "rw-p" };

		at += (uint64_t)(rand_r(seed) % 3) * PMTOP_PAGE_SIZE;
		like.start = at;
		at += (uint64_t)(1 + rand_r(seed) % 700) * PMTOP_PAGE_SIZE;
		like.end = at;
		s->mappings[i].mapping = mapping_new(&like, "", 0);
	}
	s->count = MAPPINGS;
	snapshot_seal(s);
	return s;
}

/* Walks all tiles and checks them against the pages that must come next. */
static void check_grid(const struct grid *grid, const struct snapshot *s)
{
	size_t mapping = grid->first;
	uint64_t page = 0, row, column;
	struct grid_tile tile;

	for (uint64_t r = 0; r < grid_rows(grid); r++) {
		size_t of_row = SIZE_MAX;

		for (uint64_t c = 0; c < grid->tiles_per_row; c++) {
			const struct mapping *m;

			assert_true(grid_tile(grid, r, c, &tile));
			if (of_row == SIZE_MAX)
				of_row = tile.mapping;
			assert_int_equal(tile.mapping, of_row);
			if (!tile.count)
				continue;
			assert_int_equal(tile.mapping, mapping);
			assert_int_equal(tile.first, page);
			m = s->mappings[mapping].mapping;
			for (uint64_t p = page; p < page + tile.count; p++) {
				assert_true(grid_find(grid, m->start + p * PMTOP_PAGE_SIZE, &row,
						      &column));
				assert_int_equal(row, r);
				assert_int_equal(column, c);
			}
			page += tile.count;
		}
		if (page == mapping_pages(s->mappings[mapping].mapping)) {
			mapping++;
			page = 0;
		}
	}
	assert_int_equal(mapping, grid->first + grid->count);
	assert_int_equal(page, 0);
	assert_false(grid_tile(grid, grid_rows(grid), 0, &tile));
	assert_false(grid_tile(grid, 0, grid->tiles_per_row, &tile));
}

static void test_every_page_once(void **state)
{
	unsigned seed = 20;
	struct grid grid = { 0 };

	for (int round = 0; round < 12; round++) {
		struct snapshot *s = make_snapshot(&seed);

		for (int zoom = 0; zoom < 12; zoom++) {
			uint64_t width = 1 + (uint64_t)rand_r(&seed) % 90;
			size_t first = (size_t)rand_r(&seed) % MAPPINGS;

			assert_int_equal(grid_set(&grid, s, 0, MAPPINGS, zoom, width), 0);
			check_grid(&grid, s);
			assert_int_equal(grid_set(&grid, s, first, 1, zoom, width), 0);
			check_grid(&grid, s);
		}
		snapshot_unref(s);
	}
	grid_clear(&grid);
}

/* Fit: it fits, and one step further in would not. */
static void test_fit(void **state)
{
	unsigned seed = 7;
	struct grid grid = { 0 };

	for (int round = 0; round < 200; round++) {
		struct snapshot *s = make_snapshot(&seed);
		uint64_t width = 1 + (uint64_t)rand_r(&seed) % 90, rows = 1 + rand_r(&seed) % 40;
		int zoom = grid_fit(s, 0, MAPPINGS, width, rows);

		assert_int_equal(grid_set(&grid, s, 0, MAPPINGS, zoom, width), 0);
		assert_true(grid_rows(&grid) <= rows || grid_rows(&grid) == MAPPINGS);
		if (zoom) {
			grid_set(&grid, s, 0, MAPPINGS, zoom - 1, width);
			assert_true(grid_rows(&grid) > rows);
		}
		snapshot_unref(s);
	}
	grid_clear(&grid);
}

/* A reservation of 16 TiB costs no more than a page. */
static void test_huge(void **state)
{
	struct mapping like = { .start = 0x7fff7000, .end = 0x10007fff8000, .perms = "rw-p" };
	struct snapshot *s = snapshot_new(1);
	struct grid grid = { 0 };
	uint64_t row, column;
	int zoom;

	s->mappings[0].mapping = mapping_new(&like, "", 0);
	s->count = 1;
	snapshot_seal(s);
	zoom = grid_fit(s, 0, 1, 64, 20);
	assert_int_equal(grid_set(&grid, s, 0, 1, zoom, 64), 0);
	assert_true(grid_rows(&grid) <= 20);
	assert_true(grid_find(&grid, like.end - PMTOP_PAGE_SIZE, &row, &column));
	assert_int_equal(row, grid_rows(&grid) - 1);
	assert_false(grid_find(&grid, like.end, &row, &column));
	grid_clear(&grid);
	snapshot_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_page_once),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
