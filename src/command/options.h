/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_OPTIONS_H
#define PMTOP_OPTIONS_H

#include <sys/types.h>

#include "command/command_line.h"
#include "kernel/probe.h"

/*
 * What the commands have in common about options and errors: each function says on standard error
 * what is wrong and returns an exit status, or EXIT_DONE. `word` is the command, "" for the
 * screens.
 */

/* What getopt_long() returned '?' or ':' for, with opterr = 0 and a ':' in front of the letters. */
int options_refuse(const char *word, int id, char **argv, int index);

/* Says what is wrong with the value of an option: "--limit 5x is not a size". */
int options_refuse_value(const struct option_place *place, const char *text, const char *problem);

/* Says that a word stands where no word belongs. */
int options_refuse_word(const char *word, const char *argument);

/* Says that there is no such command. */
int options_refuse_command(const char *word);

/* A process id. */
int options_pid(const char *word, const char *text, pid_t *ret_pid);

/* Takes features away from the probe; NULL takes none. */
int options_without(const char *word, const char *list, struct probe *probe);

/* Why a process could not be sampled, with the way out; error is negative. */
int options_explain_target(const char *word, pid_t pid, int error);

/*
 * Calls what reads a process in a thread of its own (base/worker.h), and gives up when the process
 * has not answered for patience_ns. EXIT_DONE: it has run; otherwise the person was told, and the
 * context is lost.
 */
int options_ask_target(const char *word, pid_t pid, int64_t patience_ns, void (*run)(void *context),
		       void (*release)(void *context), void *context);

/* Without an option. */
#define OPTIONS_PATIENCE_NS INT64_C(5000000000)

#endif
