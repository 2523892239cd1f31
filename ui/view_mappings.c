// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/view_mappings.h"

#include <stdio.h>
#include <string.h>

#include "report/columns.h"
#include "ui/mapping_text.h"
#include "ui/table.h"
#include "ui/tiles.h"

/*
 * The columns are those of the reports with USE_SCREEN, in the order of text, and the bar of pages
 * before the last one.
 */
#define COLUMN_BAR UINT8_MAX
#define NAME_LEAST 8

/* A hole in the address space gets a row of its own from this size on. */
#define GAP_SHOWN ((uint64_t)8 << 30)
/* Above it there is only the kernel's vsyscall page: the hole between is no memory. */
#define USER_SPACE_END ((uint64_t)1 << 47)

static const struct snapshot_mapping *view_mappings_at(const void *data, size_t row)
{
	return &((const struct scene *)data)->snapshot->mappings[row];
}

static struct table_column view_mappings_column(const struct report_column *column)
{
	return (struct table_column){
		.title = column->title,
		.width = (uint8_t)(column->width < 0 ? -column->width
				   : column->width   ? column->width
						     : NAME_LEAST),
		.priority = column->priority,
		.left = column->width <= 0,
		.sort_rank = column->sort_rank,
		.id = (uint8_t)(column - mapping_columns),
	};
}

static int view_mappings_make_columns(struct table_column *ret_columns)
{
	static const struct table_column bar = {
		"PAGES", 8, 1, .left = true, .unsorted = true, .bar = true, .id = COLUMN_BAR
	};
	const struct report_column *picked[REPORT_PLACES];
	size_t count =
		report_pick_columns(mapping_columns, mapping_column_count, USE_SCREEN, picked);

	for (size_t i = 0; i < count; i++)
		ret_columns[i < count - 1 ? i : count] = view_mappings_column(picked[i]);
	ret_columns[count - 1] = bar;
	return (int)count + 1;
}

static size_t view_mappings_count(const void *data)
{
	return ((const struct scene *)data)->snapshot->count;
}

static struct table_identity view_mappings_identity(const void *data, size_t row)
{
	return (struct table_identity){ .a = view_mappings_at(data, row)->mapping->start };
}

static struct table_identity view_mappings_selected(const struct scene *scene)
{
	return (struct table_identity){ .a = scene->mapping };
}

static void view_mappings_select(struct scene *scene, size_t row)
{
	const struct mapping *m = view_mappings_at(scene, row)->mapping;

	scene->mapping = m->start;
	if (scene->page < m->start || scene->page >= m->end)
		scene->page = m->start;
}

static bool view_mappings_matches(const void *data, size_t row, const char *text)
{
	return mapping_matches(view_mappings_at(data, row), text);
}

static struct report_cell view_mappings_cell(const void *data, size_t row, int column)
{
	const struct scene *scene = data;
	const struct report_options options = { 0 };
	struct report_row line = report_row_of(scene->snapshot, row, &options);
	struct report_cell cell = { 0 };

	mapping_columns[column].get(&line, mapping_columns[column].which, &cell);
	return cell;
}

/* Names from A; permissions with the most allowed first; addresses as they come. */
static int view_mappings_compare(const void *data, size_t a, size_t b, int column)
{
	struct report_cell x = view_mappings_cell(data, a, column);
	struct report_cell y = view_mappings_cell(data, b, column);

	switch (x.kind ? x.kind : y.kind) {
	case CELL_ADDRESS:
		return 0;
	case CELL_NAME:
		return strcmp(mapping_title(view_mappings_at(data, a)->mapping),
			      mapping_title(view_mappings_at(data, b)->mapping));
	case CELL_TEXT:
		return strcmp(y.text ? y.text : "", x.text ? x.text : "");
	default:
		return table_compare_numbers(x.number, y.number);
	}
}

