// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ui/list.h"
#include "ui/mapping_text.h"
#include "ui/theme.h"
#include "ui/tiles.h"
#include "ui/view.h"
#include "ui/view_mappings.h"

enum column {
	COLUMN_ADDRESS,
	COLUMN_SIZE,
	COLUMN_PERMS,
	COLUMN_RSS,
	COLUMN_WRITTEN,
	COLUMN_SWAP,
	COLUMN_SHARED_SWAP,
	COLUMN_PAGES,
	COLUMN_NAME,
	COLUMNS
};

struct row {
	uint32_t mapping;
	bool gap; /* the hole before that mapping */
};

struct mappings_view {
	struct view view;
	struct row *rows;
	size_t capacity;
	struct list list; /* of rows */
	enum column sort;
	bool reverse;
	uint64_t unchosen; /* the mapping that a sort selected for being the first */
	char filter[128];
	size_t matching; /* mappings that the filter leaves */
	struct rect drawn; /* the rows, when last drawn */
};

/* A hole in the address space gets a row of its own from this size on. */
#define GAP_SHOWN ((uint64_t)8 << 30)
/* Above it there is only the kernel's vsyscall page: the hole between is no memory. */
#define USER_SPACE_END ((uint64_t)1 << 47)
#define BAR_LEAST      8
#define NAME_LEAST     8

static void view_mappings_draw(struct view *view, struct scene *scene, struct canvas *canvas,
			       struct rect rect, bool focused, struct view_cursor *ret_cursor);

static struct mappings_view *view_mappings_self(struct view *view)
{
	return (struct mappings_view *)view;
}

struct order {
	const struct snapshot *snapshot;
	enum column sort;
	bool reverse;
};

static uint64_t view_mappings_sort_key(const struct snapshot_mapping *m, enum column sort)
{
	struct mapping_sums sums = mapping_sums(m);

	switch (sort) {
	case COLUMN_SIZE:
		return sums.size;
	case COLUMN_RSS:
		return sums.rss;
	case COLUMN_WRITTEN:
		return sums.written;
	case COLUMN_SWAP:
		return sums.swap;
	case COLUMN_SHARED_SWAP:
		return sums.shared_swap;
	default:
		return 0;
	}
}

/* Numbers: largest first; text: from A; equal ones by address. */
static int view_mappings_compare_rows(const void *a, const void *b, void *context)
{
	const struct order *o = context;
	uint32_t ia = ((const struct row *)a)->mapping, ib = ((const struct row *)b)->mapping;
	const struct snapshot_mapping *ma = &o->snapshot->mappings[ia];
	const struct snapshot_mapping *mb = &o->snapshot->mappings[ib];
	int r = 0;

	if (o->sort == COLUMN_NAME)
		r = strcmp(mapping_title(ma->mapping), mapping_title(mb->mapping));
	else if (o->sort == COLUMN_PERMS)
		r = strcmp(mb->mapping->perms, ma->mapping->perms);
	else if (o->sort != COLUMN_ADDRESS) {
		uint64_t ka = view_mappings_sort_key(ma, o->sort),
			 kb = view_mappings_sort_key(mb, o->sort);

		r = ka < kb ? 1 : ka > kb ? -1 : 0;
	}
	if (!r)
		r = ia < ib ? -1 : ia > ib;
	return o->reverse ? -r : r;
}

static bool view_mappings_add_row(struct mappings_view *v, uint32_t mapping, bool gap)
{
	if (v->list.count == v->capacity) {
		size_t capacity = v->capacity ? v->capacity * 2 : 64;
		struct row *rows = realloc(v->rows, capacity * sizeof(*rows));

		if (!rows)
			return false;
		v->rows = rows;
		v->capacity = capacity;
	}
	v->rows[v->list.count++] = (struct row){ mapping, gap };
	return true;
}

