/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_OBJECT_H
#define PMTOP_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/filesystems.h"
#include "kernel/probe.h"
#include "kernel/target.h"
#include "model/classify.h"
#include "model/mapping.h"

/*
 * The object behind a mapping (shared memory, a file, hugetlb pages): what it holds at pages that
 * the page table says nothing about. One face, several ways behind it, in order of quality:
 *
 *   BPF walk of the xarray       exact, with slots            (shared memory and hugetlb)
 *   cachestat                    exact, no slots
 *   mincore and SEEK_DATA        cannot tell swap-cached from resident, and says so
 *   nothing                      OBJECT_UNKNOWN; the caller may settle sums by smaps
 *
 * Nothing of the object is read, mapped pages are not touched, and no descriptor of shared memory
 * is kept beyond object_close(): it would pin memory that its owner has deleted. Regular files stay
 * open from sample to sample for as long as they are asked for.
 */

/* Pages of a mapping for which the object holds the same. */
struct object_run {
	uint64_t first, count; /* pages of the mapping */
	uint8_t what; /* enum object_page */
	bool slot_known; /* page first + k lies in slot offset + k of area `type` */
	uint32_t type;
	uint64_t offset;
};

typedef int object_sink(void *context, const struct object_run *run);

struct object_statistics {
	uint64_t walks, opens, cachestats, mincores, seeks;
};

struct object_reader;

/* Keeps pointers to all three. NULL when memory is out. */
struct object_reader *object_reader_new(const struct target *target, const struct probe *probe,
					struct filesystems *filesystems);
void object_reader_free(struct object_reader *reader);

/* What the answers of this reader should include beyond the state, at a price. */
void object_reader_want_marks(struct object_reader *reader, bool want);

/* Around a sample: at its end, files that no mapping asked for in it are closed. */
void object_reader_begin(struct object_reader *reader);
void object_reader_end(struct object_reader *reader);

/* Closes all files: the next sample is far away, or there is none. */
void object_reader_let_go(struct object_reader *reader);

/*
 * Gives what the object behind `mapping` holds at its pages [first, first + count) to the sink, in
 * runs that cover them in order. Opens the object the first time. Returns the first sink result
 * that is not 0, or -errno when the target has gone.
 */
int object_query(struct object_reader *reader, const struct mapping *mapping, uint64_t first,
		 uint64_t count, object_sink *sink, void *context);

/* Pages one by one: what they hold (enum object_page), and for OBJECT_SWAPPED the slot of each. */
struct object_view {
	const uint8_t *what;
	const uint64_t *slots; /* XARRAY_SLOT_TYPE(), XARRAY_SLOT_OFFSET() */
};

/*
 * As object_query() for shared memory of which no two neighbouring pages are alike, but in arrays:
 * how many of the `count` pages from `first` on *ret_view has, good until the next question. 0: ask
 * object_query(), which is better or the only way here.
 */
uint64_t object_view(struct object_reader *reader, const struct mapping *mapping, uint64_t first,
		     uint64_t count, struct object_view *ret_view);

/* Closes what object_query() opened; called after each mapping. */
void object_close(struct object_reader *reader);

/* Marks that the answers for `mapping` can carry (MARK_ALLOCATED, MARK_SWAP_CACHED). */
uint16_t object_marks_known(struct object_reader *reader, const struct mapping *mapping);

/* True when each swapped page of the object comes with its slot. */
bool object_slots_known(struct object_reader *reader, const struct mapping *mapping);

/* Why slots of shared pages cannot be told here; "" as long as nothing stands against it. */
const char *object_slots_lack(const struct object_reader *reader);

/* The whole object's pages in the cache and in swap, cheap; false when it cannot be asked. */
bool object_totals(struct object_reader *reader, const struct mapping *mapping,
		   uint64_t *ret_cached, uint64_t *ret_swapped);

/*
 * How many pages an object of hugetlbfs holds, and how many it has room for, in small pages; false
 * when it cannot be asked. Which ones they are only the BPF walk tells.
 */
bool object_hugetlb_filled(struct object_reader *reader, const struct mapping *mapping,
			   uint64_t *ret_filled, uint64_t *ret_pages);

const struct object_statistics *object_statistics(const struct object_reader *reader);

#endif
