// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/swap_edges.h"

void swap_edges_release(struct swap_edges *edges)
{
	shmem_bpf_close(edges->bpf);
	edges->bpf = NULL;
	edges->tried = false;
}

static bool swap_edges_ready(struct swap_edges *edges)
{
	char reason[160];

	if (!edges->tried && edges->probe->has[PROBE_BPF] &&
	    shmem_bpf_open(&edges->bpf, reason, sizeof(reason)) < 0)
		edges->bpf = NULL;
	edges->tried = true;
	return edges->bpf;
}

static int swap_edges_keep_entry(void *context, const struct xarray_run *runs, size_t count)
{
	struct xarray_run *entry = context;

	if (count)
		*entry = runs[0];
	return 0;
}

/* How many pages the entry of this page covers, if it is a swap entry, by their power of two. */
static unsigned int swap_edges_entry_order(struct swap_edges *edges, const struct mapping *mapping,
					   uint64_t page)
{
	struct xarray_run entry = { .kind = XARRAY_TORN };
	struct shmem_bpf_request request = { .pid = edges->pid,
					     .proc_fd = edges->proc,
					     .mapping = mapping,
					     .first = page,
					     .count = 1 };

	if (shmem_bpf_walk(edges->bpf, &request, swap_edges_keep_entry, &entry, NULL) < 0 ||
	    entry.kind != XARRAY_SWAP)
		return 0;
	return entry.order;
}

/* An entry of 2^order pages begins at a multiple of that in the file. */
static uint64_t swap_edges_pages_beyond(struct swap_edges *edges, const struct mapping *mapping)
{
	uint64_t first = mapping->offset >> PMTOP_PAGE_SHIFT;
	uint64_t end = first + mapping_pages(mapping);
	uint64_t before = UINT64_C(1) << swap_edges_entry_order(edges, mapping, 0);
	uint64_t after = UINT64_C(1)
			 << swap_edges_entry_order(edges, mapping, mapping_pages(mapping) - 1);

	return (first & (before - 1)) + (-end & (after - 1));
}

struct hidden {
	const struct pages *pages;
	struct verify_unreached seen;
};

/* Swapped pages of the object, by what the process has at their addresses. */
static int swap_edges_count_hidden(void *context, const struct xarray_run *runs, size_t count)
{
	struct hidden *h = context;
	struct page_run run;

	for (size_t i = 0; i < count; i++) {
		uint64_t at = runs[i].first, end = at + runs[i].count, n;

		if (runs[i].kind != XARRAY_SWAP && runs[i].kind != XARRAY_POISON)
			continue;
		for (; at < end && pages_run(h->pages, at, &run); at += n) {
			n = run.first + run.count < end ? run.first + run.count - at : end - at;
			if (run.state == PAGE_GUARD || run.state == PAGE_POISON)
				h->seen.markers += n;
			else if (run.state != PAGE_SHARED_SWAP)
				h->seen.copies += n;
		}
	}
	return 0;
}

void swap_edges_explain(struct swap_edges *edges, const struct mapping *mapping,
			const struct pages *pages, struct verify_verdict *verdict)
{
	struct hidden hidden = { .pages = pages };
	struct shmem_bpf_request request = { .pid = edges->pid,
					     .proc_fd = edges->proc,
					     .mapping = mapping,
					     .count = mapping_pages(mapping) };
	enum verify_cause cause = verdict->cause[VERIFY_SWAP];

	if (mapping->kind != MAPPING_SHMEM || cause == VERIFY_AGREES || cause == VERIFY_MOVED ||
	    verdict->own.pages[VERIFY_SWAP] > verdict->smaps.pages[VERIFY_SWAP] ||
	    !swap_edges_ready(edges) ||
	    shmem_bpf_walk(edges->bpf, &request, swap_edges_count_hidden, &hidden, NULL) < 0)
		return;
	hidden.seen.beyond = swap_edges_pages_beyond(edges, mapping);
	verify_explain_swap(mapping, &hidden.seen, verdict);
}
