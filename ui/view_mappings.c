// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/view_mappings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ui/mapping_text.h"
#include "ui/mappings_internal.h"

/* A hole in the address space gets a row of its own from this size on. */
#define GAP_SHOWN ((uint64_t)8 << 30)
/* Above it there is only the kernel's vsyscall page: the hole between is no memory. */
#define USER_SPACE_END ((uint64_t)1 << 47)
#define BAR_LEAST      8
#define NAME_LEAST     8

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

static void view_mappings_mappings_update(struct view *view, struct scene *scene)
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

	view_mappings_mappings_update(&v->view, scene);
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

static enum view_answer view_mappings_mappings_request(struct view *view, struct scene *scene,
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
		view_mappings_mappings_update(view, scene);
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

static bool view_mappings_mappings_find(struct view *view, struct scene *scene, const char *text,
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

static int view_mappings_mappings_filter(struct view *view, struct scene *scene, const char *text)
{
	struct mappings_view *v = view_mappings_self(view);

	snprintf(v->filter, sizeof(v->filter), "%s", text);
	if (!scene->snapshot)
		return 0;
	view_mappings_mappings_update(view, scene);
	return (int)v->matching;
}

static void view_mappings_mappings_title(struct view *view, const struct scene *scene, char *buf,
					 size_t size)
{
	struct mappings_view *v = view_mappings_self(view);

	if (*v->filter)
		snprintf(buf, size, "filter \"%s\" %zu", v->filter, v->matching);
	else
		buf[0] = '\0';
}

static enum view_answer view_mappings_mappings_click(struct view *view, struct scene *scene, int x,
						     int y)
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

static void view_mappings_mappings_free(struct view *view)
{
	free(view_mappings_self(view)->rows);
	free(view);
}

static const struct view_ops ops = {
	.screen = SCREEN_MAPPINGS,
	.draw = mappings_draw,
	.request = view_mappings_mappings_request,
	.title = view_mappings_mappings_title,
	.update = view_mappings_mappings_update,
	.find = view_mappings_mappings_find,
	.filter = view_mappings_mappings_filter,
	.click = view_mappings_mappings_click,
	.free = view_mappings_mappings_free,
};

struct view *view_mappings_new(void)
{
	struct mappings_view *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->view.ops = &ops;
	return &v->view;
}
