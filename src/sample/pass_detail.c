// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "sample/pass_internal.h"

/* Shared memory up to this size is asked for its sums instead of being sampled (256 MiB). */
#define SIGN_PAGES_LIMIT 65536u

bool pass_sign(struct pass *pass, const struct snapshot *snapshot,
	       struct pass_signature *ret_signature)
{
	struct pass_signature s = { 0 };
	uint64_t asked = 0;

	if (!pass->probe->has[PROBE_CACHESTAT] || target_counters(pass->target, &s.counters) < 0)
		return false;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct mapping *m = snapshot->mappings[i].mapping;
		uint64_t cached, swapped;
		bool told;

		if (m->kind != MAPPING_SHMEM)
			continue;
		asked += mapping_pages(m);
		if (asked > SIGN_PAGES_LIMIT)
			return false;
		told = object_totals(pass->objects, m, &cached, &swapped);
		object_close(pass->objects);
		if (!told)
			return false;
		s.shmem_cached += cached;
		s.shmem_swapped += swapped;
	}
	*ret_signature = s;
	return true;
}

/* The object's part of the evidence, back from the state that it led to. */
static enum object_page object_of_state(enum page_state state, uint16_t marks)
{
	switch (state) {
	case PAGE_CACHED:
		return marks & MARK_ALLOCATED ? OBJECT_ALLOCATED : OBJECT_CACHED;
	case PAGE_SHARED_SWAP:
		return marks & MARK_SWAP_CACHED ? OBJECT_SWAP_CACHED : OBJECT_SWAPPED;
	case PAGE_NONE:
		return OBJECT_HOLE;
	default:
		return OBJECT_UNKNOWN;
	}
}

static uint8_t find_rule(const struct pass *p, const struct snapshot_mapping *m, uint64_t page,
			 uint64_t word)
{
	struct evidence e = pagemap_evidence(p->probe, word);
	enum page_state state = pages_state(m->pages, page);

	if (p->probe->has[PROBE_PAGEMAP_SCAN]) {
		e.known |= SEEN_ZERO;
		if (state == PAGE_ZERO)
			e.bits |= SEEN_ZERO;
	}
	e.object = (uint8_t)object_of_state(state, pages_marks(m->pages, page));
	return classify_page(m->mapping, &e).rule;
}

int pass_detail(struct pass *pass, const struct snapshot *snapshot, uint64_t start, uint64_t count,
		struct page_detail **ret_detail)
{
	size_t at = snapshot_find(snapshot, start);
	const struct snapshot_mapping *m = &snapshot->mappings[at];
	struct page_detail *d;

	if (at == snapshot->count || start < m->mapping->start || !m->pages)
		return -ENOENT;
	if (count > (m->mapping->end - start) >> PMTOP_PAGE_SHIFT)
		count = (m->mapping->end - start) >> PMTOP_PAGE_SHIFT;
	d = page_detail_new(start, (size_t)count);
	if (!d)
		return -ENOMEM;
	d->words_known = pagemap_read(pass->target->pagemap, start, d->words, d->count) == 0;
	if (d->words_known && pass->probe->has[PROBE_PFN]) {
		d->flags_known = kpage_flags(pass->kpage, d->words, d->count, d->flags) == 0;
		d->counts_known = kpage_counts(pass->kpage, d->words, d->count, d->map_counts) == 0;
	}
	for (size_t i = 0; i < d->count; i++)
		d->rules[i] =
			find_rule(pass, m, ((start - m->mapping->start) >> PMTOP_PAGE_SHIFT) + i,
				  d->words[i]);
	*ret_detail = d;
	return 0;
}
