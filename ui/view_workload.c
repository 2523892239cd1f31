// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/view_workload.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "ui/app.h"
#include "ui/lines.h"
#include "ui/workload_facts.h"

#define LABEL_WIDTH 12
#define MESSAGE_MAX 400

struct workload_view {
	struct view view;
	struct app *app;
	struct workload_control control;
	struct workload_status status;
	struct lines *lines;
	pid_t asked; /* what is to be stopped */
	bool told; /* how it ended was in the message line */
	size_t top;
	int height; /* when last drawn */
};

static struct workload_view *view_workload_self(struct view *view)
{
	return (struct workload_view *)view;
}

/* --- drawing ------------------------------------------------------------------------------- */

static void view_workload_draw(struct view *view, struct scene *scene, struct canvas *canvas,
			       struct rect rect, bool focused, struct view_cursor *ret_cursor)
{
	struct workload_view *v = view_workload_self(view);
	const struct workload_facts facts = { v->lines, v->control.argv, &v->status };

	lines_clear(v->lines);
	workload_facts_add(&facts, scene);
	v->height = rect.height;
	if (v->top >= lines_count(v->lines))
		v->top = lines_count(v->lines) - 1;
	lines_draw(v->lines, canvas, rect, v->top, LABEL_WIDTH);
	if (focused)
		*ret_cursor = (struct view_cursor){ rect.x, rect.y };
}

/* --- doing --------------------------------------------------------------------------------- */

static void view_workload_poll(struct workload_view *v)
{
	v->control.poll(v->control.context, &v->status);
}

static void view_workload_set_limit(struct workload_view *v, uint64_t bytes)
{
	char message[MESSAGE_MAX] = "", size[UNITS_SIZE_MAX];
	const char *now;
	int r = v->control.set_limit(v->control.context, bytes, message, sizeof(message));

	view_workload_poll(v);
	if (r < 0) {
		app_message(v->app, "%s", message);
		return;
	}
	now = workload_size(v->status.memory.limit, "none", size);
	app_event(v->app, EVENT_LIMIT_SET, "the limit is %s now", now);
	app_message(v->app, "the limit is %s now", now);
}

/* Twice or half of what it is; from no limit one can only go down, to what is in use. */
static void view_workload_scale_limit(struct workload_view *v, bool up)
{
	uint64_t limit = v->status.memory.limit;

	if (v->status.group == WORKLOAD_NO_GROUP)
		app_message(v->app, "this workload runs without a cgroup, so it has no limit");
	else if (limit == WORKLOAD_UNSET && up)
		app_message(v->app, "it has no limit; there is nothing to raise");
	else if (limit == WORKLOAD_UNSET)
		view_workload_set_limit(v, v->status.memory.usage);
	else if (limit < WORKLOAD_UNSET / 2)
		view_workload_set_limit(v, up ? limit * 2 : limit / 2);
}

static void view_workload_push_out(struct workload_view *v)
{
	char message[MESSAGE_MAX] = "", old[UNITS_SIZE_MAX], new[UNITS_SIZE_MAX];
	const char *before = workload_size(v->status.memory.usage, "unknown", old), *after;
	int r = v->control.push_out(v->control.context, message, sizeof(message));

	view_workload_poll(v);
	if (r < 0) {
		app_message(v->app, "%s", message);
		return;
	}
	after = workload_size(v->status.memory.usage, "unknown", new);
	app_event(v->app, EVENT_PUSHED, "the workload: %s in RAM before, %s then", before, after);
	app_message(v->app, "pushed out: %s in RAM before, %s now", before, after);
}

static void view_workload_start(struct workload_view *v)
{
	char message[MESSAGE_MAX] = "";
	int r = v->control.start(v->control.context, message, sizeof(message));

	view_workload_poll(v);
	if (r < 0)
		app_message(v->app, "%s", message);
	else
		app_message(v->app, "it runs again, pid %d%s%s", (int)v->status.pid,
			    *message ? "; " : "", message);
}

static void view_workload_ask_stop(struct workload_view *v)
{
	char question[96];

	view_workload_poll(v);
	v->asked = v->status.pid;
	snprintf(question, sizeof(question), "Kill all processes of the workload (pid %d)?",
		 (int)v->asked);
	app_confirm(v->app, question);
}

/* Only what was asked about: it may have ended meanwhile. */
static void view_workload_confirmed(struct view *view, struct scene *scene)
{
	struct workload_view *v = view_workload_self(view);
	char message[MESSAGE_MAX] = "";
	int r;

	(void)scene;
	view_workload_poll(v);
	if (v->status.state != WORKLOAD_RUNNING || v->status.pid != v->asked) {
		app_message(v->app, "it had ended already: nothing was done");
		return;
	}
	r = v->control.stop(v->control.context, message, sizeof(message));
	view_workload_poll(v);
	app_message(v->app, "%s", r < 0 ? message : "all its processes are killed");
}

