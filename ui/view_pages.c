// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/view_pages.h"

#include <stdlib.h>
#include <string.h>

#include "ui/mapping_text.h"
#include "ui/pages_internal.h"
#include "ui/theme.h"
#include "ui/tiles.h"

#define ZOOM_FIT   (-1)
#define FOCUS_MOST 65536

static struct pages_view *view_pages_self(struct view *view)
{
	return (struct pages_view *)view;
}

int pages_density(const struct scene *scene)
{
	return scene->half_blocks && theme_half_blocks(scene->theme) ? 2 : 1;
}

bool pages_set_grid(struct pages_view *v, struct scene *scene)
{
	const struct snapshot *s = scene->snapshot;
	uint64_t per_row =
		(uint64_t)(v->columns > 0 ? v->columns : 1) * (uint64_t)pages_density(scene);
	size_t first = 0, count;
	int zoom = v->zoom;

	if (!s || !s->count)
		return false;
	count = s->count;
	if (!v->whole) {
		first = snapshot_find(s, scene->mapping);
		if (first >= s->count)
			first = s->count - 1;
		count = 1;
	}
	if (zoom == ZOOM_FIT)
		zoom = grid_fit(s, first, count, per_row,
				(uint64_t)(v->height > 0 ? v->height : 1));
	return !grid_set(&v->grid, s, first, count, zoom, per_row);
}

void pages_hold_selection(const struct pages_view *v, struct scene *scene)
{
	const struct grid *g = &v->grid;
	const struct mapping *m;
	size_t i = snapshot_find(g->snapshot, scene->page);

	if (i < g->first)
		i = g->first;
	if (i >= g->first + g->count)
		i = g->first + g->count - 1;
	m = g->snapshot->mappings[i].mapping;
	if (scene->page < m->start)
		scene->page = m->start;
	if (scene->page >= m->end)
		scene->page = m->end - PMTOP_PAGE_SIZE;
	scene->mapping = m->start;
}

void pages_settle(struct pages_view *v, struct scene *scene)
{
	uint64_t rows = grid_rows(&v->grid), height = (uint64_t)(v->height > 0 ? v->height : 1);
	uint64_t row, column;

	if (!grid_find(&v->grid, scene->page, &row, &column))
		return;
	if (v->top + height > rows)
		v->top = rows > height ? rows - height : 0;
	if (row < v->top)
		v->top = row;
	if (row >= v->top + height)
		v->top = row - height + 1;
}

static void view_pages_select_tile(struct pages_view *v, struct scene *scene, uint64_t row,
				   uint64_t column)
{
	struct grid_tile tile;

	if (row >= grid_rows(&v->grid))
		row = grid_rows(&v->grid) - 1;
	if (!grid_tile(&v->grid, row, column, &tile))
		return;
	while (!tile.count && column) /* past the end of the mapping */
		grid_tile(&v->grid, row, --column, &tile);
	scene->mapping = scene->snapshot->mappings[tile.mapping].mapping->start;
	scene->page = scene->mapping + (tile.first << PMTOP_PAGE_SHIFT);
	pages_settle(v, scene);
}

static void view_pages_move_rows(struct pages_view *v, struct scene *scene, int64_t rows)
{
	uint64_t row, column;

	if (!grid_find(&v->grid, scene->page, &row, &column))
		return;
	if (rows < 0 && row < (uint64_t)-rows) {
		/* At the top a page up goes to the very first page, an arrow stays. */
		view_pages_select_tile(v, scene, 0, rows < -1 ? 0 : column);
		return;
	}
	view_pages_select_tile(v, scene, row + (uint64_t)rows, column);
}

static void view_pages_move_tiles(struct pages_view *v, struct scene *scene, int by)
{
	struct grid_tile tile;
	uint64_t row, column;

	if (!grid_find(&v->grid, scene->page, &row, &column))
		return;
	if (by < 0 && !column) {
		if (row)
			view_pages_select_tile(v, scene, row - 1, v->grid.tiles_per_row - 1);
		return;
	}
	column += (uint64_t)(int64_t)by;
	if (column == v->grid.tiles_per_row || !grid_tile(&v->grid, row, column, &tile) ||
	    !tile.count) {
		if (row + 1 < grid_rows(&v->grid))
			view_pages_select_tile(v, scene, row + 1, 0);
		return;
	}
	view_pages_select_tile(v, scene, row, column);
}

