// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/census.h"

#include <stdlib.h>

const struct census_unlisted_info census_unlisted[CENSUS_UNLISTED] = {
	[CENSUS_HIDEPID] = { "hidepid", "processes that /proc hides (hidepid)" },
	[CENSUS_NAMESPACE] = { "pid_namespace", "processes outside of this PID namespace" },
};

struct census *census_new(void)
{
	struct census *c = calloc(1, sizeof(*c));

	if (c)
		atomic_init(&c->refs, 1);
	return c;
}

struct census *census_ref(struct census *census)
{
	atomic_fetch_add_explicit(&census->refs, 1, memory_order_relaxed);
	return census;
}

void census_unref(struct census *census)
{
	if (!census || atomic_fetch_sub_explicit(&census->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < census->object_count; i++)
		free(census->objects[i].name);
	for (size_t i = 0; i < census->area_count; i++)
		free(census->areas[i].path);
	free(census->processes);
	free(census->objects);
	free(census->mappers);
	free(census->areas);
	free(census->stuck);
	free(census);
}

void census_seal(struct census *census)
{
	struct census_totals *t = &census->totals;

	t->private_swap = t->object_swap = t->swap_size = t->swap_used = 0;
	t->hidden = t->unsure = 0;
	for (size_t i = 0; i < census->process_count; i++) {
		const struct census_process *p = &census->processes[i];

		t->private_swap += p->memory_of ? 0 : p->private_swap;
		t->hidden +=
			p->shared_doubt == CENSUS_NO_RIGHT || p->shared_doubt == CENSUS_NO_MEANS;
		t->unsure += p->memory_unsure;
	}
	for (size_t i = 0; i < census->object_count; i++)
		if (census->objects[i].doubt == CENSUS_KNOWN)
			t->object_swap += census->objects[i].swap;
	for (size_t i = 0; i < census->area_count; i++) {
		t->swap_size += census->areas[i].size;
		t->swap_used += census->areas[i].used;
	}
}

const struct census_stuck *census_find_stuck(const struct census *census,
					     const struct census_process *process)
{
	for (size_t i = 0; i < census->stuck_count; i++)
		if (census->stuck[i].pid == process->pid &&
		    census->stuck[i].start_time == process->start_time)
			return &census->stuck[i];
	return NULL;
}

const struct census_process *census_find(const struct census *census, pid_t pid)
{
	size_t low = 0, high = census->process_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (census->processes[middle].pid == pid)
			return &census->processes[middle];
		if (census->processes[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
