// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/app_internal.h"

#include "ui/view_timeline.h"

void app_request(struct app *app, enum request request)
{
	struct view *view = app_focused(app);
	enum view_answer answer = view->ops->request(view, &app->scene, request);

	if (answer == VIEW_OPEN)
		app_open_selected(app);
	else if (answer == VIEW_BACK)
		app_go_back(app);
	/* The inspector shows the selected page, so the grid's keys work from there as well. */
	else if (answer == VIEW_IGNORED && view == app->panes[PANE_INSPECTOR] &&
		 request != REQ_FIND &&
		 (requests[request].group == GROUP_MOVE || requests[request].group == GROUP_LOOK))
		answer = app->panes[PANE_PAGES]->ops->request(app->panes[PANE_PAGES], &app->scene,
							      request);
	if (answer != VIEW_IGNORED)
		return;
	if (app_own_request(app, request) || app_look_request(app, request) ||
	    time_request(app, request) || do_request(app, request))
		return;
	app_message(app, "%s: nothing to do here", requests[request].name);
}

void app_key(struct app *app, int key)
{
	enum request request;
	char name[16], help[16];

	app->message[0] = '\0';
	if (app->prompt.kind) {
		do_prompt(app, key);
		return;
	}
	request = keymap_find(app->scene.keymap, app_focused(app)->ops->screen, key);
	if (request)
		app_request(app, request);
	else if (key < UIKEY_MOUSE)
		app_message(app, "%s does nothing here; %s lists the keys",
			    ui_key_name(key, name, sizeof(name)),
			    keymap_first(app->scene.keymap, REQ_HELP, help, sizeof(help)));
}

static bool app_inside(struct rect rect, int x, int y)
{
	return x >= rect.x && y >= rect.y && x < rect.x + rect.width && y < rect.y + rect.height;
}

static void app_click_legend(struct app *app, int x)
{
	for (int i = 0; i < app->legend_count; i++)
		if (x >= app->legend[i].x && x < app->legend[i].end)
			app->scene.pinned = app->scene.pinned == app->legend[i].value
						    ? TILE_NO_PIN
						    : app->legend[i].value;
}

static void app_click_strip(struct app *app, int x)
{
	bool of_log;
	uint64_t index;

	if (!view_timeline_sample(app->panes[PANE_TIMELINE], &app->scene, x, &index, &of_log))
		return;
	if (of_log)
		app->scene.source->ops->seek(app->scene.source, index);
	else
		time_show(app, (size_t)index);
}

static void app_input_click(struct app *app, int x, int y)
{
	struct view *view = app_focused(app);
	enum view_answer answer = VIEW_IGNORED;

	if (app_inside(app->legend_rect, x, y)) {
		app_click_legend(app, x);
		return;
	}
	if (view == app->panes[app->focus])
		for (int p = 0; p < PANES; p++) {
			if (!app_inside(app->pane_rects[p], x, y))
				continue;
			if (p == PANE_TIMELINE) {
				app_click_strip(app, x);
				return;
			}
			app->focus = (enum pane)p;
			view = app->panes[p];
		}
	if (view->ops->click)
		answer = view->ops->click(view, &app->scene, x, y);
	if (answer == VIEW_OPEN)
		app_open_selected(app);
	else if (answer == VIEW_BACK)
		app_go_back(app);
}

void app_mouse(struct app *app, enum app_click what, int x, int y)
{
	app->message[0] = '\0';
	if (app->prompt.kind)
		return;
	if (what == APP_CLICK) {
		app_input_click(app, x, y);
		return;
	}
	for (int i = 0; i < 3; i++)
		app_request(app, what == APP_WHEEL_UP ? REQ_UP : REQ_DOWN);
}
