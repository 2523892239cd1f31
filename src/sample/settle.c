// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "kernel/smaps.h"
#include "sample/pass_internal.h"
#include "sample/settle.h"

/* What the pages of a mapping that were open turn out to be. */
struct settlement {
	enum page_state open; /* pages of this state ... */
	bool protected_only; /* ... and only those that userfaultfd protects ... */
	enum page_state state; /* ... have this one; PAGE_UNKNOWN: still open */
	enum page_doubt doubt;
	uint64_t swap_unplaced;
};

/* `part` of `unknown` pages are in the one state, the others in the other. */
static enum page_state pass_scan_all_or_none(uint64_t part, uint64_t unknown, enum page_state all,
					     enum page_state none)
{
	if (!part)
		return none;
	return part == unknown ? all : PAGE_UNKNOWN;
}

/*
 * smaps counts swapped pages of the object behind guard and poison markers, and, where a private
 * mapping cannot be written, also those that private copies hide: its sum may then belong to other
 * pages.
 */
static bool pass_scan_may_count_hidden(const struct mapping *m, const struct page_counts *counts)
{
	if (counts->state[PAGE_GUARD] + counts->state[PAGE_POISON])
		return true;
	return mapping_is_private(m) && m->perms[1] != 'w' &&
	       counts->state[PAGE_ANON] + counts->state[PAGE_SWAP];
}

/* Shared memory: unknown pages are in swap, or (cached, when in core; else nothing that shows). */
static struct settlement pass_scan_settle_shared(const struct mapping *mapping,
						 const struct pages *pages,
						 const struct verify_sums *sums)
{
	const struct page_counts *counts = pages_counts(pages);
	uint64_t unknown = counts->state[PAGE_UNKNOWN];
	uint64_t placed = counts->state[PAGE_SWAP] + counts->state[PAGE_SHARED_SWAP];
	uint64_t swap = sums->pages[VERIFY_SWAP];
	enum page_doubt doubt = pages_facts(pages)->doubt;
	bool in_core = doubt == DOUBT_NO_CACHESTAT || doubt == DOUBT_UNWRITTEN;
	struct settlement s = { PAGE_UNKNOWN, false, PAGE_UNKNOWN, doubt, 0 };

	/* The sum moved on, or counts what a private copy hides: it settles nothing. */
	if (swap < placed || swap - placed > unknown)
		return s;
	if (swap > placed && pass_scan_may_count_hidden(mapping, counts))
		return s;
	s.state = pass_scan_all_or_none(swap - placed, unknown, PAGE_SHARED_SWAP,
					in_core ? PAGE_CACHED : PAGE_NONE);
	if (s.state == PAGE_UNKNOWN)
		s.swap_unplaced = swap - placed;
	else if (doubt != DOUBT_UNWRITTEN) /* which is about pages that are not unknown */
		s.doubt = s.state == PAGE_NONE ? DOUBT_CACHE_NOT_ASKED : DOUBT_NONE;
	return s;
}

/* Anonymous memory without PAGEMAP_SCAN: unknown pages are the zero page, which Rss leaves out. */
static struct settlement pass_scan_settle_anonymous(const struct pages *pages,
						    const struct verify_sums *sums)
{
	const struct page_counts *counts = pages_counts(pages);
	uint64_t rss = sums->pages[VERIFY_RSS], known = counts->state[PAGE_ANON];
	struct settlement s = { PAGE_UNKNOWN, false, PAGE_UNKNOWN, pages_facts(pages)->doubt, 0 };

	if (rss < known || rss - known > counts->state[PAGE_UNKNOWN])
		return s;
	s.state = pass_scan_all_or_none(rss - known, counts->state[PAGE_UNKNOWN], PAGE_ANON,
					PAGE_ZERO);
	if (s.state != PAGE_UNKNOWN)
		s.doubt = DOUBT_NONE;
	return s;
}

static uint64_t pass_scan_protected_swap(const struct pages *pages)
{
	struct page_run run;
	uint64_t sum = 0;

	for (uint64_t i = 0; pages_run(pages, i, &run); i = run.first + run.count)
		if (run.state == PAGE_SWAP && run.marks & MARK_UFFD_WP)
			sum += run.count;
	return sum;
}

/*
 * Private swap entries whose types are hidden, in a process that has less swap than that. What
 * smaps counts are the real ones (smaps_pte_entry() in fs/proc/task_mmu.c). The others are markers:
 * those of a write protection can be told, as they carry it; where that does not add up all is
 * open.
 */