/* Zooms with the selection staying on its line of the screen. */
static void view_pages_set_zoom(struct pages_view *v, struct scene *scene, int zoom)
{
	uint64_t row = 0, column, line = 0;

	if (grid_find(&v->grid, scene->page, &row, &column))
		line = row - v->top;
	v->zoom = zoom;
	if (!pages_set_grid(v, scene))
		return;
	if (grid_find(&v->grid, scene->page, &row, &column))
		v->top = row > line ? row - line : 0;
	pages_settle(v, scene);
}

static void view_pages_zoom_by(struct pages_view *v, struct scene *scene, int by)
{
	const struct mapping *m = scene->snapshot->mappings[v->grid.first].mapping;
	int zoom = v->grid.zoom + by;

	if (zoom < 0 || zoom > GRID_ZOOM_MAX)
		return;
	/* Further out than one tile for all there is no more to see. */
	if (by > 0 && !v->whole && mapping_pages(m) <= (uint64_t)1 << (zoom - 1))
		return;
	view_pages_set_zoom(v, scene, zoom);
}

static void view_pages_other_mapping(struct pages_view *v, struct scene *scene, int by)
{
	size_t i = snapshot_find(scene->snapshot, scene->mapping);

	if (by < 0 ? !i : i + 1 >= scene->snapshot->count)
		return;
	scene->mapping = scene->page =
		scene->snapshot->mappings[by < 0 ? i - 1 : i + 1].mapping->start;
	v->top = v->whole ? v->top : 0;
	pages_set_grid(v, scene);
	pages_settle(v, scene);
}

static enum view_answer view_pages_move(struct pages_view *v, struct scene *scene,
					enum request request)
{
	int64_t page = v->height > 1 ? v->height - 1 : 1;

	switch (request) {
	case REQ_UP:
		view_pages_move_rows(v, scene, -1);
		break;
	case REQ_DOWN:
		view_pages_move_rows(v, scene, 1);
		break;
	case REQ_LEFT:
		view_pages_move_tiles(v, scene, -1);
		break;
	case REQ_RIGHT:
		view_pages_move_tiles(v, scene, 1);
		break;
	case REQ_PAGE_UP:
		view_pages_move_rows(v, scene, -page);
		break;
	case REQ_PAGE_DOWN:
		view_pages_move_rows(v, scene, page);
		break;
	case REQ_HALF_UP:
		view_pages_move_rows(v, scene, -(page + 1) / 2);
		break;
	case REQ_HALF_DOWN:
		view_pages_move_rows(v, scene, (page + 1) / 2);
		break;
	case REQ_FIRST:
		view_pages_select_tile(v, scene, 0, 0);
		break;
	case REQ_LAST:
		view_pages_select_tile(v, scene, grid_rows(&v->grid) - 1,
				       v->grid.tiles_per_row - 1);
		break;
	default:
		return VIEW_IGNORED;
	}
	return VIEW_DONE;
}

static enum view_answer view_pages_pages_request(struct view *view, struct scene *scene,
						 enum request request)
{
	struct pages_view *v = view_pages_self(view);

