// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/canvas.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/escape.h"

struct canvas {
	int width, height;
	bool utf8;
	unsigned overlaps;
	struct cell *cells;
	unsigned char *drawn; /* which cells were drawn since the last clear */
};

/* What stands for our own glyphs where there is no UTF-8. */
static const struct {
	uint32_t glyph;
	char ascii;
} ascii_glyphs[] = {
	{ 0x203a, '>' }, /* › */
	{ 0x2500, '-' }, /* ─ */
	{ 0x2502, '|' }, /* │ */
	{ 0x2504, '-' }, /* ┄ */
	{ 0x25cf, '*' }, /* ● */
	{ 0x2026, '~' }, /* … */
	{ 0x2713, '=' }, /* ✓ */
	{ 0x2717, '!' }, /* ✗ */
	{ 0x00b7, '.' }, /* · */
	{ 0x00d7, 'x' }, /* × */
	{ 0x2191, '^' }, /* ↑ */
	{ 0x2193, 'v' }, /* ↓ */
	{ 0x2190, '<' }, /* ← */
	{ 0x2192, '>' }, /* → */
	{ 0x21b5, '<' }, /* ↵ */
	{ 0x25b2, '^' }, /* ▲ */
	{ 0x25bc, 'v' }, /* ▼ */
	{ 0x25b6, '>' }, /* ▶ */
	{ 0x2581, '_' }, { 0x2582, '.' }, { 0x2583, '-' }, { 0x2584, '=' }, /* ▁▂▃▄ */
	{ 0x2585, '+' }, { 0x2586, '*' }, { 0x2587, '%' }, { 0x2588, '#' }, /* ▅▆▇█ */
};

static uint32_t canvas_ascii_for(uint32_t glyph)
{
	for (size_t i = 0; i < sizeof(ascii_glyphs) / sizeof(*ascii_glyphs); i++)
		if (ascii_glyphs[i].glyph == glyph)
			return (unsigned char)ascii_glyphs[i].ascii;
	return 0;
}

struct canvas *canvas_new(int width, int height, bool utf8)
{
	struct canvas *canvas = calloc(1, sizeof(*canvas));

	if (!canvas)
		return NULL;
	canvas->utf8 = utf8;
	if (canvas_resize(canvas, width, height) < 0) {
		free(canvas);
		return NULL;
	}
	return canvas;
}

void canvas_free(struct canvas *canvas)
{
	if (!canvas)
		return;
	free(canvas->cells);
	free(canvas->drawn);
	free(canvas);
}

int canvas_resize(struct canvas *canvas, int width, int height)
{
	struct cell *cells;
	unsigned char *drawn;

	width = width < 1 ? 1 : width;
	height = height < 1 ? 1 : height;
	cells = calloc((size_t)width * height, sizeof(*cells));
	drawn = calloc((size_t)width * height, 1);
	if (!cells || !drawn) {
		free(cells);
		free(drawn);
		return -ENOMEM;
	}
	free(canvas->cells);
	free(canvas->drawn);
	canvas->cells = cells;
	canvas->drawn = drawn;
	canvas->width = width;
	canvas->height = height;
	canvas_clear(canvas);
	return 0;
}

void canvas_clear(struct canvas *canvas)
{
	size_t count = (size_t)canvas->width * canvas->height;

	for (size_t i = 0; i < count; i++)
		canvas->cells[i] = (struct cell){ ' ', STYLE_DEFAULT };
	memset(canvas->drawn, 0, count);
	canvas->overlaps = 0;
}

struct rect canvas_rect(const struct canvas *canvas)
{
	return (struct rect){ 0, 0, canvas->width, canvas->height };
}

void canvas_copy(struct canvas *to, const struct canvas *from)
{
	size_t count = (size_t)from->width * from->height;

	if ((to->width != from->width || to->height != from->height) &&
	    canvas_resize(to, from->width, from->height) < 0)
		return;
	memcpy(to->cells, from->cells, count * sizeof(*to->cells));
	memcpy(to->drawn, from->drawn, count);
	to->utf8 = from->utf8;
	to->overlaps = from->overlaps;
}

