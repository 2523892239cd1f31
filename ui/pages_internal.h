/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_UI_PAGES_INTERNAL_H
#define PMTOP_UI_PAGES_INTERNAL_H

#include "ui/grid.h"
#include "ui/view.h"

/* Shared by view_pages.c (where one is, requests), pages_seek.c and pages_draw.c only. */

#define TILES_IN_ROW 2048 /* the most; the screen may be wider */

struct pages_view {
	struct view view;
	struct grid grid;
	int zoom; /* or ZOOM_FIT */
	bool whole; /* all mappings, gaps elided */
	uint64_t top; /* first row on screen */
	int columns, height; /* cells of the grid when last drawn */
	struct rect cells; /* where the grid is */
};

/* Tiles in a cell. */
int pages_density(const struct scene *scene);

/* Lays the grid out for what is selected now. False when there is nothing to show. */
bool pages_set_grid(struct pages_view *v, struct scene *scene);

/* The selection is an address; make it one that is in the grid. */
void pages_hold_selection(const struct pages_view *v, struct scene *scene);

/* Scrolls so that the selection is on screen. */
void pages_settle(struct pages_view *v, struct scene *scene);

/* pages_seek.c: to the next or previous change of state; find, as view_ops has it. */
enum view_answer pages_jump_change(struct pages_view *v, struct scene *scene, bool on);
bool pages_find(struct view *view, struct scene *scene, const char *text, int direction);

/* pages_draw.c */
void pages_draw(struct view *view, struct scene *scene, struct canvas *canvas, struct rect rect,
		bool focused, struct view_cursor *ret_cursor);

#endif