static void view_workload_scroll(struct workload_view *v, enum request request)
{
	size_t page = v->height > 1 ? (size_t)v->height - 1 : 1;
	size_t last = lines_count(v->lines) ? lines_count(v->lines) - 1 : 0;
	size_t by = request == REQ_UP || request == REQ_DOWN ? 1 : page;
	bool up = request == REQ_UP || request == REQ_PAGE_UP || request == REQ_HALF_UP;

	if (request == REQ_FIRST)
		v->top = 0;
	else if (request == REQ_LAST)
		v->top = last;
	else if (up)
		v->top = v->top > by ? v->top - by : 0;
	else
		v->top = v->top + by < last ? v->top + by : last;
}

static enum view_answer view_workload_request(struct view *view, struct scene *scene,
					      enum request request)
{
	struct workload_view *v = view_workload_self(view);

	switch (request) {
	case REQ_UP:
	case REQ_DOWN:
	case REQ_PAGE_UP:
	case REQ_PAGE_DOWN:
	case REQ_HALF_UP:
	case REQ_HALF_DOWN:
	case REQ_FIRST:
	case REQ_LAST:
		view_workload_scroll(v, request);
		return VIEW_DONE;
	case REQ_LIMIT:
		app_ask(v->app, "limit (512K, 64M, or none): ");
		return VIEW_DONE;
	case REQ_LIMIT_RAISE:
	case REQ_LIMIT_LOWER:
		view_workload_scale_limit(v, request == REQ_LIMIT_RAISE);
		return VIEW_DONE;
	case REQ_PUSH_OUT:
		view_workload_push_out(v);
		return VIEW_DONE;
	case REQ_WORKLOAD_START:
		if (v->status.state == WORKLOAD_RUNNING)
			view_workload_ask_stop(v);
		else
			view_workload_start(v);
		return VIEW_DONE;
	default:
		return VIEW_IGNORED;
	}
}

static void view_workload_input(struct view *view, struct scene *scene, const char *text)
{
	uint64_t bytes = WORKLOAD_UNSET;
	int r = strcmp(text, "none") ? units_parse_size(text, &bytes) : 0;

	if (r < 0)
		app_message(view_workload_self(view)->app, "\"%s\" %s", text,
			    units_size_problem(r));
	else
		view_workload_set_limit(view_workload_self(view), bytes);
}

/* Wherever the person is, the end of the workload is news. */
static void view_workload_tick(struct view *view, struct scene *scene)
{
	struct workload_view *v = view_workload_self(view);
	char text[256], key[16];
	size_t length;

	view_workload_poll(v);
	if (v->status.state == WORKLOAD_RUNNING)
		v->told = false;
	if (v->status.state == WORKLOAD_RUNNING || v->told)
		return;
	v->told = true;
	workload_end_text(&v->status, text, sizeof(text));
	length = strlen(text);
	if (v->status.state == WORKLOAD_OOM)
		snprintf(text + length, sizeof(text) - length, "; %s to raise it",
			 keymap_first(scene->keymap, REQ_WORKLOAD, key, sizeof(key)));
	if (*text)
		app_news(v->app, NEWS_WORKLOAD, text);
}

static void view_workload_title(struct view *view, const struct scene *scene, char *buf,
				size_t size)
{
	snprintf(buf, size, "workload: %s",
		 workload_state_name(view_workload_self(view)->status.state));
}

static int view_workload_fd(const struct view *view)
{
	const struct workload_view *v = (const struct workload_view *)view;

	return v->control.fd ? v->control.fd(v->control.context) : -1;
}

static void view_workload_free(struct view *view)
{
	struct workload_view *v = view_workload_self(view);

	if (v->control.end)
		v->control.end(v->control.context);
	lines_free(v->lines);
	free(v);
}

static const struct view_ops ops = {
	.screen = SCREEN_WORKLOAD,
	.draw = view_workload_draw,
	.request = view_workload_request,
	.title = view_workload_title,
	.fd = view_workload_fd,
	.tick = view_workload_tick,
	.input = view_workload_input,
	.confirmed = view_workload_confirmed,
	.free = view_workload_free,
};

struct view *view_workload_new(struct app *app, const struct workload_control *control)
{
	struct workload_view *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->view.ops = &ops;
	v->app = app;
	v->control = *control;
	v->lines = lines_new();
	if (!v->lines) {
		free(v);
		return NULL;
	}
	view_workload_poll(v);
	return &v->view;
}
