// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "ui/terminal.h"

#ifndef NCURSES_WIDECHAR
#define NCURSES_WIDECHAR 1
#endif

#define PAIRS	 64
#define REPLY	 64
#define REPLY_MS 500 /* what comes later than that is no rest of an answer */

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
	bool reply_alone; /* its ESC came alone, and was given as a key */
	int64_t reply_ms, escape_ms; /* when the last of it came; a key of ESC */
	bool reply_ended; /* by the ESC of ESC \ */
	bool asked;
	int background;
};

static const int crash_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS };
#define CRASH_SIGNALS (sizeof(crash_signals) / sizeof(*crash_signals))

/* Blocked, and read from a descriptor, but for the time of a write to the terminal. */
static const int end_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define END_SIGNALS (sizeof(end_signals) / sizeof(*end_signals))

/*
 * What a signal handler needs, since a handler gets no argument of its own: the exception to the
 * rule that no file-scope variable is mutable. Written only while no handler is installed.
 */
static struct {
	struct termios termios;
	char reset[256];
	size_t reset_length;
	struct sigaction before[CRASH_SIGNALS];
	int tty; /* the terminal, whatever standard output is by now */
	int null; /* takes what the terminal does not */
	struct sigaction before_end[END_SIGNALS];
} crash;

static void terminal_define_keys(void);

static int64_t terminal_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Only async-signal-safe calls. */
static void terminal_on_crash(int signal)
{
	static const char text[] = "pmtop: crashed; the terminal was restored. "
				   "Please report this with the signal: ";
	const char digits[3] = { (char)('0' + signal / 10), (char)('0' + signal % 10), '\n' };

	tcsetattr(STDIN_FILENO, TCSANOW, &crash.termios);
	if (write(crash.tty, crash.reset, crash.reset_length) < 0 ||
	    write(STDERR_FILENO, text, sizeof(text) - 1) < 0 || write(STDERR_FILENO, digits, 3) < 0)
		_exit(128 + signal);
	for (size_t i = 0; i < CRASH_SIGNALS; i++)
		if (crash_signals[i] == signal)
			sigaction(signal, &crash.before[i], NULL);
	raise(signal);
}

static void terminal_add_reset(const char *sequence)
{
	size_t length = sequence && sequence != (char *)-1 ? strlen(sequence) : 0;

	if (!length || crash.reset_length + length > sizeof(crash.reset))
		return;
	memcpy(crash.reset + crash.reset_length, sequence, length);
	crash.reset_length += length;
}

static void terminal_catch_crashes(bool mouse)
{
	struct sigaction action = { .sa_handler = terminal_on_crash,
				    .sa_flags = SA_RESETHAND | SA_NODEFER };

	crash.reset_length = 0;
	terminal_add_reset(exit_attribute_mode);
	terminal_add_reset(orig_pair);
	if (mouse)
		terminal_add_reset("\033[?1000l\033[?1006l");
	terminal_add_reset(keypad_local);
	terminal_add_reset(cursor_normal);
	terminal_add_reset(exit_ca_mode);
	for (size_t i = 0; i < CRASH_SIGNALS; i++)
		sigaction(crash_signals[i], &action, &crash.before[i]);
}

static void terminal_release_crashes(void)
{
	for (size_t i = 0; i < CRASH_SIGNALS; i++)
		sigaction(crash_signals[i], &crash.before[i], NULL);
}

/*
 * curses repeats a write that a signal has interrupted: it must find a standard output that takes
 * it. The signal stays blocked from here on, for the descriptor that tells the loop of it.
 */
static void terminal_on_end(int signal, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)info;
	dup2(crash.null, STDOUT_FILENO);
	for (size_t i = 0; i < END_SIGNALS; i++)
		sigaddset(&((ucontext_t *)context)->uc_sigmask, end_signals[i]);
	raise(signal);
	errno = saved;
}

static void terminal_catch_ends(void)
{
	struct sigaction action = { .sa_sigaction = terminal_on_end, .sa_flags = SA_SIGINFO };

	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < END_SIGNALS; i++)
		sigaction(end_signals[i], &action, &crash.before_end[i]);
}

static void terminal_release_ends(void)
{
	for (size_t i = 0; i < END_SIGNALS; i++)
		sigaction(end_signals[i], &crash.before_end[i], NULL);
}

/* From here to terminal_wrote() a signal ends a write that the terminal does not take. */
static void terminal_writes(sigset_t *ret_before)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < END_SIGNALS; i++)
		sigaddset(&set, end_signals[i]);
	pthread_sigmask(SIG_UNBLOCK, &set, ret_before);
}