static void view_mappings_build_rows(struct mappings_view *v, const struct snapshot *snapshot)
{
	struct order order = { snapshot, v->sort, v->reverse };
	bool gaps = v->sort == COLUMN_ADDRESS && !v->reverse && !*v->filter;
	uint64_t end = 0;

	v->list.count = v->matching = 0;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct mapping *m = snapshot->mappings[i].mapping;

		if (gaps && end && m->start - end >= GAP_SHOWN && m->start < USER_SPACE_END &&
		    !view_mappings_add_row(v, (uint32_t)i, true))
			break;
		end = m->end;
		if (!mapping_matches(&snapshot->mappings[i], v->filter))
			continue;
		v->matching++;
		if (!view_mappings_add_row(v, (uint32_t)i, false))
			break;
	}
	if (v->sort != COLUMN_ADDRESS || v->reverse)
		qsort_r(v->rows, v->list.count, sizeof(*v->rows), view_mappings_compare_rows,
			&order);
}

static const struct mapping *view_mappings_row_mapping(const struct scene *scene,
						       const struct row *row)
{
	return scene->snapshot->mappings[row->mapping].mapping;
}

/* The row of the selected mapping; if it is gone, the nearest one before it in the list. */
static size_t view_mappings_find_row(const struct mappings_view *v, const struct scene *scene)
{
	size_t nearest = 0;
	uint64_t distance = UINT64_MAX;

	for (size_t i = 0; i < v->list.count; i++) {
		uint64_t start = view_mappings_row_mapping(scene, &v->rows[i])->start, d;

		if (v->rows[i].gap)
			continue;
		d = start > scene->mapping ? start - scene->mapping : scene->mapping - start;
		if (d < distance) {
			distance = d;
			nearest = i;
		}
	}
	return nearest;
}

static void view_mappings_select_row(struct mappings_view *v, struct scene *scene)
{
	const struct row *row;
	uint64_t start, end;

	if (!v->list.count)
		return;
	row = &v->rows[v->list.selected];
	start = view_mappings_row_mapping(scene, row)->start;
	end = view_mappings_row_mapping(scene, row)->end;
	scene->mapping = start;
	if (scene->page < start || scene->page >= end)
		scene->page = start;
}

static void view_mappings_update(struct view *view, struct scene *scene)
{
	struct mappings_view *v = view_mappings_self(view);
	size_t count;

	if (!scene->snapshot)
		return;
	view_mappings_build_rows(v, scene->snapshot);
	count = v->list.count;
	list_keep(&v->list, view_mappings_find_row(v, scene), count);
	view_mappings_select_row(v, scene);
}

/* A gap cannot be selected: go on in the same direction, or back at the ends. */
static void view_mappings_skip_gap(struct mappings_view *v, bool upwards)
{
	struct list *l = &v->list;

	if (!l->count || !v->rows[l->selected].gap)
		return;
	if (upwards && l->selected)
		l->selected--;
	else
		l->selected++;
	list_settle(l);
}

/* The first one is selected when a process is opened, and when nobody has chosen before a sort. */
static bool view_mappings_is_chosen(const struct mappings_view *v, const struct scene *scene)
{
	const struct snapshot *snapshot = scene->snapshot;

	return snapshot->count && scene->mapping != snapshot->mappings[0].mapping->start &&
	       scene->mapping != v->unchosen;
}

/* A selection that nobody chose shows what comes first by the new order; any other is followed. */
static enum view_answer view_mappings_sort_again(struct mappings_view *v, struct scene *scene)
{
	bool chosen = view_mappings_is_chosen(v, scene);

	view_mappings_update(&v->view, scene);
	if (!chosen && v->list.count) {
		v->list.selected = 0;
		list_settle(&v->list);
		view_mappings_select_row(v, scene);
		v->unchosen = scene->mapping;
	}
	return VIEW_DONE;
}

static enum view_answer view_mappings_next_sort(struct mappings_view *v, struct scene *scene)
{
	/* What people come for is asked first. */
	static const enum column next[COLUMNS] = {
		[COLUMN_ADDRESS] = COLUMN_SHARED_SWAP,
		[COLUMN_SHARED_SWAP] = COLUMN_SWAP,
		[COLUMN_SWAP] = COLUMN_RSS,
		[COLUMN_RSS] = COLUMN_WRITTEN,
		[COLUMN_WRITTEN] = COLUMN_SIZE,
		[COLUMN_SIZE] = COLUMN_NAME,
		[COLUMN_NAME] = COLUMN_PERMS,
		[COLUMN_PERMS] = COLUMN_ADDRESS,
	};

