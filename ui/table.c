// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/page.h"
#include "ui/list.h"
#include "ui/table.h"

struct table_row {
	size_t number; /* of the data */
	bool gap; /* not the row, but the gap before it */
};

struct table {
	struct view view;
	const struct table_kind *kind;
	struct census_feed *feed; /* NULL: the rows are of the scene */
	struct table_column columns[TABLE_COLUMNS_MAX];
	int column_count;
	struct table_row *rows; /* as sorted and filtered */
	size_t room, matching; /* rows that are no gaps */
	struct list list;
	struct table_identity selected;
	struct table_identity unchosen; /* the row that a sort selected for being the first */
	bool has_selected; /* something was selected by now */
	int sort;
	bool reverse;
	char filter[128];
	uint64_t largest; /* longest bar */
	struct rect drawn; /* the rows, when last drawn */
};

static void table_draw(struct view *view, struct scene *scene, struct canvas *canvas,
		       struct rect rect, bool focused, struct view_cursor *ret_cursor);

/* What the kind reads; NULL: nothing yet. */
static const void *table_data(const struct table *t, const struct scene *scene)
{
	if (t->feed)
		return census_feed_newest(t->feed);
	return scene->snapshot ? scene : NULL;
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

static bool table_same(struct table_identity a, struct table_identity b)
{
	return a.a == b.a && a.b == b.b;
}

struct table_order {
	const struct table *table;
	const void *data;
};

static int table_compare_rows(const void *a, const void *b, void *context)
{
	const struct table_order *o = context;
	size_t x = ((const struct table_row *)a)->number, y = ((const struct table_row *)b)->number;
	const struct table *t = o->table;
	int r = t->kind->compare(o->data, x, y, t->columns[t->sort].id);

	/* Equal ones keep the order of the data, so that nothing jumps. */
	if (!r)
		r = x < y ? -1 : x > y;
	return t->reverse ? -r : r;
}

/* The rows are in the order of the data. */
static bool table_is_in_order(const struct table *t)
{
	return t->kind->in_order && !t->sort && !t->reverse;
}

/* The row that the scene has selected; if that is gone, the nearest one. */
static size_t table_find_nearest(const struct table *t, const struct scene *scene)
{
	uint64_t wanted = t->kind->selected(scene).a, least = UINT64_MAX;
	size_t nearest = 0;

	for (size_t i = 0; i < t->list.count; i++) {
		uint64_t at = t->kind->identity(scene, t->rows[i].number).a;
		uint64_t distance = at > wanted ? at - wanted : wanted - at;

		if (t->rows[i].gap || distance >= least)
			continue;
		least = distance;
		nearest = i;
	}
	return nearest;
}

/* Where the selected one is now; if it is gone, what stands on its line. */
static size_t table_find_selected(const struct table *t, const struct scene *scene)
{
	const void *data = table_data(t, scene);
	size_t count = t->list.count;

	if (t->kind->selected)
		return table_find_nearest(t, scene);
	for (size_t i = 0; t->has_selected && i < count; i++)
		if (table_same(t->kind->identity(data, t->rows[i].number), t->selected))
			return i;
	return t->list.selected < count ? t->list.selected : count ? count - 1 : 0;
}

static void table_remember_selected(struct table *t, struct scene *scene)
{
	size_t row;

	if (t->list.selected >= t->list.count)
		return;
	row = t->rows[t->list.selected].number;
	t->selected = t->kind->identity(table_data(t, scene), row);
	t->has_selected = true;
	if (t->kind->select)
		t->kind->select(scene, row);
}

/* Bytes of all parts of a row. */
static uint64_t table_row_size(const struct table *t, const void *data, size_t row)
{
	struct table_part parts[TABLE_PARTS_MAX];
	size_t n = t->kind->parts ? t->kind->parts(data, row, parts) : 0;
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += parts[i].bytes;
	return sum;
}

static void table_add_row(struct table *t, const void *data, size_t row)
{
	bool gaps = t->kind->gap && table_is_in_order(t) && !*t->filter;
	char text[64];
	uint64_t size;

	if (gaps && t->kind->gap(data, row, text, sizeof(text)))
		t->rows[t->list.count++] = (struct table_row){ row, true };
	if (*t->filter && !t->kind->matches(data, row, t->filter))
		return;
	t->rows[t->list.count++] = (struct table_row){ row, false };
	t->matching++;
	size = table_row_size(t, data, row);
	if (size > t->largest)
		t->largest = size;
}

static void table_rebuild(struct table *t, struct scene *scene)
{
	const void *data = table_data(t, scene);
	const struct table_order order = { t, data };
	size_t total = data ? t->kind->count(data) : 0;
	size_t room = t->kind->gap ? total * 2 : total;

	if (room > t->room) {
		struct table_row *grown = reallocarray(t->rows, room, sizeof(*grown));

		if (!grown)
			return;
		t->rows = grown;
		t->room = room;
	}
	t->largest = 1;
	t->list.count = t->matching = 0;
	for (size_t i = 0; i < total; i++)
		table_add_row(t, data, i);
	if (t->list.count && !table_is_in_order(t))
		qsort_r(t->rows, t->list.count, sizeof(*t->rows), table_compare_rows,
			(void *)&order);
	list_keep(&t->list, table_find_selected(t, scene), t->list.count);
	if (t->kind->select)
		table_remember_selected(t, scene);
}

static void table_update(struct view *view, struct scene *scene)
{
	struct table *t = table_self(view);

	if (t->feed || scene->snapshot)
		table_rebuild(t, scene);
}

static void table_tick(struct view *view, struct scene *scene)
{
	struct table *t = table_self(view);

	if (!t->feed)
		return;
	/* Another view of the feed may have taken the newest one. */
	(void)census_feed_take(t->feed);
	table_rebuild(t, scene);
}

static int table_fd(const struct view *view)
{
	const struct table *t = (const struct table *)view;

	return t->feed ? census_feed_fd(t->feed) : -1;
}

/* The first row is what is selected before anybody chose, and so is what a sort put there. */
static bool table_is_chosen(const struct table *t, const struct scene *scene)
{
	struct table_identity now;

	if (!t->kind->selected)
		return t->has_selected;
	now = t->kind->selected(scene);
	return !table_same(now, t->kind->identity(scene, 0)) && !table_same(now, t->unchosen);
}

/* A selection that nobody chose shows what comes first by the new order; any other is followed. */
static enum view_answer table_sort_again(struct table *t, struct scene *scene)
{
	bool chosen = !t->list.count || table_is_chosen(t, scene);

	table_rebuild(t, scene);
	if (chosen || !t->list.count)
		return VIEW_DONE;
	t->list.selected = 0;
	list_scroll_to_selection(&t->list);
	if (t->kind->select) {
		table_remember_selected(t, scene);
		t->unchosen = t->selected;
	}
	return VIEW_DONE;
}

/* The column after this one by rank and place, from the last on to the first. */
static int table_sort_after(const struct table *t, int sort)
{
	int next = -1, first = -1;

	for (int c = 0; c < t->column_count; c++) {
		uint8_t rank = t->columns[c].sort_rank, now = t->columns[sort].sort_rank;

		if (t->columns[c].unsorted)
			continue;
		if (first < 0 || rank < t->columns[first].sort_rank)
			first = c;
		if ((rank > now || (rank == now && c > sort)) &&
		    (next < 0 || rank < t->columns[next].sort_rank))
			next = c;
	}
	return next < 0 ? first : next;
}

/* A gap cannot be selected: go on in the same direction, or back at the ends. */
static void table_skip_gap(struct table *t, enum request request)
{
	bool up = request == REQ_UP || request == REQ_PAGE_UP || request == REQ_HALF_UP;
	struct list *l = &t->list;

	if (!l->count || !t->rows[l->selected].gap)
		return;
	if (up && l->selected)
		l->selected--;
	else
		l->selected++;
	list_scroll_to_selection(l);
}

static enum view_answer table_request(struct view *view, struct scene *scene, enum request request)
{
	struct table *t = table_self(view);

	if (!t->feed && !scene->snapshot)
		return VIEW_IGNORED;
	if (list_move(&t->list, request)) {
		table_skip_gap(t, request);
		table_remember_selected(t, scene);
		return VIEW_DONE;
	}
	switch (request) {
	case REQ_OPEN:
		table_remember_selected(t, scene);
		return t->list.count ? VIEW_OPEN : VIEW_DONE;
	case REQ_BACK:
		if (!*t->filter)
			return VIEW_BACK;
		t->filter[0] = '\0';
		table_rebuild(t, scene);
		return VIEW_DONE;
	case REQ_SORT:
		t->sort = table_sort_after(t, t->sort);
		t->reverse = false;
		return table_sort_again(t, scene);
	case REQ_REVERSE:
		t->reverse = !t->reverse;
		return table_sort_again(t, scene);
	default:
		return VIEW_IGNORED;
	}
}

static void table_select_row(struct table *t, struct scene *scene, size_t row)
{
	t->list.selected = row;
	list_scroll_to_selection(&t->list);
	table_remember_selected(t, scene);
}

static bool table_find(struct view *view, struct scene *scene, const char *text, int direction)
{
	struct table *t = table_self(view);
	size_t n = t->list.count;

	for (size_t k = 1; k <= n; k++) {
		size_t i = (t->list.selected + (direction > 0 ? k : n - k)) % n;

		if (t->rows[i].gap ||
		    !t->kind->matches(table_data(t, scene), t->rows[i].number, text))
			continue;
		table_select_row(t, scene, i);
		return true;
	}
	return false;
}

static int table_filter(struct view *view, struct scene *scene, const char *text)
{
	struct table *t = table_self(view);

	snprintf(t->filter, sizeof(t->filter), "%s", text);
	table_rebuild(t, scene);
	return (int)t->matching;
}

static void table_title(struct view *view, const struct scene *scene, char *buf, size_t size)
{
	struct table *t = table_self(view);
	const char *by = t->columns[t->sort].title;

	if (!t->kind->nouns && *t->filter)
		snprintf(buf, size, "filter \"%s\" %zu", t->filter, t->matching);
	else if (!t->kind->nouns)
		buf[0] = '\0';
	else if (*t->filter)
		snprintf(buf, size, "%zu %s with \"%s\" by %s", t->matching, t->kind->nouns,
			 t->filter, by);
	else
		snprintf(buf, size, "%zu %s by %s", t->matching, t->kind->nouns, by);
}

static enum view_answer table_click(struct view *view, struct scene *scene, int x, int y)
{
	struct table *t = table_self(view);
	size_t row = t->list.top + (size_t)(y - t->drawn.y);

	if (y < t->drawn.y || row >= t->list.count || t->rows[row].gap)
		return VIEW_IGNORED;
	if (row == t->list.selected)
		return VIEW_OPEN;
	table_select_row(t, scene, row);
	return VIEW_DONE;
}

static struct census_identity table_selected_process(const struct view *view)
{
	const struct table *t = (const struct table *)view;
	struct census_identity who = { 0 };
	const struct census_process *p;
	const struct census *census;

	if (t->list.selected >= t->list.count)
		return who;
	census = census_feed_newest(t->feed);
	who.pid = t->kind->pid(census, t->rows[t->list.selected].number);
	p = census_find(census, who.pid);
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
#define TABLE_OPS(ui, ...)                                                                         \
	{                                                                                          \
		.screen = (ui), .draw = table_draw, .request = table_request,                      \
		.title = table_title, .update = table_update, .find = table_find,                  \
		.filter = table_filter, .click = table_click, .free = table_free, __VA_ARGS__      \
	}
#define TABLE_OPS_CENSUS(ui)                                                                       \
	TABLE_OPS(ui, .selected_process = table_selected_process, .fd = table_fd,                  \
		  .tick = table_tick)

static const struct view_ops table_process_ops = TABLE_OPS_CENSUS(SCREEN_PROCESSES);
static const struct view_ops table_object_ops = TABLE_OPS_CENSUS(SCREEN_OBJECTS);
static const struct view_ops table_mapping_ops = TABLE_OPS(SCREEN_MAPPINGS);

static void table_set_columns(struct table *t)
{
	const struct table_kind *kind = t->kind;

	if (kind->make_columns) {
		t->column_count = kind->make_columns(t->columns);
		return;
	}
	t->column_count = kind->column_count;
	for (int c = 0; c < kind->column_count; c++) {
		t->columns[c] = kind->columns[c];
		t->columns[c].id = (uint8_t)c;
	}
}

struct view *table_new(const struct table_kind *kind, struct census_feed *feed)
{
	struct scene none = { 0 };
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->view.ops = kind->screen == SCREEN_OBJECTS	 ? &table_object_ops
		      : kind->screen == SCREEN_PROCESSES ? &table_process_ops
							 : &table_mapping_ops;
	t->kind = kind;
	t->sort = kind->first_sort;
	table_set_columns(t);
	if (feed) {
		t->feed = census_feed_ref(feed);
		table_rebuild(t, &none);
	}
	return &t->view;
}

/* Where each column is; width 0: dropped. */
struct table_layout {
	int x[TABLE_COLUMNS_MAX], width[TABLE_COLUMNS_MAX];
};

static void table_drop_column(const struct table *t, bool *shown, int column, int *used)
{
	shown[column] = false;
	*used -= t->columns[column].width + 1;
}

static struct table_layout table_lay_out(const struct table *t, const void *data, int width)
{
	const struct table_column *columns = t->columns;
	int count = t->column_count, used = 0, x = 1;
	bool shown[TABLE_COLUMNS_MAX] = { false };
	struct table_layout l = { 0 };

	for (int c = 0; c < count; c++) {
		shown[c] = true;
		used += columns[c].width + 1;
	}
	/* A column that holds nothing but question marks goes before one that tells something. */
	for (int c = 0; data && t->kind->unknown && c < count; c++)
		if (used > width - 16 && t->kind->unknown(data, columns[c].id))
			table_drop_column(t, shown, c, &used);
	for (int priority = 9; priority > 0 && used > width; priority--)
		for (int c = count - 1; c >= 0 && used > width; c--)
			if (shown[c] && columns[c].priority == priority)
				table_drop_column(t, shown, c, &used);
	for (int c = 0; c < count; c++) {
		if (!shown[c])
			continue;
		l.x[c] = x;
		l.width[c] = columns[c].width;
		if (columns[c].bar && width > used)
			l.width[c] += (width - used) * t->kind->bar_share / 100;
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

static void table_draw_parts(const struct table *t, const struct scene *scene,
			     struct canvas *canvas, struct rect rect, size_t row)
{
	const void *data = table_data(t, scene);
	struct table_part parts[TABLE_PARTS_MAX];
	size_t n = t->kind->parts(data, row, parts);
	uint64_t sum = table_row_size(t, data, row);
	int share[TABLE_PARTS_MAX], cells, x = 0;

	if (!sum || rect.width < 1)
		return;
	cells = (int)((double)sum * rect.width / (double)t->largest + 0.5);
	if (cells < 1)
		cells = 1;
	table_share_cells(parts, n, sum, cells, share);
	for (size_t i = 0; i < n; i++) {
		struct style style = theme_value(scene->theme, LENS_WHERE, parts[i].state);

		for (int k = 0; k < share[i]; k++, x++)
			canvas_put(canvas, rect, x, 0, style,
				   (uint32_t)page_states[parts[i].state].letter);
	}
}

static void table_draw_text(struct canvas *canvas, struct rect rect, bool left, struct style style,
			    const char *text)
{
	if (left)
		canvas_fit(canvas, rect, 0, 0, rect.width, style, text, false);
	else
		canvas_right(canvas, rect, 0, 0, rect.width, style, text);
}

static void table_draw_cell(const struct table *t, const struct scene *scene, struct canvas *canvas,
			    struct rect rect, size_t row, const struct table_column *column)
{
	struct table_text cell = { .role = ROLE_TEXT, .canvas = canvas, .width = rect.width };

	if (column->bar && t->kind->draw_bar) {
		t->kind->draw_bar(table_data(t, scene), row, canvas, rect);
		return;
	}
	if (column->bar) {
		table_draw_parts(t, scene, canvas, rect, row);
		return;
	}
	t->kind->text(table_data(t, scene), row, column->id, &cell);
	table_draw_text(canvas, rect, column->left || cell.left,
			theme_role(scene->theme, cell.role),
			cell.borrowed ? cell.borrowed : cell.text);
}

static void table_draw_row(const struct table *t, const struct scene *scene, struct canvas *canvas,
			   struct rect rect, const struct table_layout *l, size_t row)
{
	for (int c = 0; c < t->column_count; c++)
		if (l->width[c])
			table_draw_cell(t, scene, canvas,
					rect_inner(rect, l->x[c], 0, l->width[c], 1), row,
					&t->columns[c]);
}

static void table_draw_head(const struct table *t, const struct scene *scene, struct canvas *canvas,
			    struct rect rect, const struct table_layout *l)
{
	for (int c = 0; c < t->column_count; c++) {
		struct style style = theme_role(scene->theme, ROLE_HEADER);

		if (!l->width[c])
			continue;
		if (c == t->sort && !table_is_in_order(t))
			style.attr |= ATTR_REVERSE;
		table_draw_text(canvas, rect_inner(rect, l->x[c], 0, l->width[c], 1),
				t->columns[c].left, style, t->columns[c].title);
	}
}

static void table_draw_empty(const struct table *t, const struct scene *scene,
			     struct canvas *canvas, struct rect rect)
{
	struct style dim = theme_role(scene->theme, ROLE_DIM);

	if (!table_data(t, scene))
		canvas_printf(canvas, rect, 1, 0, dim, "%s", t->kind->waiting);
	else if (*t->filter)
		canvas_printf(canvas, rect, 1, 0, dim, "no %s matches \"%s\"; Esc shows all",
			      t->kind->noun, t->filter);
	else
		canvas_printf(canvas, rect, 1, 0, dim, "no %s at all", t->kind->noun);
}

static void table_draw_gap(const struct table *t, const struct scene *scene, struct canvas *canvas,
			   struct rect rect, size_t row)
{
	char text[64];

	if (t->kind->gap(table_data(t, scene), row, text, sizeof(text)))
		canvas_text(canvas, rect, 3, 0, theme_role(scene->theme, ROLE_DIM), text);
}

/* The line above and the heading, where there is room. Returns the rows they take. */
static int table_draw_top(const struct table *t, const struct scene *scene, struct canvas *canvas,
			  struct rect rect, const struct table_layout *l)
{
	const void *data = table_data(t, scene);
	char summary[512];
	int y = 0;

	if (data && t->kind->summary && rect.height > 4) {
		t->kind->summary(data, summary, sizeof(summary));
		canvas_fit(canvas, rect, 1, y++, rect.width - 1,
			   theme_role(scene->theme, ROLE_TEXT), summary, false);
	}
	if (rect.height > 2 && t->list.count)
		table_draw_head(t, scene, canvas, rect_inner(rect, 0, y++, rect.width, 1), l);
	return y;
}

static void table_draw(struct view *view, struct scene *scene, struct canvas *canvas,
		       struct rect rect, bool focused, struct view_cursor *ret_cursor)
{
	struct table *t = (struct table *)view;
	struct table_layout layout = table_lay_out(t, table_data(t, scene), rect.width);
	int top = table_draw_top(t, scene, canvas, rect, &layout);
	struct rect rows = rect_inner(rect, 0, top, rect.width, rect.height);

	t->drawn = rows;
	t->list.height = (size_t)rows.height;
	if (!t->list.count || !table_data(t, scene)) {
		table_draw_empty(t, scene, canvas, rows);
		return;
	}
	list_scroll_to_selection(&t->list);
	for (int y = 0; y < rows.height; y++) {
		size_t i = t->list.top + (size_t)y;
		struct rect line = rect_inner(rows, 0, y, rows.width, 1);

		if (i >= t->list.count)
			break;
		if (t->rows[i].gap) {
			table_draw_gap(t, scene, canvas, line, t->rows[i].number);
			continue;
		}
		table_draw_row(t, scene, canvas, line, &layout, t->rows[i].number);
		if (i != t->list.selected)
			continue;
		canvas_put(canvas, line, 0, 0, theme_role(scene->theme, ROLE_TEXT), '>');
		canvas_add_attr(canvas, line, focused ? ATTR_BOLD : 0);
		if (focused)
			*ret_cursor = (struct view_cursor){ line.x, line.y };
	}
}
