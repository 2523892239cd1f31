/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PAGE_H
#define PMTOP_PAGE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The words for one page: its state (where its content is; exactly one) and its marks (further
 * facts). Owns the names, letters and meanings that every screen, report and log uses. Knows
 * nothing of the kernel.
 */

/* Where the content of a page in some state is. The order counts: what comes later is more. */
enum page_place {
	PLACE_NOWHERE,
	PLACE_MARKER, /* an entry of the page table without content */
	PLACE_CACHE, /* in RAM, but not mapped here */
	PLACE_RAM, /* mapped */
	PLACE_SWAP,
	PLACE_UNKNOWN, /* on the move, or not known */
};

/*
 * The one table of states. The enum, the names, the columns of reports and of the log, and the
 * values of lens 1 are made from it; what else a new state needs is told by the compiler or stands
 * in docs/ARCHITECTURE.md. Rank: which of two equally common states a tile shows, the rare and
 * telling ones first.
 *
 *   id, name for people, key for programs, letter, place, rank, meaning
 */
/* clang-format off */
#define PAGE_STATE_TABLE(X) \
	X(NONE, "none", "none", '.', PLACE_NOWHERE, 0, \
	  "nothing here yet: never touched, or a hole") \
	X(ANON, "anon", "anon", 'a', PLACE_RAM, 5, \
	  "in RAM, private: anonymous or copied on write") \
	X(FILE, "file", "file", 'f', PLACE_RAM, 2, "in RAM, page of a regular file") \
	X(SHMEM, "shmem", "shmem", 's', PLACE_RAM, 4, "in RAM, page of shared memory") \
	X(ZERO, "zero", "zero", 'z', PLACE_RAM, 3, "the shared zero page, small or huge") \
	X(CACHED, "cached", "cached", 'c', PLACE_CACHE, 1, \
	  "in the page cache, but not mapped by this process") \
	X(SWAP, "swap", "swap", 'w', PLACE_SWAP, 8, "private page in swap") \
	X(SHARED_SWAP, "shared-swap", "shared_swap", 'x', PLACE_SWAP, 9, \
	  "shared page in swap; the page table says nothing") \
	X(MIGRATING, "migrating", "migrating", 'm', PLACE_UNKNOWN, 10, \
	  "on the move to another place in RAM") \
	X(GUARD, "guard", "guard", 'g', PLACE_MARKER, 6, "guard marker: an access is a SIGSEGV") \
	X(POISON, "poison", "poison", '!', PLACE_MARKER, 11, "poisoned: an access is a SIGBUS") \
	X(UNKNOWN, "unknown", "unknown", '?', PLACE_UNKNOWN, 7, \
	  "cannot be known here; the reason is shown")

/* The one table of marks: id, name for people, key for programs, meaning. */
#define PAGE_MARK_TABLE(X) \
	X(WRITTEN, "written", "written", \
	  "written since anybody last cleared the marks (soft-dirty)") \
	X(EXCLUSIVE, "exclusive", "exclusive", "mapped once") \
	X(UFFD_WP, "uffd-wp", "uffd_wp", "write-protected by userfaultfd") \
	X(HUGE, "huge", "huge", "mapped as one huge page") \
	X(HUGETLB, "hugetlb", "hugetlb", "page of the hugetlb pool") \
	X(KSM, "ksm", "ksm", "merged with equal pages") \
	X(LAZYFREE, "lazyfree", "lazyfree", "may be dropped at any time (MADV_FREE)") \
	X(ALLOCATED, "allocated", "allocated", "fallocated, never written") \
	X(SWAP_CACHED, "swap-cached", "swap_cached", "in swap and in RAM")
/* clang-format on */

#define PAGE_STATE_ID(id, ...) PAGE_##id,
enum page_state { PAGE_STATE_TABLE(PAGE_STATE_ID) PAGE_STATES /* how many there are */ };
#undef PAGE_STATE_ID

/* Places of the marks in a set, and how many there are. */
#define PAGE_MARK_BIT(id, ...) MARK_BIT_##id,
enum { PAGE_MARK_TABLE(PAGE_MARK_BIT) PAGE_MARKS };
#undef PAGE_MARK_BIT

/* Bits of a mark set (uint16_t). */
#define PAGE_MARK_ID(id, ...) MARK_##id = 1 << MARK_BIT_##id,
enum page_mark { PAGE_MARK_TABLE(PAGE_MARK_ID) };
#undef PAGE_MARK_ID

/* Why a page is PAGE_UNKNOWN, or why a part of what is shown cannot be exact. */
enum page_doubt {
	DOUBT_NONE,
	DOUBT_KERNEL_MEMORY, /* device or kernel memory: PFNMAP, vvar, vsyscall */
	DOUBT_NO_RIGHT, /* shared object cannot be opened by this user */
	DOUBT_NO_CACHESTAT, /* in core, but cached and swap-cached look alike (before 6.5) */
	DOUBT_NO_SCAN, /* zero pages need PAGEMAP_SCAN or the right to see pfns */
	DOUBT_CACHE_NOT_ASKED, /* FUSE, network or other file system: not asked */
	DOUBT_SWAP_TYPE, /* swap types are hidden: swap may be a marker or a migration */
	DOUBT_GONE, /* the mapping went away while it was read */
	DOUBT_UNWRITTEN, /* some of none may be allocated and never written (before 6.5) */
	DOUBT_HUGETLB, /* an object of hugetlbfs holds pages, but nobody here knows which */
	DOUBT_SWAP_AREAS, /* a swap type that may be an area or not */
	DOUBT_CACHE_NOT_ALLOWED, /* a file whose page cache this user may not ask about */
	DOUBT_STACKED, /* not in core, and the file system behind the stacked one may be tmpfs */
	DOUBT_NO_KIND, /* neither a mount nor the object tells what is mapped */
	DOUBTS
};

struct page_state_info {
	const char *name; /* for people: "shared-swap" */
	const char *key; /* for programs: "shared_swap" */
	const char *meaning; /* one line for the legend */
	char letter; /* what a tile shows */
	uint8_t place; /* enum page_place */
	uint8_t rank; /* no two states have the same */
};

struct page_mark_info {
	const char *name;
	const char *key;
	const char *meaning;
};

/* Indexed by enum page_state. */
extern const struct page_state_info page_states[PAGE_STATES];

/* Indexed by MARK_BIT_. */
extern const struct page_mark_info page_marks[PAGE_MARKS];

/* One sentence for people that says why something is unknown and what would help. */
const char *page_doubt_text(enum page_doubt doubt);

/* Whether pages that are unknown for this reason may be shared pages in swap. */
bool page_doubt_hides_swap(enum page_doubt doubt);

/* The state that a key or name stands for, or -ENOENT. */
int page_state_parse(const char *word);

static inline bool page_state_is_present(enum page_state state)
{
	return page_states[state].place == PLACE_RAM;
}

static inline bool page_state_is_swapped(enum page_state state)
{
	return page_states[state].place == PLACE_SWAP;
}

#endif
