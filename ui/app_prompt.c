// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "ui/app_internal.h"
#include "ui/mapping_text.h"

static void app_prompt_record_toggle(struct app *app);

static void app_prompt_find(struct app *app, int direction)
{
	struct view *view = app_focused(app);

	if (view == app->panes[PANE_INSPECTOR])
		view = app->panes[PANE_PAGES];
	if (!view->ops->find) {
		app_message(app, "nothing to find on this screen");
		return;
	}
	if (!*app->find) {
		app_message(app, "nothing was looked for yet: / looks");
		return;
	}
	if (!view->ops->find(view, &app->scene, app->find, direction))
		app_message(app, "\"%s\" is not %s", app->find,
			    view == app->panes[PANE_PAGES] ? "in this mapping" : "in this list");
}

static void app_prompt_filter(struct app *app)
{
	struct view *view = app_focused(app);
	int left;

	if (!view->ops->filter)
		return;
	left = view->ops->filter(view, &app->scene, app->prompt.text);
	if (left == 0 && *app->prompt.text)
		app_message(app, "nothing matches \"%s\"; Esc shows all", app->prompt.text);
}

void app_ask(struct app *app, const char *question)
{
	prompt_open(&app->prompt, PROMPT_INPUT, "%s", question);
}

static void app_prompt_input(struct app *app)
{
	struct view *view = app_focused(app);

	if (*app->prompt.text && view->ops->input)
		view->ops->input(view, &app->scene, app->prompt.text);
}

/* A command: an address, or the name of a request as in pmtop.conf. */
static void app_prompt_command(struct app *app)
{
	const char *text = app->prompt.text;
	struct view *pages = app->panes[PANE_PAGES];
	int request;

	while (*text == ' ')
		text++;
	if (!*text)
		return;
	if (time_go(app, text))
		return;
	request = request_parse(text);
	if (request > 0) {
		app_request(app, (enum request)request);
		return;
	}
	if (app->scene.snapshot && strlen(text) > 3 &&
	    strspn(text, "0123456789abcdefxABCDEF") == strlen(text)) {
		if (pages->ops->find(pages, &app->scene, text, 1)) {
			app->focus = PANE_PAGES;
			return;
		}
		app_problem(app, "nothing is mapped at %s", text);
		return;
	}
	app_problem(app,
		    "no such command: %s (address, @BOOKMARK, of a replay +3s or #120, or see ?)",
		    text);
}

static void app_prompt_send_request(struct app *app, enum source_action action, uint64_t start,
				    uint64_t length)
{
	struct source_request request = { action, start, length };
	int r = app->scene.source ? source_request(app->scene.source, &request) : -ENOTSUP;

	if (r == -ENOTSUP)
		app_problem(app, "only a living process can do that");
	else if (r < 0)
		app_problem(app, "%s", strerror(-r));
}

/* What O pushes out: the page in the inspector, else the mapping. */
static void app_prompt_push_range(const struct app *app, uint64_t *ret_start, uint64_t *ret_length)
{
	const struct snapshot *s = app->scene.snapshot;
	size_t i = snapshot_find(s, app->scene.mapping);

	*ret_start = app->scene.page;
	*ret_length = PMTOP_PAGE_SIZE;
	if (app->focus != PANE_INSPECTOR && i < s->count) {
		*ret_start = s->mappings[i].mapping->start;
		*ret_length = s->mappings[i].mapping->end - *ret_start;
	}
}

static void app_prompt_confirmed(struct app *app)
{
	uint64_t start, length;

	if (!app->scene.snapshot)
		return;
	if (app->prompt.confirmed == REQ_CLEAR_WRITTEN) {
		app_prompt_send_request(app, SOURCE_CLEAR_WRITTEN, 0, 0);
	} else if (app->prompt.confirmed == REQ_PUSH_OUT) {
		app_prompt_push_range(app, &start, &length);
		app_prompt_send_request(app, SOURCE_PUSH_OUT, start, length);
	}
}

static void app_prompt_ask_push_out(struct app *app)
{
	char size[UNITS_SIZE_MAX];
	uint64_t start, length;

	app_prompt_push_range(app, &start, &length);
	prompt_open(&app->prompt, PROMPT_CONFIRM,
		    "Push %s at %lx out to swap? The process waits for each page it needs. (y/N) ",
		    units_format_size(length, size), (unsigned long)start);
	app->prompt.confirmed = REQ_PUSH_OUT;
}

static void app_prompt_ask_clear(struct app *app)
{
	prompt_open(&app->prompt, PROMPT_CONFIRM,
		    "Clear the written marks? This breaks a checkpoint or migration under way. "
		    "(y/N) ");
	app->prompt.confirmed = REQ_CLEAR_WRITTEN;
}

bool app_is_living(const struct app *app)
{
	const struct scene *scene = &app->scene;

	return scene->snapshot && scene->source && !source_is_replay(scene->source) &&
	       scene->status.state != SOURCE_ENDED && scene->status.state != SOURCE_FAILED;
}