	if (!pages_set_grid(v, scene))
		return request == REQ_BACK ? VIEW_BACK : VIEW_IGNORED;
	pages_hold_selection(v, scene);
	switch (request) {
	case REQ_OPEN:
		return VIEW_OPEN;
	case REQ_BACK:
		return VIEW_BACK;
	case REQ_NEXT_MAPPING:
		view_pages_other_mapping(v, scene, 1);
		return VIEW_DONE;
	case REQ_PREVIOUS_MAPPING:
		view_pages_other_mapping(v, scene, -1);
		return VIEW_DONE;
	case REQ_NEXT_CHANGE:
		return pages_jump_change(v, scene, true);
	case REQ_PREVIOUS_CHANGE:
		return pages_jump_change(v, scene, false);
	case REQ_ZOOM_IN:
		view_pages_zoom_by(v, scene, -1);
		return VIEW_DONE;
	case REQ_ZOOM_OUT:
		view_pages_zoom_by(v, scene, 1);
		return VIEW_DONE;
	case REQ_ZOOM_FIT:
		view_pages_set_zoom(v, scene, ZOOM_FIT);
		return VIEW_DONE;
	case REQ_WHOLE:
		v->whole = !v->whole;
		view_pages_set_zoom(v, scene, v->whole ? ZOOM_FIT : v->zoom);
		return VIEW_DONE;
	default:
		return view_pages_move(v, scene, request);
	}
}

static void view_pages_pages_update(struct view *view, struct scene *scene)
{
	struct pages_view *v = view_pages_self(view);

	if (!pages_set_grid(v, scene))
		return;
	pages_hold_selection(v, scene);
}

static void view_pages_pages_title(struct view *view, const struct scene *scene, char *buf,
				   size_t size)
{
	struct pages_view *v = view_pages_self(view);
	const struct snapshot *s = scene->snapshot;
	const struct mapping *m;
	char bytes[UNITS_SIZE_MAX], name[128];
	size_t i = s ? snapshot_find(s, scene->mapping) : 0;

	buf[0] = '\0';
	if (v->whole)
		snprintf(buf, size, "all mappings");
	else if (s && i < s->count) {
		m = s->mappings[i].mapping;
		snprintf(buf, size, "%s %s %s",
			 mapping_short_title(m, NULL, 24, name, sizeof(name)), m->perms,
			 units_format_size(m->end - m->start, bytes));
	}
}

static enum view_answer view_pages_pages_click(struct view *view, struct scene *scene, int x, int y)
{
	struct pages_view *v = view_pages_self(view);
	uint64_t before = scene->page;
	int column = x - v->cells.x, row = y - v->cells.y;

	if (column < 0 || row < 0 || column >= v->columns || row >= v->height ||
	    v->top + (uint64_t)row >= grid_rows(&v->grid))
		return VIEW_IGNORED;
	view_pages_select_tile(v, scene, v->top + (uint64_t)row,
			       (uint64_t)column * (uint64_t)pages_density(scene));
	return scene->page == before ? VIEW_OPEN : VIEW_DONE;
}

struct source_focus view_pages_focus(const struct view *view, const struct scene *scene)
{
	const struct pages_view *v = (const struct pages_view *)view;
	struct source_focus focus = { 0 };
	struct grid_tile tile;
	const struct mapping *m;

	if (!v->grid.snapshot || v->grid.snapshot != scene->snapshot ||
	    !grid_tile(&v->grid, v->top, 0, &tile))
		return focus;
	m = scene->snapshot->mappings[tile.mapping].mapping;
	focus.start = m->start + (tile.first << PMTOP_PAGE_SHIFT);
	focus.count = (v->grid.tiles_per_row * (uint64_t)v->height) << v->grid.zoom;
	if (focus.count > mapping_pages(m) - tile.first)
		focus.count = mapping_pages(m) - tile.first;
	if (focus.count > FOCUS_MOST) { /* zoomed far out: the selected page and what is around */
		focus.start = scene->page;
		focus.count = 1;
	}
	return focus;
}

static void view_pages_pages_free(struct view *view)
{
	grid_clear(&view_pages_self(view)->grid);
	free(view);
}

static const struct view_ops ops = {
	.screen = SCREEN_PAGES,
	.draw = pages_draw,
	.request = view_pages_pages_request,
	.title = view_pages_pages_title,
	.update = view_pages_pages_update,
	.find = pages_find,
	.click = view_pages_pages_click,
	.free = view_pages_pages_free,
};

struct view *view_pages_new(void)
{
	struct pages_view *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->view.ops = &ops;
	v->zoom = ZOOM_FIT;
	return &v->view;
}
