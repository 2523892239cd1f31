/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TERMINAL_H
#define PMTOP_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/canvas.h"
#include "ui/view.h"

/*
 * The one place that knows curses: takes the terminal over, shows canvases, turns input into keys,
 * and gives the terminal back, whatever ends the program.
 */
struct terminal;

struct terminal_options {
	bool mouse;
	bool colour;
};

/*
 * Takes the terminal of standard input and output over. -ENOTTY: one of them is none; -ENXIO:
 * curses does not know this kind of terminal ($TERM). One at a time in a process, since curses is.
 */
int terminal_open(const struct terminal_options *options, struct terminal **ret_terminal);

/* Gives it back as it was, and waits for nobody who does not read it. NULL is fine. */
void terminal_close(struct terminal *terminal);

/* Colours that it has: 0, 8, 16, 256 …; may be asked at any time. */
int terminal_colours(const struct terminal *terminal);
bool terminal_utf8(void);

void terminal_size(const struct terminal *terminal, int *ret_width, int *ret_height);

/* Takes a new size over, as after SIGWINCH. */
void terminal_resized(struct terminal *terminal);

/*
 * The same if the size is another one: SIGWINCH does not reach whom su(1) has put into a session.
 */
void terminal_check_size(struct terminal *terminal);

/* Shows what differs from the last canvas shown. The cursor goes where the selection is. */
void terminal_show(struct terminal *terminal, const struct canvas *canvas,
		   struct view_cursor cursor);

/* False: a write would wait. One that waits is ended by a signal that ends pmtop. */
bool terminal_takes_output(void);

/* Forgets what is shown: the next terminal_show() draws everything. */
void terminal_redraw(struct terminal *terminal);

/*
 * The next key that was pressed (enum key or a character), or 0 when there is none. With
 * UIKEY_MOUSE, terminal_mouse() says where.
 */
int terminal_key(struct terminal *terminal);

enum mouse_event { MOUSE_CLICK, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };
enum mouse_event terminal_mouse(const struct terminal *terminal, int *ret_x, int *ret_y);

/* Stops pmtop as ^Z does, with the terminal given back, and takes it over again afterwards. */
void terminal_suspend(struct terminal *terminal);

/*
 * Asks the terminal for its background (OSC 11). The answer comes among the keys and is swallowed
 * there, however late. terminal_background(): 1 dark, 0 light, -1 not known (yet).
 */
void terminal_ask_background(struct terminal *terminal);
int terminal_background(const struct terminal *terminal);

/* Hands text to the terminal's clipboard (OSC 52). */
void terminal_copy(struct terminal *terminal, const char *text);

#endif
