// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/view_help.h"

#include <stdlib.h>

#include "ui/lines.h"
#include "ui/theme.h"

#define LABEL_WIDTH 16

struct help_view {
	struct view view;
	enum ui_screen screen;
	struct lines *lines;
	size_t top;
	int height;
};

static const struct {
	enum ui_screen screen;
	const char *name;
} screens[SCREENS] = {
#define VIEW_HELP_SCREEN(id, name) { SCREEN_##id, name },
	SCREEN_TABLE(VIEW_HELP_SCREEN)
};

static struct help_view *view_help_self(struct view *view)
{
	return (struct help_view *)view;
}

static void view_help_add_heading(struct help_view *v, const struct scene *scene, const char *text)
{
	struct style none = theme_role(scene->theme, ROLE_TEXT);

	if (lines_count(v->lines))
		lines_add(v->lines, none, "", none, "%s", "");
	lines_add(v->lines, theme_role(scene->theme, ROLE_TITLE), text, none, "%s", "");
}

static void view_help_add_keys(struct help_view *v, const struct scene *scene, uint8_t with,
			       uint8_t without)
{
	char keys[64];

	for (int r = 1; r < REQUESTS; r++) {
		if (!(requests[r].where & with) || (requests[r].where & without))
			continue;
		lines_add(v->lines, theme_role(scene->theme, ROLE_KEY),
			  keymap_keys(scene->keymap, r, keys, sizeof(keys)),
			  theme_role(scene->theme, ROLE_TEXT), "%s", requests[r].help);
	}
}

static void view_help_add_legend(struct help_view *v, const struct scene *scene, enum lens lens)
{
	char heading[160], label[48];

	snprintf(heading, sizeof(heading), "Lens %d %s: %s", lens + 1, lens_name(lens),
		 lens_question(lens));
	view_help_add_heading(v, scene, heading);
	for (unsigned a = 0; a < lens_value_count(lens); a++) {
		struct lens_value value = lens_value(lens, a);

		snprintf(label, sizeof(label), "%c %s", value.letter, value.name);
		lines_add(v->lines, theme_value(scene->theme, lens, a), label,
			  theme_role(scene->theme, ROLE_TEXT), "%s", value.meaning);
	}
	if (lens == LENS_WHERE) {
		struct style text = theme_role(scene->theme, ROLE_TEXT);

		lines_add(v->lines, text, "UPPER CASE", text,
			  "written since the marks were last cleared, by anybody");
		lines_add(v->lines, text, "underlined", text,
			  "the tile holds pages of other states too; it shows the most common one, "
			  "or the pinned one");
	}
}

static void view_help_fill(struct help_view *v, const struct scene *scene)
{
	uint8_t done = v->screen;
	char heading[64];

	lines_clear(v->lines);
	for (size_t i = 0; i < SCREENS; i++)
		if (screens[i].screen == v->screen) {
			snprintf(heading, sizeof(heading), "Keys of this screen: %s",
				 screens[i].name);
			view_help_add_heading(v, scene, heading);
		}
	view_help_add_keys(v, scene, v->screen, 0);
	view_help_add_legend(v, scene, scene->lens);
	for (int lens = 0; lens < LENSES; lens++)
		if (lens != (int)scene->lens)
			view_help_add_legend(v, scene, lens);
	for (size_t i = 0; i < SCREENS; i++) {
		bool any = false;

		if (screens[i].screen & done)
			continue;
		for (int r = 1; r < REQUESTS; r++)
			any |= (requests[r].where & screens[i].screen) &&
			       !(requests[r].where & done);
		if (!any)
			continue;
		snprintf(heading, sizeof(heading), "Also: %s", screens[i].name);
		view_help_add_heading(v, scene, heading);
		view_help_add_keys(v, scene, screens[i].screen, done);
		done |= screens[i].screen;
	}
}

static void view_help_draw(struct view *view, struct scene *scene, struct canvas *canvas,
			   struct rect rect, bool focused, struct view_cursor *ret_cursor)
{
	struct help_view *v = view_help_self(view);
	int label = rect.width >= 50 ? LABEL_WIDTH : rect.width >= 24 ? 9 : 4;

	view_help_fill(v, scene);
	v->height = rect.height;
	if (v->top >= lines_count(v->lines))
		v->top = lines_count(v->lines) - 1;
	lines_draw(v->lines, canvas, rect, v->top, label);
	*ret_cursor = (struct view_cursor){ rect.x, rect.y };
}

static enum view_answer view_help_request(struct view *view, struct scene *scene,
					  enum request request)
{
	struct help_view *v = view_help_self(view);
	size_t count = lines_count(v->lines), page = v->height > 1 ? (size_t)v->height - 1 : 1;
	size_t by = request == REQ_UP || request == REQ_DOWN		 ? 1
		    : request == REQ_HALF_UP || request == REQ_HALF_DOWN ? (page + 1) / 2
									 : page;

	switch (request) {
	case REQ_UP:
	case REQ_PAGE_UP:
	case REQ_HALF_UP:
		v->top -= by < v->top ? by : v->top;
		return VIEW_DONE;
	case REQ_DOWN:
	case REQ_PAGE_DOWN:
	case REQ_HALF_DOWN:
		v->top = v->top + by < count ? v->top + by : count ? count - 1 : 0;
		return VIEW_DONE;
	case REQ_FIRST:
		v->top = 0;
		return VIEW_DONE;
	case REQ_LAST:
		v->top = count > page ? count - page : 0;
		return VIEW_DONE;
	case REQ_HELP:
	case REQ_BACK:
	case REQ_OPEN:
		return VIEW_BACK;
	default:
		return VIEW_IGNORED;
	}
}

static bool view_help_find(struct view *view, struct scene *scene, const char *text, int direction)
{
	struct help_view *v = view_help_self(view);
	long found = lines_find(v->lines, (long)v->top, text, direction);

	if (found < 0)
		return false;
	v->top = (size_t)found;
	return true;
}

static void view_help_title(struct view *view, const struct scene *scene, char *buf, size_t size)
{
	snprintf(buf, size, "help");
}

static void view_help_free(struct view *view)
{
	lines_free(view_help_self(view)->lines);
	free(view);
}

static const struct view_ops ops = {
	.screen = SCREEN_HELP,
	.draw = view_help_draw,
	.request = view_help_request,
	.title = view_help_title,
	.find = view_help_find,
	.free = view_help_free,
};

struct view *view_help_new(enum ui_screen screen)
{
	struct help_view *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->view.ops = &ops;
	v->screen = screen;
	v->lines = lines_new();
	if (!v->lines) {
		free(v);
		return NULL;
	}
	return &v->view;
}