static struct settlement pass_scan_settle_hidden(const struct mapping *mapping,
						 const struct pages *pages,
						 const struct verify_sums *sums)
{
	const struct page_counts *counts = pages_counts(pages);
	uint64_t entries = counts->state[PAGE_SWAP], swap = sums->pages[VERIFY_SWAP];
	uint64_t shared = counts->state[PAGE_SHARED_SWAP];
	struct settlement s = { PAGE_SWAP, false, PAGE_UNKNOWN, DOUBT_SWAP_TYPE, 0 };
	bool object = mapping->kind == MAPPING_SHMEM || mapping->kind == MAPPING_FILE;

	/* With an object behind, pages that are unknown may be in its swap, and count as well. */
	if (object && (counts->state[PAGE_UNKNOWN] || pass_scan_may_count_hidden(mapping, counts)))
		return s;
	if (swap == entries + shared) {
		s.state = PAGE_SWAP;
	} else if (swap + pass_scan_protected_swap(pages) == entries + shared) {
		s.protected_only = true;
		s.state = object ? PAGE_UNKNOWN : PAGE_NONE;
	}
	if (s.state != PAGE_UNKNOWN && pages_facts(pages)->doubt == DOUBT_SWAP_TYPE)
		s.doubt = DOUBT_NONE;
	else if (s.state != PAGE_UNKNOWN)
		s.doubt = pages_facts(pages)->doubt;
	return s;
}

static bool pass_scan_can_be_settled(const struct snapshot_mapping *m)
{
	enum page_doubt doubt = pages_facts(m->pages)->doubt;

	return pages_counts(m->pages)->state[PAGE_UNKNOWN] &&
	       (doubt == DOUBT_NO_RIGHT || doubt == DOUBT_NO_CACHESTAT ||
		doubt == DOUBT_UNWRITTEN || doubt == DOUBT_NO_SCAN);
}

static bool pass_scan_is_open(const struct settlement *settlement, const struct page_run *run)
{
	return run->state == settlement->open &&
	       (!settlement->protected_only || run->marks & MARK_UFFD_WP);
}

/* The same pages with the open ones replaced. */
static int pass_scan_apply(struct pass *p, struct snapshot_mapping *m,
			   const struct settlement *settlement)
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
				  pass_scan_is_open(settlement, &run) ? settlement->state
								      : run.state,
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
static int pass_scan_check_private_swap(struct pass *p, struct snapshot *s)
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

static int pass_scan_settle_mapping(struct pass *p, struct snapshot_mapping *m,
				    const struct verify_sums *sums, bool swap_exact)
{
	struct settlement s;
	int error = 0;

	if (pass_scan_can_be_settled(m)) {
		s = m->mapping->kind == MAPPING_SHMEM
			    ? pass_scan_settle_shared(m->mapping, m->pages, sums)
			    : pass_scan_settle_anonymous(m->pages, sums);
		error = pass_scan_apply(p, m, &s);
	}
	if (!error && !swap_exact && pages_counts(m->pages)->state[PAGE_SWAP]) {
		s = pass_scan_settle_hidden(m->mapping, m->pages, sums);
		error = pass_scan_apply(p, m, &s);
	}
	return error;
}

int settle_by_sums(struct pass *pass, struct snapshot *snapshot)
{
	struct smaps_list list = { 0 };
	CLEANUP(cleanup_smaps) struct smaps_list *read = NULL;
	int error = pass_scan_check_private_swap(pass, snapshot);
	bool exact = snapshot->known.swap_exact;

	pass->before_at = 0;
	for (size_t i = 0; !error && i < snapshot->count; i++) {
		struct snapshot_mapping *m = &snapshot->mappings[i];
		const struct smaps_entry *entry;

		if (!pass_scan_can_be_settled(m) &&
		    (exact || !pages_counts(m->pages)->state[PAGE_SWAP]))
			continue;
		if (!read) {
			error = smaps_read(pass->target->proc, &list);
			if (error)
				return error == -ESRCH ? error : 0;
			read = &list;
		}
		entry = smaps_list_find(read, m->mapping->start, m->mapping->end);
		if (entry)
			error = pass_scan_settle_mapping(pass, m, &entry->sums, exact);
	}
	return error;
}