bool canvas_utf8(const struct canvas *canvas)
{
	return canvas->utf8;
}

const struct cell *canvas_cell(const struct canvas *canvas, int x, int y)
{
	return &canvas->cells[(size_t)y * canvas->width + x];
}

unsigned canvas_overlaps(const struct canvas *canvas)
{
	return canvas->overlaps;
}

struct rect rect_inner(struct rect rect, int x, int y, int width, int height)
{
	struct rect inner = { rect.x + x, rect.y + y, rect.width - x, rect.height - y };

	if (inner.width > width)
		inner.width = width;
	if (inner.height > height)
		inner.height = height;
	if (inner.width < 0)
		inner.width = 0;
	if (inner.height < 0)
		inner.height = 0;
	return inner;
}

/* The cell at x, y of rect, or NULL outside of it or of the canvas. */
static struct cell *canvas_cell_at(struct canvas *canvas, struct rect rect, int x, int y)
{
	if (x < 0 || y < 0 || x >= rect.width || y >= rect.height)
		return NULL;
	x += rect.x;
	y += rect.y;
	if (x < 0 || y < 0 || x >= canvas->width || y >= canvas->height)
		return NULL;
	return &canvas->cells[(size_t)y * canvas->width + x];
}

static void canvas_set_cell(struct canvas *canvas, struct cell *cell, struct style style,
			    uint32_t glyph)
{
	size_t at = (size_t)(cell - canvas->cells);

	if (canvas->drawn[at])
		canvas->overlaps++;
	canvas->drawn[at] = 1;
	cell->glyph = glyph;
	cell->style = style;
}

void canvas_put(struct canvas *canvas, struct rect rect, int x, int y, struct style style,
		uint32_t glyph)
{
	struct cell *cell = canvas_cell_at(canvas, rect, x, y);

	if (!cell)
		return;
	if (glyph >= 0x7f && !canvas->utf8) {
		glyph = canvas_ascii_for(glyph);
		if (!glyph)
			glyph = '?';
	}
	canvas_set_cell(canvas, cell, style, glyph);
}

/* One thing to draw: a glyph of 1 or 2 columns, or an escape of several ASCII characters. */
struct piece {
	uint32_t glyph; /* 0: escape */
	char escape[12];
	int width;
	size_t bytes;
};

/*
 * What escape_is_safe() refuses becomes visible ASCII, and so do characters without a width of
 * their own (combining ones), since a cell holds one glyph, and what the terminal cannot show.
 */
static void canvas_next_piece(const struct canvas *canvas, const char *text, size_t length,
			      struct piece *ret_piece)
{
	struct piece p = { 0 };
	uint32_t c = 0;
	int n = utf8_decode(text, length, &c);

	p.bytes = n < 0 ? 1 : (size_t)n;
	if (n > 0 && escape_is_safe(c)) {
		int width = c < 0x7f ? 1 : canvas->utf8 ? wcwidth((wchar_t)c) : -1;

		if (!canvas->utf8 && c >= 0x7f && canvas_ascii_for(c)) {
			c = canvas_ascii_for(c);
			width = 1;
		}
		if (width == 1 || width == 2) {
			p.glyph = c;
			p.width = width;
			*ret_piece = p;
			return;
		}
		p.width = snprintf(p.escape, sizeof(p.escape), "\\u%04x", (unsigned)c);
	} else {
		p.bytes = escape_next(text, length, p.escape);
		p.width = (int)strlen(p.escape);
	}
	*ret_piece = p;
}

static void canvas_draw_piece(struct canvas *canvas, struct rect rect, int x, int y,
			      struct style style, const struct piece *piece)
{
	struct cell *cell, *right;

