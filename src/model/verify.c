// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/verify.h"

#include <stdlib.h>

#include "model/snapshot.h"

#include <string.h>

const char *const verify_sum_names[VERIFY_SUMS] = {
	[VERIFY_RSS] = "rss",
	[VERIFY_ANONYMOUS] = "anonymous",
	[VERIFY_SWAP] = "swap",
};

static const char *const cause_texts[VERIFY_CAUSES] = {
	[VERIFY_AGREES] = "",
	[VERIFY_MOVED] = "it changed while it was looked at: stop the process to compare",
	[VERIFY_GUARD] = "smaps also counts swapped pages behind guard and poison markers",
	[VERIFY_COPIES] = "smaps also counts swapped pages that private copies hide",
	[VERIFY_ENTRIES] = "smaps counts a large swap entry whole of which a part is mapped here",
	[VERIFY_UNKNOWN_PAGES] = "the difference lies in pages that are unknown here",
	[VERIFY_DIFFERS] = "they differ, and nothing known explains it",
};

const char *verify_cause_text(enum verify_cause cause)
{
	return cause_texts[cause];
}

bool verify_is_explained(enum verify_cause cause)
{
	return cause == VERIFY_AGREES || cause == VERIFY_GUARD || cause == VERIFY_COPIES ||
	       cause == VERIFY_ENTRIES;
}

/* What lies between two sums that were read around the sample was right at some moment of it. */
static bool verify_lies_between(uint64_t value, uint64_t a, uint64_t b)
{
	return a < b ? value >= a && value <= b : value >= b && value <= a;
}

static enum verify_cause verify_compare(uint64_t own, uint64_t unknown, uint64_t before,
					uint64_t after)
{
	if (verify_lies_between(own, before, after))
		return VERIFY_AGREES;
	if (before != after)
		return VERIFY_MOVED;
	if (own < before && before - own <= unknown)
		return VERIFY_UNKNOWN_PAGES;
	return VERIFY_DIFFERS;
}

/* Pages on the move are still counted as present by smaps (is_pfn_swap_entry(), since 5.14). */
static void verify_own_sums(const struct mapping *mapping, const struct pages *pages,
			    struct verify_sums *ret_sums)
{
	const struct page_counts *counts = pages_counts(pages);
	uint64_t anon = counts->state[PAGE_ANON];
	uint64_t moving = counts->state[PAGE_MIGRATING];

	memset(ret_sums, 0, sizeof(*ret_sums));
	if (mapping->kind != MAPPING_HUGETLB) {
		ret_sums->pages[VERIFY_RSS] = page_counts_rss(counts);
		ret_sums->pages[VERIFY_ANONYMOUS] = anon;
		if (mapping->kind == MAPPING_ANON || mapping->kind == MAPPING_HEAP ||
		    mapping->kind == MAPPING_STACK)
			ret_sums->pages[VERIFY_ANONYMOUS] += moving;
	}
	ret_sums->pages[VERIFY_SWAP] = counts->state[PAGE_SWAP] + counts->state[PAGE_SHARED_SWAP] +
				       pages_facts(pages)->swap_unplaced;
}

void verify_mapping(const struct mapping *mapping, const struct pages *pages,
		    const struct verify_sums *before, const struct verify_sums *after,
		    struct verify_verdict *ret_verdict)
{
	const struct page_counts *counts = pages_counts(pages);
	uint64_t unknown = counts->state[PAGE_UNKNOWN] - pages_facts(pages)->swap_unplaced;
	struct verify_verdict verdict = { .smaps = *after };

	verify_own_sums(mapping, pages, &verdict.own);
	for (int i = 0; i < VERIFY_SUMS; i++)
		verdict.cause[i] = verify_compare(verdict.own.pages[i], unknown, before->pages[i],
						  after->pages[i]);
	*ret_verdict = verdict;
}

/*
 * The kernel takes the swapped pages of a shared mapping, and of a private one that is not
 * writable, from the object behind it without a look at the page table (fs/proc/task_mmu.c,
 * smap_gather_stats(), since 4.6). A private mapping that is writable is counted by its page table.
 */
void verify_explain_swap(const struct mapping *mapping, const struct verify_unreached *seen,
			 struct verify_verdict *verdict)
{
	uint64_t own = verdict->own.pages[VERIFY_SWAP], smaps = verdict->smaps.pages[VERIFY_SWAP];
	uint64_t copies = mapping_is_private(mapping) ? seen->copies : 0;

	if (mapping->kind != MAPPING_SHMEM || smaps <= own ||
	    (mapping_is_private(mapping) && mapping->perms[1] == 'w') ||
	    smaps - own != seen->markers + copies + seen->beyond)
		return;
	verdict->cause[VERIFY_SWAP] = seen->markers ? VERIFY_GUARD
				      : copies	    ? VERIFY_COPIES
						    : VERIFY_ENTRIES;
}

enum verify_cause verify_worst(const struct verify_verdict *verdict)
{
	enum verify_cause worst = VERIFY_AGREES;

	for (int i = 0; i < VERIFY_SUMS; i++)
		if (verdict->cause[i] > worst)
			worst = verdict->cause[i];
	return worst;
}

struct verified *verified_new(size_t count)
{
	struct verified *v = calloc(1, sizeof(*v) + count * sizeof(*v->results));

	if (!v)
		return NULL;
	atomic_init(&v->refs, 1);
	v->count = count;
	return v;
}

void verified_unref(struct verified *verified)
{
	if (verified && atomic_fetch_sub_explicit(&verified->refs, 1, memory_order_acq_rel) == 1)
		free(verified);
}

struct verified *verified_ref(struct verified *verified)
{
	atomic_fetch_add_explicit(&verified->refs, 1, memory_order_relaxed);
	return verified;
}

/* The very same pages of the same mapping; not only equal ones. */
static bool verify_is_untouched(const struct change_list *list, const struct change_row *row)
{
	const struct snapshot_mapping *a, *b;

	if (row->fate != FATE_KEPT)
		return false;
	a = &list->before->mappings[row->before];
	b = &list->after->mappings[row->after];
	return a->pages == b->pages;
}

struct verified *verified_inherit(const struct verified *verified, const struct change_list *list)
{
	struct verified *v = verified_new(list->after->count);
	bool any = false;

	for (size_t i = 0; v && i < list->row_count; i++) {
		const struct change_row *row = &list->rows[i];

		if (!verify_is_untouched(list, row))
			continue;
		v->results[row->after] = verified->results[row->before];
		any = any || v->results[row->after].found;
	}
	if (any)
		return v;
	verified_unref(v);
	return NULL;
}
