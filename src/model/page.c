// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "model/page.h"

const struct page_state_info page_states[PAGE_STATES] = {
	[PAGE_NONE] = { "none", "none", '.', "nothing here yet: never touched, or a hole" },
	[PAGE_ANON] = { "anon", "anon", 'a', "in RAM, private: anonymous or copied on write" },
	[PAGE_FILE] = { "file", "file", 'f', "in RAM, page of a regular file" },
	[PAGE_SHMEM] = { "shmem", "shmem", 's', "in RAM, page of shared memory" },
	[PAGE_ZERO] = { "zero", "zero", 'z', "the shared zero page, small or huge" },
	[PAGE_CACHED] = { "cached", "cached", 'c',
			  "in the page cache, but not mapped by this process" },
	[PAGE_SWAP] = { "swap", "swap", 'w', "private page in swap" },
	[PAGE_SHARED_SWAP] = { "shared-swap", "shared_swap", 'x',
			       "shared page in swap; the page table says nothing" },
	[PAGE_MIGRATING] = { "migrating", "migrating", 'm', "on the move to another place in RAM" },
	[PAGE_GUARD] = { "guard", "guard", 'g', "guard marker: an access is a SIGSEGV" },
	[PAGE_POISON] = { "poison", "poison", '!', "poisoned: an access is a SIGBUS" },
	[PAGE_UNKNOWN] = { "unknown", "unknown", '?', "cannot be known here; the reason is shown" },
};

const struct page_mark_info page_marks[PAGE_MARKS] = {
	{ "written", "written", "written since anybody last cleared the marks (soft-dirty)" },
	{ "exclusive", "exclusive", "mapped once" },
	{ "uffd-wp", "uffd_wp", "write-protected by userfaultfd" },
	{ "huge", "huge", "mapped as one huge page" },
	{ "hugetlb", "hugetlb", "page of the hugetlb pool" },
	{ "ksm", "ksm", "merged with equal pages" },
	{ "lazyfree", "lazyfree", "may be dropped at any time (MADV_FREE)" },
	{ "allocated", "allocated", "fallocated, never written" },
	{ "swap-cached", "swap_cached", "in swap and still in RAM" },
};

static const char *const doubt_texts[DOUBTS] = {
	[DOUBT_NONE] = "",
	[DOUBT_KERNEL_MEMORY] = "device or kernel memory has no page states",
	[DOUBT_NO_RIGHT] = "the shared object cannot be opened: run as root, or see pmtop doctor",
	[DOUBT_NO_CACHESTAT] =
		"cached and swapped look alike without cachestat (Linux 6.5): run as root with BPF, or see pmtop doctor",
	[DOUBT_NO_SCAN] =
		"zero pages need PAGEMAP_SCAN (Linux 6.7) or root to be told from others: see pmtop doctor",
	[DOUBT_CACHE_NOT_ASKED] =
		"cache unknown: pmtop asks only local file systems that it may read",
	[DOUBT_SWAP_TYPE] =
		"swap may include markers and pages on the move: run as root, or see pmtop doctor",
	[DOUBT_GONE] = "the mapping changed while it was read: the next sample tells",
	[DOUBT_UNWRITTEN] =
		"empty pages may be allocated and never written: cachestat (Linux 6.5) or BPF would tell",
};

const char *page_doubt_text(enum page_doubt doubt)
{
	return doubt_texts[doubt];
}

int page_state_parse(const char *word)
{
	for (int s = 0; s < PAGE_STATES; s++)
		if (!strcmp(word, page_states[s].name) || !strcmp(word, page_states[s].key))
			return s;
	return -ENOENT;
}
