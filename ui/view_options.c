// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/view_options.h"

#include <stdlib.h>

#include "ui/list.h"
#include "ui/theme.h"

#define HELP_COLUMN 57

struct options_view {
	struct view view;
	const struct option_line *rows;
	size_t count;
	void *context;
	struct list list;
	struct rect drawn;
};

static struct options_view *view_options_self(struct view *view)
{
	return (struct options_view *)view;
}

static void view_options_draw(struct view *view, struct scene *scene, struct canvas *canvas,
			      struct rect rect, bool focused, struct view_cursor *ret_cursor)
{
	struct options_view *v = view_options_self(view);
	bool foot = rect.height > (int)v->count + 2, helps = rect.width >= HELP_COLUMN + 16;
	char value[96];

	v->drawn = rect;
	v->list.height = (size_t)rect.height;
	list_scroll_to_selection(&v->list);
	for (int y = 0; y < rect.height && v->list.top + (size_t)y < v->count; y++) {
		const struct option_line *row = &v->rows[v->list.top + (size_t)y];
		bool selected = v->list.top + (size_t)y == v->list.selected;

		row->value(v->context, value, sizeof(value));
		if (selected)
			canvas_put(canvas, rect, 0, y, theme_role(scene->theme, ROLE_TEXT), '>');
		canvas_fit(canvas, rect, 1, y, 11, theme_role(scene->theme, ROLE_KEY), row->name,
			   false);
		canvas_fit(canvas, rect, 13, y, (helps ? HELP_COLUMN - 2 : rect.width) - 13,
			   theme_role(scene->theme, row->change ? ROLE_TEXT : ROLE_DIM), value,
			   false);
		if (helps)
			canvas_fit(canvas, rect, HELP_COLUMN, y, rect.width - HELP_COLUMN,
				   theme_role(scene->theme, ROLE_DIM), row->help, false);
		if (selected)
			*ret_cursor = (struct view_cursor){ rect.x, rect.y + y };
	}
	if (foot)
		canvas_fit(canvas, rect, 1, (int)v->count + 1, rect.width - 1,
			   theme_role(scene->theme, ROLE_DIM),
			   "← and → change a value for this run; pmtop.conf keeps it (see "
			   "pmtop.conf(5))",
			   false);
}

static enum view_answer view_options_request(struct view *view, struct scene *scene,
					     enum request request)
{
	struct options_view *v = view_options_self(view);
	const struct option_line *row = &v->rows[v->list.selected];

	if (list_move(&v->list, request))
		return VIEW_DONE;
	switch (request) {
	case REQ_OPEN:
	case REQ_RIGHT:
	case REQ_LEFT:
		if (row->change)
			row->change(v->context, request == REQ_LEFT ? -1 : 1);
		return VIEW_DONE;
	case REQ_OPTIONS:
	case REQ_BACK:
		return VIEW_BACK;
	default:
		return VIEW_IGNORED;
	}
}

static enum view_answer view_options_click(struct view *view, struct scene *scene, int x, int y)
{
	struct options_view *v = view_options_self(view);
	size_t row = v->list.top + (size_t)(y - v->drawn.y);

	if (y < v->drawn.y || row >= v->count)
		return VIEW_IGNORED;
	if (row == v->list.selected)
		return view_options_request(view, scene, REQ_RIGHT);
	v->list.selected = row;
	return VIEW_DONE;
}

static void view_options_title(struct view *view, const struct scene *scene, char *buf, size_t size)
{
	snprintf(buf, size, "options");
}

static void view_options_free(struct view *view)
{
	free(view);
}

static const struct view_ops ops = {
	.screen = SCREEN_HELP,
	.draw = view_options_draw,
	.request = view_options_request,
	.title = view_options_title,
	.click = view_options_click,
	.free = view_options_free,
};

struct view *view_options_new(const struct option_line *rows, size_t count, void *context)
{
	struct options_view *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->view.ops = &ops;
	v->rows = rows;
	v->count = v->list.count = count;
	v->context = context;
	return &v->view;
}
