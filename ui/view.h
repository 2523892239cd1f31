/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_VIEW_H
#define PMTOP_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/census.h"
#include "model/change.h"
#include "model/history.h"
#include "model/lens.h"
#include "model/snapshot.h"
#include "model/tile.h"
#include "sample/source.h"
#include "ui/canvas.h"
#include "ui/keymap.h"

/*
 * What a screen is. A view draws into a rectangle of a canvas, answers requests (never raw keys),
 * and says where its selection is. It gets everything it shows from the scene, so it works the same
 * on live, paused and replayed snapshots, and without a terminal.
 */

struct theme;

struct kept_counts {
	bool valid;
	enum lens lens;
	size_t mapping;
	struct tile_counts counts;
};

/* What was worked out for the snapshot shown; tiles.h owns it. */
struct scene_kept {
	struct kept_counts one, all;
	struct change_list *since_baseline;
	struct pages **diff_maps;
	size_t diff_map_count;
};

/*
 * What all views share. Views read it and change only what stands under "the person's"; the app
 * does everything else.
 */
struct scene {
	const struct theme *theme;
	const struct keymap *keymap;
	struct source *source; /* NULL while no process is open */
	struct source_status status; /* of source */
	struct sample *sample; /* the one shown; NULL: none yet */
	struct snapshot *snapshot; /* of sample */
	struct snapshot *baseline; /* lens 6; NULL: none was set */
	struct history *history;
	size_t position; /* number of snapshot in the history */
	struct scene_kept *kept;
	const struct source_event *events; /* what happened; a replay's overview has its own */
	size_t event_count;
	int64_t now_ns; /* CLOCK_MONOTONIC of this frame */
	bool paused; /* the snapshot shown is not the newest */

	/* The person's */
	enum lens lens;
	int pinned; /* enum page_state, or -1 */
	bool half_blocks; /* density: two tiles a cell */
	uint64_t mapping; /* address of the selected mapping */
	uint64_t page; /* address of the selected page */
};

/* Where the hardware cursor belongs, in canvas coordinates; x < 0: nowhere. */
struct view_cursor {
	int x, y;
};

/* What became of a request. */
enum view_answer {
	VIEW_IGNORED, /* not mine: the app may know it, else the footer says so */
	VIEW_DONE,
	VIEW_OPEN, /* open what is selected: the app knows what comes next */
	VIEW_BACK, /* this view is finished */
};

struct view;

struct view_ops {
	enum ui_screen screen; /* which keys apply, and what the help opens with */

	/* Draws into rect, which may be of any size. `focused`: this view has the keys. */
	void (*draw)(struct view *view, struct scene *scene, struct canvas *canvas,
		     struct rect rect, bool focused, struct view_cursor *ret_cursor);

	enum view_answer (*request)(struct view *view, struct scene *scene, enum request request);

	/* The view's part of the title row, after the process: short, raw text is fine. */
	void (*title)(struct view *view, const struct scene *scene, char *buf, size_t size);

	/* The rest may be NULL. */

	/* A new snapshot is shown, or another one (step, replay). */
	void (*update)(struct view *view, struct scene *scene);

	/* Find: the next match of text in direction +1 or -1 becomes the selection; false: none. */
	bool (*find)(struct view *view, struct scene *scene, const char *text, int direction);

	/* Filter: "" shows all again. Returns how many rows are left, or -EINVAL with a reason. */
	int (*filter)(struct view *view, struct scene *scene, const char *text);

	/* What the person typed for app_ask(). */
	void (*input)(struct view *view, struct scene *scene, const char *text);

	/* The person said yes to app_confirm(). */
	void (*confirmed)(struct view *view, struct scene *scene);

	/* A mouse click at canvas coordinates inside the rectangle last drawn; again opens. */
	enum view_answer (*click)(struct view *view, struct scene *scene, int x, int y);

	/* The process that VIEW_OPEN of a list opens. */
	struct census_identity (*selected_process)(const struct view *view);

	/* A descriptor to poll (-1 none) and what to do when it is readable, or every interval. */
	int (*fd)(const struct view *view);
	void (*tick)(struct view *view, struct scene *scene);

	void (*free)(struct view *view);
};

/* First member of every view. */
struct view {
	const struct view_ops *ops;
};

#endif
