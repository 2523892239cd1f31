// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/page.h"
#include "ui/list.h"
#include "ui/table.h"

struct table {
	struct view view;
	const struct table_kind *kind;
	struct census_feed *feed;
	size_t *rows; /* numbers of the census, as sorted and filtered */
	size_t room;
	struct list list;
	struct table_identity selected;
	bool has_selected; /* something was selected by now */
	int sort;
	bool reverse;
	char filter[128];
	uint64_t largest; /* longest bar */
	struct rect drawn; /* the rows, when last drawn */
};

static uint64_t table_row_size(const struct table *t, size_t row);

static void table_draw(struct view *view, struct scene *scene, struct canvas *canvas,
		       struct rect rect, bool focused, struct view_cursor *ret_cursor);

static inline const struct census *table_census_of(const struct table *t)
{
	return census_feed_newest(t->feed);
}

static struct table *table_self(struct view *view)
{
	return (struct table *)view;
}

int table_compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

bool table_contains(const char *in, const char *text)
{
	return strcasestr(in, text);
}

static int table_compare_rows(const void *a, const void *b, void *context)
{
	const struct table *t = context;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	int r = t->kind->compare(table_census_of(t), x, y, t->sort);

	/* Equal ones keep the order of the census, so that nothing jumps. */
	if (!r)
		r = x < y ? -1 : x > y;
	return t->reverse ? -r : r;
}

/* Where the selected one is now; if it is gone, what stands on its line. */
static size_t table_find_selected(const struct table *t, size_t count)
{
	for (size_t i = 0; t->has_selected && i < count; i++) {
		struct table_identity id = t->kind->identity(table_census_of(t), t->rows[i]);

		if (id.a == t->selected.a && id.b == t->selected.b)
			return i;
	}
	return t->list.selected < count ? t->list.selected : count ? count - 1 : 0;
}

static void table_remember_selected(struct table *t)
{
	if (t->list.selected >= t->list.count)
		return;
	t->selected = t->kind->identity(table_census_of(t), t->rows[t->list.selected]);
	t->has_selected = true;
}

static void table_rebuild(struct table *t)
{
	const struct census *census = table_census_of(t);
	size_t total = census ? t->kind->count(census) : 0, count = 0;

	if (total > t->room) {
		size_t *grown = reallocarray(t->rows, total, sizeof(*grown));

		if (!grown)
			return;
		t->rows = grown;
		t->room = total;
	}
	t->largest = 1;
	for (size_t i = 0; i < total; i++) {
		uint64_t size;

		if (*t->filter && !t->kind->matches(census, i, t->filter))
			continue;
		t->rows[count++] = i;
		size = table_row_size(t, i);
		if (size > t->largest)
			t->largest = size;
	}
	if (count)
		qsort_r(t->rows, count, sizeof(*t->rows), table_compare_rows, t);
	list_keep(&t->list, table_find_selected(t, count), count);
}

static void table_update(struct view *view, struct scene *scene)
{
	table_rebuild(table_self(view));
}

static void table_tick(struct view *view, struct scene *scene)
{
	struct table *t = table_self(view);

	/* Another view of the feed may have taken the newest one. */
	(void)census_feed_take(t->feed);
	table_rebuild(t);
}

static int table_fd(const struct view *view)
{
	return census_feed_fd(((const struct table *)view)->feed);
}

static enum view_answer table_next_sort(struct table *t)
{
	do {
		t->sort = (t->sort + 1) % t->kind->column_count;
	} while (t->kind->columns[t->sort].unsorted);
	t->reverse = false;
	table_rebuild(t);
	return VIEW_DONE;
}

static enum view_answer table_request(struct view *view, struct scene *scene, enum request request)
{
	struct table *t = table_self(view);

	if (list_move(&t->list, request)) {
		table_remember_selected(t);
		return VIEW_DONE;
	}
	switch (request) {
	case REQ_OPEN:
		table_remember_selected(t);
		return t->list.count ? VIEW_OPEN : VIEW_DONE;
	case REQ_BACK:
		if (!*t->filter)
			return VIEW_BACK;
		t->filter[0] = '\0';
		table_rebuild(t);
		return VIEW_DONE;
	case REQ_SORT:
		return table_next_sort(t);
	case REQ_REVERSE:
		t->reverse = !t->reverse;
		table_rebuild(t);
		return VIEW_DONE;
	default:
		return VIEW_IGNORED;
	}
}