static void terminal_wrote(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* Never waits: what a terminal that nobody reads has not taken yet is thrown away for it. */
static void terminal_write_reset(void)
{
	int flags = fcntl(crash.tty, F_GETFL);
	size_t left = crash.reset_length;
	ssize_t n;

	fcntl(crash.tty, F_SETFL, flags | O_NONBLOCK);
	n = write(crash.tty, crash.reset, left);
	left -= n > 0 ? (size_t)n : 0;
	if (left && !tcflush(crash.tty, TCOFLUSH) &&
	    write(crash.tty, crash.reset + crash.reset_length - left, left) < 0)
		left = 0; /* gone, or stopped by ^S: nothing can be shown there */
	fcntl(crash.tty, F_SETFL, flags);
	tcsetattr(crash.tty, TCSANOW, &crash.termios);
}

bool terminal_takes_output(void)
{
	struct pollfd fd = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT);
}

static void terminal_refresh(void)
{
	sigset_t before;

	terminal_writes(&before);
	refresh();
	terminal_wrote(&before);
}

static void terminal_flush(void)
{
	sigset_t before;

	terminal_writes(&before);
	fflush(stdout);
	terminal_wrote(&before);
}

bool terminal_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

static void terminal_set_modes(void)
{
	raw(); /* ^C, ^Z and ^\ are keys; the keymap says what they do */
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	terminal_define_keys();
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	leaveok(stdscr, FALSE);
	scrollok(stdscr, FALSE);
	idlok(stdscr, FALSE);
	curs_set(1);
}

static void terminal_free(struct terminal *t)
{
	if (t->screen)
		delscreen(t->screen);
	close(crash.tty);
	close(crash.null);
	canvas_free(t->shown);
	free(t->row);
	free(t);
}

int terminal_open(const struct terminal_options *options, struct terminal **ret_terminal)
{
	struct terminal *t;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	tcgetattr(STDIN_FILENO, &crash.termios);
	t->reply_length = t->background = -1;
	crash.tty = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	crash.null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	t->screen = newterm(NULL, stdout, stdin);
	if (!t->screen || crash.tty < 0 || crash.null < 0) {
		terminal_free(t);
		return -ENXIO;
	}
	terminal_catch_ends();
	terminal_set_modes();
	t->colour = options->colour && has_colors();
	if (t->colour) {
		start_color();
		if (use_default_colors() == ERR)
			t->colour = false;
	}
	if (options->mouse) {
		mousemask(BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED,
			  NULL);
		mouseinterval(0);
	}
	terminal_catch_crashes(options->mouse);
	terminal_resized(t);
	*ret_terminal = t;
	return 0;
}

void terminal_close(struct terminal *terminal)
{
	if (!terminal)
		return;
	terminal_release_crashes();
	/* Without a second screen, what we drew would stay. */
	if (!exit_ca_mode && terminal_takes_output()) {
		erase();
		terminal_refresh();
	}
	dup2(crash.null, STDOUT_FILENO);
	endwin();
	terminal_write_reset();
	dup2(crash.tty, STDOUT_FILENO);
	terminal_release_ends();
	terminal_free(terminal);
}

int terminal_colours(const struct terminal *terminal)
{
	return terminal->colour ? COLORS : 0;
}

void terminal_size(const struct terminal *terminal, int *ret_width, int *ret_height)
{
	*ret_width = terminal->width;
	*ret_height = terminal->height;
}

void terminal_resized(struct terminal *terminal)
{
	struct winsize size;
	cchar_t *grown;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col && size.ws_row)
		resize_term(size.ws_row, size.ws_col); /* resizeterm() would push a key */
	grown = realloc(terminal->row, sizeof(*grown) * ((size_t)COLS + 1));
	if (!grown)
		return;
	terminal->row = grown;
	terminal->width = COLS;
	terminal->height = LINES;
	terminal_redraw(terminal);
}

void terminal_check_size(struct terminal *terminal)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col && size.ws_row &&
	    (size.ws_col != terminal->width || size.ws_row != terminal->height))
		terminal_resized(terminal);
}

void terminal_redraw(struct terminal *terminal)
{
	canvas_free(terminal->shown);
	terminal->shown = NULL;
	clearok(curscr, TRUE);
}

static int terminal_pair_of(struct terminal *t, int16_t fg, int16_t bg)
{
	unsigned slot = ((unsigned)fg * 31 + (unsigned)bg) % PAIRS;

	if (!t->colour || (fg < 0 && bg < 0))
		return 0;
	if (!t->pairs[slot].pair || t->pairs[slot].fg != fg || t->pairs[slot].bg != bg) {
		int pair = alloc_pair(fg, bg);

		t->pairs[slot].fg = fg;
		t->pairs[slot].bg = bg;
		t->pairs[slot].pair = pair < 0 ? 0 : pair;
	}
	return t->pairs[slot].pair;
}

