/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_COMMAND_VIEW_H
#define PMTOP_COMMAND_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "command/command_line.h"
#include "kernel/probe.h"
#include "sample/source.h"
#include "ui/app.h"

/* The screens, for every command that ends in one: view itself, run, replay. */

struct view_options {
	const char *word; /* the command, for messages: "pmtop", "pmtop run" */
	const char *batch; /* what to name where there is no terminal: "pmtop dump -p PID" */
	const char *theme; /* "auto", "dark", "light", "monochrome" */
	const char *colour; /* "auto", "always", "never" */
	bool no_mouse, ascii;
	const char *config; /* file; NULL: the usual place */
};

/* The options that fill one: those that all commands with screens share. */
extern const struct option_row view_option_rows[];

struct view_screen;

/*
 * Looks at terminal, options and configuration, and blocks the signals that the screen takes as
 * news. Call it before the source is opened (its threads inherit the mask). On failure it has said
 * what is wrong; returns an exit status.
 */
int view_begin(const struct view_options *options, struct view_screen **ret_screen);

/* What the configuration says about it, or 0. */
int64_t view_interval_ns(const struct view_screen *screen);

/* The app behind it, made by view_begin(): hooks, processes and workload are set there. */
struct app *view_app(struct view_screen *screen);
void view_set_hooks(struct view_screen *screen, const struct app_hooks *hooks);

/* Starts to count processes and shared objects: a hook of the app for who has a probe. */
int view_open_census(const struct probe *probe, struct census_feed **ret_feed);

/*
 * Shows the source (owned from here on; NULL: the list of processes that the app has) until the
 * person leaves. Gives the terminal back, says on standard error what ended it, frees the screen.
 * Returns an exit status. *ret_signal is the signal that ended it, or 0: whoever calls says what is
 * left to say, and then ends with view_end().
 */
int view_source(struct view_screen *screen, struct source *source, int *ret_signal);

/* The status, or the end by that signal. */
int view_end(int status, int signal);

/* Gives everything back without having shown anything. */
void view_abandon(struct view_screen *screen);

#endif
