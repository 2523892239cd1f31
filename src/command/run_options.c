// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/run_options.h"
#include "command/options.h"
#include "model/cleanup.h"
#include "model/units.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define BUILT_IN       "pagemap-test"
#define BUILT_IN_LIMIT (512 * UINT64_C(1024))

enum option_id {
	OPTION_LIMIT = 0x400, /* above those of view.h */
	OPTION_SWAP_LIMIT,
	OPTION_HIGH,
	OPTION_SWAPPINESS,
	OPTION_MAKE_SWAP,
	OPTION_SWAP_DIR,
	OPTION_NO_CGROUP,
	OPTION_ONCE,
	OPTION_JSON,
	OPTION_RECORD,
	OPTION_DURATION,
	OPTION_INTERVAL,
	OPTION_FORWARD, /* for pagemap-test, as it stands */
};

static const struct option options[] = {
	{ "limit", required_argument, NULL, OPTION_LIMIT },
	{ "swap-limit", required_argument, NULL, OPTION_SWAP_LIMIT },
	{ "high", required_argument, NULL, OPTION_HIGH },
	{ "swappiness", required_argument, NULL, OPTION_SWAPPINESS },
	{ "make-swap", required_argument, NULL, OPTION_MAKE_SWAP },
	{ "swap-dir", required_argument, NULL, OPTION_SWAP_DIR },
	{ "no-cgroup", no_argument, NULL, OPTION_NO_CGROUP },
	{ "once", no_argument, NULL, OPTION_ONCE },
	{ "duration", required_argument, NULL, OPTION_DURATION },
	{ "interval", required_argument, NULL, OPTION_INTERVAL },
	{ "kind", required_argument, NULL, OPTION_FORWARD },
	{ "pages", required_argument, NULL, OPTION_FORWARD },
	{ "rate", required_argument, NULL, OPTION_FORWARD },
	{ "order", required_argument, NULL, OPTION_FORWARD },
	{ "seed", required_argument, NULL, OPTION_FORWARD },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "record", required_argument, NULL, OPTION_RECORD },
	VIEW_LONG_OPTIONS,
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: pmtop run [OPTION...] [-- COMMAND [ARGUMENT...]]\n"
	"Starts COMMAND in a memory cgroup of its own and watches its pages. Without COMMAND it is\n"
	"the built-in reproduction: 256 pages of shared memory, written once, in 512K.\n"
	"\n"
	"  --limit SIZE       RAM that it may use (built-in: 512K; a command: no limit)\n"
	"  --swap-limit SIZE  swap that it may use\n"
	"  --high SIZE        above this the kernel reclaims, but does not kill\n"
	"  --swappiness N     0 to 200, on cgroup v1 (60)\n"
	"  --make-swap SIZE   a temporary swap file, gone at the end\n"
	"  --swap-dir DIR     where that file goes (/var/tmp)\n"
	"  --no-cgroup        no cgroup and no limit; needs no rights\n"
	"\n"
	"On a terminal it opens the live view (w: the workload); without one, or with one of these, it\n"
	"prints pictures instead:\n"
	"  --json             one JSON object a line, as pmtop dump --json, while it lasts\n"
	"  --once             one picture, when the duration (2s) is over, then the end\n"
	"  --duration TIME    end it after that long: 500ms, 20s, 5m, 1h\n"
	"  --interval TIME    between two pictures (1s)\n"
	"\n"
	"  --record FILE      record it as well; pmtop replay FILE shows it\n"
	"  --theme NAME, --color WHEN, --no-mouse, --ascii   for the screen; see pmtop --help\n"
	"\n"
	"  --kind, --pages, --rate, --order, --seed   for the built-in reproduction; see\n"
	"                     pagemap-test --help\n"
	"\n"
	"SIZE takes K, M, G (powers of 1024). The exit status is the command's; 125 pmtop failed,\n"
	"126 not executable, 127 not found, 128+N killed by signal N.\n";

static int complain(const char *name, const char *text, const char *problem)
{
	fprintf(stderr, "pmtop run: --%s %s: %s\n", name, text, problem);
	return -EINVAL;
}

static int take_size(const char *name, const char *text, uint64_t *ret)
{
	int r = units_parse_size(text, ret);

	return r < 0 ? complain(name, text, units_size_problem(r)) : 0;
}

