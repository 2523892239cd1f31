// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/worker.h"
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
	int64_t timeout_ns; /* 0: the usual */
};

static const struct option_row rows[] = {
	{ "pid", 'p', "PID", "the slots of this process, run by run", option_pid,
	  offsetof(struct swaps_command, pid) },
	{ "json", 0, NULL, "one JSON object (not with -p)", option_flag,
	  offsetof(struct swaps_command, json) },
	{ "timeout", 0, "TIME", "give up when the process of -p does not answer for so long (5s)",
	  option_duration, offsetof(struct swaps_command, timeout_ns) },
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

/* What reads one process; the reading thread's if that does not answer. */
struct swaps_job {
	pid_t pid;
	struct probe probe;
	struct snapshot *snapshot;
	int result;
};

static void swaps_run_job(void *job)
{
	struct swaps_job *j = job;

	j->result = live_snapshot(j->pid, &j->probe, &j->snapshot);
}

static void swaps_free_job(void *job)
{
	struct swaps_job *j = job;

	if (j->snapshot)
		snapshot_unref(j->snapshot);
	free(j);
}

static int swaps_read_process(const struct swaps_command *c, const struct probe *probe,
			      struct snapshot **ret_snapshot)
{
	struct swaps_job *job = calloc(1, sizeof(*job));
	int r;

	if (!job)
		return EXIT_ERROR;
	job->pid = c->pid;
	job->probe = *probe;
	r = options_ask_target(WORD, c->pid, c->timeout_ns, swaps_run_job, swaps_free_job, job);
	if (r != EXIT_DONE)
		return r;
	r = job->result < 0 ? options_explain_target(WORD, c->pid, job->result) : EXIT_DONE;
	*ret_snapshot = TAKE(job->snapshot);
	swaps_free_job(job);
	return r;
}

static int swaps_show_process(const struct swaps_command *c, const struct probe *probe)
{
	struct snapshot *snapshot = NULL;
	int r = swaps_read_process(c, probe, &snapshot);

	if (r != EXIT_DONE)
		return r;
	report_slots_text(stdout, snapshot);
	if (!snapshot->known.private_slots)
		fprintf(stderr,
			"pmtop " WORD ": slots of private pages are unknown: see pmtop doctor\n");
	if (!snapshot->known.shared_slots && snapshot->totals.state[PAGE_SHARED_SWAP])
		fprintf(stderr,
			"pmtop " WORD ": slots of %lu shared pages are unknown (no BPF): see pmtop "
			"doctor\n",
			(unsigned long)snapshot->totals.state[PAGE_SHARED_SWAP]);
	snapshot_unref(snapshot);
	return EXIT_DONE;
}

static int swaps_read_used(uint64_t *ret_used)
{
	struct census_area *areas;
	size_t count;
	uint64_t total, left;
	int r = swaps_read(&areas, &count);

	/* Where /proc/swaps cannot be read the sum still tells. */
	if (r < 0 && swaps_sums(&total, &left) < 0)
		return r;
	if (r < 0) {
		*ret_used = total - left;
		return 0;
	}
	*ret_used = 0;
	for (size_t i = 0; i < count; i++)
		*ret_used += areas[i].used;
	swaps_free(areas, count);
	return 0;
}

/* A process that lets us sleep for this long while its slots are read does not answer. */
#define PATIENCE_NS INT64_C(300000000)

/* What reads the slots of all processes, each once; the reading thread's if one is stuck. */
struct swaps_walk {
	struct probe probe;
	struct census *census;
	struct slot_set *set;
	pid_t skipped[8]; /* stuck since the census */
	size_t skipped_count;
	uint64_t shared, unread; /* slots that were seen before; bytes of those who are stuck */
	atomic_int at; /* the pid that is read */
	bool whole; /* every process could be read, but for the stuck ones */
};

static void swaps_free_walk(void *walk)
{
	struct swaps_walk *w = walk;

	census_unref(w->census);
	slot_set_free(w->set);
	free(w);
}

static bool swaps_is_stuck(const struct swaps_walk *w, const struct census_process *p)
{
	for (size_t i = 0; i < w->skipped_count; i++)
		if (w->skipped[i] == p->pid)
			return true;
	return p->shared_doubt == CENSUS_STUCK;
}

static void swaps_run_walk(void *walk)
{
	struct swaps_walk *w = walk;

	w->whole = w->set;
	for (size_t i = 0; w->whole && i < w->census->process_count; i++) {
		const struct census_process *p = &w->census->processes[i];
		uint64_t slots = 0, known = 0;
		int r;

		if (!p->private_swap || p->memory_of)
			continue;
		if (swaps_is_stuck(w, p)) {
			w->unread += p->private_swap;
			continue;
		}
		atomic_store(&w->at, p->pid);
		r = slots_of_process(w->set, p->pid, &w->probe, &slots, &known);
		w->shared += known;
		w->whole = !r || r == -ESRCH;
	}
}

static struct swaps_walk *swaps_new_walk(const struct probe *probe, struct census *census)
{
	struct swaps_walk *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->probe = *probe;
	w->census = census_ref(census);
	w->set = probe->has[PROBE_PFN] ? slot_set_new() : NULL;
	return w;
}

/*
 * Slots of all processes; false where they cannot be seen, or not of every process. One that gets
 * stuck now takes the walk with it, so the next one goes without that process.
 */
static bool swaps_count_slots(const struct probe *probe, struct census *census,
			      struct swaps_account *account)
{
	pid_t skipped[sizeof(((struct swaps_walk *)NULL)->skipped) / sizeof(pid_t)] = { 0 };
	size_t count = 0;
	bool whole, tries_left = true;

	for (;;) {
		struct swaps_walk *w = tries_left ? swaps_new_walk(probe, census) : NULL;
		struct worker_call *call;
		int r;

		if (!w)
			return false;
		memcpy(w->skipped, skipped, count * sizeof(*skipped));
		w->skipped_count = count;
		r = worker_call(swaps_run_walk, swaps_free_walk, w, &w->at, PATIENCE_NS, &call);
		if (r == -ETIMEDOUT) {
			if (count < sizeof(skipped) / sizeof(*skipped))
				skipped[count++] = worker_call_at(call);
			else
				tries_left = false;
			worker_call_forget(call);
			continue;
		}
		whole = !r && w->whole;
		if (whole) {
			account->private_bytes = slot_set_count(w->set) * 4096 + w->unread;
			account->shared_slots = w->shared * 4096;
		}
		swaps_free_walk(w);
		return whole;
	}
}

static int swaps_show_machine(const struct swaps_command *c, const struct probe *probe)
{
	struct swaps_account account = { 0 };
	struct census *census;
	int r = swaps_read_used(&account.used_before);

	account.used_unknown = r == -ENODATA;
	if (!r || account.used_unknown)
		r = census_once(probe, &census);
	if (r < 0) {
		fprintf(stderr, "pmtop " WORD ": cannot count: %s\n",
			access("/proc/self/stat", R_OK) ? "/proc is not mounted here: mount it"
							: strerror(-r));
		return EXIT_ERROR;
	}
	account.census = census;
	account.private_bytes = census->totals.private_swap;
	account.slots_seen = swaps_count_slots(probe, census, &account);
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
