// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/lines.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct line {
	struct style label_style, style;
	char *label, *text;
};

struct lines {
	struct line *lines;
	size_t count, capacity;
};

struct lines *lines_new(void)
{
	return calloc(1, sizeof(struct lines));
}

void lines_free(struct lines *lines)
{
	if (!lines)
		return;
	lines_clear(lines);
	free(lines->lines);
	free(lines);
}

void lines_clear(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		free(lines->lines[i].label);
		free(lines->lines[i].text);
	}
	lines->count = 0;
}

void lines_add(struct lines *lines, struct style label_style, const char *label, struct style style,
	       const char *format, ...)
{
	struct line line = { label_style, style, strdup(label), NULL };
	va_list args;
	int n;

	if (lines->count == lines->capacity) {
		size_t capacity = lines->capacity ? lines->capacity * 2 : 32;
		struct line *grown = reallocarray(lines->lines, capacity, sizeof(*grown));

		if (grown) {
			lines->lines = grown;
			lines->capacity = capacity;
		}
	}
	va_start(args, format);
	n = vasprintf(&line.text, format, args);
	va_end(args);
	if (n < 0 || !line.label || lines->count == lines->capacity) {
		free(line.label);
		if (n >= 0)
			free(line.text);
		return;
	}
	lines->lines[lines->count++] = line;
}

size_t lines_count(const struct lines *lines)
{
	return lines->count;
}

long lines_find(const struct lines *lines, long from, const char *text, int direction)
{
	long count = (long)lines->count;

	for (long k = 1; k <= count; k++) {
		long i = ((from + direction * k) % count + count) % count;

		if (strcasestr(lines->lines[i].label, text) ||
		    strcasestr(lines->lines[i].text, text))
			return i;
	}
	return -1;
}

/* Bytes of text that go on one row of `width` columns: up to a blank if there is one. */
static size_t lines_row_bytes(const struct canvas *canvas, const char *text, int width)
{
	char word[64];
	size_t fits = 0, at = 0, length = strlen(text);
	int used = 0;

	while (at < length) {
		size_t n = strcspn(text + at + 1, " ") + 1;

		if (n >= sizeof(word))
			n = sizeof(word) - 1;
		memcpy(word, text + at, n);
		word[n] = '\0';
		used += canvas_text_width(canvas, word);
		if (used > width)
			break;
		at += n;
		fits = at;
	}
	if (fits || !length)
		return fits;
	/* A word that is wider than the row is cut at characters, not inside of one. */
	while (fits < length && (int)fits < width)
		fits++;
	while (fits > 1 && fits < length && ((unsigned char)text[fits] & 0xc0) == 0x80)
		fits--;
	return fits ? fits : 1;
}

static size_t lines_wrap_line(const struct line *line, const struct canvas *measure, int width,
			      struct canvas *canvas, struct rect rect, int y, int label_width)
{
	const char *text = line->text;
	size_t rows = 0;

	do {
		size_t n = lines_row_bytes(measure, text, width > 0 ? width : 1);

		if (canvas)
			canvas_bytes(canvas, rect, label_width, y + (int)rows, line->style, text,
				     n);
		rows++;
		text += n;
		while (*text == ' ')
			text++;
	} while (*text);
	return rows;
}

size_t lines_draw(const struct lines *lines, struct canvas *canvas, struct rect rect, size_t first,
		  int label_width)
{
	size_t i;
	int y = 0;

	for (i = first; i < lines->count && y < rect.height; i++) {
		const struct line *line = &lines->lines[i];

		if (*line->label)
			canvas_fit(canvas, rect, 0, y, *line->text ? label_width - 1 : rect.width,
				   line->label_style, line->label, false);
		y += (int)lines_wrap_line(line, canvas, rect.width - label_width, canvas, rect, y,
					  label_width);
	}
	return i - first;
}

size_t lines_rows(const struct lines *lines, const struct canvas *canvas, int width, size_t first,
		  int label_width, size_t most)
{
	struct rect none = { 0 };
	size_t rows = 0;

	for (size_t i = first; i < lines->count && rows < most; i++)
		rows += lines_wrap_line(&lines->lines[i], canvas, width - label_width, NULL, none,
					0, label_width);
	return rows;
}