	v->sort = next[v->sort];
	v->reverse = false;
	return view_mappings_sort_again(v, scene);
}

static enum view_answer view_mappings_request(struct view *view, struct scene *scene,
					      enum request request)
{
	struct mappings_view *v = view_mappings_self(view);

	if (!scene->snapshot)
		return VIEW_IGNORED;
	if (request == REQ_NEXT_MAPPING || request == REQ_PREVIOUS_MAPPING)
		request = request == REQ_NEXT_MAPPING ? REQ_DOWN : REQ_UP;
	if (list_move(&v->list, request)) {
		view_mappings_skip_gap(v, request == REQ_UP || request == REQ_PAGE_UP ||
						  request == REQ_HALF_UP);
		view_mappings_select_row(v, scene);
		return VIEW_DONE;
	}
	switch (request) {
	case REQ_OPEN:
		return v->list.count ? VIEW_OPEN : VIEW_DONE;
	case REQ_BACK:
		if (!*v->filter)
			return VIEW_BACK;
		v->filter[0] = '\0';
		view_mappings_update(view, scene);
		return VIEW_DONE;
	case REQ_SORT:
		return view_mappings_next_sort(v, scene);
	case REQ_REVERSE:
		v->reverse = !v->reverse;
		return view_mappings_sort_again(v, scene);
	default:
		return VIEW_IGNORED;
	}
}

static bool view_mappings_find(struct view *view, struct scene *scene, const char *text,
			       int direction)
{
	struct mappings_view *v = view_mappings_self(view);
	size_t n = v->list.count;

	for (size_t k = 1; k <= n; k++) {
		size_t i = (v->list.selected + (direction > 0 ? k : n - k)) % n;

		if (v->rows[i].gap ||
		    !mapping_matches(&scene->snapshot->mappings[v->rows[i].mapping], text))
			continue;
		v->list.selected = i;
		list_settle(&v->list);
		view_mappings_select_row(v, scene);
		return true;
	}
	return false;
}

static int view_mappings_filter(struct view *view, struct scene *scene, const char *text)
{
	struct mappings_view *v = view_mappings_self(view);

	snprintf(v->filter, sizeof(v->filter), "%s", text);
	if (!scene->snapshot)
		return 0;
	view_mappings_update(view, scene);
	return (int)v->matching;
}

static void view_mappings_title(struct view *view, const struct scene *scene, char *buf,
				size_t size)
{
	struct mappings_view *v = view_mappings_self(view);

	if (*v->filter)
		snprintf(buf, size, "filter \"%s\" %zu", v->filter, v->matching);
	else
		buf[0] = '\0';
}

static enum view_answer view_mappings_click(struct view *view, struct scene *scene, int x, int y)
{
	struct mappings_view *v = view_mappings_self(view);
	size_t row = v->list.top + (size_t)(y - v->drawn.y);

	if (y < v->drawn.y || row >= v->list.count || v->rows[row].gap)
		return VIEW_IGNORED;
	if (row == v->list.selected)
		return VIEW_OPEN;
	v->list.selected = row;
	view_mappings_select_row(v, scene);
	return VIEW_DONE;
}

static void view_mappings_free(struct view *view)
{
	free(view_mappings_self(view)->rows);
	free(view);
}

static const struct view_ops ops = {
	.screen = SCREEN_MAPPINGS,
	.draw = view_mappings_draw,
	.request = view_mappings_request,
	.title = view_mappings_title,
	.update = view_mappings_update,
	.find = view_mappings_find,
	.filter = view_mappings_filter,
	.click = view_mappings_click,
	.free = view_mappings_free,
};

struct view *view_mappings_new(void)
{
	struct mappings_view *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->view.ops = &ops;
	return &v->view;
}

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

static void view_mappings_draw(struct view *view, struct scene *scene, struct canvas *canvas,
			       struct rect rect, bool focused, struct view_cursor *ret_cursor)
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
