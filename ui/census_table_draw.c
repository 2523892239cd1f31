// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "model/page.h"
#include "ui/census_table_internal.h"

uint64_t table_row_size(const struct table *t, size_t row)
{
	struct table_part parts[TABLE_PARTS_MAX];
	size_t n = t->kind->parts(census_of(t), row, parts);
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += parts[i].bytes;
	return sum;
}

/* Where each column is; width 0: dropped. */
struct table_layout {
	int x[TABLE_COLUMNS_MAX], width[TABLE_COLUMNS_MAX];
};

static struct table_layout table_lay_out(const struct table *t, int width)
{
	const struct table_column *columns = t->kind->columns;
	int count = t->kind->column_count, used = 0, x = 1;
	bool shown[TABLE_COLUMNS_MAX] = { false };
	struct table_layout l = { 0 };

	for (int c = 0; c < count; c++) {
		shown[c] = true;
		used += columns[c].width + 1;
	}
	for (int priority = 9; priority > 0 && used > width; priority--)
		for (int c = count - 1; c >= 0 && used > width; c--)
			if (shown[c] && columns[c].priority == priority) {
				shown[c] = false;
				used -= columns[c].width + 1;
			}
	for (int c = 0; c < count; c++) {
		if (!shown[c])
			continue;
		l.x[c] = x;
		l.width[c] = columns[c].width;
		if (columns[c].bar && width > used)
			l.width[c] += (width - used) * 3 / 5;
		if (c == count - 1)
			l.width[c] = width > x ? width - x : 0;
		x += l.width[c] + 1;
	}
	return l;
}

/*
 * How many cells each part gets: in proportion, rounded down, what is left to the largest
 * remainders; but a part in swap is never rounded away.
 */
static void table_share_cells(const struct table_part *parts, size_t n, uint64_t sum, int cells,
			      int *ret_cells)
{
	int left = cells;
	double rest[TABLE_PARTS_MAX];

	for (size_t i = 0; i < n; i++) {
		double exact = (double)parts[i].bytes * cells / (double)sum;
		bool matters = parts[i].state == PAGE_SWAP || parts[i].state == PAGE_SHARED_SWAP;

		ret_cells[i] = (int)exact;
		rest[i] = exact - (int)exact;
		if (!ret_cells[i] && matters && parts[i].bytes && left > 0) {
			ret_cells[i] = 1;
			rest[i] = 0;
		}
		left -= ret_cells[i];
	}
	while (left != 0) {
		size_t best = 0;

		for (size_t i = 1; i < n; i++)
			if (left > 0 ? rest[i] > rest[best] : ret_cells[i] > ret_cells[best])
				best = i;
		ret_cells[best] += left > 0 ? 1 : -1;
		rest[best] = 0;
		left += left > 0 ? -1 : 1;
	}
}

static void table_draw_bar(const struct table *t, const struct scene *scene, struct canvas *canvas,
			   struct rect rect, int x, int y, int width, size_t row)
{
	struct table_part parts[TABLE_PARTS_MAX];
	size_t n = t->kind->parts(census_of(t), row, parts);
	uint64_t sum = table_row_size(t, row);
	int share[TABLE_PARTS_MAX], cells;

	if (!sum || width < 1)
		return;
	cells = (int)((double)sum * width / (double)t->largest + 0.5);
	if (cells < 1)
		cells = 1;
	table_share_cells(parts, n, sum, cells, share);
	for (size_t i = 0; i < n; i++) {
		struct style style = theme_value(scene->theme, LENS_WHERE, parts[i].state);

		for (int k = 0; k < share[i]; k++, x++)
			canvas_put(canvas, rect, x, y, style,
				   (uint32_t)page_states[parts[i].state].letter);
	}
}

