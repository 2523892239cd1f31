// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "model/verify.h"
#include "ui/grid.h"
#include "ui/mapping_text.h"
#include "ui/theme.h"
#include "ui/tiles.h"
#include "ui/view.h"
#include "ui/view_pages.h"

#define TILES_IN_ROW 2048 /* the most; the screen may be wider */

struct pages_view {
	struct view view;
	struct grid grid;
	int zoom; /* or ZOOM_FIT */
	bool whole; /* all mappings, gaps elided */
	uint64_t top; /* first row on screen */
	int columns, height; /* cells of the grid when last drawn */
	struct rect cells; /* where the grid is */
};

/* to the next or previous change of state; find, as view_ops has it. */
enum view_answer view_pages_jump_change(struct pages_view *v, struct scene *scene, bool on);

#define ZOOM_FIT   (-1)
#define FOCUS_MOST 65536

static bool view_pages_find(struct view *view, struct scene *scene, const char *text,
			    int direction);

static void view_pages_draw(struct view *view, struct scene *scene, struct canvas *canvas,
			    struct rect rect, bool focused, struct view_cursor *ret_cursor);

static struct pages_view *view_pages_self(struct view *view)
{
	return (struct pages_view *)view;
}

/* Tiles in a cell. */
static int view_pages_density(const struct scene *scene)
{
	return scene->half_blocks && theme_half_blocks(scene->theme) ? 2 : 1;
}

