// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/worker.h"
#include "command/command.h"
#include "kernel/advice.h"
#include "kernel/holder.h"
#include "kernel/target.h"

/* "pmtop dump", or "pmtop" when there is no word: of the screens. */
#define PROGRAM		 "pmtop%s%s"
#define PROGRAM_OF(word) *(word) ? " " : "", (word)

/* An argument as it can be repeated in a message. */
static const char *options_quote(const char *text, char buf[static 64])
{
	escape_text(text, strlen(text), buf, 64);
	return buf;
}

int options_refuse(const char *word, int id, char **argv, int index)
{
	char buf[64];

	if (id == ':')
		fprintf(stderr,
			PROGRAM ": option %s needs a value; " PROGRAM " --help says which\n",
			PROGRAM_OF(word), options_quote(argv[index - 1], buf), PROGRAM_OF(word));
	else
		fprintf(stderr,
			PROGRAM ": unknown option '%s'; " PROGRAM " --help lists what there is\n",
			PROGRAM_OF(word), options_quote(argv[index - 1], buf), PROGRAM_OF(word));
	return EXIT_USAGE;
}

int options_refuse_value(const struct option_place *place, const char *text, const char *problem)
{
	char buf[64];

	fprintf(stderr, PROGRAM ": --%s %s %s\n", PROGRAM_OF(place->word), place->name,
		options_quote(text, buf), problem);
	return EXIT_USAGE;
}

int options_refuse_word(const char *word, const char *argument)
{
	char buf[64];

	fprintf(stderr, PROGRAM ": '%s' does not belong here; " PROGRAM " --help says what does\n",
		PROGRAM_OF(word), options_quote(argument, buf), PROGRAM_OF(word));
	return EXIT_USAGE;
}

int options_refuse_command(const char *word)
{
	char buf[64];

	fprintf(stderr, "pmtop: unknown command '%s'; pmtop --help lists what there is\n",
		options_quote(word, buf));
	return EXIT_USAGE;
}

int options_pid(const char *word, const char *text, pid_t *ret_pid)
{
	char buf[64];
	char *end;
	long value;

	errno = 0;
	value = text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : 0;
	if (value <= 0 || *end || errno || value > INT_MAX) {
		fprintf(stderr, PROGRAM ": '%s' is not a process id\n", PROGRAM_OF(word),
			options_quote(text, buf));
		return EXIT_USAGE;
	}
	*ret_pid = (pid_t)value;
	return EXIT_DONE;
}

int options_without(const char *word, const char *list, struct probe *probe)
{
	const char *bad;
	char buf[64];

	if (!list || probe_take_away(probe, list, &bad) >= 0)
		return EXIT_DONE;
	fprintf(stderr, PROGRAM ": --without does not know '%.*s'; pmtop doctor lists the words\n",
		PROGRAM_OF(word), (int)strcspn(options_quote(bad, buf), ","), buf);
	return EXIT_USAGE;
}

int options_explain_target(const char *word, pid_t pid, int error)
{
	char advice[ADVICE_MAX];
	const char *without_memory = error == -ESRCH ? target_lacks_memory(pid) : NULL;

	if (without_memory) {
		fprintf(stderr, PROGRAM ": process %d is a %s and has no memory of its own\n",
			PROGRAM_OF(word), pid, without_memory);
		return EXIT_NO_PROCESS;
	}
	switch (error) {
	case -ESRCH:
		fprintf(stderr,
			PROGRAM ": there is no process %d, or it ended before it was read\n",
			PROGRAM_OF(word), pid);
		return EXIT_NO_PROCESS;
	case -EACCES:
	case -EPERM:
		fprintf(stderr,
			PROGRAM ": not permitted to read the memory map of process %d: %s\n",
			PROGRAM_OF(word), pid, advice_target(pid, advice));
		return EXIT_NOT_PERMITTED;
	default:
		fprintf(stderr, PROGRAM ": cannot read process %d: %s\n", PROGRAM_OF(word), pid,
			strerror(-error));
		return EXIT_ERROR;
	}
}

int options_ask_target(const char *word, pid_t pid, int64_t patience_ns, void (*run)(void *context),
		       void (*release)(void *context), void *context)
{
	char why[HOLDER_TEXT];
	int r;

	if (!patience_ns)
		patience_ns = OPTIONS_PATIENCE_NS;
	r = worker_call(run, release, context, NULL, patience_ns, NULL);
	if (!r)
		return EXIT_DONE;
	if (r != -ETIMEDOUT) {
		release(context);
		return options_explain_target(word, pid, r);
	}
	holder_describe(pid, patience_ns, why);
	fprintf(stderr,
		PROGRAM ": process %d did not answer for %.1f s%s%s; its memory can be read when "
			"that ends (--timeout waits longer)\n",
		PROGRAM_OF(word), (int)pid, (double)patience_ns / 1e9, *why ? ": " : "", why);
	return EXIT_ERROR;
}
