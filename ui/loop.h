/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOOP_H
#define PMTOP_LOOP_H

#include "ui/app.h"
#include "ui/terminal.h"

/* Connects an app with a terminal: keys, signals and samples in, frames out, until it ends. */

enum loop_end {
	LOOP_QUIT, /* the person asked for it */
	LOOP_SIGNAL, /* SIGINT, SIGTERM, SIGHUP or SIGQUIT */
	LOOP_INPUT_ENDED, /* standard input has ended */
};

struct loop_options {
	int signals; /* of loop_signals() */
	struct theme *theme; /* changed when the terminal says what its background is */
	bool ask_background; /* by OSC 11, after the first frame, for at most 50 ms */
};

/*
 * Blocks the signals that the loop takes as news and returns a descriptor for them, or -errno. Call
 * it before any thread is started.
 */
int loop_signals(void);

/* Runs until the end; *ret_signal is the signal of LOOP_SIGNAL. */
enum loop_end loop_run(struct app *app, struct terminal *terminal,
		       const struct loop_options *options, int *ret_signal);

#endif
