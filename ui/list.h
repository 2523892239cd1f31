/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LIST_H
#define PMTOP_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/keymap.h"

/* Where one is in a list of rows that may be longer than the screen. Pure arithmetic. */
struct list {
	size_t count;
	size_t selected; /* a row, < count unless the list is empty */
	size_t top; /* first row on screen */
	size_t height; /* rows on screen when last drawn; 0 counts as 1 */
};

/* Moves the selection; false when the request is no movement. */
bool list_move(struct list *list, enum request request);

/* Makes everything fit after count, selected or height changed; the selection is on screen. */
void list_scroll_to_selection(struct list *list);

/* The selection is now row `row`; it stays on the same line of the screen if it can. */
void list_keep(struct list *list, size_t row, size_t count);

#endif
