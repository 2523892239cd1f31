// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "model/snapshot.h"
#include "model/views.h"

const char *const shared_swap_knowledge_names[] = {
	[SHARED_SWAP_EXACT] = "exact",
	[SHARED_SWAP_APPROXIMATE] = "approximate",
	[SHARED_SWAP_SUM] = "sum",
	[SHARED_SWAP_UNKNOWN] = "unknown",
};

struct snapshot *snapshot_new(size_t count)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->mappings = calloc(count ? count : 1, sizeof(*s->mappings));
	if (!s->mappings) {
		free(s);
		return NULL;
	}
	atomic_init(&s->refs, 1);
	s->count = count;
	return s;
}

/* How well the places of this mapping's shared-swapped pages are known. */
static enum shared_swap_knowledge snapshot_mapping_knowledge(const struct snapshot_mapping *m)
{
	const struct pages_facts *facts = pages_facts(m->pages);

	if ((m->mapping->kind != MAPPING_SHMEM && m->mapping->kind != MAPPING_FILE) ||
	    !pages_counts(m->pages)->state[PAGE_UNKNOWN] ||
	    !page_doubt_hides_swap((enum page_doubt)facts->doubt))
		return SHARED_SWAP_EXACT;
	if (facts->swap_unplaced)
		return SHARED_SWAP_SUM;
	return facts->doubt == DOUBT_NO_CACHESTAT || facts->doubt == DOUBT_UNWRITTEN
		       ? SHARED_SWAP_APPROXIMATE
		       : SHARED_SWAP_UNKNOWN;
}

/* Without memory for it the totals stay sums over mappings. */
static void snapshot_count_once(struct snapshot *s)
{
	struct page_counts again;
	uint64_t unplaced;

	s->rss = page_counts_rss(&s->totals);
	if (views_again(s, &again, &unplaced) < 0)
		return;
	for (int i = 0; i < PAGE_STATES; i++)
		s->totals.state[i] -= again.state[i];
	for (int k = 0; k < PAGE_MARKS; k++)
		s->totals.mark[k] -= again.mark[k];
	/* Views that overlap in part may tell of the same ones: they are unknown pages. */
	s->swap_unplaced -= unplaced;
	if (s->swap_unplaced > s->totals.state[PAGE_UNKNOWN])
		s->swap_unplaced = s->totals.state[PAGE_UNKNOWN];
}

void snapshot_seal(struct snapshot *snapshot)
{
	memset(&snapshot->totals, 0, sizeof(snapshot->totals));
	snapshot->swap_unplaced = 0;
	snapshot->partial = false;
	snapshot->known.shared_swap = SHARED_SWAP_EXACT;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct snapshot_mapping *m = &snapshot->mappings[i];
		const struct page_counts *counts;

		if (!m->pages) {
			snapshot->partial = true;
			continue;
		}
		counts = pages_counts(m->pages);
		for (int s = 0; s < PAGE_STATES; s++)
			snapshot->totals.state[s] += counts->state[s];
		for (int k = 0; k < PAGE_MARKS; k++)
			snapshot->totals.mark[k] += counts->mark[k];
		snapshot->swap_unplaced += pages_facts(m->pages)->swap_unplaced;
		if (counts->state[PAGE_SHARED_SWAP] && !pages_facts(m->pages)->slots_known)
			snapshot->known.shared_slots = false;
		if (snapshot_mapping_knowledge(m) > snapshot->known.shared_swap)
			snapshot->known.shared_swap = snapshot_mapping_knowledge(m);
	}
	snapshot_count_once(snapshot);
}

