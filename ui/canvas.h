/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_CANVAS_H
#define PMTOP_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A grid of cells in memory. Views draw here and nowhere else; the terminal shows a finished canvas
 * and tests compare it with a stored screen. This is also the one place where text from outside
 * (names, paths, log text) is made harmless: whatever goes through canvas_text() is escaped.
 *
 * A view draws each cell of its rectangle at most once a frame. Drawing one twice is counted, so
 * that a test can prove that nothing overlaps at any size.
 */

enum cell_attr {
	ATTR_BOLD = 1 << 0,
	ATTR_DIM = 1 << 1,
	ATTR_UNDERLINE = 1 << 2,
	ATTR_REVERSE = 1 << 3,
};

#define COLOUR_DEFAULT (-1)

/*
 * Colours are xterm-256 numbers or COLOUR_DEFAULT; the theme has already fitted them to the depth.
 */
struct style {
	int16_t fg, bg;
	uint16_t attr; /* enum cell_attr bits */
};

#define STYLE_DEFAULT ((struct style){ COLOUR_DEFAULT, COLOUR_DEFAULT, 0 })

struct cell {
	uint32_t glyph; /* Unicode; 0: right half of a wide character */
	struct style style;
};

struct rect {
	int x, y, width, height;
};

struct canvas;

/* Blank cells; NULL when out of memory. Sizes below 1 count as 1. */
struct canvas *canvas_new(int width, int height, bool utf8);
void canvas_free(struct canvas *canvas);

/* Changes the size and blanks all; 0 or -ENOMEM (then nothing changed). */
int canvas_resize(struct canvas *canvas, int width, int height);

void canvas_clear(struct canvas *canvas);
struct rect canvas_rect(const struct canvas *canvas);

/* Makes `to` (of any size) a copy; when memory is out, `to` stays as it was. */
void canvas_copy(struct canvas *to, const struct canvas *from);

bool canvas_utf8(const struct canvas *canvas);
const struct cell *canvas_cell(const struct canvas *canvas, int x, int y);

/* Cells that were drawn more than once since canvas_clear(). 0 is the only right answer. */
unsigned canvas_overlaps(const struct canvas *canvas);

/*
 * All drawing takes a rectangle; x and y count from its corner, and nothing is drawn outside of it.
 * Glyphs of our own that ASCII lacks are replaced by the nearest ASCII one without UTF-8.
 */
void canvas_put(struct canvas *canvas, struct rect rect, int x, int y, struct style style,
		uint32_t glyph);

/* Draws escaped text (UTF-8 or not) on one row; returns the column after it, clipped or not. */
int canvas_text(struct canvas *canvas, struct rect rect, int x, int y, struct style style,
		const char *text);

/* The same for text that may hold NUL bytes or is not terminated. */
int canvas_bytes(struct canvas *canvas, struct rect rect, int x, int y, struct style style,
		 const char *text, size_t length);

__attribute__((format(printf, 6, 7))) int canvas_printf(struct canvas *canvas, struct rect rect,
							int x, int y, struct style style,
							const char *format, ...);

/* Text cut to `width` columns; what is cut is shown by an ellipsis at the end, or (keep_end) at the
 * start, as suits a path. Returns x + width: the rest of the width is blank but not drawn. */
int canvas_fit(struct canvas *canvas, struct rect rect, int x, int y, int width, struct style style,
	       const char *text, bool keep_end);

/* Right-aligned in `width` columns that start at x; text that is too long loses its start. */
void canvas_right(struct canvas *canvas, struct rect rect, int x, int y, int width,
		  struct style style, const char *text);

/* Changes attributes or background of what is there (a selected row): this is no drawing. */
void canvas_add_attr(struct canvas *canvas, struct rect rect, uint16_t attr);

/* Columns that the text takes when drawn. */
int canvas_text_width(const struct canvas *canvas, const char *text);

/* The part of `rect` that lies `x`, `y` further and is at most width × height. */
struct rect rect_inner(struct rect rect, int x, int y, int width, int height);

/*
 * Text of the canvas and its styles, one row a line, for golden screens:
 *   |text of the row|
 *   style runs: start+length:fg,bg,attributes
 */
void canvas_dump(const struct canvas *canvas, FILE *out);

#endif