static bool table_find(struct view *view, struct scene *scene, const char *text, int direction)
{
	struct table *t = table_self(view);
	size_t n = t->list.count;

	for (size_t k = 1; k <= n; k++) {
		size_t i = (t->list.selected + (direction > 0 ? k : n - k)) % n;

		if (!t->kind->matches(table_census_of(t), t->rows[i], text))
			continue;
		t->list.selected = i;
		list_settle(&t->list);
		table_remember_selected(t);
		return true;
	}
	return false;
}

static int table_filter(struct view *view, struct scene *scene, const char *text)
{
	struct table *t = table_self(view);

	snprintf(t->filter, sizeof(t->filter), "%s", text);
	table_rebuild(t);
	return (int)t->list.count;
}

static void table_title(struct view *view, const struct scene *scene, char *buf, size_t size)
{
	struct table *t = table_self(view);

	const char *by = t->kind->columns[t->sort].title;

	if (*t->filter)
		snprintf(buf, size, "%zu %s with \"%s\" by %s", t->list.count, t->kind->nouns,
			 t->filter, by);
	else
		snprintf(buf, size, "%zu %s by %s", t->list.count, t->kind->nouns, by);
}

static enum view_answer table_click(struct view *view, struct scene *scene, int x, int y)
{
	struct table *t = table_self(view);
	size_t row = t->list.top + (size_t)(y - t->drawn.y);

	if (y < t->drawn.y || row >= t->list.count)
		return VIEW_IGNORED;
	if (row == t->list.selected)
		return VIEW_OPEN;
	t->list.selected = row;
	table_remember_selected(t);
	return VIEW_DONE;
}

static struct census_identity table_selected_process(const struct view *view)
{
	const struct table *t = (const struct table *)view;
	struct census_identity who = { 0 };
	const struct census_process *p;

	if (t->list.selected >= t->list.count)
		return who;
	who.pid = t->kind->pid(table_census_of(t), t->rows[t->list.selected]);
	p = census_find(table_census_of(t), who.pid);
	if (p)
		who.start_time = p->start_time;
	return who;
}

static void table_free(struct view *view)
{
	struct table *t = table_self(view);

	census_feed_unref(t->feed);
	free(t->rows);
	free(t);
}

/* One table of functions for each screen, since the screen is part of it. */
#define TABLE_OPS(ui)                                                                              \
	{                                                                                          \
		.screen = (ui), .draw = table_draw, .request = table_request,                      \
		.title = table_title, .update = table_update, .find = table_find,                  \
		.filter = table_filter, .click = table_click,                                      \
		.selected_process = table_selected_process, .fd = table_fd, .tick = table_tick,    \
		.free = table_free,                                                                \
	}

static const struct view_ops process_ops = TABLE_OPS(SCREEN_PROCESSES);
static const struct view_ops object_ops = TABLE_OPS(SCREEN_OBJECTS);

struct view *census_table_new(const struct table_kind *kind, struct census_feed *feed)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->view.ops = kind->screen == SCREEN_OBJECTS ? &object_ops : &process_ops;
	t->kind = kind;
	t->sort = kind->first_sort;
	t->feed = census_feed_ref(feed);
	table_rebuild(t);
	return &t->view;
}

/* Bytes of all parts of a row. */
static uint64_t table_row_size(const struct table *t, size_t row)
{
	struct table_part parts[TABLE_PARTS_MAX];
	size_t n = t->kind->parts(table_census_of(t), row, parts);
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
	size_t n = t->kind->parts(table_census_of(t), row, parts);
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
		t->kind->text(table_census_of(t), row, c, &cell);
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

	if (!table_census_of(t))
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

	if (table_census_of(t) && rect.height > 4) {
		t->kind->summary(table_census_of(t), summary, sizeof(summary));
		canvas_fit(canvas, rect, 1, y++, rect.width - 1,
			   theme_role(scene->theme, ROLE_TEXT), summary, false);
	}
	if (rect.height > 2 && t->list.count)
		table_draw_head(t, scene, canvas, rect, y++, l);
	return y;
}

static void table_draw(struct view *view, struct scene *scene, struct canvas *canvas,
		       struct rect rect, bool focused, struct view_cursor *ret_cursor)
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
