/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_APP_INTERNAL_H
#define PMTOP_APP_INTERNAL_H

#include "ui/app.h"
#include "ui/census_feed.h"
#include "ui/prompt.h"

/* Shared by the files app*.c only. */

/* The views of one process; which one has the keys is where the person is. */
enum pane { PANE_MAPPINGS, PANE_PAGES, PANE_INSPECTOR, PANE_TIMELINE, PANES };

#define OVERLAYS 4
#define EVENTS	 256 /* of a live source; the oldest ones go */

struct app {
	struct app_options options;
	struct scene scene;
	struct scene_kept kept;
	struct view *panes[PANES];
	struct view *processes, *workload; /* may be NULL */
	struct census_feed *census; /* NULL until somebody looks at it */
	struct view *overlays[OVERLAYS]; /* help and the like, the last one on top */
	int overlay_count;
	bool in_processes; /* the list of processes is what is shown */
	bool in_workload;
	enum pane focus, before_timeline;
	bool show_inspector;
	int timeline_rows; /* -1: as many as suit the height */
	struct prompt prompt;
	struct source_request asked; /* what PROMPT_CONFIRM of C and O is about */
	char find[256]; /* what n looks for */
	char message[512]; /* in place of the footer until the next key */
	bool message_bad;
	bool message_news; /* of app_news() */
	uint64_t message_serial; /* of the source */
	struct source_focus sent; /* to the sampler */
	struct rect pane_rects[PANES], view_rect, legend_rect; /* when last drawn */
	struct {
		int x, end, value;
	} legend[LENS_VALUES_MAX];
	int legend_count;
	struct source_event
		events[EVENTS]; /* what happened, but for mappings; ascending by arrival */
	int64_t bookmark_ns; /* the sample that is being named; 0: none */
	bool recording;
	int64_t recording_since_ns; /* CLOCK_MONOTONIC, as scene.now_ns */
	double speed; /* of a replay */
	bool quits, suspend, redraw;
	char copy[32];
};

/* The view that has the keys. */
struct view *app_focused(struct app *app);

void app_problem(struct app *app, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Frees a view, or nothing. */
void app_free_view(struct view *view);

/* Rows of the strip; -1: as many as suit the height. */
void app_set_timeline_rows(struct app *app, int rows);

/* Whether what is watched can still change. */
bool app_is_living(const struct app *app);

/* Puts a snapshot (or NULL) in place of another one, with a reference. */
void app_keep_snapshot(struct snapshot **place, struct snapshot *snapshot);

/* Forgets all snapshots. */
void app_clear(struct app *app);

/* Starts or stops a recording; stops it before its source goes; asks how it goes. */
void app_record_toggle(struct app *app);
void app_record_stop(struct app *app);
void app_record_poll(struct app *app);

/* app_time.c: shows a sample of the history; "+3s", "#120" of a replay; names a sample. */
void app_time_show(struct app *app, size_t index);
bool app_time_go(struct app *app, const char *text);
void app_time_bookmark(struct app *app, const char *name);

/* app_prompt.c: a key while something is typed or confirmed; the request that was typed. */
enum request app_prompt_key(struct app *app, int key);

/* The handlers of requests.h; false: there is nothing to do here. */
#define APP_HANDLER(id, name, keys, where, group, priority, footer, handler, argument, help)       \
	bool handler(struct app *app, int argument_);
REQUEST_LIST(APP_HANDLER)
#undef APP_HANDLER

#endif
