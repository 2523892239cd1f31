/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_COMMAND_SIGNALS_H
#define PMTOP_COMMAND_SIGNALS_H

/*
 * The signals that mean "end", for commands without a screen: news, so that all is tidied up first.
 */

/*
 * Blocks INT, TERM, HUP and QUIT and opens a signalfd(2) for them, or -errno. Threads that start
 * later inherit the mask, so call it before them.
 */
int signals_open(void);

/* The one that has come already, and is read by this, or 0. */
int signals_take(void);

/* Ends the process the way the signal would have, so that a shell sees what it expects. */
int signals_die_of(int signal);

#endif
