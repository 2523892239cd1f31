/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SNAPSHOT_H
#define PMTOP_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "model/mapping.h"
#include "model/pages.h"

/*
 * One immutable picture of a process. Reference counted and safe to hand between threads; whoever
 * holds a reference may read every field, nobody writes one after snapshot_seal().
 */

/* How sure the places of shared-swapped pages are, over all mappings; the worst one counts. */
enum shared_swap_knowledge {
	SHARED_SWAP_EXACT, /* page by page */
	SHARED_SWAP_APPROXIMATE, /* some pages are unknown */
	SHARED_SWAP_SUM, /* how many, but not which */
	SHARED_SWAP_UNKNOWN,
};
extern const char *const shared_swap_knowledge_names[];

struct snapshot_known {
	bool written; /* this kernel has soft-dirty marks */
	uint8_t shared_swap; /* enum shared_swap_knowledge */
	bool private_slots;
	bool shared_slots; /* every shared page in swap has its slot */
	/* Swap pages of private memory were proven by VmSwap or by their swap types. */
	bool swap_exact;
};

/* A mapping and its pages; pages is NULL while they have not been read (first screen). */
struct snapshot_mapping {
	struct mapping *mapping;
	struct pages *pages;
};

/* A memory cgroup that pages are charged to. */
struct page_group {
	uint64_t inode;
	char name[112]; /* path below the mount of the memory controller, or "" */
};
#define PAGE_GROUPS    8
#define PAGE_NO_NODE   (-1)
#define PAGE_NO_ORDER  0xff
#define PAGE_NO_GROUP  0xff
#define VM_FLAGS_BYTES 160

/* Raw facts about a window of pages, fetched on request for what is on screen. */
#define PAGE_SWAP_TYPES 32 /* types are five bits; how many are areas differs by kernel */

struct page_detail {
	atomic_uint refs;
	uint64_t start; /* address of the first page */
	size_t count; /* pages */
	uint64_t *pages; /* their numbers, ascending; NULL: they follow each other */
	uint8_t *recorded; /* of each page, whether anything is known; NULL: of all */
	uint64_t left_out; /* pages that changed, but about which nothing was read */
	bool words_known, flags_known, counts_known;
	uint64_t *words; /* /proc/PID/pagemap */
	uint64_t *flags; /* /proc/kpageflags, 0 where not present */
	uint64_t *map_counts; /* /proc/kpagecount */
	uint8_t *rules; /* enum page_rule: what decided the state */
	int8_t *nodes; /* NUMA node, PAGE_NO_NODE: not in RAM or not known */
	uint8_t *orders; /* of the folio: 2^order pages; PAGE_NO_ORDER: not known */
	uint8_t *groups; /* index into group_table, PAGE_NO_GROUP: not known */
	struct page_group group_table[PAGE_GROUPS];
	char *swap_paths[PAGE_SWAP_TYPES]; /* of the area of each type; NULL: cannot be told */
	char vm_flags[VM_FLAGS_BYTES]; /* two-letter words of smaps ("rd wr sh"), or "" */
};

struct snapshot {
	atomic_uint refs;
	uint64_t sequence; /* counts samples of one source from 0 */
	pid_t pid;
	uint64_t start_time; /* clock ticks after boot; with pid the identity of the process */
	unsigned int execs; /* how often it was seen to become another program */
	char comm[64];
	int64_t taken_ns; /* CLOCK_REALTIME */
	int64_t clock_ns; /* CLOCK_MONOTONIC, for intervals */
	struct snapshot_known known;
	/* Each page of an object once, however many mappings show it (model/views.h). */
	struct page_counts totals;
	uint64_t swap_unplaced;
	uint64_t rss; /* pages; as the kernel's VmRSS, of each mapping that shows them */
	bool partial; /* some mappings have no pages yet */
	bool skipped; /* nothing could have changed: the pages are those of the sample before */
	size_t count;
	struct snapshot_mapping *mappings; /* ascending by address */
};

/* An empty snapshot with one reference and room for `count` mappings; NULL when memory is out. */
struct snapshot *snapshot_new(size_t count);

/* Sums totals and knowledge up from the mappings; the snapshot is immutable from here on. */
void snapshot_seal(struct snapshot *snapshot);

/* Pages of hugetlb in RAM, which RSS leaves out. */
static inline uint64_t snapshot_hugetlb(const struct snapshot *snapshot)
{
	return snapshot->totals.mark[__builtin_ctz(MARK_HUGETLB)];
}

/*
 * The pages of a sample under a new time, sealed and marked as skipped: nothing can have changed.
 * Clocks as taken_ns and clock_ns. NULL when memory is out.
 */
struct snapshot *snapshot_repeat(const struct snapshot *last, uint64_t sequence, int64_t taken_ns,
				 int64_t clock_ns);

struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot);
DEFINE_CLEANUP(cleanup_snapshot, struct snapshot *, snapshot_unref)

/* Index of the mapping that holds `address`, or of the first one above it (may be count). */
size_t snapshot_find(const struct snapshot *snapshot, uint64_t address);

/* Bytes that this snapshot holds beyond what it shares with `after` (may be NULL). */
size_t snapshot_memory(const struct snapshot *snapshot, const struct snapshot *after);

struct page_detail *page_detail_new(uint64_t start, size_t count);

/*
 * Where the facts of the page at an address are in a detail (may be NULL) whose pages follow each
 * other; false: nothing is known of it.
 */
bool page_detail_find(const struct page_detail *detail, uint64_t address, size_t *ret_index);

struct page_detail *page_detail_ref(struct page_detail *detail);
void page_detail_unref(struct page_detail *detail); /* NULL is fine */

#endif
