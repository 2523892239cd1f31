// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/runs.h"

void run_walk_start(struct run_walk *walk, const struct pages *pages)
{
	*walk = (struct run_walk){ .pages = pages };
	walk->slots = pages_slots(pages, &walk->slot_count);
}

/* The slot run that holds `page` or is the first after it; NULL when there is none left. */
static const struct slot_run *runs_slot_from(struct run_walk *walk, uint64_t page)
{
	while (walk->slot < walk->slot_count) {
		const struct slot_run *slots = &walk->slots[walk->slot];

		if (slots->first + slots->count > page)
			return slots;
		walk->slot++;
	}
	return NULL;
}

bool run_walk_next(struct run_walk *walk, struct run *ret_run)
{
	struct page_run *rest = &walk->rest;
	const struct slot_run *slots;
	struct run run;

	if (!rest->count && !pages_run(walk->pages, rest->first, rest))
		return false;
	run = (struct run){
		.first = rest->first,
		.count = rest->count,
		.state = rest->state,
		.marks = rest->marks,
	};
	slots = runs_slot_from(walk, run.first);
	if (slots && slots->first <= run.first) {
		uint64_t skip = run.first - slots->first;

		run.has_slot = true;
		run.slot_type = slots->type;
		run.slot_offset = slots->offset + skip;
		if (run.count > slots->count - skip)
			run.count = slots->count - skip;
	} else if (slots && slots->first < run.first + run.count) {
		run.count = slots->first - run.first;
	}
	rest->first += run.count;
	rest->count -= run.count;
	*ret_run = run;
	return true;
}
