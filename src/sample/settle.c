// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "kernel/smaps.h"
#include "sample/pass_internal.h"
#include "sample/settle.h"

DEFINE_CLEANUP(cleanup_smaps, struct smaps_list *, smaps_list_free)

/* What the unknown pages of a mapping turn out to be. */
struct settlement {
	enum page_state state; /* PAGE_UNKNOWN: still open */
	enum page_doubt doubt;
	uint64_t swap_unplaced;
};

/* `part` of `unknown` pages are in the one state, the others in the other. */
static enum page_state all_or_none(uint64_t part, uint64_t unknown, enum page_state all,
				   enum page_state none)
{
	if (!part)
		return none;
	return part == unknown ? all : PAGE_UNKNOWN;
}

/* Shared memory: unknown pages are in swap, or (cached, when in core; else nothing that shows). */
static struct settlement settle_shared(const struct pages *pages, const struct verify_sums *sums)
{
	const struct page_counts *counts = pages_counts(pages);
	uint64_t unknown = counts->state[PAGE_UNKNOWN];
	uint64_t placed = counts->state[PAGE_SWAP] + counts->state[PAGE_SHARED_SWAP];
	uint64_t swap = sums->pages[VERIFY_SWAP];
	bool in_core = pages_facts(pages)->doubt == DOUBT_NO_CACHESTAT;
	struct settlement s = { PAGE_UNKNOWN, pages_facts(pages)->doubt, 0 };

	/* The sum moved on, or counts what a private copy hides: it settles nothing. */
	if (swap < placed || swap - placed > unknown)
		return s;
	s.state = all_or_none(swap - placed, unknown, PAGE_SHARED_SWAP,
			      in_core ? PAGE_CACHED : PAGE_NONE);
	if (s.state == PAGE_UNKNOWN)
		s.swap_unplaced = swap - placed;
	else
		s.doubt = s.state == PAGE_NONE ? DOUBT_CACHE_NOT_ASKED : DOUBT_NONE;
	return s;
}

/* Anonymous memory without PAGEMAP_SCAN: unknown pages are the zero page, which Rss leaves out. */
static struct settlement settle_anonymous(const struct pages *pages, const struct verify_sums *sums)
{
	const struct page_counts *counts = pages_counts(pages);
	uint64_t rss = sums->pages[VERIFY_RSS], known = counts->state[PAGE_ANON];
	struct settlement s = { PAGE_UNKNOWN, pages_facts(pages)->doubt, 0 };

	if (rss < known || rss - known > counts->state[PAGE_UNKNOWN])
		return s;
	s.state = all_or_none(rss - known, counts->state[PAGE_UNKNOWN], PAGE_ANON, PAGE_ZERO);
	if (s.state != PAGE_UNKNOWN)
		s.doubt = DOUBT_NONE;
	return s;
}

static bool can_be_settled(const struct snapshot_mapping *m)
{
	enum page_doubt doubt = pages_facts(m->pages)->doubt;

	return pages_counts(m->pages)->state[PAGE_UNKNOWN] &&
	       (doubt == DOUBT_NO_RIGHT || doubt == DOUBT_NO_CACHESTAT || doubt == DOUBT_NO_SCAN);
}

/* The same pages with the unknown ones replaced. */
static int apply(struct pass *p, struct snapshot_mapping *m, const struct settlement *settlement)
{
	struct pages_facts facts = *pages_facts(m->pages);
	struct page_run run;
	struct pages *pages;
	const struct slot_run *slots;
	size_t slot_count;
	int error;

	facts.doubt = (uint8_t)settlement->doubt;
	facts.swap_unplaced = settlement->swap_unplaced;
	pages_builder_start(p->builder, m->mapping->start, pass_pages_before(p, m->mapping));
	for (uint64_t i = 0; pages_run(m->pages, i, &run); i = run.first + run.count)
		pages_builder_add(p->builder, run.count,
				  run.state == PAGE_UNKNOWN ? settlement->state : run.state,
				  run.marks);
	slots = pages_slots(m->pages, &slot_count);
	for (size_t i = 0; i < slot_count; i++)
		pages_builder_slot(p->builder, &slots[i]);
	error = pages_builder_finish(p->builder, &facts, &pages);
	if (error)
		return error;
	pages_unref(m->pages);
	m->pages = pages;
	return 0;
}

/* Without the right to see swap types, VmSwap tells whether all entries are swap. */
static int check_private_swap(struct pass *p, struct snapshot *s)
{
	struct target_counters counters;
	uint64_t swap = 0;
	int error;

	if (s->known.swap_exact)
		return 0;
	error = target_counters(p->target, &counters);
	if (error)
		return error;
	for (size_t i = 0; i < s->count; i++)
		swap += pages_counts(s->mappings[i].pages)->state[PAGE_SWAP];
	s->known.swap_exact = swap == counters.swap;
	return 0;
}

int settle_by_sums(struct pass *pass, struct snapshot *snapshot)
{
	struct smaps_list list = { 0 };
	CLEANUP(cleanup_smaps) struct smaps_list *read = NULL;
	int error = check_private_swap(pass, snapshot);

	pass->before_at = 0;
	for (size_t i = 0; !error && i < snapshot->count; i++) {
		struct snapshot_mapping *m = &snapshot->mappings[i];
		const struct smaps_entry *entry;
		struct settlement s;

		if (!can_be_settled(m))
			continue;
		if (!read) {
			error = smaps_read(pass->target->proc, &list);
			if (error)
				return error == -ESRCH ? error : 0;
			read = &list;
		}
		entry = smaps_list_find(read, m->mapping->start, m->mapping->end);
		if (!entry)
			continue;
		s = m->mapping->kind == MAPPING_SHMEM ? settle_shared(m->pages, &entry->sums)
						      : settle_anonymous(m->pages, &entry->sums);
		error = apply(pass, m, &s);
	}
	return error;
}
