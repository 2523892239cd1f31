/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PAGES_H
#define PMTOP_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/page.h"

/*
 * The states, marks and swap slots of all pages of one mapping. Immutable once built and reference
 * counted. Pages are numbered from the start of the mapping. Inside, the pages are extents: either
 * one value for a run of any length, or a dense block of at most 512 pages that does not cross a
 * 2 MiB border of the address space, with at most 4 bits a page and one for each mark. A block that
 * did not change is shared with the pages it was built after, and pages that did not change at all
 * are the very same object, so a history costs what changed, and a reservation of 16 TiB costs one
 * extent.
 */
struct pages;

struct page_counts {
	uint64_t state[PAGE_STATES];
	uint64_t mark[PAGE_MARKS];
};

static inline uint64_t page_counts_mark(const struct page_counts *counts, enum page_mark mark)
{
	return counts->mark[__builtin_ctz(mark)];
}

/*
 * RSS, wherever pmtop says so: what the kernel counts in VmRSS and in Rss of smaps. Pages in RAM
 * that a page table shows, also those on the move; without the zero page, which is nobody's, and
 * without pages of hugetlb, which are of a pool of their own (proc_pid_status(5)).
 */
static inline uint64_t page_counts_rss(const struct page_counts *counts)
{
	const uint64_t *n = counts->state;

	return n[PAGE_ANON] + n[PAGE_FILE] + n[PAGE_SHMEM] + n[PAGE_MIGRATING] -
	       page_counts_mark(counts, MARK_HUGETLB);
}

/* What can be said of all pages of a mapping at once. */
struct pages_facts {
	uint16_t marks_known; /* a mark outside this set was not looked for, or cannot be */
	uint8_t doubt; /* enum page_doubt: why pages are unknown or counts not exact */
	bool slots_known; /* each page in swap has its slot */
	/*
	 * Pages that are in swap according to smaps, but nothing tells which: they are
	 * PAGE_UNKNOWN.
	 */
	uint64_t swap_unplaced;
};

/* A run of pages that are all alike. */
struct page_run {
	uint64_t first, count;
	uint8_t state;
	uint16_t marks;
};

/* A run of pages in consecutive swap slots: page first + k lies in slot offset + k. */
struct slot_run {
	uint64_t first, count;
	uint64_t offset;
	uint32_t type;
};

struct pages *pages_ref(struct pages *pages);
void pages_unref(struct pages *pages);

uint64_t pages_total(const struct pages *pages);
const struct page_counts *pages_counts(const struct pages *pages);
const struct pages_facts *pages_facts(const struct pages *pages);

/* State or marks of one page; index < pages_total(). */
enum page_state pages_state(const struct pages *pages, uint64_t index);
uint16_t pages_marks(const struct pages *pages, uint64_t index);

/* Adds what [first, first + count) holds to *counts; whole extents cost nothing by page. */
void pages_count(const struct pages *pages, uint64_t first, uint64_t count,
		 struct page_counts *counts);

/*
 * The longest run of equal state and marks that starts at page `first`, clipped to the mapping.
 * Walk a mapping with: for (i = 0; pages_run(p, i, &run); i = run.first + run.count)
 * False when `first` is past the end.
 */
bool pages_run(const struct pages *pages, uint64_t first, struct page_run *ret_run);

/*
 * Pages between two 2 MiB borders as bit planes: bit i of word w of plane b is bit b of the value
 * of page 64 * w + i. A value is a state and, from bit PAGE_VALUE_MARKS on, marks.
 */
#define PAGE_VALUE_MARKS 4
#define PAGE_PLANES	 (PAGE_VALUE_MARKS + PAGE_MARKS)
#define PLANE_WORDS	 8

/* The bits of [from, to) that lie in one word of a plane. */
static inline uint64_t plane_mask(unsigned int word, unsigned int from, unsigned int to)
{
	uint64_t mask = ~UINT64_C(0);

	if (from > word * 64)
		mask &= ~UINT64_C(0) << (from - word * 64);
	if (to < word * 64 + 64)
		mask &= ~UINT64_C(0) >> (word * 64 + 64 - to);
	return mask;
}

/*
 * Adds the values of pages [first, first + count), which lie between two borders, to planes that
 * are 0 at their places.
 */
void pages_planes(const struct pages *pages, uint64_t first, uint64_t count,
		  uint64_t (*planes)[PLANE_WORDS]);

/* Slots in ascending page order. */
const struct slot_run *pages_slots(const struct pages *pages, size_t *ret_count);

/* The slot of one page, or false when it has none or none is known. */
bool pages_slot(const struct pages *pages, uint64_t index, uint32_t *ret_type,
		uint64_t *ret_offset);

/* The same states, marks, slots and facts on every page. The same object is equal at no cost. */
bool pages_equal(const struct pages *a, const struct pages *b);

/*
 * True when the pages from `first` on lie in a block that a and b share (or in one uniform extent
 * of both); *ret_count says how far that holds. Lets a difference skip what did not change.
 */
bool pages_shared(const struct pages *a, const struct pages *b, uint64_t first,
		  uint64_t *ret_count);

/* Bytes of memory that this object holds beyond what it shares with `after` (may be NULL). */
size_t pages_memory(const struct pages *pages, const struct pages *after);

/*
 * Builder: one at a time per object, reused for any number of mappings, not thread-safe.
 *   pages_builder_start() … pages_builder_add() in page order … pages_builder_finish()
 */
struct pages_builder;

struct pages_builder *pages_builder_new(void); /* NULL when memory is out */
void pages_builder_free(struct pages_builder *builder);

/* `start` is the address of page 0; `after` (may be NULL) is what blocks are shared with. */
void pages_builder_start(struct pages_builder *builder, uint64_t start, const struct pages *after);

/* Appends `count` pages that are all alike. */
void pages_builder_add(struct pages_builder *builder, uint64_t count, enum page_state state,
		       uint16_t marks);

/*
 * Appends pages that may all differ; each value is a state and marks, as in planes. What costs the
 * least where no run is longer than a few pages.
 */
void pages_builder_add_mixed(struct pages_builder *builder, const uint16_t *values, size_t count);

/*
 * Appends the pages at places [from, to) of planes; the next page of the builder must have place
 * `from`.
 */
void pages_builder_add_planes(struct pages_builder *builder, const uint64_t (*planes)[PLANE_WORDS],
			      unsigned int from, unsigned int to);

/* Says where pages [first, first + count) lie in swap; ascending, adjacent runs are merged. */
void pages_builder_slot(struct pages_builder *builder, const struct slot_run *run);

/*
 * Appends the next `count` pages as they are at the same place of `after`, which must have them and
 * start at the same address; slots included. Whole blocks are shared without being looked into.
 */
void pages_builder_copy(struct pages_builder *builder, uint64_t count);

/* Pages appended so far. */
uint64_t pages_builder_position(const struct pages_builder *builder);

/* The pages, with one reference (that of `after` itself, if nothing differs); -ENOMEM. */
int pages_builder_finish(struct pages_builder *builder, const struct pages_facts *facts,
			 struct pages **ret_pages);

#endif
