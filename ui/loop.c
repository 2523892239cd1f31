// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "ui/theme.h"

#define VIEW_FDS	4
#define BACKGROUND_WAIT ((int64_t)50 * 1000000)
#define IDLE_MS		1000 /* ages and clocks go on without a sample */
#define STUCK_MS	50 /* how often a terminal that takes nothing is tried again */

struct loop {
	struct app *app;
	struct terminal *terminal;
	const struct loop_options *options;
	struct canvas *canvas;
	int64_t asked_ns; /* when the background was asked for; 0: never */
	bool stuck; /* the last frame could not be shown yet */
	bool ended;
	enum loop_end end;
	int signal;
};

static int64_t loop_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000 + now.tv_nsec;
}

int loop_signals(void)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGCONT);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	r = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r < 0 ? -errno : r;
}

static void loop_finish(struct loop *loop, enum loop_end end)
{
	if (!loop->ended)
		loop->end = end;
	loop->ended = true;
}

static void loop_take_signals(struct loop *loop)
{
	struct signalfd_siginfo info;

	while (read(loop->options->signals, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGWINCH:
			terminal_resized(loop->terminal);
			break;
		case SIGTSTP:
			terminal_suspend(loop->terminal);
			break;
		case SIGCONT:
			terminal_redraw(loop->terminal);
			break;
		case SIGPIPE:
			break;
		default:
			loop->signal = (int)info.ssi_signo;
			loop_finish(loop, LOOP_SIGNAL);
		}
	}
}

static void loop_take_mouse(struct loop *loop)
{
	int x, y;
	enum mouse_event event = terminal_mouse(loop->terminal, &x, &y);

	app_mouse(loop->app,
		  event == MOUSE_WHEEL_UP     ? APP_WHEEL_UP
		  : event == MOUSE_WHEEL_DOWN ? APP_WHEEL_DOWN
					      : APP_CLICK,
		  x, y);
}

/* `readable`: poll says that there is something; if nothing comes, the input has ended. */
static void loop_take_keys(struct loop *loop, bool readable)
{
	char text[64];
	int key, taken = 0, waiting = 0;

	if (readable && (ioctl(STDIN_FILENO, FIONREAD, &waiting) < 0 || !waiting)) {
		loop_finish(loop, LOOP_INPUT_ENDED);
		return;
	}
	while (!loop->ended && (key = terminal_key(loop->terminal))) {
		taken++;
		if (key == UIKEY_MOUSE)
			loop_take_mouse(loop);
		else if (key == UIKEY_RESIZE) /* the signal has told */
			continue;
		else
			app_key(loop->app, key);
		if (app_wants_copy(loop->app, text, sizeof(text)))
			terminal_copy(loop->terminal, text);
		if (app_wants_redraw(loop->app))
			terminal_redraw(loop->terminal);
		if (app_wants_suspend(loop->app))
			terminal_suspend(loop->terminal);
		if (app_quits(loop->app))
			loop_finish(loop, LOOP_QUIT);
	}
}

static void loop_draw(struct loop *loop)
{
	struct view_cursor cursor;
	int width, height;
	struct rect size = canvas_rect(loop->canvas);

	loop->stuck = !terminal_takes_output();
	if (loop->stuck)
		return;
	terminal_check_size(loop->terminal);
	terminal_size(loop->terminal, &width, &height);
	if ((size.width != width || size.height != height) &&
	    canvas_resize(loop->canvas, width, height) < 0)
		return;
	app_draw(loop->app, loop->canvas, &cursor);
	terminal_show(loop->terminal, loop->canvas, cursor);
	app_send_focus(loop->app);
}

static void loop_ask_background(struct loop *loop)
{
	if (loop->options->ask_background && !loop->asked_ns) {
		loop->asked_ns = loop_now_ns();
		terminal_ask_background(loop->terminal);
	}
}

/* A late answer is swallowed but changes nothing: colours that flip are worse than the default. */
static void loop_take_background(struct loop *loop)
{
	int background = terminal_background(loop->terminal);

	if (loop->asked_ns <= 0 || background < 0)
		return;
	if (loop_now_ns() - loop->asked_ns <= BACKGROUND_WAIT) {
		struct theme_colours_of own = loop->options->theme->own;

		*loop->options->theme = theme_make(background ? THEME_DARK : THEME_LIGHT,
						   loop->options->theme->colours);
		loop->options->theme->own = own;
	}
	loop->asked_ns = -1;
}

static void loop_wait_for_news(struct loop *loop)
{
	struct source *source = app_scene(loop->app)->source;
	struct pollfd fds[3 + VIEW_FDS] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = loop->options->signals, .events = POLLIN },
		{ .fd = source ? source_fd(source) : -1, .events = POLLIN },
	};
	int views[VIEW_FDS];
	size_t count = app_fds(loop->app, views, VIEW_FDS);
	int n;

	for (size_t i = 0; i < count; i++)
		fds[3 + i] = (struct pollfd){ .fd = views[i], .events = POLLIN };
	n = poll(fds, 3 + count, loop->stuck ? STUCK_MS : IDLE_MS);
	if (n < 0)
		return;
	if (fds[1].revents)
		loop_take_signals(loop);
	if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
		loop_finish(loop, LOOP_INPUT_ENDED);
	else
		loop_take_keys(loop, fds[0].revents & POLLIN);
	if (fds[2].revents && app_scene(loop->app)->source == source)
		app_take(loop->app);
	for (size_t i = 0; i < count; i++)
		n = fds[3 + i].revents ? 0 : n;
	if (!n)
		app_tick(loop->app);
}

enum loop_end loop_run(struct app *app, struct terminal *terminal,
		       const struct loop_options *options, int *ret_signal)
{
	struct loop loop = { .app = app, .terminal = terminal, .options = options };

	loop.canvas = canvas_new(1, 1, app_utf8(app));
	if (!loop.canvas)
		return LOOP_QUIT;
	while (!loop.ended) {
		loop_draw(&loop);
		loop_ask_background(&loop);
		loop_wait_for_news(&loop);
		loop_take_background(&loop);
	}
	canvas_free(loop.canvas);
	*ret_signal = loop.signal;
	return loop.end;
}