static attr_t terminal_curses_attr(uint16_t attr)
{
	return (attr & ATTR_BOLD ? WA_BOLD : 0) | (attr & ATTR_DIM ? WA_DIM : 0) |
	       (attr & ATTR_UNDERLINE ? WA_UNDERLINE : 0) | (attr & ATTR_REVERSE ? WA_REVERSE : 0);
}

static void terminal_show_row(struct terminal *t, const struct canvas *canvas, int y, int width)
{
	const struct cell *row = canvas_cell(canvas, 0, y);
	cchar_t *out = t->row;
	int n = 0;

	for (int x = 0; x < width; x++) {
		wchar_t text[2] = { (wchar_t)row[x].glyph, 0 };
		int pair;

		if (!row[x].glyph)
			continue; /* curses fills the right half in */
		pair = terminal_pair_of(t, row[x].style.fg, row[x].style.bg);
		setcchar(&out[n++], text, terminal_curses_attr(row[x].style.attr), 0, &pair);
	}
	mvadd_wchnstr(y, 0, out, n);
}

static bool terminal_row_equal(const struct canvas *a, const struct canvas *b, int y, int width)
{
	return !memcmp(canvas_cell(a, 0, y), canvas_cell(b, 0, y),
		       sizeof(struct cell) * (size_t)width);
}

void terminal_show(struct terminal *terminal, const struct canvas *canvas,
		   struct view_cursor cursor)
{
	struct rect rect = canvas_rect(canvas);
	int width = rect.width < terminal->width ? rect.width : terminal->width;
	int height = rect.height < terminal->height ? rect.height : terminal->height;
	struct canvas *shown = terminal->shown;

	for (int y = 0; y < height; y++)
		if (!shown || !terminal_row_equal(shown, canvas, y, width))
			terminal_show_row(terminal, canvas, y, width);
	if (!shown && width == rect.width && height == rect.height)
		terminal->shown = canvas_new(rect.width, rect.height, canvas_utf8(canvas));
	if (terminal->shown)
		canvas_copy(terminal->shown, canvas);
	if (cursor.x >= 0 && cursor.x < width && cursor.y < height)
		move(cursor.y, cursor.x);
	else
		move(height - 1, 0);
	terminal_refresh();
}

void terminal_suspend(struct terminal *terminal)
{
	struct sigaction standard = { .sa_handler = SIG_DFL }, before;
	sigset_t set, mask;

	terminal_writes(&mask);
	endwin();
	terminal_wrote(&mask);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigaction(SIGTSTP, &standard, &before);
	kill(0, SIGTSTP);
	/* It is delivered here, and this returns when somebody continues us. */
	sigprocmask(SIG_UNBLOCK, &set, &mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGTSTP, &before, NULL);
	terminal_resized(terminal);
	terminal_refresh();
}

static bool terminal_answers_questions(const char *term)
{
	static const char *const kinds[] = { "xterm",	  "tmux",  "screen",  "rxvt",	 "foot",
					     "alacritty", "kitty", "st-",     "wezterm", "konsole",
					     "gnome",	  "vte",   "contour", "ghostty", "mintty" };

	for (size_t i = 0; term && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strncmp(term, kinds[i], strlen(kinds[i])))
			return true;
	return false;
}

void terminal_ask_background(struct terminal *terminal)
{
	if (!terminal_answers_questions(getenv("TERM")))
		return;
	terminal->asked = true;
	fputs("\033]11;?\033\\", stdout);
	terminal_flush();
}

int terminal_background(const struct terminal *terminal)
{
	return terminal->background;
}

void terminal_copy(struct terminal *terminal, const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	size_t length = strlen(text);

	if (!terminal_answers_questions(getenv("TERM")))
		return;
	fputs("\033]52;c;", stdout);
	for (size_t i = 0; i < length; i += 3) {
		unsigned left = (unsigned)(length - i), v = (unsigned char)text[i] << 16;

		v |= left > 1 ? (unsigned char)text[i + 1] << 8 : 0;
		v |= left > 2 ? (unsigned char)text[i + 2] : 0;
		fputc(digits[v >> 18], stdout);
		fputc(digits[v >> 12 & 63], stdout);
		fputc(left > 1 ? digits[v >> 6 & 63] : '=', stdout);
		fputc(left > 2 ? digits[v & 63] : '=', stdout);
	}
	fputs("\033\\", stdout);
	terminal_flush();
}

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
#define TERMINAL_KEY(id, name, shown, curses) { curses, UIKEY_##id },
		{ KEY_ENTER, UIKEY_ENTER }, { KEY_RESIZE, UIKEY_RESIZE }, UIKEY_TABLE(TERMINAL_KEY)
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
	if (strchr(t->reply, '/') - t->reply < 7 + 4)
		for (int i = 0; i < 3; i++) /* two digits each */
			c[i] *= 257;
	t->background = c[0] * 0.2126 + c[1] * 0.7152 + c[2] * 0.0722 < 0x8000;
}

