// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "ui/app_internal.h"
#include "ui/mapping_text.h"

bool app_prompt_find(struct app *app, int direction)
{
	struct view *view = app_focused(app);

	if (view == app->panes[PANE_INSPECTOR])
		view = app->panes[PANE_PAGES];
	if (!view->ops->find) {
		app_message(app, "nothing to find on this screen");
		return true;
	}
	if (!*app->find) {
		app_message(app, "nothing was looked for yet: / looks");
		return true;
	}
	if (!view->ops->find(view, &app->scene, app->find, direction))
		app_message(app, "\"%s\" is not %s", app->find,
			    view == app->panes[PANE_PAGES] ? "in this mapping" : "in this list");
	return true;
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

/* A command: an address, or the name of a request as in pmtop.conf, which is returned. */
static enum request app_prompt_command(struct app *app)
{
	const char *text = app->prompt.text;
	struct view *pages = app->panes[PANE_PAGES];
	int request;

	while (*text == ' ')
		text++;
	if (!*text)
		return REQ_NONE;
	if (app_time_go(app, text))
		return REQ_NONE;
	request = request_parse(text);
	if (request > 0)
		return (enum request)request;
	if (app->scene.snapshot && strlen(text) > 3 &&
	    strspn(text, "0123456789abcdefxABCDEF") == strlen(text)) {
		if (pages->ops->find(pages, &app->scene, text, 1)) {
			app->focus = PANE_PAGES;
			return REQ_NONE;
		}
		app_problem(app, "nothing is mapped at %s", text);
		return REQ_NONE;
	}
	app_problem(app,
		    "no such command: %s (address, @BOOKMARK, of a replay +3s or #120, or see ?)",
		    text);
	return REQ_NONE;
}

static void app_prompt_send_request(struct app *app, const struct source_request *request)
{
	int r = app->scene.source ? source_request(app->scene.source, request) : -ENOTSUP;

	if (r == -ENOTSUP)
		app_problem(app, "only a living process can do that");
	else if (r < 0)
		app_problem(app, "%s", strerror(-r));
}

/* What the person is about to be asked: of this process, and the mapping if `m` is not NULL. */
static void app_prompt_ask_about(struct app *app, enum source_action action,
				 const struct mapping *m)
{
	const struct snapshot *s = app->scene.snapshot;
	struct source_asked *asked = &app->asked.asked;

	app->asked = (struct source_request){ .action = action };
	*asked = (struct source_asked){ s->pid, s->start_time, s->execs };
	if (!m)
		return;
	asked->start = m->start;
	asked->end = m->end;
	asked->offset = m->offset;
	asked->inode = m->inode;
	asked->dev_major = m->dev_major;
	asked->dev_minor = m->dev_minor;
	memcpy(asked->perms, m->perms, sizeof(asked->perms));
}

void app_confirm(struct app *app, const char *question)
{
	prompt_open(&app->prompt, PROMPT_CONFIRM, "%s (y/N) ", question);
	app->prompt.confirmed = REQ_NONE;
}

static void app_prompt_confirmed(struct app *app)
{
	struct view *view = app_focused(app);

	if (app->prompt.confirmed != REQ_NONE)
		app_prompt_send_request(app, &app->asked);
	else if (view->ops->confirmed)
		view->ops->confirmed(view, &app->scene);
}

/* O: the page in the inspector, else the mapping. */
static void app_prompt_ask_push_out(struct app *app)
{
	const struct snapshot *s = app->scene.snapshot;
	bool page = app->focus == PANE_INSPECTOR;
	uint64_t at = page ? app->scene.page : app->scene.mapping;
	size_t i = snapshot_find(s, at);
	const struct mapping *m = i < s->count ? s->mappings[i].mapping : NULL;
	char size[UNITS_SIZE_MAX];

	if (!m || m->start > at) {
		app_problem(app, "nothing is mapped there");
		return;
	}
	app_prompt_ask_about(app, SOURCE_PUSH_OUT, m);
	app->asked.start = page ? at : m->start;
	app->asked.length = page ? PMTOP_PAGE_SIZE : m->end - m->start;
	prompt_open(&app->prompt, PROMPT_CONFIRM,
		    "Push %s at %lx out to swap? The process waits for each page it needs. (y/N) ",
		    units_format_size(app->asked.length, size), (unsigned long)app->asked.start);
	app->prompt.confirmed = REQ_PUSH_OUT;
}

static void app_prompt_ask_clear(struct app *app)
{
	app_prompt_ask_about(app, SOURCE_CLEAR_WRITTEN, NULL);
	prompt_open(&app->prompt, PROMPT_CONFIRM,
		    "Clear the written marks? This breaks a checkpoint or migration under way. "
		    "(y/N) ");
	app->prompt.confirmed = REQ_CLEAR_WRITTEN;
}

static bool app_prompt_living(struct app *app)
{
	if (app_is_living(app))
		return true;
	app_problem(app, "only a living process can do that");
	return false;
}

static enum request app_prompt_accept(struct app *app, enum prompt_kind kind)
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
		return app_prompt_command(app);
	case PROMPT_BOOKMARK:
		if (*app->prompt.text)
			app_time_bookmark(app, app->prompt.text);
		break;
	case PROMPT_INPUT:
		app_prompt_input(app);
		break;
	case PROMPT_CONFIRM:
		app_prompt_confirmed(app);
		break;
	case PROMPT_NONE:
	case PROMPTS:
		break;
	}
	return REQ_NONE;
}

enum request app_prompt_key(struct app *app, int key)
{
	enum prompt_kind kind = app->prompt.kind;

	switch (prompt_key(&app->prompt, key)) {
	case PROMPT_ACCEPTED:
		app->prompt.kind = PROMPT_NONE;
		return app_prompt_accept(app, kind);
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
	return REQ_NONE;
}

bool app_prompt_type(struct app *app, int kind)
{
	static const char *const questions[PROMPTS] = {
		[PROMPT_FIND] = "find: ",
		[PROMPT_FILTER] = "filter: ",
		[PROMPT_COMMAND] = ":",
	};

	prompt_open(&app->prompt, (enum prompt_kind)kind, "%s", questions[kind]);
	return true;
}

bool app_prompt_bookmark(struct app *app, int unused)
{
	/* While the name is typed, time goes on. */
	app->bookmark_ns = app->scene.snapshot ? app->scene.snapshot->taken_ns : 0;
	prompt_open(&app->prompt, PROMPT_BOOKMARK, "name of this moment: ");
	return true;
}

bool app_prompt_clear_written(struct app *app, int unused)
{
	if (app_prompt_living(app))
		app_prompt_ask_clear(app);
	return true;
}

bool app_prompt_push_out(struct app *app, int unused)
{
	if (app_prompt_living(app))
		app_prompt_ask_push_out(app);
	return true;
}

bool app_prompt_verify(struct app *app, int unused)
{
	const struct source_request verify = { .action = SOURCE_VERIFY };

	if (app_prompt_living(app)) {
		app_message(app, "comparing the next sample with smaps");
		app_prompt_send_request(app, &verify);
	}
	return true;
}