static bool app_prompt_living(struct app *app)
{
	if (app_is_living(app))
		return true;
	app_problem(app, "only a living process can do that");
	return false;
}

static bool app_prompt_prompt_request(struct app *app, enum request request)
{
	switch (request) {
	case REQ_FIND:
		prompt_open(&app->prompt, PROMPT_FIND, "find: ");
		return true;
	case REQ_FILTER:
		prompt_open(&app->prompt, PROMPT_FILTER, "filter: ");
		return true;
	case REQ_COMMAND:
		prompt_open(&app->prompt, PROMPT_COMMAND, ":");
		return true;
	case REQ_BOOKMARK:
		/* While the name is typed, time goes on. */
		app->bookmark_ns = app->scene.snapshot ? app->scene.snapshot->taken_ns : 0;
		prompt_open(&app->prompt, PROMPT_BOOKMARK, "name of this moment: ");
		return true;
	case REQ_CLEAR_WRITTEN:
		if (app_prompt_living(app))
			app_prompt_ask_clear(app);
		return true;
	case REQ_PUSH_OUT:
		if (app_prompt_living(app))
			app_prompt_ask_push_out(app);
		return true;
	default:
		return false;
	}
}

bool do_request(struct app *app, enum request request)
{
	if (app_prompt_prompt_request(app, request))
		return true;
	switch (request) {
	case REQ_FIND_NEXT:
		app_prompt_find(app, 1);
		return true;
	case REQ_FIND_PREVIOUS:
		app_prompt_find(app, -1);
		return true;
	case REQ_VERIFY:
		if (app_prompt_living(app)) {
			app_message(app, "comparing the next sample with smaps");
			app_prompt_send_request(app, SOURCE_VERIFY, 0, 0);
		}
		return true;
	case REQ_COPY:
		snprintf(app->copy, sizeof(app->copy), "%lx",
			 (unsigned long)(app->focus == PANE_MAPPINGS ? app->scene.mapping
								     : app->scene.page));
		app_message(app, "copied %s", app->copy);
		return true;
	case REQ_RECORD:
		app_prompt_record_toggle(app);
		return true;
	default:
		return false;
	}
}

static void app_prompt_accept(struct app *app, enum prompt_kind kind)
{
	switch (kind) {
	case PROMPT_FIND:
		if (*app->prompt.text)
			snprintf(app->find, sizeof(app->find), "%s", app->prompt.text);
		app_prompt_find(app, 1);
		break;
	case PROMPT_FILTER:
		app_prompt_filter(app);
		break;
	case PROMPT_COMMAND:
		app_prompt_command(app);
		break;
	case PROMPT_BOOKMARK:
		if (*app->prompt.text)
			time_bookmark(app, app->prompt.text);
		break;
	case PROMPT_INPUT:
		app_prompt_input(app);
		break;
	default:
		app_prompt_confirmed(app);
		break;
	}
}

void do_prompt(struct app *app, int key)
{
	enum prompt_kind kind = app->prompt.kind;

	switch (prompt_key(&app->prompt, key)) {
	case PROMPT_ACCEPTED:
		app->prompt.kind = PROMPT_NONE;
		app_prompt_accept(app, kind);
		break;
	case PROMPT_CANCELLED:
		app->prompt.kind = PROMPT_NONE;
		if (kind == PROMPT_CONFIRM)
			app_message(app, "nothing was done");
		break;
	case PROMPT_CHANGED:
		if (kind == PROMPT_FILTER)
			app_prompt_filter(app);
		break;
	case PROMPT_OPEN:
		break;
	}
}

/* R: what the command behind the screen does for it, and what became of it. */

/* app_record.c: starts or stops a recording; stops it before its source goes; asks how it goes. */
static void app_prompt_record_toggle(struct app *app)
{
	const struct app_hooks *hooks = &app->options.hooks;
	char message[256] = "";
	struct timespec now;
	int r;

	if (!hooks->record || !app->scene.source || source_is_replay(app->scene.source)) {
		app_message(app, "nothing to record here");
		return;
	}
	if (!app->recording &&
	    (app->scene.status.state == SOURCE_ENDED || app->scene.status.state == SOURCE_FAILED)) {
		app_message(app, "no sample comes any more: there is nothing more to record");
		return;
	}
	r = hooks->record(hooks->context, app->scene.source, "", message, sizeof(message));
	if (r < 0)
		app_problem(app, "%s", *message ? message : strerror(-r));
	else
		app_message(app, "%s", message);
	app->recording = r > 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	app->recording_since_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void record_stop(struct app *app)
{
	if (app->recording)
		app_prompt_record_toggle(app);
}

void record_look(struct app *app)
{
	const struct app_hooks *hooks = &app->options.hooks;
	char message[256] = "";
	int r;

	if (!app->recording || !hooks->recording)
		return;
	r = hooks->recording(hooks->context, app->scene.source, message, sizeof(message));
	app->recording = r > 0;
	if (!r)
		app_news(app, NEWS_RECORDING, message);
	else if (r < 0)
		app_problem(app, "%s", message);
}
