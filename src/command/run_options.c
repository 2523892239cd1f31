// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cleanup.h"
#include "base/units.h"
#include "command/command.h"
#include "command/log_limit.h"
#include "command/options.h"
#include "command/run_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define BUILT_IN       "pagemap-test"
#define BUILT_IN_LIMIT (512 * UINT64_C(1024))

static int run_options_take_swappiness(const struct option_place *place, const char *text)
{
	uint64_t value;

	if (units_parse_size(text, &value) < 0 || value > 200)
		return options_refuse_value(place, text, "is not a number from 0 to 200");
	*(int *)place->field = (int)value;
	return EXIT_DONE;
}

static int run_options_take_make_swap(const struct option_place *place, const char *text)
{
	int status = option_size(place, text);

	if (status == EXIT_DONE && !*(uint64_t *)place->field)
		status = options_refuse_value(place, text, "is no swap at all");
	return status;
}

static int run_options_take_record(const struct option_place *place, const char *text)
{
	return *text ? option_text(place, text)
		     : options_refuse_value(place, text, "is no file name");
}

/* For pagemap-test, as it stands: it says what is wrong with it. */
static int run_options_forward(const struct option_place *place, const char *text)
{
	struct run_options *o = place->command;
	char *word;

	if (asprintf(&word, "--%s=%s", place->name, text) < 0)
		return options_refuse_value(place, text, "finds no memory");
	o->argv[++o->forwarded] = word;
	return EXIT_DONE;
}

#define FIELD(name) offsetof(struct run_options, name)

static const struct option_row rows[] = {
	{ "limit", 0, "SIZE", "RAM that it may use (built-in: 512K; a command: no limit)",
	  option_size, FIELD(workload.limit) },
	{ "swap-limit", 0, "SIZE", "swap that it may use", option_size,
	  FIELD(workload.swap_limit) },
	{ "high", 0, "SIZE", "above this the kernel reclaims, but does not kill", option_size,
	  FIELD(workload.high) },
	{ "swappiness", 0, "N", "0 to 200, on cgroup v1 (60)", run_options_take_swappiness,
	  FIELD(workload.swappiness) },
	{ "make-swap", 0, "SIZE", "a temporary swap file, gone at the end",
	  run_options_take_make_swap, FIELD(workload.make_swap) },
	{ "swap-dir", 0, "DIR", "where that file goes (/var/tmp)", option_text,
	  FIELD(workload.swap_dir) },
	{ "no-cgroup", 0, NULL, "no cgroup and no limit; needs no rights", option_flag,
	  FIELD(workload.no_cgroup) },
	{ "record", 0, "FILE", "record it as well; pmtop replay FILE shows it",
	  run_options_take_record, FIELD(log.path) },
	LOG_LIMIT_ROWS(FIELD(log)),
	{ .help = "On a terminal it opens the live view (w: the workload); without one, or with one of\n"
		  "these, it prints pictures instead:" },
	{ "json", 0, NULL, "one JSON object a line, as pmtop dump --json, while it lasts",
	  option_flag, FIELD(json) },
	{ "once", 0, NULL, "one picture, when the duration (2s) is over, then the end", option_flag,
	  FIELD(once) },
	{ "duration", 0, "TIME", "end it after that long: 500ms, 20s, 5m, 1h", option_duration,
	  FIELD(duration_ns) },
	{ "interval", 0, "TIME", "between two pictures (1s)", option_interval, FIELD(interval_ns) },
	{ .help = "For the built-in reproduction, see pagemap-test --help:" },
	{ "kind", 0, "KIND", "of memory", run_options_forward, 0 },
	{ "pages", 0, "N", "how many", run_options_forward, 0 },
	{ "rate", 0, "N", "pages a second", run_options_forward, 0 },
	{ "order", 0, "ORDER", "in which they are written", run_options_forward, 0 },
	{ "seed", 0, "N", "of a random order", run_options_forward, 0 },
	{ .help = "For the screen:" },
	{ 0 },
};

static const struct command_line command_line = {
	.word = "run",
	.usage = "[OPTION...] [-- COMMAND [ARGUMENT...]]",
	.about =
		"Starts COMMAND in a memory cgroup of its own and watches its pages. Without COMMAND it is\n"
		"the built-in reproduction: 256 pages of shared memory, written once, in 512K.",
	.rows = rows,
	.shared = view_option_rows,
	.shared_field = FIELD(view),
	.more = "SIZE takes K, M, G (powers of 1024). The exit status is the command's; 125 pmtop failed,\n"
		"126 not executable, 127 not found, 128+N killed by signal N.",
	.command_follows = true,
};

/* The program that is installed, or built, beside this one; else whatever PATH has. */
static char *run_options_find_built_in(void)
{
	CLEANUP(cleanup_free) char *self = realpath("/proc/self/exe", NULL);
	CLEANUP(cleanup_free) char *path = NULL;

	if (self)
		*strrchr(self, '/') = '\0';
	if (!self || asprintf(&path, "%s/" BUILT_IN, self) < 0 || access(path, X_OK))
		return strdup(BUILT_IN);
	return TAKE(path);
}

/* The built-in command gets the words that were meant for it. */
static int run_options_use_built_in(struct run_options *o)
{
	o->built_in = true;
	o->program = run_options_find_built_in();
	if (!o->program) {
		fprintf(stderr, "pmtop run: no memory\n");
		return EXIT_ERROR;
	}
	o->argv[0] = o->program;
	o->workload.argv = o->argv;
	if (o->workload.limit == WORKLOAD_UNSET && !o->workload.no_cgroup)
		o->workload.limit = BUILT_IN_LIMIT;
	return EXIT_DONE;
}

static int run_options_take_words(int argc, char **argv, struct run_options *o)
{
	if (optind == argc)
		return run_options_use_built_in(o);
	if (!o->forwarded) {
		o->workload.argv = argv + optind;
		return EXIT_DONE;
	}
	fprintf(stderr,
		"pmtop run: %s is for the built-in reproduction, not for a command of your own\n",
		o->argv[1]);
	return EXIT_USAGE;
}

int run_options_parse(int argc, char **argv, struct run_options *ret)
{
	struct run_options o = {
		.workload = WORKLOAD_OPTIONS_INIT,
		.view = { .word = "pmtop run", .batch = "pmtop run --once" },
	};
	int status;

	o.argv = calloc((size_t)argc + 2, sizeof(*o.argv));
	if (!o.argv) {
		fprintf(stderr, "pmtop run: no memory\n");
		return EXIT_ERROR;
	}
	status = command_line_parse(&command_line, argc, argv, &o);
	if (status == EXIT_DONE)
		status = log_limit_check("run", &o.log);
	if (status == EXIT_DONE)
		status = run_options_take_words(argc, argv, &o);
	if (status != EXIT_DONE)
		run_options_free(&o);
	else
		*ret = o;
	return status;
}

void run_options_free(struct run_options *o)
{
	/* The first word is program, the others are ours. */
	for (char **word = o->argv ? o->argv + 1 : NULL; word && *word; word++)
		free(*word);
	free(o->argv);
	free(o->program);
	o->argv = NULL;
	o->program = NULL;
}
