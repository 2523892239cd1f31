// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/terminal_internal.h"

#include <stdio.h>
#include <string.h>

static int terminal_mouse_key(struct terminal *t)
{
	MEVENT event;

	if (getmouse(&event) == ERR)
		return 0;
	t->mouse_x = event.x;
	t->mouse_y = event.y;
	if (event.bstate & BUTTON4_PRESSED)
		t->mouse = MOUSE_WHEEL_UP;
	else if (event.bstate & BUTTON5_PRESSED)
		t->mouse = MOUSE_WHEEL_DOWN;
	else
		t->mouse = MOUSE_CLICK;
	return UIKEY_MOUSE;
}

enum mouse_event terminal_mouse(const struct terminal *terminal, int *ret_x, int *ret_y)
{
	*ret_x = terminal->mouse_x;
	*ret_y = terminal->mouse_y;
	return terminal->mouse;
}

static int terminal_curses_key(struct terminal *t, wint_t key)
{
	static const struct {
		wint_t curses;
		int key;
	} keys[] = {
		{ KEY_UP, UIKEY_UP },	      { KEY_DOWN, UIKEY_DOWN },
		{ KEY_LEFT, UIKEY_LEFT },     { KEY_RIGHT, UIKEY_RIGHT },
		{ KEY_PPAGE, UIKEY_PAGE_UP }, { KEY_NPAGE, UIKEY_PAGE_DOWN },
		{ KEY_HOME, UIKEY_HOME },     { KEY_END, UIKEY_END },
		{ KEY_IC, UIKEY_INSERT },     { KEY_DC, UIKEY_DELETE },
		{ KEY_BTAB, UIKEY_BACK_TAB }, { KEY_BACKSPACE, UIKEY_BACKSPACE },
		{ KEY_ENTER, UIKEY_ENTER },   { KEY_RESIZE, UIKEY_RESIZE },
	};

	if (key == KEY_MOUSE)
		return terminal_mouse_key(t);
	if (key >= KEY_F(1) && key <= KEY_F(12))
		return UIKEY_F1 + (int)(key - KEY_F(1));
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (keys[i].curses == key)
			return keys[i].key;
	return UIKEY_LAST;
}

/* "11;rgb:RRRR/GGGG/BBBB": dark when its luminance is under a half. */
static void terminal_read_background(struct terminal *t)
{
	unsigned c[3];

	t->reply[t->reply_length] = '\0';
	if (sscanf(t->reply, "11;rgb:%4x/%4x/%4x", &c[0], &c[1], &c[2]) != 3)
		return;
	if (!strchr(t->reply, '/') || strchr(t->reply, '/') - t->reply < 7 + 4)
		for (int i = 0; i < 3; i++) /* two digits each */
			c[i] *= 257;
	t->background = c[0] * 0.2126 + c[1] * 0.7152 + c[2] * 0.0722 < 0x8000;
}

/* Takes one character of an OSC answer; true while it belongs to one. */
static bool terminal_swallow(struct terminal *t, wint_t c)
{
	if (t->reply_length < 0)
		return false;
	if (c == 7 || c == '\\') { /* BEL, or the end of ESC \ */
		terminal_read_background(t);
		t->reply_length = -1;
	} else if (c == 27) {
		return true;
	} else if (t->reply_length < REPLY - 1 && c >= 0x20 && c < 0x7f) {
		t->reply[t->reply_length++] = (char)c;
	} else {
		t->reply_length = -1;
		return false;
	}
	return true;
}

/*
 * What terminals send for Home and End, whatever their terminfo entry says: TERM is often that of
 * another one, as xterm's is inside of tmux.
 */
void terminal_define_keys(void)
{
	static const struct {
		const char *sequence;
		int key;
	} keys[] = {
		{ "\033[1~", KEY_HOME }, { "\033[7~", KEY_HOME }, { "\033[H", KEY_HOME },
		{ "\033OH", KEY_HOME },	 { "\033[4~", KEY_END },  { "\033[8~", KEY_END },
		{ "\033[F", KEY_END },	 { "\033OF", KEY_END },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		define_key(keys[i].sequence, keys[i].key);
}

/* The rest of a key that neither terminfo nor we know: its letters are no keys of their own. */
static void terminal_drop_sequence(wint_t introducer)
{
	wint_t c;

	if (introducer == 'O') {
		get_wch(&c);
		return;
	}
	while (get_wch(&c) == OK && c >= 0x20 && c < 0x40)
		;
}

int terminal_key(struct terminal *terminal)
{
	wint_t c;
	int type;

	for (;;) {
		type = get_wch(&c);
		if (type == ERR)
			return 0;
		if (type == KEY_CODE_YES)
			return terminal_curses_key(terminal, c);
		if (terminal_swallow(terminal, c))
			continue;
		if (c == 27) {
			/* An answer follows its ESC at once; a person does not. */
			type = get_wch(&c);
			if (type == OK && c == ']') {
				terminal->reply_length = 0;
				continue;
			}
			if (type == OK && (c == '[' || c == 'O')) {
				terminal_drop_sequence(c);
				return UIKEY_LAST;
			}
			if (type == OK)
				unget_wch((wchar_t)c);
			else if (type == KEY_CODE_YES)
				ungetch((int)c);
			return UIKEY_ESCAPE;
		}
		if (c == 0x7f || c == 8)
			return UIKEY_BACKSPACE;
		if (c == '\n')
			return UIKEY_ENTER;
		return c ? (int)c : UIKEY_LAST;
	}
}
