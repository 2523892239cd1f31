// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/options.h"
#include "kernel/slots.h"
#include "kernel/swaps.h"
#include "report/swaps.h"
#include "sample/live.h"
#include "system/census_source.h"

#define WORD "swaps"

struct swaps_command {
	pid_t pid;
	bool json;
	const char *without;
};

static const struct option_row rows[] = {
	{ "pid", 'p', "PID", "the slots of this process, run by run", option_pid,
	  offsetof(struct swaps_command, pid) },
	{ "json", 0, NULL, "one JSON object (not with -p)", option_flag,
	  offsetof(struct swaps_command, json) },
	{ "without", 0, "LIST", "do as if this kernel lacked these features", option_text,
	  offsetof(struct swaps_command, without) },
	{ 0 },
};

static const struct command_line command_line = {
	.word = WORD,
	.usage = "[-p PID] [OPTION...]",
	.about = "The swap areas of this machine, and who holds their slots: private pages of\n"
		 "processes, and shared memory, each object once.",
	.rows = rows,
};

static int swaps_show_process(const struct swaps_command *c, const struct probe *probe)
{
	struct snapshot *snapshot;
	int r = live_snapshot(c->pid, probe, &snapshot);

	if (r < 0)
		return options_explain_target(WORD, c->pid, r);
	report_slots_text(stdout, snapshot);
	if (!snapshot->known.private_slots)
		fprintf(stderr,
			"pmtop " WORD ": slots of private pages are unknown: run as root, or "
			"see pmtop doctor\n");
	if (!snapshot->known.shared_slots && snapshot->totals.state[PAGE_SHARED_SWAP])
		fprintf(stderr,
			"pmtop " WORD ": slots of %lu shared pages are unknown: run as root "
			"with BPF, or see pmtop doctor\n",
			(unsigned long)snapshot->totals.state[PAGE_SHARED_SWAP]);
	snapshot_unref(snapshot);
	return EXIT_DONE;
}

static int swaps_read_used(uint64_t *ret_used)
{
	struct census_area *areas;
	size_t count;
	int r = swaps_read(&areas, &count);

	if (r < 0)
		return r;
	*ret_used = 0;
	for (size_t i = 0; i < count; i++)
		*ret_used += areas[i].used;
	swaps_free(areas, count);
	return 0;
}

/* Slots of all processes, each once; false where this cannot be seen, or not of every process. */
static bool swaps_count_slots(const struct probe *probe, struct swaps_account *account)
{
	const struct census *census = account->census;
	struct slot_set *set = probe->has[PROBE_PFN] ? slot_set_new() : NULL;
	uint64_t shared = 0;
	bool whole = set;

	for (size_t i = 0; whole && i < census->process_count; i++) {
		uint64_t slots = 0, known = 0;
		int r;

		if (!census->processes[i].private_swap || census->processes[i].memory_of)
			continue;
		r = slots_of_process(set, census->processes[i].pid, probe, &slots, &known);
		shared += known;
		whole = !r || r == -ESRCH;
	}
	if (whole) {
		account->private_bytes = slot_set_count(set) * 4096;
		account->shared_slots = shared * 4096;
	}
	slot_set_free(set);
	return whole;
}

static int swaps_show_machine(const struct swaps_command *c, const struct probe *probe)
{
	struct swaps_account account = { 0 };
	struct census *census;
	int r = swaps_read_used(&account.used_before);

	if (!r)
		r = census_once(probe, &census);
	if (r < 0) {
		fprintf(stderr, "pmtop " WORD ": cannot count: %s\n", strerror(-r));
		return EXIT_ERROR;
	}
	account.census = census;
	account.private_bytes = census->totals.private_swap;
	account.slots_seen = swaps_count_slots(probe, &account);
	account.used_after = account.used_before;
	(void)swaps_read_used(&account.used_after);
	r = 0;
	if (c->json)
		r = report_swaps_json(stdout, &account);
	else
		report_swaps_text(stdout, &account);
	census_unref(census);
	return r < 0 ? EXIT_ERROR : EXIT_DONE;
}

int command_swaps(int argc, char **argv)
{
	struct swaps_command c = { 0 };
	struct probe probe;
	int status = command_line_parse(&command_line, argc, argv, &c);

	if (status != EXIT_DONE)
		return status;
	if (c.pid && c.json) {
		fprintf(stderr,
			"pmtop " WORD ": --json with -p: pmtop dump --json --pages has it\n");
		return EXIT_USAGE;
	}
	probe_run(&probe);
	status = options_without(WORD, c.without, &probe);
	if (status != EXIT_DONE)
		return status;
	return c.pid ? swaps_show_process(&c, &probe) : swaps_show_machine(&c, &probe);
}
