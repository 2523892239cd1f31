// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/command.h"
#include "command/options.h"

#include <stdio.h>
#include <string.h>

/* One row a command, in the order of the help. The first word of the command line picks the row. */
static const struct command commands[] = {
	/* word, function, one line of help; without that it is not for people */
	{ "run", command_run, "start a workload under a memory limit and watch it" },
	{ "record", command_record, "record a process without a screen" },
	{ "replay", command_replay, "the same screens on a recorded session" },
	{ "dump", command_dump, "one snapshot to standard output" },
	{ "diff", command_diff, "what changed between two moments" },
	{ "export", command_export, "a log as csv, json or openmetrics" },
	{ "swaps", command_swaps, "swap areas, and who holds which slots" },
	{ "doctor", command_doctor, "what this kernel and these rights allow" },
	{ "supervise", command_supervise, NULL },
	{ NULL, NULL, NULL },
};

static void main_print_help(FILE *out)
{
	fprintf(out, "Usage: pmtop [-p PID | COMMAND] [OPTION...]\n"
		     "Where every page of a process is: in RAM, in swap, in the page cache, or "
		     "nowhere.\n\n");
	for (const struct command *c = commands; c->word; c++)
		if (c->help)
			fprintf(out, "  %-10s %s\n", c->word, c->help);
	fprintf(out, "\nOptions of the screens, which open without a command:\n");
	command_view_options(out);
	fprintf(out, "\npmtop COMMAND --help says more.\n");
}

static const struct command *main_find_command(const char *word)
{
	for (const struct command *c = commands; c->word; c++)
		if (!strcmp(c->word, word))
			return c;
	return NULL;
}

/* Writes to a full disk or a closed pipe are an error of the whole program. */
static int main_finish(int status)
{
	if (fflush(stdout) || ferror(stdout)) {
		if (status == EXIT_DONE) {
			fprintf(stderr, "pmtop: cannot write to standard output\n");
			return EXIT_ERROR;
		}
	}
	return status;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	const struct command *command;

	if (!strcmp(word, "-h") || !strcmp(word, "--help")) {
		main_print_help(stdout);
		return main_finish(EXIT_DONE);
	}
	if (!strcmp(word, "--list-commands")) {
		for (const struct command *c = commands; c->word; c++)
			if (c->help)
				printf("%s\t%s\n", c->word, c->help);
		return main_finish(EXIT_DONE);
	}
	/* Without a command there is only what the screens take. */
	if (!*word || word[0] == '-') {
		command_sweep();
		return main_finish(command_view(argc, argv));
	}
	command = main_find_command(word);
	if (!command)
		return options_refuse_command(word);
	if (command->help)
		command_sweep();
	return main_finish(command->run(argc - 1, argv + 1));
}
