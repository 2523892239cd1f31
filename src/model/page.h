/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PAGE_H
#define PMTOP_PAGE_H

#include <stdint.h>

/*
 * The words for one page: its state (where its content is; exactly one) and its marks (further
 * facts). Owns the names, letters and meanings that every screen, report and log uses. Knows
 * nothing of the kernel.
 */

enum page_state {
	PAGE_NONE,
	PAGE_ANON,
	PAGE_FILE,
	PAGE_SHMEM,
	PAGE_ZERO,
	PAGE_CACHED,
	PAGE_SWAP,
	PAGE_SHARED_SWAP,
	PAGE_MIGRATING,
	PAGE_GUARD,
	PAGE_POISON,
	PAGE_UNKNOWN,
	PAGE_STATES /* how many there are */
};

/* Bits of a mark set (uint16_t). */
enum page_mark {
	MARK_WRITTEN = 1 << 0, /* soft-dirty: since anybody last cleared it */
	MARK_EXCLUSIVE = 1 << 1, /* mapped once */
	MARK_UFFD_WP = 1 << 2, /* write-protected by userfaultfd */
	MARK_HUGE = 1 << 3, /* mapped by a PMD */
	MARK_HUGETLB = 1 << 4,
	MARK_KSM = 1 << 5,
	MARK_LAZYFREE = 1 << 6,
	MARK_ALLOCATED = 1 << 7, /* fallocated, never written */
	MARK_SWAP_CACHED = 1 << 8, /* in swap and still in RAM */
};
#define PAGE_MARKS 9

/* Why a page is PAGE_UNKNOWN, or why a part of what is shown cannot be exact. */
enum page_doubt {
	DOUBT_NONE,
	DOUBT_KERNEL_MEMORY, /* device or kernel memory: PFNMAP, vvar, vsyscall */
	DOUBT_NO_RIGHT, /* shared object cannot be opened by this user */
	DOUBT_NO_CACHESTAT, /* in core, but cached and swap-cached look alike (before 6.5) */
	DOUBT_NO_SCAN, /* zero pages need PAGEMAP_SCAN or the right to see pfns */
	DOUBT_CACHE_NOT_ASKED, /* FUSE or network file system: none may be cached */
	DOUBT_SWAP_TYPE, /* swap types are hidden: swap may be a marker or a migration */
	DOUBT_GONE, /* the mapping went away while it was read */
	DOUBT_UNWRITTEN, /* some of none may be allocated and never written (before 6.5) */
	DOUBTS
};

struct page_state_info {
	const char *name; /* for people: "shared-swap" */
	const char *key; /* for programs: "shared_swap" */
	char letter; /* what a tile shows */
	const char *meaning; /* one line for the legend */
};

struct page_mark_info {
	const char *name;
	const char *key;
	const char *meaning;
};

/* The one table of states, indexed by enum page_state. */
extern const struct page_state_info page_states[PAGE_STATES];

/* The one table of marks, indexed by bit number. */
extern const struct page_mark_info page_marks[PAGE_MARKS];

/* One sentence for people that says why something is unknown and what would help. */
const char *page_doubt_text(enum page_doubt doubt);

/* The state that a key or name stands for, or -ENOENT. */
int page_state_parse(const char *word);

static inline int page_state_is_present(enum page_state state)
{
	return state == PAGE_ANON || state == PAGE_FILE || state == PAGE_SHMEM ||
	       state == PAGE_ZERO;
}

#endif
