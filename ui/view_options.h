/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_VIEW_OPTIONS_H
#define PMTOP_VIEW_OPTIONS_H

#include "ui/view.h"

/* Each option tells its value and changes to the next (1) or the previous (-1) one. */
struct option_line {
	const char *name, *help;
	void (*value)(const void *context, char *buf, size_t size);
	void (*change)(void *context, int by); /* NULL: only to read */
};

/* The screen of options; the rows are not copied. NULL when out of memory. */
struct view *view_options_new(const struct option_line *rows, size_t count, void *context);

#endif
