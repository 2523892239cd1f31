/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_LIMIT_H
#define PMTOP_LOG_LIMIT_H

#include "command/command_line.h"
#include "sample/recording.h"

/*
 * How large a log may grow, and what happens then: the same options in every command that records.
 * `at` is the offset of the struct recording_options in the command's struct.
 */
/* clang-format off */
#define LOG_LIMIT_ROWS(at)                                                                         \
	{ "max-size", 0, "SIZE", "recording stops before the log grows beyond this size",          \
	  option_max_size, (at) + offsetof(struct recording_options, max_bytes) },                 \
	{ "rotate", 0, "N",                                                                        \
	  "at that size it goes on in a new log, and keeps N older ones as\n"                      \
	  "FILE.1, FILE.2, ...",                                                                   \
	  option_rotate, (at) + offsetof(struct recording_options, rotate) }
/* clang-format on */

option_taker option_max_size;
option_taker option_rotate;

/* What no option knows alone. An exit status; other than EXIT_DONE it has said what is wrong. */
int log_limit_check(const char *word, const struct recording_options *log);

#endif
