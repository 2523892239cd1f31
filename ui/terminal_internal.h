/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TERMINAL_INTERNAL_H
#define PMTOP_TERMINAL_INTERNAL_H

#ifndef NCURSES_WIDECHAR
#define NCURSES_WIDECHAR 1
#endif
#include <curses.h>

#include "ui/terminal.h"

/* Shared by terminal.c (screen) and terminal_keys.c (input) only. */

/* terminal_keys.c: after keypad(). */
void terminal_define_keys(void);

#define PAIRS 64
#define REPLY 64

struct terminal {
	SCREEN *screen;
	bool colour;
	int width, height;
	cchar_t *row; /* room for one */
	struct canvas *shown; /* what the terminal shows now; NULL: unknown */
	struct {
		int16_t fg, bg;
		int pair;
	} pairs[PAIRS]; /* most recent use of each hash */
	bool drawn_before;
	int mouse_x, mouse_y;
	enum mouse_event mouse;
	char reply[REPLY]; /* an OSC answer that is arriving */
	int reply_length; /* -1: none is */
	int background;
};

#endif
