// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/command_line.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "command/command.h"
#include "command/options.h"

#define ROWS_MOST  48
#define FIRST_ID   0x100 /* above every letter: the id of row 0 */
#define MS	   INT64_C(1000000)
#define DAY	   (INT64_C(86400) * 1000 * MS)
#define TITLE_SIZE 48

static const struct option_row help_rows[] = {
	{ "help", 'h', NULL, "this text", NULL, 0 },
	{ 0 },
};

/* All rows of a command, in the order of the help; paragraphs among them. */
struct table {
	const struct option_row *rows[ROWS_MOST];
	bool shared[ROWS_MOST];
	int count;
};

static void command_line_add_rows(struct table *table, const struct option_row *rows, bool shared)
{
	for (; rows && (rows->name || rows->help); rows++) {
		assert(table->count < ROWS_MOST);
		table->shared[table->count] = shared;
		table->rows[table->count++] = rows;
	}
}

static struct table command_line_make_table(const struct option_row *rows,
					    const struct option_row *shared)
{
	struct table table = { .count = 0 };

	command_line_add_rows(&table, rows, false);
	command_line_add_rows(&table, shared, true);
	command_line_add_rows(&table, help_rows, false);
	return table;
}

/* "  -p, --pid PID"; its length. */
static int command_line_print_title(char title[static TITLE_SIZE], const struct option_row *row)
{
	char letter[] = "    ";

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	return snprintf(title, TITLE_SIZE, "  %s--%s%s%s", letter, row->name, row->value ? " " : "",
			row->value ? row->value : "");
}

static void command_line_print_row(FILE *out, const struct option_row *row, int width)
{
	char title[TITLE_SIZE];
	const char *line = row->help;

	command_line_print_title(title, row);
	for (const char *head = title; line; head = "") {
		int length = (int)strcspn(line, "\n");

		fprintf(out, "%-*s  %.*s\n", width, head, length, line);
		line = line[length] ? line + length + 1 : NULL;
	}
}

static void command_line_print_table(FILE *out, const struct table *table)
{
	char title[TITLE_SIZE];
	int width = 0;

	for (int i = 0; i < table->count; i++) {
		int length = table->rows[i]->name && table->rows[i]->help
				     ? command_line_print_title(title, table->rows[i])
				     : 0;

		width = length > width ? length : width;
	}
	for (int i = 0; i < table->count; i++) {
		if (!table->rows[i]->name)
			fprintf(out, "\n%s\n", table->rows[i]->help);
		else if (table->rows[i]->help)
			command_line_print_row(out, table->rows[i], width);
	}
}

void command_line_print_options(FILE *out, const struct option_row *rows,
				const struct option_row *shared)
{
	struct table table = command_line_make_table(rows, shared);

	command_line_print_table(out, &table);
}

void command_line_end(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		exit(EXIT_DONE);
	fprintf(stderr, "pmtop: cannot write to standard output\n");
	exit(EXIT_ERROR);
}

static _Noreturn void command_line_print_help(const struct command_line *line,
					      const struct table *table)
{
	printf("Usage: pmtop %s%s%s\n%s\n\n", line->word, *line->word ? " " : "", line->usage,
	       line->about);
	command_line_print_table(stdout, table);
	if (line->more)
		printf("\n%s\n", line->more);
	command_line_end();
}

static _Noreturn void command_line_list_options(const struct table *table)
{
	for (int i = 0; i < table->count; i++) {
		const struct option_row *row = table->rows[i];

		if (row->name && row->help)
			printf("--%s%s\n", row->name, row->value ? " ARG" : "");
	}
	command_line_end();
}

/* What getopt_long() wants: ids are FIRST_ID + row, and for a letter the letter itself. */
static void command_line_translate(const struct table *table, bool command_follows,
				   struct option *options, char *letters)
{
	if (command_follows)
		*letters++ = '+';
	*letters++ = ':';
	for (int i = 0; i < table->count; i++) {
		const struct option_row *row = table->rows[i];

		if (!row->name)
			continue;
		*options++ =
			(struct option){ row->name, row->value ? required_argument : no_argument,
					 NULL, FIRST_ID + i };
		if (row->letter)
			*letters++ = row->letter;
		if (row->letter && row->value)
			*letters++ = ':';
	}
	*options = (struct option){ 0 };
	*letters = '\0';
}

/* The row that an id of getopt_long() means. */
static int command_line_find_row(const struct table *table, int id)
{
	if (id >= FIRST_ID)
		return id - FIRST_ID;
	for (int i = 0; i < table->count; i++)
		if (table->rows[i]->name && table->rows[i]->letter == id)
			return i;
	return -1;
}

static int command_line_take(const struct command_line *line, const struct table *table, int row,
			     void *command)
{
	char *base = table->shared[row] ? (char *)command + line->shared_field : command;
	const struct option_place place = {
		.word = line->word,
		.name = table->rows[row]->name,
		.command = command,
		.field = base + table->rows[row]->field,
	};

	return table->rows[row]->take(&place, optarg);
}

int command_line_parse(const struct command_line *line, int argc, char **argv, void *command)
{
	struct table table = command_line_make_table(line->rows, line->shared);
	struct option options[ROWS_MOST + 1];
	char letters[2 * ROWS_MOST + 3];
	int id, status = EXIT_DONE;

	command_line_translate(&table, line->command_follows, options, letters);
	if (argc == 2 && !strcmp(argv[1], "--list-options"))
		command_line_list_options(&table);
	opterr = 0;
	optind = 0;
	while (status == EXIT_DONE &&
	       (id = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		int row = command_line_find_row(&table, id);

		if (row < 0)
			return options_refuse(line->word, id, argv, optind);
		if (!table.rows[row]->take)
			command_line_print_help(line, &table);
		status = command_line_take(line, &table, row, command);
	}
	if (status == EXIT_DONE && !line->command_follows && argc - optind > (int)line->words)
		status = options_refuse_word(line->word, argv[optind + (int)line->words]);
	return status;
}

int option_flag(const struct option_place *place, const char *text)
{
	(void)text;
	*(bool *)place->field = true;
	return EXIT_DONE;
}

int option_text(const struct option_place *place, const char *text)
{
	*(const char **)place->field = text;
	return EXIT_DONE;
}

int option_pid(const struct option_place *place, const char *text)
{
	return options_pid(place->word, text, place->field);
}

int option_size(const struct option_place *place, const char *text)
{
	int error = units_parse_size(text, place->field);

	return error < 0 ? options_refuse_value(place, text, units_size_problem(error)) : EXIT_DONE;
}

static int command_line_take_time(const struct option_place *place, const char *text, int64_t most,
				  const char *bounds)
{
	uint64_t ns;
	int error = units_parse_duration(text, &ns);

	if (error < 0)
		return options_refuse_value(place, text, units_duration_problem(error));
	if (ns < (uint64_t)MS || ns > (uint64_t)most)
		return options_refuse_value(place, text, bounds);
	*(int64_t *)place->field = (int64_t)ns;
	return EXIT_DONE;
}

int option_duration(const struct option_place *place, const char *text)
{
	return command_line_take_time(place, text, 366 * DAY, "is not from 1ms to a year");
}

int option_interval(const struct option_place *place, const char *text)
{
	return command_line_take_time(place, text, DAY, "is not from 1ms to 24h");
}
