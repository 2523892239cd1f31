// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/layout.h"

#define INSPECTOR_ROWS	14 /* what it has to say of a page in swap */
#define INSPECTOR_WIDTH 46

static struct rect layout_take_top(struct rect *from, int rows)
{
	struct rect part = rect_inner(*from, 0, 0, from->width, rows);

	from->y += part.height;
	from->height -= part.height;
	return part;
}

static struct rect layout_take_bottom(struct rect *from, int rows)
{
	struct rect part;

	if (rows > from->height)
		rows = from->height;
	part = rect_inner(*from, 0, from->height - rows, from->width, rows);
	from->height -= rows;
	return part;
}

/* Leaves a blank column between the two. */
static struct rect layout_take_left(struct rect *from, int columns)
{
	struct rect part = rect_inner(*from, 0, 0, columns, from->height);

	*from = rect_inner(*from, columns + 1, 0, from->width, from->height);
	return part;
}

/* The inspector below the grid: all of a small screen when it has the keys, else at most a half. */
static struct rect layout_dock(struct rect *pages, const struct layout_request *wish)
{
	int rows = INSPECTOR_ROWS;

	if (wish->in_inspector && pages->height < INSPECTOR_ROWS + 4)
		rows = pages->height;
	else if (rows > pages->height / 2)
		rows = pages->height / 2;
	if (!wish->in_inspector && rows < 5)
		rows = 0;
	return layout_take_bottom(pages, rows);
}

static int layout_strip_rows(const struct layout_request *wish, int height)
{
	int most = (height - 6) / 2;

	if (wish->timeline_rows < 0)
		return height >= 40 ? 7 : height >= (wish->in_timeline ? 10 : 20) ? 2 : 0;
	if (most < 0)
		most = 0;
	return wish->timeline_rows < most ? wish->timeline_rows : most;
}

static void layout_split_panes(struct layout *l, const struct layout_request *wish)
{
	struct rect rest = l->main;
	bool inspector = wish->inspector || wish->in_inspector;

	if (wish->width < LAYOUT_TWO_PANES) {
		if (!wish->in_pages) {
			l->list = rest;
			return;
		}
		l->pages = rest;
		if (inspector)
			l->inspector = layout_dock(&l->pages, wish);
		return;
	}
	if (wish->width < LAYOUT_THREE_PANES || !inspector) {
		l->list = layout_take_left(&rest, rest.width - 1 - (rest.width - 1) * 45 / 100);
		l->pages = rest;
		if (inspector)
			l->inspector = layout_dock(&l->pages, wish);
		return;
	}
	l->list = layout_take_left(&rest, (rest.width - INSPECTOR_WIDTH) * 52 / 100);
	l->pages = layout_take_left(&rest, rest.width - INSPECTOR_WIDTH - 1);
	l->inspector = rest;
}

struct layout layout_make(const struct layout_request *wish)
{
	struct rect rest = { 0, 0, wish->width, wish->height };
	struct layout l = { 0 };
	int height = wish->height;

	if (wish->footer || height >= 3)
		l.footer = layout_take_bottom(&rest, 1);
	if (height >= 2 && rest.height)
		l.title = layout_take_top(&rest, height >= 3 || !wish->footer ? 1 : 0);
	if (height >= 9)
		l.summary = layout_take_top(&rest, 1);
	if (height >= 7)
		l.legend = layout_take_bottom(&rest, 1);
	l.timeline = layout_take_bottom(&rest, layout_strip_rows(wish, height));
	l.main = rest;
	layout_split_panes(&l, wish);
	return l;
}