	if (!piece->glyph) {
		for (int i = 0; i < piece->width; i++)
			if ((cell = canvas_cell_at(canvas, rect, x + i, y)))
				canvas_set_cell(canvas, cell, style,
						(unsigned char)piece->escape[i]);
		return;
	}
	cell = canvas_cell_at(canvas, rect, x, y);
	if (piece->width == 1) {
		if (cell)
			canvas_set_cell(canvas, cell, style, piece->glyph);
		return;
	}
	/* Half of a wide character cannot be drawn. */
	right = canvas_cell_at(canvas, rect, x + 1, y);
	if (cell)
		canvas_set_cell(canvas, cell, style, right ? piece->glyph : ' ');
	if (right)
		canvas_set_cell(canvas, right, style, cell ? 0 : ' ');
}

int canvas_bytes(struct canvas *canvas, struct rect rect, int x, int y, struct style style,
		 const char *text, size_t length)
{
	struct piece piece;

	for (size_t i = 0; i < length; i += piece.bytes) {
		canvas_next_piece(canvas, text + i, length - i, &piece);
		if (x < rect.width)
			canvas_draw_piece(canvas, rect, x, y, style, &piece);
		x += piece.width;
	}
	return x;
}

int canvas_text(struct canvas *canvas, struct rect rect, int x, int y, struct style style,
		const char *text)
{
	return canvas_bytes(canvas, rect, x, y, style, text, strlen(text));
}

int canvas_printf(struct canvas *canvas, struct rect rect, int x, int y, struct style style,
		  const char *format, ...)
{
	char buf[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(buf, sizeof(buf), format, args);
	va_end(args);
	if (n < 0)
		return x;
	return canvas_text(canvas, rect, x, y, style, buf);
}

int canvas_text_width(const struct canvas *canvas, const char *text)
{
	size_t length = strlen(text);
	struct piece piece;
	int width = 0;

	for (size_t i = 0; i < length; i += piece.bytes) {
		canvas_next_piece(canvas, text + i, length - i, &piece);
		width += piece.width;
	}
	return width;
}

int canvas_fit(struct canvas *canvas, struct rect rect, int x, int y, int width, struct style style,
	       const char *text, bool keep_end)
{
	int total = canvas_text_width(canvas, text), skip = 0, at = 0;
	size_t length = strlen(text);
	struct piece piece;

	if (width <= 0)
		return x;
	if (total <= width) {
		canvas_text(canvas, rect, x, y, style, text);
		return x + width;
	}
	if (keep_end) {
		canvas_put(canvas, rect, x, y, style, 0x2026);
		skip = total - width + 1;
	} else {
		canvas_put(canvas, rect, x + width - 1, y, style, 0x2026);
	}
	for (size_t i = 0; i < length; i += piece.bytes) {
		int column;

		canvas_next_piece(canvas, text + i, length - i, &piece);
		column = at - skip + keep_end;
		if (column >= (keep_end ? 1 : 0) &&
		    column + piece.width <= (keep_end ? width : width - 1))
			canvas_draw_piece(canvas, rect, x + column, y, style, &piece);
		at += piece.width;
		if (!keep_end && at >= width - 1)
			break;
	}
	return x + width;
}

void canvas_right(struct canvas *canvas, struct rect rect, int x, int y, int width,
		  struct style style, const char *text)
{
	int total = canvas_text_width(canvas, text);

	if (total > width)
		canvas_fit(canvas, rect, x, y, width, style, text, true);
	else
		canvas_text(canvas, rect, x + width - total, y, style, text);
}

void canvas_add_attr(struct canvas *canvas, struct rect rect, uint16_t attr)
{
	for (int y = 0; y < rect.height; y++)
		for (int x = 0; x < rect.width; x++) {
			struct cell *cell = canvas_cell_at(canvas, rect, x, y);

			if (cell)
				cell->style.attr |= attr;
		}
}
