/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PROMPT_H
#define PMTOP_PROMPT_H

#include <stdbool.h>

#include "ui/canvas.h"
#include "ui/view.h"

/* The last row while the person types or confirms something. It never covers data. */

enum prompt_kind {
	PROMPT_NONE,
	PROMPT_FIND,
	PROMPT_FILTER,
	PROMPT_COMMAND,
	PROMPT_BOOKMARK,
	PROMPT_INPUT, /* for the view that asked */
	PROMPT_CONFIRM, /* y does it, every other key does not */
	PROMPTS
};

struct prompt {
	enum prompt_kind kind;
	char question[256];
	char text[256]; /* UTF-8 as typed */
	enum request confirmed; /* what PROMPT_CONFIRM is about */
};

enum prompt_result { PROMPT_OPEN, PROMPT_CHANGED, PROMPT_ACCEPTED, PROMPT_CANCELLED };

__attribute__((format(printf, 3, 4))) void prompt_open(struct prompt *prompt, enum prompt_kind kind,
						       const char *format, ...);
enum prompt_result prompt_key(struct prompt *prompt, int key);
void prompt_draw(const struct prompt *prompt, struct canvas *canvas, struct rect row,
		 struct style label, struct style text, struct view_cursor *ret_cursor);

#endif
