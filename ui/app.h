/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_APP_H
#define PMTOP_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ui/census_feed.h"
#include "ui/view.h"

/*
 * The program behind the screens: which views there are and which has the keys, what is shown of a
 * source, what happens on a request. Needs no terminal: tests feed keys and look at the canvas;
 * app_run() in loop.h connects it to one.
 */
struct app;

/* What the app cannot do by itself; each may be NULL. `context` is the first argument. */
struct app_hooks {
	void *context;

	/* Opens a live source on a process that was chosen from the list. 0 or -errno; -ESTALE: the
	 * pid is another process's now. */
	int (*open)(void *context, const struct census_identity *who, struct source **ret_source);

	/* Starts to count processes and shared objects, when their screen is first asked for. */
	int (*census)(void *context, struct census_feed **ret_feed);

	/* Starts (1) or stops (0) recording the source; says in message what happened, or why not
	 * (-errno). `path` is what the person typed, or "" for a name of pmtop's choice. */
	int (*record)(void *context, struct source *source, const char *path, char *message,
		      size_t size);

	/* Whether the recording goes on (1); with its process it has ended as it should (0), else
	 * by something that went wrong (-errno), and message says what became of it. */
	int (*recording)(void *context, struct source *source, char *message, size_t size);

	/* Something happened that the source does not know of, while a recording may be under way:
	 * a bookmark was set, the workload's limit was changed. `taken_ns` is CLOCK_REALTIME. */
	void (*event)(void *context, enum event_kind kind, int64_t taken_ns, const char *text);
};

struct app_options {
	struct theme *theme; /* not owned; the options screen changes it */
	struct keymap *keymap; /* not owned */
	int colours; /* that the terminal has and may be used, for a change of the theme */
	bool utf8;
	uint64_t history_bytes; /* 0: default */
	struct app_hooks hooks;
};

/* NULL when out of memory. */
struct app *app_new(const struct app_options *options);
void app_free(struct app *app);

/* How many colours a theme chosen on the options screen may use. */
void app_set_colours(struct app *app, int colours);

void app_set_hooks(struct app *app, const struct app_hooks *hooks);

/* Shows a source; the app owns it from here on. */
void app_set_source(struct app *app, struct source *source);

/* The same by a census, which the screen of shared objects shows too; takes a reference. */
void app_set_census(struct app *app, struct census_feed *feed);

/* The workload's panel (w). The app owns it. */
void app_set_workload(struct app *app, struct view *workload);

/* Takes whatever the source has. Call when its descriptor is readable. */
void app_take(struct app *app);

/* A key was pressed; or a request came from elsewhere. */
void app_key(struct app *app, int key);
void app_request(struct app *app, enum request request);

enum app_click { APP_CLICK, APP_WHEEL_UP, APP_WHEEL_DOWN };
void app_mouse(struct app *app, enum app_click click, int x, int y);

/* Draws everything; *ret_cursor is where the hardware cursor belongs. */
void app_draw(struct app *app, struct canvas *canvas, struct view_cursor *ret_cursor);

/* Tells the sampler what is on screen now, if that has changed. After app_draw(). */
void app_send_focus(struct app *app);

/* Whether glyphs beyond ASCII may be drawn. */
bool app_utf8(const struct app *app);

bool app_quits(const struct app *app);
struct scene *app_scene(struct app *app);

/* What the loop has to do outside: once each, then false. */
bool app_wants_suspend(struct app *app);
bool app_wants_redraw(struct app *app);
bool app_wants_copy(struct app *app, char *buf, size_t size);

/* Descriptors to poll beside the source's: those of views. Returns how many were written. */
size_t app_fds(const struct app *app, int *fds, size_t max);
/* Something of a view is readable, or time passed. */
void app_tick(struct app *app);

/* Screens by name, for tests and the first screen: "mappings", "pages", "inspector", "help". */
void app_show(struct app *app, enum ui_screen screen);

/* What views of the app say and ask. */

/* Shows a line in place of the footer until the next key. Text is escaped when drawn. */
__attribute__((format(printf, 2, 3))) void app_message(struct app *app, const char *format, ...);

/*
 * The end of a process is told twice at about the same time, by its workload and by its recording:
 * neither takes the place of the other, and the workload's comes first.
 */
enum app_news { NEWS_WORKLOAD, NEWS_RECORDING };
void app_news(struct app *app, enum app_news which, const char *text);

/* Notes for the strip and a recording that something was done now. */
__attribute__((format(printf, 3, 4))) void app_event(struct app *app, enum event_kind kind,
						     const char *format, ...);

/* Opens a line to type into; what is accepted goes to input() of the view that has the keys. */
void app_ask(struct app *app, const char *question);

/* Asks; a y goes to confirmed() of the view that has the keys, which looks what is there now. */
void app_confirm(struct app *app, const char *question);

#endif
