// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/prompt.h"

#include <stdarg.h>
#include <string.h>

#include "base/escape.h"

void prompt_open(struct prompt *prompt, enum prompt_kind kind, const char *format, ...)
{
	va_list args;

	prompt->kind = kind;
	prompt->text[0] = '\0';
	va_start(args, format);
	vsnprintf(prompt->question, sizeof(prompt->question), format, args);
	va_end(args);
}

static void prompt_remove_last(char *text)
{
	size_t n = strlen(text);

	while (n && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
		n--;
	text[n ? n - 1 : 0] = '\0';
}

enum prompt_result prompt_key(struct prompt *prompt, int key)
{
	size_t length = strlen(prompt->text);
	int n;

	if (prompt->kind == PROMPT_CONFIRM)
		return key == 'y' || key == 'Y' ? PROMPT_ACCEPTED : PROMPT_CANCELLED;
	switch (key) {
	case UIKEY_ENTER:
		return PROMPT_ACCEPTED;
	case UIKEY_ESCAPE:
	case 3: /* ^C */
		return PROMPT_CANCELLED;
	case UIKEY_BACKSPACE:
		if (!length)
			return PROMPT_CANCELLED;
		prompt_remove_last(prompt->text);
		return PROMPT_CHANGED;
	case 21: /* ^U */
		prompt->text[0] = '\0';
		return PROMPT_CHANGED;
	default:
		if (key < 0x20 || key >= UIKEY_UP || length + 5 > sizeof(prompt->text))
			return PROMPT_OPEN;
		n = utf8_encode((uint32_t)key, prompt->text + length);
		prompt->text[length + (size_t)n] = '\0';
		return PROMPT_CHANGED;
	}
}

void prompt_draw(const struct prompt *prompt, struct canvas *canvas, struct rect row,
		 struct style label, struct style text, struct view_cursor *ret_cursor)
{
	int x = canvas_text(canvas, row, 0, 0, label, prompt->question);
	int room = row.width - x - 1, width = canvas_text_width(canvas, prompt->text);

	if (prompt->kind != PROMPT_CONFIRM && room > 0) {
		canvas_fit(canvas, row, x, 0, room, text, prompt->text, true);
		x += width < room ? width : room;
	}
	if (x >= row.width)
		x = row.width - 1;
	*ret_cursor = (struct view_cursor){ row.x + x, row.y };
}
