// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/census_table_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	int r = t->kind->compare(census_of(t), x, y, t->sort);

	/* Equal ones keep the order of the census, so that nothing jumps. */
	if (!r)
		r = x < y ? -1 : x > y;
	return t->reverse ? -r : r;
}

/* Where the selected one is now; if it is gone, what stands on its line. */
static size_t table_find_selected(const struct table *t, size_t count)
{
	for (size_t i = 0; t->has_selected && i < count; i++) {
		struct table_identity id = t->kind->identity(census_of(t), t->rows[i]);

		if (id.a == t->selected.a && id.b == t->selected.b)
			return i;
	}
	return t->list.selected < count ? t->list.selected : count ? count - 1 : 0;
}

static void table_remember_selected(struct table *t)
{
	if (t->list.selected >= t->list.count)
		return;
	t->selected = t->kind->identity(census_of(t), t->rows[t->list.selected]);
	t->has_selected = true;
}

static void table_rebuild(struct table *t)
{
	const struct census *census = census_of(t);
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

		if (!t->kind->matches(census_of(t), t->rows[i], text))
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
	who.pid = t->kind->pid(census_of(t), t->rows[t->list.selected]);
	p = census_find(census_of(t), who.pid);
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