/* Lays the grid out for what is selected now. False when there is nothing to show. */
static bool view_pages_set_grid(struct pages_view *v, struct scene *scene)
{
	const struct snapshot *s = scene->snapshot;
	uint64_t per_row =
		(uint64_t)(v->columns > 0 ? v->columns : 1) * (uint64_t)view_pages_density(scene);
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

/* The selection is an address; make it one that is in the grid. */
static void view_pages_hold_selection(const struct pages_view *v, struct scene *scene)
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

/* Scrolls so that the selection is on screen. */
static void view_pages_scroll_to_selection(struct pages_view *v, struct scene *scene)
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
	view_pages_scroll_to_selection(v, scene);
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
	if (!view_pages_set_grid(v, scene))
		return;
	if (grid_find(&v->grid, scene->page, &row, &column))
		v->top = row > line ? row - line : 0;
	view_pages_scroll_to_selection(v, scene);
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
	view_pages_set_grid(v, scene);
	view_pages_scroll_to_selection(v, scene);
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

static enum view_answer view_pages_request(struct view *view, struct scene *scene,
					   enum request request)
{
	struct pages_view *v = view_pages_self(view);

	if (!view_pages_set_grid(v, scene))
		return request == REQ_BACK ? VIEW_BACK : VIEW_IGNORED;
	view_pages_hold_selection(v, scene);
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
		return view_pages_jump_change(v, scene, true);
	case REQ_PREVIOUS_CHANGE:
		return view_pages_jump_change(v, scene, false);
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

static void view_pages_update(struct view *view, struct scene *scene)
{
	struct pages_view *v = view_pages_self(view);

	if (!view_pages_set_grid(v, scene))
		return;
	view_pages_hold_selection(v, scene);
}

static void view_pages_title(struct view *view, const struct scene *scene, char *buf, size_t size)
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

static enum view_answer view_pages_click(struct view *view, struct scene *scene, int x, int y)
{
	struct pages_view *v = view_pages_self(view);
	uint64_t before = scene->page;
	int column = x - v->cells.x, row = y - v->cells.y;

	if (column < 0 || row < 0 || column >= v->columns || row >= v->height ||
	    v->top + (uint64_t)row >= grid_rows(&v->grid))
		return VIEW_IGNORED;
	view_pages_select_tile(v, scene, v->top + (uint64_t)row,
			       (uint64_t)column * (uint64_t)view_pages_density(scene));
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

static void view_pages_free(struct view *view)
{
	grid_clear(&view_pages_self(view)->grid);
	free(view);
}

static const struct view_ops ops = {
	.screen = SCREEN_PAGES,
	.draw = view_pages_draw,
	.request = view_pages_request,
	.title = view_pages_title,
	.update = view_pages_update,
	.find = view_pages_find,
	.click = view_pages_click,
	.free = view_pages_free,
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

#define ADDRESS_WIDTH 14 /* twelve digits and two blanks */

/* As many columns as fit, in steps that make the addresses of the rows easy to read. */
static int view_pages_columns_for(int width)
{
	int step = width >= 64 ? 16 : width >= 16 ? 8 : 1;

	if (width > TILES_IN_ROW / 2)
		width = TILES_IN_ROW / 2;
	return width < 1 ? 1 : width / step * step;
}

/* What smaps says, where it was asked of these very pages. */
static int view_pages_draw_verified(const struct scene *scene, struct canvas *canvas,
				    struct rect rect, int x, size_t mapping)
{
	const struct verified *verified = scene->sample->verified;
	const struct verify_result *r = verified ? &verified->results[mapping] : NULL;
	enum verify_cause cause;
	const char *mark = "✓";
	enum theme_role role = ROLE_GOOD;
	char text[64];

	if (!r || !r->found)
		return x;
	cause = verify_worst(&r->verdict);
	if (!verify_is_explained(cause)) {
		mark = "✗";
		role = ROLE_ERROR;
	} else if (cause != VERIFY_AGREES) {
		mark = "~";
		role = ROLE_WARNING;
	}
	snprintf(text, sizeof(text), "   smaps Swap %lu %s",
		 (unsigned long)r->verdict.smaps.pages[VERIFY_SWAP], mark);
	if (x + canvas_text_width(canvas, text) > rect.width)
		return x;
	return canvas_text(canvas, rect, x, 0, theme_role(scene->theme, role), text);
}

static void view_pages_draw_counts(struct pages_view *v, struct scene *scene, struct canvas *canvas,
				   struct rect rect)
{
	const struct tile_counts *counts =
		scene_counts(scene, v->grid.count == 1 ? v->grid.first : SIZE_MAX);
	uint64_t per_tile = (uint64_t)1 << v->grid.zoom, pages = 0;
	char zoom[48], size[UNITS_SIZE_MAX];
	int x, right;

	for (size_t i = v->grid.first; i < v->grid.first + v->grid.count; i++)
		pages += mapping_pages(scene->snapshot->mappings[i].mapping);
	if (per_tile == 1)
		snprintf(zoom, sizeof(zoom), "1 page per tile");
	else
		snprintf(zoom, sizeof(zoom), "%lu pages (%s) per tile", (unsigned long)per_tile,
			 units_format_size(per_tile * PMTOP_PAGE_SIZE, size));
	right = rect.width - (int)strlen(zoom);
	x = canvas_printf(canvas, rect, 0, 0, theme_role(scene->theme, ROLE_TEXT), "%lu page%s",
			  (unsigned long)pages, pages == 1 ? "" : "s");
	for (unsigned a = 0; a < lens_value_count(scene->lens); a++) {
		char part[64];

		if (!counts->value[a])
			continue;
		snprintf(part, sizeof(part), "  %s %lu", lens_value(scene->lens, a).name,
			 (unsigned long)counts->value[a]);
		if (x + (int)strlen(part) > rect.width)
			break;
		x = canvas_text(canvas, rect, x, 0, theme_value(scene->theme, scene->lens, a),
				part);
	}
	if (v->grid.count == 1)
		x = view_pages_draw_verified(scene, canvas, rect, x, v->grid.first);
	if (right >= x + 2)
		canvas_text(canvas, rect, right, 0, theme_role(scene->theme, ROLE_DIM), zoom);
}

/* One cell: a letter, or two tiles as the halves of a block. */
static void view_pages_draw_cell(struct scene *scene, struct canvas *canvas, struct rect rect,
				 int x, int y, const struct tile *tiles, int per_cell,
				 bool selected)
{
	struct style style, lower;
	uint32_t glyph, other;

	if (!tiles[0].count)
		return;
	tile_draw(scene, &tiles[0], &glyph, &style);
	if (per_cell == 2) {
		glyph = 0x2580; /* ▀: the upper half is the first tile */
		style.attr = 0;
		if (tiles[1].count) {
			tile_draw(scene, &tiles[1], &other, &lower);
			style.bg = lower.fg;
		}
	}
	if (selected)
		style.attr |= ATTR_REVERSE;
	canvas_put(canvas, rect, x, y, style, glyph);
}

static void view_pages_draw_row(struct pages_view *v, struct scene *scene, struct canvas *canvas,
				struct rect rect, int y, int label, int64_t selected)
{
	struct tile tiles[TILES_IN_ROW];
	int per_cell = view_pages_density(scene);
	size_t count = (size_t)v->grid.tiles_per_row;
	struct tile_source source;
	struct grid_tile first;

	if (!grid_tile(&v->grid, v->top + (uint64_t)y, 0, &first))
		return;
	source = scene_tiles(scene, first.mapping);
	if (label)
		canvas_printf(
			canvas, rect, 0, y, theme_role(scene->theme, ROLE_ADDRESS), "%012lx",
			(unsigned long)(source.mapping->start + (first.first << PMTOP_PAGE_SHIFT)));
	if (!source.pages) {
		canvas_fit(canvas, rect, label, y, rect.width - label,
			   theme_role(scene->theme, ROLE_DIM), "reading", false);
		return;
	}
	tile_fill(&source, scene->lens, scene->pinned, first.first, (uint64_t)1 << v->grid.zoom,
		  count, tiles);
	for (int x = 0; x < v->columns; x++)
		view_pages_draw_cell(scene, canvas, rect, label + x, y,
				     &tiles[(size_t)x * (size_t)per_cell], per_cell,
				     selected >= 0 && selected / per_cell == x);
}

static void view_pages_draw(struct view *view, struct scene *scene, struct canvas *canvas,
			    struct rect rect, bool focused, struct view_cursor *ret_cursor)
{
	struct pages_view *v = (struct pages_view *)view;
	bool head = rect.height > 2;
	int label = rect.width >= 32 ? ADDRESS_WIDTH : 0;
	uint64_t row = UINT64_MAX, column = 0;

	v->cells = rect_inner(rect, label, head, rect.width, rect.height);
	v->columns = view_pages_columns_for(rect.width - label);
	v->height = rect.height - head;
	if (v->height < 1 || !view_pages_set_grid(v, scene)) {
		canvas_text(canvas, rect, 0, 0, theme_role(scene->theme, ROLE_DIM),
			    "waiting for the list of mappings");
		return;
	}
	view_pages_hold_selection(v, scene);
	view_pages_scroll_to_selection(v, scene);
	grid_find(&v->grid, scene->page, &row, &column);
	if (head)
		view_pages_draw_counts(v, scene, canvas, rect_inner(rect, 0, 0, rect.width, 1));
	for (int y = 0; y < v->height; y++)
		view_pages_draw_row(v, scene, canvas,
				    rect_inner(rect, 0, head, rect.width, rect.height), y, label,
				    v->top + (uint64_t)y == row ? (int64_t)column : -1);
	if (focused && row >= v->top && row < v->top + (uint64_t)v->height)
		*ret_cursor = (struct view_cursor){
			v->cells.x + (int)(column / (uint64_t)view_pages_density(scene)),
			v->cells.y + (int)(row - v->top),
		};
}

/* The page where the state changes, walking runs so that a huge uniform mapping costs nothing. */
static bool view_pages_next_change(const struct scene *scene, const struct snapshot_mapping *m,
				   uint64_t from, uint64_t *ret_page)
{
	enum page_state state = pages_state(m->pages, from);
	struct page_run run;

	for (uint64_t i = from; pages_run(m->pages, i, &run); i = run.first + run.count)
		if (run.state != state) {
			*ret_page = run.first;
			return true;
		}
	return false;
}

static bool view_pages_previous_change(const struct scene *scene, const struct snapshot_mapping *m,
				       uint64_t from, uint64_t *ret_page)
{
	uint64_t start = 0, before = 0;
	enum page_state state = PAGE_STATES;
	bool found = false;
	struct page_run run;

	/* The start of the run of equal states before the one that `from` is in (or starts). */
	for (uint64_t i = 0; i <= from && pages_run(m->pages, i, &run); i = run.first + run.count) {
		if (run.state == state)
			continue;
		before = start;
		found = state != PAGE_STATES;
		start = run.first;
		state = run.state;
	}
	*ret_page = start < from ? start : before;
	return start < from || found;
}

enum view_answer view_pages_jump_change(struct pages_view *v, struct scene *scene, bool on)
{
	size_t i = snapshot_find(scene->snapshot, scene->page);
	const struct snapshot_mapping *m = &scene->snapshot->mappings[i];
	uint64_t from, page;

	if (i >= scene->snapshot->count || !m->pages || scene->page < m->mapping->start)
		return VIEW_DONE;
	from = (scene->page - m->mapping->start) >> PMTOP_PAGE_SHIFT;
	if (on ? view_pages_next_change(scene, m, from, &page)
	       : view_pages_previous_change(scene, m, from, &page))
		scene->page = m->mapping->start + (page << PMTOP_PAGE_SHIFT);
	view_pages_scroll_to_selection(v, scene);
	return VIEW_DONE;
}

/* Finds a page: an address, or the next page with a state (or answer of the lens). */
static bool view_pages_find(struct view *view, struct scene *scene, const char *text, int direction)
{
	struct pages_view *v = (struct pages_view *)view;
	const struct snapshot *s = scene->snapshot;
	int state = page_state_parse(text);
	const struct snapshot_mapping *m;
	struct page_run run;
	uint64_t from, best = UINT64_MAX;
	size_t i;

	if (!text[1]) /* a letter */
		state = lens_value_find(LENS_WHERE, text);
	if (state < 0) {
		uint64_t address = strtoull(text, NULL, 16) & ~(uint64_t)(PMTOP_PAGE_SIZE - 1);

		i = snapshot_find(s, address);
		if (strspn(text, "0123456789abcdefxABCDEF") != strlen(text) || i >= s->count ||
		    address < s->mappings[i].mapping->start)
			return false;
		scene->page = address;
		scene->mapping = s->mappings[i].mapping->start;
		view_pages_set_grid(v, scene);
		view_pages_scroll_to_selection(v, scene);
		return true;
	}
	i = snapshot_find(s, scene->page);
	if (i >= s->count || !s->mappings[i].pages)
		return false;
	m = &s->mappings[i];
	from = (scene->page - m->mapping->start) >> PMTOP_PAGE_SHIFT;
	for (uint64_t k = direction > 0 ? from + 1 : 0;
	     (direction > 0 || k < from) && pages_run(m->pages, k, &run);
	     k = run.first + run.count) {
		if (run.state != state)
			continue;
		if (direction > 0) {
			best = run.first;
			break;
		}
		best = run.first + run.count > from ? from - 1 : run.first + run.count - 1;
	}
	if (best == UINT64_MAX)
		return false;
	scene->page = m->mapping->start + (best << PMTOP_PAGE_SHIFT);
	view_pages_scroll_to_selection(v, scene);
	return true;
}