/* Whether a character may come next in such an answer: all others are keys. */
static bool terminal_fits(const struct terminal *t, wint_t c)
{
	static const char head[] = "11;rgb:";
	int at = t->reply_length, digits = 0, colours = 1;

	if (at < (int)sizeof(head) - 1)
		return c == (wint_t)head[at] || (c == 'a' && head[at] == ':');
	for (int i = (int)sizeof(head) - 1; i < at; i++) {
		colours += t->reply[i] == '/';
		digits = t->reply[i] == '/' ? 0 : digits + 1;
	}
	if (c == 7 || c == 27)
		return colours >= 3 && digits;
	return c == '/' ? digits && colours < 4 : c < 128 && isxdigit((int)c) && digits < 4;
}

static void terminal_begin_reply(struct terminal *t, bool alone)
{
	t->reply_length = 0;
	t->reply_alone = alone;
	t->reply_ended = false;
	t->reply_ms = terminal_now_ms();
}

/*
 * Takes one character of an OSC answer; true while it belongs to one. A key may come in between, or
 * instead of the rest, so what does not fit is one; so is what fits but comes late.
 */
static bool terminal_swallow(struct terminal *t, wint_t c)
{
	int64_t now = terminal_now_ms(), late = t->reply_ms + REPLY_MS;

	if (t->reply_length >= 0 && now > late)
		t->reply_length = -1;
	if (t->reply_ended && (c == '\\' || now > late)) {
		t->reply_ended = false;
		return now <= late;
	}
	if (t->reply_ended && c == ']') { /* that ESC began the next answer */
		terminal_begin_reply(t, false);
		return true;
	}
	if (t->reply_length < 0 || !terminal_fits(t, c))
		return false;
	t->reply_ms = now;
	if (c == 7 || c == 27) { /* BEL, or ESC \ */
		terminal_read_background(t);
		t->reply_length = -1;
		t->reply_ended = c == 27;
	} else if (c != 'a' ||
		   t->reply_length > 6) { /* "rgba:" has an opacity behind the colours */
		t->reply[t->reply_length++] = (char)c;
	}
	return true;
}

/* An ESC that came alone, and was given as a key, may still have begun the answer. */
static bool terminal_goes_on(const struct terminal *t, wint_t c)
{
	return c == ']' && t->asked && t->background < 0 &&
	       terminal_now_ms() <= t->escape_ms + REPLY_MS;
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

/* What follows an ESC: true when that begins an answer, else the key is told. */
static bool terminal_escape(struct terminal *t, int *ret_key)
{
	wint_t c;
	int type = get_wch(&c);

	if (type == OK && c == ']') {
		terminal_begin_reply(t, false);
		return true;
	}
	*ret_key = UIKEY_ESCAPE;
	if (type == OK && (c == '[' || c == 'O')) {
		terminal_drop_sequence(c);
		*ret_key = UIKEY_LAST;
	} else if (type == OK) {
		unget_wch((wchar_t)c);
	} else if (type == KEY_CODE_YES) {
		ungetch((int)c);
	} else {
		t->escape_ms = terminal_now_ms();
	}
	return false;
}

/*
 * What terminals send for Home and End, whatever their terminfo entry says: TERM is often that of
 * another one, as xterm's is inside of tmux.
 */
/* terminal_keys.c: after keypad(). */
static void terminal_define_keys(void)
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

static int terminal_read_key(struct terminal *terminal)
{
	wint_t c;
	int type, key;

	for (;;) {
		type = get_wch(&c);
		if (type == ERR)
			return 0;
		if (type == KEY_CODE_YES)
			return terminal_curses_key(terminal, c);
		if (terminal->reply_alone && terminal->reply_length == 0 && c != '1') {
			terminal->reply_length = -1;
			unget_wch((wchar_t)c);
			return ']'; /* it was a key after all */
		}
		if (terminal_swallow(terminal, c))
			continue;
		if (terminal_goes_on(terminal, c)) {
			terminal_begin_reply(terminal, true);
			continue;
		}
		if (c == 27) {
			if (terminal_escape(terminal, &key))
				continue;
			return key;
		}
		if (c == 0x7f || c == 8)
			return UIKEY_BACKSPACE;
		if (c == '\n')
			return UIKEY_ENTER;
		return c ? (int)c : UIKEY_LAST;
	}
}

int terminal_key(struct terminal *terminal)
{
	sigset_t before;
	int key;

	terminal_writes(&before); /* get_wch() shows what resize_term() has touched */
	key = terminal_read_key(terminal);
	terminal_wrote(&before);
	return key;
}
