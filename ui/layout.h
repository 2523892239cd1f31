/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LAYOUT_H
#define PMTOP_LAYOUT_H

#include <stdbool.h>

#include "ui/canvas.h"

/*
 * Who gets which part of the screen, at any size from 1×1 on. Pure arithmetic; parts that do not
 * fit have height or width 0, and no two parts overlap.
 */
struct layout_request {
	int width, height;
	bool footer; /* a message or question must be seen even on the smallest screen */
	bool in_pages; /* with one pane only: pages rather than the list of mappings */
	bool in_inspector; /* the inspector has the keys: it gets the room it needs */
	bool inspector; /* is wanted at all */
	bool in_timeline; /* the strip has the keys: it is seen on smaller screens, too */
	int timeline_rows; /* -1: as suits the height */
};

struct layout {
	struct rect title, summary, list, pages, inspector, timeline, legend, footer;
	struct rect main; /* list, pages and inspector together: for screens that need no panes */
};

struct layout layout_make(const struct layout_request *wish);

#define LAYOUT_TWO_PANES   120
#define LAYOUT_THREE_PANES 160

#endif
