// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/pages_internal.h"

#include <string.h>

#include "model/verify.h"
#include "ui/mapping_text.h"
#include "ui/theme.h"
#include "ui/tiles.h"

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
	const struct verified *verified = scene->snapshot->verified;
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
	int per_cell = pages_density(scene);
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

void pages_draw(struct view *view, struct scene *scene, struct canvas *canvas, struct rect rect,
		bool focused, struct view_cursor *ret_cursor)
{
	struct pages_view *v = (struct pages_view *)view;
	bool head = rect.height > 2;
	int label = rect.width >= 32 ? ADDRESS_WIDTH : 0;
	uint64_t row = UINT64_MAX, column = 0;

	v->cells = rect_inner(rect, label, head, rect.width, rect.height);
	v->columns = view_pages_columns_for(rect.width - label);
	v->height = rect.height - head;
	if (v->height < 1 || !pages_set_grid(v, scene)) {
		canvas_text(canvas, rect, 0, 0, theme_role(scene->theme, ROLE_DIM),
			    "waiting for the list of mappings");
		return;
	}
	pages_hold_selection(v, scene);
	pages_settle(v, scene);
	grid_find(&v->grid, scene->page, &row, &column);
	if (head)
		view_pages_draw_counts(v, scene, canvas, rect_inner(rect, 0, 0, rect.width, 1));
	for (int y = 0; y < v->height; y++)
		view_pages_draw_row(v, scene, canvas,
				    rect_inner(rect, 0, head, rect.width, rect.height), y, label,
				    v->top + (uint64_t)y == row ? (int64_t)column : -1);
	if (focused && row >= v->top && row < v->top + (uint64_t)v->height)
		*ret_cursor = (struct view_cursor){
			v->cells.x + (int)(column / (uint64_t)pages_density(scene)),
			v->cells.y + (int)(row - v->top),
		};
}
