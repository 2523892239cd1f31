/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LINES_H
#define PMTOP_LINES_H

#include <stddef.h>

#include "ui/canvas.h"

/*
 * Lines to read: a label and a text that is wrapped at blanks to the width there is. For the
 * inspector, the help, the options.
 */
struct lines;

struct lines *lines_new(void); /* NULL when out of memory */
void lines_free(struct lines *lines);
void lines_clear(struct lines *lines);

/* Adds a line; what does not fit into memory is left out. Raw text is fine: drawing escapes it. */
__attribute__((format(printf, 5, 6))) void lines_add(struct lines *lines, struct style label_style,
						     const char *label, struct style style,
						     const char *format, ...);

size_t lines_count(const struct lines *lines);

/* The next line after `from` (direction +1 or -1, going round) that holds text; or -1. */
long lines_find(const struct lines *lines, long from, const char *text, int direction);

/*
 * Draws from line `first` on, labels in the first `label_width` columns. Returns how many lines
 * began on the screen.
 */
size_t lines_draw(const struct lines *lines, struct canvas *canvas, struct rect rect, size_t first,
		  int label_width);

/* Rows that lines from `first` on need at this width; counts no further than `most`. */
size_t lines_rows(const struct lines *lines, const struct canvas *canvas, int width, size_t first,
		  int label_width, size_t most);

#endif
