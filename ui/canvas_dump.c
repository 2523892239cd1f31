// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/canvas.h"

static void canvas_dump_glyph(FILE *out, uint32_t c)
{
	if (c < 0x80)
		fputc((int)c, out);
	else if (c < 0x800)
		fprintf(out, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
	else if (c < 0x10000)
		fprintf(out, "%c%c%c", 0xe0 | c >> 12, 0x80 | (c >> 6 & 0x3f), 0x80 | (c & 0x3f));
	else
		fprintf(out, "%c%c%c%c", 0xf0 | c >> 18, 0x80 | (c >> 12 & 0x3f),
			0x80 | (c >> 6 & 0x3f), 0x80 | (c & 0x3f));
}

static void canvas_dump_style(FILE *out, int start, int count, struct style s)
{
	fprintf(out, " %d+%d:%d,%d", start, count, s.fg, s.bg);
	if (s.attr)
		fprintf(out, ",%s%s%s%s", s.attr & ATTR_BOLD ? "b" : "",
			s.attr & ATTR_DIM ? "d" : "", s.attr & ATTR_UNDERLINE ? "u" : "",
			s.attr & ATTR_REVERSE ? "r" : "");
}

static bool canvas_dump_style_equal(struct style a, struct style b)
{
	return a.fg == b.fg && a.bg == b.bg && a.attr == b.attr;
}

void canvas_dump(const struct canvas *canvas, FILE *out)
{
	const struct rect size = canvas_rect(canvas);

	for (int y = 0; y < size.height; y++) {
		const struct cell *row = canvas_cell(canvas, 0, y);
		int start = 0;

		fputc('|', out);
		for (int x = 0; x < size.width; x++)
			if (row[x].glyph)
				canvas_dump_glyph(out, row[x].glyph);
		fputs("|\n ", out);
		for (int x = 1; x <= size.width; x++) {
			if (x < size.width &&
			    canvas_dump_style_equal(row[x].style, row[start].style))
				continue;
			if (!canvas_dump_style_equal(row[start].style, STYLE_DEFAULT))
				canvas_dump_style(out, start, x - start, row[start].style);
			start = x;
		}
		fputc('\n', out);
	}
}
