/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_COMMAND_LINE_H
#define PMTOP_COMMAND_LINE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The options of a command as one table, which yields what getopt_long() takes, the text of --help
 * and the list that the shell completions are made from.
 */

/* Where a value goes. */
struct option_place {
	const char *word; /* the command, for messages; "" for the screens */
	const char *name; /* the option, without dashes */
	void *command; /* the struct that the table fills */
	void *field; /* the field of it that the row names */
};

/* Takes a value (NULL for an option without one). Says what is wrong; EXIT_DONE or EXIT_USAGE. */
typedef int option_taker(const struct option_place *place, const char *text);

struct option_row {
	const char *name; /* NULL: a paragraph between options, which is the help */
	char letter; /* short form, or 0 */
	const char *value; /* what the help calls the value; NULL: there is none */
	const char *help; /* '\n' where a line ends; NULL: an option that is not for people */
	option_taker *take;
	size_t field; /* offset in the command's struct */
};

struct command_line {
	const char *word;
	const char *usage; /* after "pmtop dump " */
	const char *about; /* what the command does; '\n' where a line ends */
	const struct option_row *rows; /* up to a row of zeros; --help is added by itself */
	const struct option_row *shared; /* rows that several commands have, or NULL */
	size_t shared_field; /* offset of the struct that the shared rows fill */
	const char *more; /* printed after the options, or NULL */
	unsigned int words; /* most words after the options */
	int command_follows; /* options end at the first other word; the rest is not looked at */
};

/*
 * Fills a command's struct. EXIT_DONE: go on, with optind at the first of the words that are left;
 * else an exit status, and what was wrong has been said. --help, and a lone --list-options (which
 * prints the table, one option a line), end pmtop.
 */
int command_line_parse(const struct command_line *line, int argc, char **argv, void *command);

/* Ends pmtop after an option that only prints: status 1 when it could not be written. */
_Noreturn void command_line_end(void);

/* The options as --help prints them, --help among them. */
void command_line_print_options(FILE *out, const struct option_row *rows,
				const struct option_row *shared);

/* Takers for fields of type bool, const char *, pid_t, and uint64_t bytes. */
option_taker option_flag;
option_taker option_text;
option_taker option_pid;
option_taker option_size;

/*
 * For an int64_t of nanoseconds: from 1 ms to a year, or to a day for what lies between two
 * samples.
 */
option_taker option_duration;
option_taker option_interval;

#endif
