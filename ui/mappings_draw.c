// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/mappings_internal.h"

#include <string.h>

#include "ui/mapping_text.h"
#include "ui/theme.h"
#include "ui/tiles.h"

static const struct {
	const char *title;
	int width; /* the last two share what is left */
	int priority; /* 0 is dropped last */
	bool left;
} columns[COLUMNS] = {
	[COLUMN_ADDRESS] = { "ADDRESS", 12, 2, false },	  [COLUMN_SIZE] = { "SIZE", 6, 3, false },
	[COLUMN_PERMS] = { "PERM", 4, 5, true },	  [COLUMN_RSS] = { "RSS", 6, 4, false },
	[COLUMN_WRITTEN] = { "WRITTEN", 7, 7, false },	  [COLUMN_SWAP] = { "SWAP", 6, 6, false },
	[COLUMN_SHARED_SWAP] = { "SHSWAP", 6, 1, false }, [COLUMN_PAGES] = { "PAGES", 8, 1, true },
	[COLUMN_NAME] = { "MAPPING", 8, 0, true },
};

/* Where each column is, 0 width: dropped. */
struct column_layout {
	int x[COLUMNS], width[COLUMNS];
};

static struct column_layout view_mappings_lay_out(const struct scene *scene, int width)
{
	bool shown[COLUMNS];
	struct column_layout l = { 0 };
	int used = 1, x = 1;

	for (int c = 0; c < COLUMNS; c++) {
		shown[c] = true;
		used += columns[c].width + (c > 0);
	}
	/* A column that holds nothing but question marks goes before one that tells something. */
	if (scene->snapshot && !scene->snapshot->known.written && used > width - 16) {
		shown[COLUMN_WRITTEN] = false;
		used -= columns[COLUMN_WRITTEN].width + 1;
	}
	for (int priority = 9; priority > 0 && used > width; priority--)
		for (int c = COLUMNS - 1; c >= 0 && used > width; c--)
			if (shown[c] && columns[c].priority == priority) {
				shown[c] = false;
				used -= columns[c].width + 1;
			}
	for (int c = 0; c < COLUMNS; c++) {
		if (!shown[c])
			continue;
		l.x[c] = x;
		l.width[c] = columns[c].width;
		if (c == COLUMN_PAGES && width > used)
			l.width[c] += (width - used) * 55 / 100;
		if (c == COLUMN_NAME)
			l.width[c] = width - x;
		x += l.width[c] + 1;
	}
	return l;
}

static void view_mappings_draw_bar(struct scene *scene, struct canvas *canvas, struct rect rect,
				   int x, int y, int width, size_t mapping)
{
	const struct snapshot_mapping *m = &scene->snapshot->mappings[mapping];
	struct tile_source source = scene_tiles(scene, mapping);
	uint64_t pages = mapping_pages(m->mapping);
	int tiles = pages < (uint64_t)width ? (int)pages : width;

	if (!m->pages) {
		canvas_fit(canvas, rect, x, y, width, theme_role(scene->theme, ROLE_DIM), "reading",
			   false);
		return;
	}
	for (int i = 0; i < tiles; i++) {
		/* Without overflow for a reservation of any size. */
		uint64_t step = pages / (uint64_t)tiles, rest = pages % (uint64_t)tiles;
		uint64_t first = step * (uint64_t)i + rest * (uint64_t)i / (uint64_t)tiles;
		uint64_t end =
			step * (uint64_t)(i + 1) + rest * (uint64_t)(i + 1) / (uint64_t)tiles;
		struct style style;
		struct tile tile;
		uint32_t glyph;

		tile_fill(&source, scene->lens, scene->pinned, first, end - first, 1, &tile);
		tile_draw(scene, &tile, &glyph, &style);
		canvas_put(canvas, rect, x + i, y, style, glyph);
	}
}

static void view_mappings_draw_number(const struct scene *scene, struct canvas *canvas,
				      struct rect rect, int x, int y, int width, uint64_t pages,
				      bool known)
{
	char buf[UNITS_SIZE_MAX];

	if (!width)
		return;
	canvas_right(canvas, rect, x, y, width,
		     theme_role(scene->theme, pages && known ? ROLE_TEXT : ROLE_DIM),
		     known ? pages_text(pages, buf) : "?");
}

static void view_mappings_draw_name(const struct scene *scene, struct canvas *canvas,
				    struct rect rect, int x, int y, int width,
				    const struct mapping *m)
{
	char name[256];

	canvas_fit(canvas, rect, x, y, width,
		   theme_role(scene->theme, m->name_length ? ROLE_TEXT : ROLE_DIM),
		   mapping_short_title(m, canvas, width, name, sizeof(name)), false);
}

