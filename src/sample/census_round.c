// SPDX-License-Identifier: GPL-2.0-or-later
#include "sample/census_round.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/clock.h"
#include "kernel/process.h"
#include "kernel/shared.h"
#include "kernel/swaps.h"

struct census_maker {
	struct probe probe;
	struct process_reader *processes;
	struct shared_reader *shared;
	struct census *last; /* with what is known of each process */
	struct census *objects; /* only its objects: those of the last complete round */
	pid_t cursor; /* the round has come past this pid; 0: a new one starts */
	uint64_t sequence;
};

int census_maker_new(const struct probe *probe, struct census_maker **ret_maker)
{
	struct census_maker *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->probe = *probe;
	r = process_reader_new(&m->processes);
	m->shared = shared_reader_new(&m->probe);
	if (!r && !m->shared)
		r = -ENOMEM;
	if (r < 0) {
		census_maker_free(m);
		return r;
	}
	*ret_maker = m;
	return 0;
}

void census_maker_free(struct census_maker *maker)
{
	if (!maker)
		return;
	process_reader_free(maker->processes);
	shared_reader_free(maker->shared);
	census_unref(maker->last);
	census_unref(maker->objects);
	free(maker);
}

/* What was known of the shared memory of a process stays until it is looked at again. */
static void collector_carry_over(const struct census *last, struct census *census)
{
	for (size_t i = 0; last && i < census->process_count; i++) {
		struct census_process *p = &census->processes[i];
		const struct census_process *old = census_find(last, p->pid);

		if (!old || old->start_time != p->start_time)
			continue;
		p->shared_swap = old->shared_swap;
		p->shared_doubt = old->shared_doubt;
		p->shared_clock_ns = old->shared_clock_ns;
	}
}

/* Looks at processes from the cursor on. True when the round is complete. */
static int collector_look(struct census_maker *m, struct census *census, int64_t budget_ns)
{
	int64_t until = clock_ns(CLOCK_THREAD_CPUTIME_ID) + budget_ns;
	bool looked = false;
	int r = 0;

	if (!budget_ns)
		return 0;
	if (!m->cursor)
		shared_round(m->shared);
	for (size_t i = 0; i < census->process_count && !r; i++) {
		struct census_process *p = &census->processes[i];

		if (p->pid <= m->cursor)
			continue;
		/* At least one a call, so that any budget comes round. */
		if (looked && budget_ns > 0 && clock_ns(CLOCK_THREAD_CPUTIME_ID) > until)
			return 0;
		looked = true;
		r = shared_look(m->shared, p);
		m->cursor = p->pid;
		/* It has ended meanwhile: what was listed of it was true. */
		if (r == -ESRCH)
			r = 0;
	}
	if (!r)
		r = shared_add_sysv(m->shared);
	m->cursor = 0;
	return r < 0 ? r : 1;
}

static int collector_copy_objects(const struct census *from, struct census *to)
{
	to->objects = calloc(from->object_count + 1, sizeof(*to->objects));
	to->mappers = calloc(from->mapper_count + 1, sizeof(*to->mappers));
	if (!to->objects || !to->mappers)
		return -ENOMEM;
	for (size_t i = 0; i < from->object_count; i++) {
		to->objects[i] = from->objects[i];
		to->objects[i].name = strdup(from->objects[i].name);
		if (!to->objects[i].name)
			return -ENOMEM;
		to->object_count = i + 1;
	}
	memcpy(to->mappers, from->mappers, from->mapper_count * sizeof(*to->mappers));
	to->mapper_count = from->mapper_count;
	return 0;
}

/* Objects of the last complete round; before there is one, as far as the first has come. */
static int collector_add_objects(struct census_maker *m, struct census *census, bool complete)
{
	struct census *kept;
	int r;

	if (!complete)
		return m->objects ? collector_copy_objects(m->objects, census)
				  : shared_export(m->shared, census);
	r = shared_export(m->shared, census);
	kept = r < 0 ? NULL : census_new();
	if (!kept)
		return r < 0 ? r : -ENOMEM;
	r = collector_copy_objects(census, kept);
	census_unref(m->objects);
	m->objects = kept;
	return r;
}

static int collector_fill(struct census_maker *m, struct census *census, int64_t budget_ns)
{
	int complete;
	int r = swaps_read(&census->areas, &census->area_count);

	if (!r)
		r = process_list(m->processes, &census->processes, &census->process_count);
	if (r < 0)
		return r;
	collector_carry_over(m->last, census);
	complete = collector_look(m, census, budget_ns);
	r = complete < 0 ? complete : collector_add_objects(m, census, complete);
	if (r < 0)
		return r;
	(void)swaps_cached(&census->totals.swap_cached);
	census->complete = m->objects != NULL;
	for (size_t i = 0; i < census->process_count; i++)
		census->totals.hidden += census->processes[i].shared_doubt > CENSUS_PENDING;
	census->taken_ns = clock_ns(CLOCK_REALTIME);
	census->clock_ns = clock_ns(CLOCK_MONOTONIC);
	census->sequence = m->sequence++;
	census_seal(census);
	return 0;
}

int census_make(struct census_maker *maker, int64_t budget_ns, struct census **ret_census)
{
	struct census *census = census_new();
	int r = census ? collector_fill(maker, census, budget_ns) : -ENOMEM;

	if (r < 0) {
		census_unref(census);
		return r;
	}
	census_unref(maker->last);
	maker->last = census_ref(census);
	*ret_census = census;
	return 0;
}