struct snapshot *snapshot_repeat(const struct snapshot *last, uint64_t sequence, int64_t taken_ns,
				 int64_t clock_ns)
{
	struct snapshot *again = snapshot_new(last->count);

	if (!again)
		return NULL;
	again->sequence = sequence;
	again->pid = last->pid;
	again->start_time = last->start_time;
	again->execs = last->execs;
	memcpy(again->comm, last->comm, sizeof(again->comm));
	again->taken_ns = taken_ns;
	again->clock_ns = clock_ns;
	again->known = last->known;
	for (size_t i = 0; i < last->count; i++) {
		again->mappings[i].mapping = mapping_ref(last->mappings[i].mapping);
		again->mappings[i].pages = pages_ref(last->mappings[i].pages);
	}
	snapshot_seal(again);
	again->skipped = true;
	return again;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
	atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
	return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
	if (atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < snapshot->count; i++) {
		if (snapshot->mappings[i].mapping)
			mapping_unref(snapshot->mappings[i].mapping);
		if (snapshot->mappings[i].pages)
			pages_unref(snapshot->mappings[i].pages);
	}
	free(snapshot->mappings);
	free(snapshot);
}

size_t snapshot_find(const struct snapshot *snapshot, uint64_t address)
{
	size_t low = 0, high = snapshot->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (snapshot->mappings[middle].mapping->end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t snapshot_memory(const struct snapshot *snapshot, const struct snapshot *after)
{
	size_t bytes = sizeof(*snapshot) + snapshot->count * sizeof(*snapshot->mappings);
	size_t j = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct snapshot_mapping *m = &snapshot->mappings[i];
		const struct snapshot_mapping *old = NULL;

		while (after && j < after->count &&
		       after->mappings[j].mapping->start < m->mapping->start)
			j++;
		if (after && j < after->count &&
		    after->mappings[j].mapping->start == m->mapping->start)
			old = &after->mappings[j];
		if (!old || old->mapping != m->mapping)
			bytes += sizeof(*m->mapping) + m->mapping->name_length + 1;
		if (m->pages)
			bytes += pages_memory(m->pages, old ? old->pages : NULL);
	}
	return bytes;
}

struct page_detail *page_detail_new(uint64_t start, size_t count)
{
	struct page_detail *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	atomic_init(&d->refs, 1);
	d->start = start;
	d->count = count;
	d->words = calloc(count ? count : 1, sizeof(*d->words));
	d->flags = calloc(count ? count : 1, sizeof(*d->flags));
	d->map_counts = calloc(count ? count : 1, sizeof(*d->map_counts));
	d->rules = calloc(count ? count : 1, sizeof(*d->rules));
	d->nodes = malloc(count ? count : 1);
	d->orders = malloc(count ? count : 1);
	d->groups = malloc(count ? count : 1);
	if (!d->words || !d->flags || !d->map_counts || !d->rules || !d->nodes || !d->orders ||
	    !d->groups) {
		page_detail_unref(d);
		return NULL;
	}
	memset(d->nodes, PAGE_NO_NODE, count);
	memset(d->orders, PAGE_NO_ORDER, count);
	memset(d->groups, PAGE_NO_GROUP, count);
	return d;
}

bool page_detail_find(const struct page_detail *detail, uint64_t address, size_t *ret_index)
{
	uint64_t index;

	if (!detail || address < detail->start)
		return false;
	index = (address - detail->start) >> PMTOP_PAGE_SHIFT;
	if (index >= detail->count || (detail->recorded && !detail->recorded[index]))
		return false;
	*ret_index = (size_t)index;
	return true;
}

struct page_detail *page_detail_ref(struct page_detail *detail)
{
	atomic_fetch_add_explicit(&detail->refs, 1, memory_order_relaxed);
	return detail;
}

void page_detail_unref(struct page_detail *detail)
{
	if (!detail || atomic_fetch_sub_explicit(&detail->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(detail->pages);
	free(detail->recorded);
	free(detail->words);
	free(detail->flags);
	free(detail->map_counts);
	free(detail->rules);
	free(detail->nodes);
	free(detail->orders);
	free(detail->groups);
	for (int t = 0; t < PAGE_SWAP_TYPES; t++)
		free(detail->swap_paths[t]);
	free(detail);
}