static void view_mappings_draw_mapping(struct scene *scene, struct canvas *canvas, struct rect rect,
				       const struct column_layout *l, int y, size_t index)
{
	const struct snapshot_mapping *m = &scene->snapshot->mappings[index];
	struct mapping_sums sums = mapping_sums(m);
	struct style text = theme_role(scene->theme, ROLE_TEXT);
	char buf[32];

	if (l->width[COLUMN_ADDRESS]) {
		snprintf(buf, sizeof(buf), "%12lx", (unsigned long)m->mapping->start);
		canvas_fit(canvas, rect, l->x[COLUMN_ADDRESS], y, 12,
			   theme_role(scene->theme, ROLE_ADDRESS), buf, false);
	}
	view_mappings_draw_number(scene, canvas, rect, l->x[COLUMN_SIZE], y, l->width[COLUMN_SIZE],
				  sums.size, true);
	if (l->width[COLUMN_PERMS])
		canvas_text(canvas, rect, l->x[COLUMN_PERMS], y, text, m->mapping->perms);
	view_mappings_draw_name(scene, canvas, rect, l->x[COLUMN_NAME], y, l->width[COLUMN_NAME],
				m->mapping);
	if (l->width[COLUMN_PAGES])
		view_mappings_draw_bar(scene, canvas, rect, l->x[COLUMN_PAGES], y,
				       l->width[COLUMN_PAGES], index);
	if (!sums.read)
		return;
	view_mappings_draw_number(scene, canvas, rect, l->x[COLUMN_RSS], y, l->width[COLUMN_RSS],
				  sums.rss, true);
	view_mappings_draw_number(scene, canvas, rect, l->x[COLUMN_WRITTEN], y,
				  l->width[COLUMN_WRITTEN], sums.written, sums.written_known);
	view_mappings_draw_number(scene, canvas, rect, l->x[COLUMN_SWAP], y, l->width[COLUMN_SWAP],
				  sums.swap, true);
	view_mappings_draw_number(scene, canvas, rect, l->x[COLUMN_SHARED_SWAP], y,
				  l->width[COLUMN_SHARED_SWAP], sums.shared_swap,
				  sums.shared_known);
}

static void view_mappings_draw_gap(const struct scene *scene, struct canvas *canvas,
				   struct rect rect, int y, size_t index)
{
	const struct snapshot_mapping *m = &scene->snapshot->mappings[index];
	char size[UNITS_SIZE_MAX];

	canvas_printf(canvas, rect, 3, y, theme_role(scene->theme, ROLE_DIM), "┄┄ %s unmapped ┄┄",
		      units_format_size(m[0].mapping->start - m[-1].mapping->end, size));
}

static void view_mappings_draw_head(const struct mappings_view *v, const struct scene *scene,
				    struct canvas *canvas, struct rect rect,
				    const struct column_layout *l)
{
	struct style style = theme_role(scene->theme, ROLE_HEADER);

	for (int c = 0; c < COLUMNS; c++) {
		char title[16];
		struct style s = style;

		if (!l->width[c])
			continue;
		snprintf(title, sizeof(title), "%s", columns[c].title);
		if (c == (int)v->sort && (v->sort != COLUMN_ADDRESS || v->reverse))
			s.attr |= ATTR_REVERSE;
		if (columns[c].left)
			canvas_fit(canvas, rect, l->x[c], 0, l->width[c], s, title, false);
		else
			canvas_right(canvas, rect, l->x[c], 0, l->width[c], s, title);
	}
}

static void view_mappings_draw_empty(const struct mappings_view *v, const struct scene *scene,
				     struct canvas *canvas, struct rect rect)
{
	struct style dim = theme_role(scene->theme, ROLE_DIM);

	if (!scene->snapshot)
		canvas_text(canvas, rect, 1, 0, dim, "waiting for the list of mappings");
	else if (*v->filter)
		canvas_printf(canvas, rect, 1, 0, dim, "no mapping matches \"%s\"; Esc shows all",
			      v->filter);
	else
		canvas_text(canvas, rect, 1, 0, dim, "no mapping at all");
}

void mappings_draw(struct view *view, struct scene *scene, struct canvas *canvas, struct rect rect,
		   bool focused, struct view_cursor *ret_cursor)
{
	struct mappings_view *v = (struct mappings_view *)view;
	struct column_layout layout = view_mappings_lay_out(scene, rect.width);
	bool head = rect.height > 2;
	struct rect rows = rect_inner(rect, 0, head, rect.width, rect.height);

	v->drawn = rows;
	v->list.height = (size_t)rows.height;
	if (!scene->snapshot || !v->list.count) {
		view_mappings_draw_empty(v, scene, canvas, rows);
		return;
	}
	list_settle(&v->list);
	if (head)
		view_mappings_draw_head(v, scene, canvas, rect, &layout);
	for (int y = 0; y < rows.height; y++) {
		size_t i = v->list.top + (size_t)y;
		bool selected = i == v->list.selected;

		if (i >= v->list.count)
			break;
		if (v->rows[i].gap) {
			view_mappings_draw_gap(scene, canvas, rows, y, v->rows[i].mapping);
			continue;
		}
		if (selected)
			canvas_put(canvas, rows, 0, y, theme_role(scene->theme, ROLE_TEXT), '>');
		view_mappings_draw_mapping(scene, canvas, rows, &layout, y, v->rows[i].mapping);
		if (selected && focused)
			*ret_cursor = (struct view_cursor){ rows.x, rows.y + y };
		if (selected)
			canvas_add_attr(
				canvas,
				rect_inner(rows, 0, y,
					   layout.x[COLUMN_NAME] + layout.width[COLUMN_NAME], 1),
				focused ? ATTR_BOLD : 0);
	}
}
