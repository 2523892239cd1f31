/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_VIEW_PAGES_H
#define PMTOP_VIEW_PAGES_H

#include "ui/view.h"

/* The pages of the selected mapping, or of all mappings, as a grid of tiles. */
struct view *view_pages_new(void);

/* Pages that are on screen, for the sampler to look at first. */
struct source_focus view_pages_focus(const struct view *view, const struct scene *scene);

#endif
