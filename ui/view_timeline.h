/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_VIEW_TIMELINE_H
#define PMTOP_VIEW_TIMELINE_H

#include "ui/view.h"

/*
 * The strip: how the totals went over the samples that the history keeps. Its right edge is now;
 * the cursor is the sample shown. Moving in it and clicks are requests of the app (sample-back …).
 */
struct view *view_timeline_new(void);

/*
 * The sample under a column of the canvas: its number in the log (of_log), else in the history.
 * False when there is none.
 */
bool view_timeline_sample(const struct view *view, const struct scene *scene, int x,
			  uint64_t *ret_index, bool *ret_of_log);

#define TIMELINE_ROWS 7 /* the most that make sense */

#endif
