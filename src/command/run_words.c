// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/run_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/units.h"
#include "command/command.h"

static const char *run_words_size_text(uint64_t bytes, const char *unset,
				       char buf[static UNITS_SIZE_MAX])
{
	if (bytes != WORKLOAD_UNSET)
		return units_format_size(bytes, buf);
	snprintf(buf, UNITS_SIZE_MAX, "%s", unset);
	return buf;
}

static void run_words_print_count(const char *name, uint64_t count)
{
	if (count == WORKLOAD_UNSET)
		printf("  %s ?", name);
	else
		printf("  %s %" PRIu64, name, count);
}

void run_print_status(const struct workload_status *s)
{
	char limit[UNITS_SIZE_MAX], usage[UNITS_SIZE_MAX], swap[UNITS_SIZE_MAX];

	printf("workload %d %s %.1fs", (int)s->pid, workload_state_name(s->state),
	       (double)s->lifetime_ms / 1000);
	if (s->group != WORKLOAD_NO_GROUP) {
		printf("  limit %s  usage %s  swap %s",
		       run_words_size_text(s->memory.limit, "none", limit),
		       run_words_size_text(s->memory.usage, "?", usage),
		       run_words_size_text(s->memory.swap, "?", swap));
		run_words_print_count("limit-hits", s->memory.limit_hits);
		run_words_print_count("oom-kills", s->memory.oom_kills);
	}
	printf("\n");
	fflush(stdout);
}

static void run_words_print_output(const struct workload_status *s)
{
	char line[WORKLOAD_COLUMNS * 4 + 1];

	for (unsigned i = 0; i < s->lines; i++) {
		escape_text(s->output[i], strlen(s->output[i]), line, sizeof(line));
		fprintf(stderr, "  | %s\n", line);
	}
}

static void run_words_say_oom(const struct workload_status *s)
{
	char limit[UNITS_SIZE_MAX], usage[UNITS_SIZE_MAX], peak[UNITS_SIZE_MAX];
	bool silent = !s->output_bytes && s->lifetime_ms < 1000;

	fprintf(stderr,
		"pmtop run: the workload was OOM-killed after %.1fs: limit %s, last usage %s, most "
		"%s.%s Raise the limit (--limit)%s.\n",
		(double)s->lifetime_ms / 1000, run_words_size_text(s->memory.limit, "none", limit),
		run_words_size_text(s->memory.usage, "?", usage),
		run_words_size_text(s->memory.peak, "?", peak),
		silent ? " It had not printed anything: the limit may be too small to start in."
		       : "",
		s->swap_total ? "" : ", or give it swap (--make-swap)");
}

/* What the person must know about how it ended, and the exit status that says it to programs. */
int run_say_end(const struct workload_status *s)
{
	switch (s->state) {
	case WORKLOAD_EXITED:
		if (s->code) {
			fprintf(stderr, "pmtop run: the command exited with status %d\n", s->code);
			run_words_print_output(s);
		}
		return s->code;
	case WORKLOAD_OOM:
		run_words_say_oom(s);
		run_words_print_output(s);
		return 128 + s->code;
	case WORKLOAD_KILLED:
		fprintf(stderr, "pmtop run: the command was killed by signal %d (%s)\n", s->code,
			sigdescr_np(s->code));
		run_words_print_output(s);
		return 128 + s->code;
	case WORKLOAD_LOST:
		fprintf(stderr,
			"pmtop run: the supervisor of the workload was killed, so it was ended\n");
		return RUN_FAILED;
	default:
		return EXIT_DONE; /* we ended it, as we were asked to */
	}
}

void run_say_swap(const struct workload_options *o)
{
	uint64_t total, unused;

	if (workload_machine_swap(&total, &unused) < 0 || total || o->limit == WORKLOAD_UNSET)
		return;
	fprintf(stderr,
		"pmtop run: this machine has no swap, so pages have nowhere to go: at its limit the "
		"workload is OOM-killed. --make-swap 64M makes a temporary one.\n");
}