static void table_draw_row(const struct table *t, const struct scene *scene, struct canvas *canvas,
			   struct rect rect, const struct table_layout *l, int y, size_t row)
{
	for (int c = 0; c < t->kind->column_count; c++) {
		struct table_text cell = { "", ROLE_TEXT };
		struct style style;

		if (!l->width[c])
			continue;
		if (t->kind->columns[c].bar) {
			table_draw_bar(t, scene, canvas, rect, l->x[c], y, l->width[c], row);
			continue;
		}
		t->kind->text(census_of(t), row, c, &cell);
		style = theme_role(scene->theme, cell.role);
		if (t->kind->columns[c].left)
			canvas_fit(canvas, rect, l->x[c], y, l->width[c], style, cell.text, false);
		else
			canvas_right(canvas, rect, l->x[c], y, l->width[c], style, cell.text);
	}
}

static void table_draw_head(const struct table *t, const struct scene *scene, struct canvas *canvas,
			    struct rect rect, int y, const struct table_layout *l)
{
	for (int c = 0; c < t->kind->column_count; c++) {
		const struct table_column *column = &t->kind->columns[c];
		struct style style = theme_role(scene->theme, ROLE_HEADER);

		if (!l->width[c])
			continue;
		if (c == t->sort)
			style.attr |= ATTR_REVERSE;
		if (column->left)
			canvas_fit(canvas, rect, l->x[c], y, l->width[c], style, column->title,
				   false);
		else
			canvas_right(canvas, rect, l->x[c], y, l->width[c], style, column->title);
	}
}

static void table_draw_empty(const struct table *t, const struct scene *scene,
			     struct canvas *canvas, struct rect rect)
{
	struct style dim = theme_role(scene->theme, ROLE_DIM);

	if (!census_of(t))
		canvas_printf(canvas, rect, 1, 0, dim, "counting");
	else if (*t->filter)
		canvas_printf(canvas, rect, 1, 0, dim, "no %s matches \"%s\"; Esc shows all",
			      t->kind->noun, t->filter);
	else
		canvas_printf(canvas, rect, 1, 0, dim, "no %s at all", t->kind->noun);
}

/* The line above and the heading, where there is room. Returns the rows they take. */
static int table_draw_top(const struct table *t, const struct scene *scene, struct canvas *canvas,
			  struct rect rect, const struct table_layout *l)
{
	char summary[512];
	int y = 0;

	if (census_of(t) && rect.height > 4) {
		t->kind->summary(census_of(t), summary, sizeof(summary));
		canvas_fit(canvas, rect, 1, y++, rect.width - 1,
			   theme_role(scene->theme, ROLE_TEXT), summary, false);
	}
	if (rect.height > 2 && t->list.count)
		table_draw_head(t, scene, canvas, rect, y++, l);
	return y;
}

void table_draw(struct view *view, struct scene *scene, struct canvas *canvas, struct rect rect,
		bool focused, struct view_cursor *ret_cursor)
{
	struct table *t = (struct table *)view;
	struct table_layout layout = table_lay_out(t, rect.width);
	int top = table_draw_top(t, scene, canvas, rect, &layout);
	struct rect rows = rect_inner(rect, 0, top, rect.width, rect.height);

	t->drawn = rows;
	t->list.height = rows.height > 0 ? (size_t)rows.height : 0;
	if (!t->list.count) {
		table_draw_empty(t, scene, canvas, rows);
		return;
	}
	list_settle(&t->list);
	for (int y = 0; y < rows.height; y++) {
		size_t i = t->list.top + (size_t)y;

		if (i >= t->list.count)
			break;
		table_draw_row(t, scene, canvas, rows, &layout, y, t->rows[i]);
		if (i != t->list.selected)
			continue;
		canvas_put(canvas, rows, 0, y, theme_role(scene->theme, ROLE_TEXT), '>');
		canvas_add_attr(canvas, rect_inner(rows, 0, y, rows.width, 1),
				focused ? ATTR_BOLD : 0);
		if (focused)
			*ret_cursor = (struct view_cursor){ rows.x, rows.y + y };
	}
}