static void view_mappings_name(const struct mapping *m, struct table_text *cell)
{
	cell->role = m->name_length ? ROLE_TEXT : ROLE_DIM;
	cell->borrowed =
		mapping_short_title(m, cell->canvas, cell->width, cell->text, sizeof(cell->text));
}

static void view_mappings_text(const void *data, size_t row, int column, struct table_text *cell)
{
	struct report_cell value = view_mappings_cell(data, row, column);
	char buf[CELL_TEXT_MAX];
	const char *text;

	if (value.kind == CELL_NAME) {
		view_mappings_name(view_mappings_at(data, row)->mapping, cell);
		return;
	}
	/* Without pages nothing is known yet, and the bar says so. */
	if (value.kind == CELL_NULL && !view_mappings_at(data, row)->pages)
		return;
	text = value.incomplete ? "?" : report_cell_text(&value, buf);
	cell->left = value.kind == CELL_ADDRESS; /* of one too long its beginning is kept */
	snprintf(cell->text, sizeof(cell->text), "%*s",
		 cell->left ? mapping_columns[column].width : 0, text);
	if (value.kind == CELL_ADDRESS)
		cell->role = ROLE_ADDRESS;
	else if (*text == '?' || (value.kind == CELL_PAGES && !value.number))
		cell->role = ROLE_DIM;
}

static void view_mappings_draw_bar(const void *data, size_t row, struct canvas *canvas,
				   struct rect rect)
{
	const struct scene *scene = data;
	struct tile_source source = scene_tiles(scene, row);
	uint64_t pages = mapping_pages(source.mapping);
	uint64_t tiles = pages < (uint64_t)rect.width ? pages : (uint64_t)rect.width;

	if (!source.pages) {
		canvas_fit(canvas, rect, 0, 0, rect.width, theme_role(scene->theme, ROLE_DIM),
			   "reading", false);
		return;
	}
	for (uint64_t i = 0; i < tiles; i++) {
		/* Without overflow for a reservation of any size. */
		uint64_t step = pages / tiles, rest = pages % tiles;
		uint64_t first = step * i + rest * i / tiles;
		uint64_t end = step * (i + 1) + rest * (i + 1) / tiles;
		struct style style;
		struct tile tile;
		uint32_t glyph;

		tile_fill(&source, scene->lens, scene->pinned, first, end - first, 1, &tile);
		tile_draw(scene, &tile, &glyph, &style);
		canvas_put(canvas, rect, (int)i, 0, style, glyph);
	}
}

static bool view_mappings_gap(const void *data, size_t row, char *buf, size_t size)
{
	const struct snapshot_mapping *m = view_mappings_at(data, row);
	uint64_t gap = row ? m->mapping->start - m[-1].mapping->end : 0;
	char text[UNITS_SIZE_MAX];

	if (gap < GAP_SHOWN || m->mapping->start >= USER_SPACE_END)
		return false;
	snprintf(buf, size, "┄┄ %s unmapped ┄┄", units_format_size(gap, text));
	return true;
}

static bool view_mappings_unknown(const void *data, int column)
{
	const struct snapshot *snapshot = ((const struct scene *)data)->snapshot;

	return column != COLUMN_BAR && !strcmp(mapping_columns[column].key, "written") &&
	       !snapshot->known.written;
}

static const struct table_kind kind = {
	.screen = SCREEN_MAPPINGS,
	.noun = "mapping",
	.waiting = "waiting for the list of mappings",
	.make_columns = view_mappings_make_columns,
	.in_order = true,
	.bar_share = 55,
	.count = view_mappings_count,
	.identity = view_mappings_identity,
	.matches = view_mappings_matches,
	.compare = view_mappings_compare,
	.text = view_mappings_text,
	.draw_bar = view_mappings_draw_bar,
	.gap = view_mappings_gap,
	.unknown = view_mappings_unknown,
	.selected = view_mappings_selected,
	.select = view_mappings_select,
};

struct view *view_mappings_new(void)
{
	return table_new(&kind, NULL);
}