static int take_duration(const char *name, const char *text, uint64_t *ret)
{
	int r = units_parse_duration(text, ret);

	if (r < 0)
		return complain(name, text, units_duration_problem(r));
	return *ret ? 0 : complain(name, text, "is no time at all");
}

static int take_swappiness(const char *text, int *ret)
{
	uint64_t value;
	int r = units_parse_size(text, &value);

	if (r < 0 || value > 200)
		return complain("swappiness", text, "is not a number from 0 to 200");
	*ret = (int)value;
	return 0;
}

static int take_option(int id, const char *name, char *text, struct run_options *o, char **forward)
{
	struct workload_options *w = &o->workload;

	switch (id) {
	case OPTION_LIMIT:
		return take_size(name, text, &w->limit);
	case OPTION_SWAP_LIMIT:
		return take_size(name, text, &w->swap_limit);
	case OPTION_HIGH:
		return take_size(name, text, &w->high);
	case OPTION_SWAPPINESS:
		return take_swappiness(text, &w->swappiness);
	case OPTION_MAKE_SWAP:
		if (take_size(name, text, &w->make_swap) < 0)
			return -EINVAL;
		return w->make_swap ? 0 : complain(name, text, "is no swap at all");
	case OPTION_SWAP_DIR:
		w->swap_dir = text;
		return 0;
	case OPTION_NO_CGROUP:
		w->no_cgroup = true;
		return 0;
	case OPTION_ONCE:
		o->once = true;
		return 0;
	case OPTION_DURATION:
		return take_duration(name, text, &o->duration_ns);
	case OPTION_INTERVAL:
		return take_duration(name, text, &o->interval_ns);
	case OPTION_FORWARD:
		if (asprintf(forward, "--%s=%s", name, text) < 0)
			return -ENOMEM;
		return 0;
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_RECORD:
		o->record = text;
		return *text ? 0 : complain(name, text, "is no file name");
	default:
		return view_option(&o->view, id, text) ? 0 : -EINVAL;
	}
}

/* The program that is installed, or built, beside this one; else whatever PATH has. */
static char *find_built_in(void)
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
static int use_built_in(struct run_options *o)
{
	o->built_in = true;
	o->program = find_built_in();
	if (!o->program)
		return -ENOMEM;
	o->argv[0] = o->program;
	o->workload.argv = o->argv;
	if (o->workload.limit == WORKLOAD_UNSET && !o->workload.no_cgroup)
		o->workload.limit = BUILT_IN_LIMIT;
	return 0;
}

static int parse_words(int argc, char **argv, struct run_options *o)
{
	int id, index = 0, forwarded = 0, r;

	opterr = 0;
	optind = 1;
	while ((id = options_next(argc, argv, "+:h", options, &index)) != -1) {
		if (id == 'h') {
			fputs(help, stdout);
			return 1;
		}
		if (id == ':') {
			fprintf(stderr, "pmtop run: %s needs a value\n", argv[optind - 1]);
			return -EINVAL;
		}
		if (id == '?') {
			fprintf(stderr,
				"pmtop run: unknown option '%s'; pmtop run --help lists what there "
				"is\n",
				argv[optind - 1]);
			return -EINVAL;
		}
		r = take_option(id, options[index].name, optarg, o, &o->argv[forwarded + 1]);
		if (r < 0)
			return r;
		forwarded += id == OPTION_FORWARD;
	}
	if (optind == argc)
		return use_built_in(o);
	if (!forwarded) {
		o->workload.argv = argv + optind;
		return 0;
	}
	fprintf(stderr,
		"pmtop run: %s is for the built-in reproduction, not for a command of your own\n",
		o->argv[1]);
	return -EINVAL;
}

int run_options_parse(int argc, char **argv, struct run_options *ret)
{
	struct run_options o = {
		.workload = WORKLOAD_OPTIONS_INIT,
		.view = { .word = "pmtop run", .batch = "pmtop run --once" },
	};
	int r;

	o.argv = calloc((size_t)argc + 2, sizeof(*o.argv));
	if (!o.argv)
		return -ENOMEM;
	r = parse_words(argc, argv, &o);
	if (r)
		run_options_free(&o);
	else
		*ret = o;
	return r;
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
