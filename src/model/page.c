// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "model/page.h"

#define PAGE_STATE_ROW(id, name, key, letter, place, rank, meaning)                                \
	[PAGE_##id] = { name, key, meaning, letter, place, rank },
const struct page_state_info page_states[PAGE_STATES] = { PAGE_STATE_TABLE(PAGE_STATE_ROW) };

#define PAGE_MARK_ROW(id, name, key, meaning) [MARK_BIT_##id] = { name, key, meaning },
const struct page_mark_info page_marks[PAGE_MARKS] = { PAGE_MARK_TABLE(PAGE_MARK_ROW) };

static const char *const doubt_texts[DOUBTS] = {
	[DOUBT_NONE] = "",
	[DOUBT_KERNEL_MEMORY] = "device or kernel memory has no page states",
	[DOUBT_NO_RIGHT] = "the shared object cannot be opened: see pmtop doctor",
	[DOUBT_NO_CACHESTAT] =
		"cached and swapped look alike without cachestat (Linux 6.5) or BPF: see pmtop doctor",
	[DOUBT_NO_SCAN] =
		"zero pages need PAGEMAP_SCAN (Linux 6.7) or root to be told from others: see pmtop doctor",
	[DOUBT_CACHE_NOT_ASKED] =
		"cache unknown: pmtop asks only local file systems, no network and no FUSE",
	[DOUBT_SWAP_TYPE] = "swap may include markers and pages on the move: see pmtop doctor",
	[DOUBT_GONE] = "the mapping changed while it was read: the next sample tells",
	[DOUBT_UNWRITTEN] =
		"empty pages may be allocated and never written: cachestat (Linux 6.5) or BPF would tell",
	[DOUBT_HUGETLB] =
		"others may have filled these huge pages: BPF tells on Linux 6.7 or newer, see pmtop doctor",
	[DOUBT_SWAP_AREAS] =
		"how many swap areas this kernel can have is not known: a kernel with BTF (CONFIG_DEBUG_INFO_BTF) tells",
	[DOUBT_CACHE_NOT_ALLOWED] =
		"not in swap; only root and who owns or may write it may ask whether it is cached",
	[DOUBT_STACKED] =
		"stacked file system: what is not in RAM may be in the swap of a tmpfs below",
	[DOUBT_NO_KIND] = "no mount seen from here tells whether this is a file or shared memory",
};

const char *page_doubt_text(enum page_doubt doubt)
{
	return doubt_texts[doubt];
}

bool page_doubt_hides_swap(enum page_doubt doubt)
{
	return doubt != DOUBT_KERNEL_MEMORY && doubt != DOUBT_NO_SCAN &&
	       doubt != DOUBT_CACHE_NOT_ASKED && doubt != DOUBT_CACHE_NOT_ALLOWED;
}

int page_state_parse(const char *word)
{
	for (int s = 0; s < PAGE_STATES; s++)
		if (!strcmp(word, page_states[s].name) || !strcmp(word, page_states[s].key))
			return s;
	return -ENOENT;
}
