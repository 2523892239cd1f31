/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_COMMAND_H
#define PMTOP_COMMAND_H

#include <stdio.h>

/*
 * The commands of pmtop, one word each. Each gets its own argv (argv[0] is its word), parses its
 * options, says on standard error what went wrong, and returns an exit status.
 */

/* Exit statuses; `run` uses those of timeout(1) instead, as the manual says. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_ERROR = 1,
	EXIT_USAGE = 2,
	EXIT_NO_PROCESS = 3, /* no such process, or it ended before the first sample */
	EXIT_NOT_PERMITTED = 4,
};

struct command {
	const char *word;
	int (*run)(int argc, char **argv);
	const char *help; /* one line */
};

/* pmtop -p PID, and pmtop alone: no word of its own. */
int command_view(int argc, char **argv);
void command_view_options(FILE *out); /* for --help */

int command_run(int argc, char **argv);
int command_record(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_dump(int argc, char **argv);
int command_diff(int argc, char **argv);
int command_export(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_swaps(int argc, char **argv);

/* The other half of `run`, which starts it for itself. */
int command_supervise(int argc, char **argv);

/* Takes away what a pmtop that was killed has left: the first thing that every command does. */
void command_sweep(void);

#endif
