/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_CHANGE_H
#define PMTOP_CHANGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "model/snapshot.h"

/*
 * What changed between two snapshots of a process: which mapping goes on as which, and which pages
 * differ in state, marks or swap slot. Made once for each pair by one matcher and one comparer;
 * whoever needs to know what changed reads this list. Pure. Blocks that both snapshots share are
 * skipped, so a list costs what changed.
 *
 * A page is the same page when it has the same address and both mappings there show the same object
 * (shared or private, device, inode, and the offset that falls on this address); so a mapping that
 * grew, shrank or was split keeps its pages. A whole mapping that vanished while an alike one
 * appeared elsewhere counts as moved: alike in length, permissions, object, offset and name, and of
 * private memory without a file also in the state of each page. Several alike ones are paired in
 * the order of their addresses.
 */

/*
 * What became of one page. A change is in the state or in the written mark; slots do not count.
 *
 *   id, letter, name for people, key for programs, rank (see lens_rank()), meaning
 */
/* clang-format off */
#define PAGE_CHANGE_TABLE(X) \
	X(SAME, '=', "same", "same", 0, "as it was") \
	X(APPEARED, '+', "appeared", "appeared", 2, "was not here, or only in the cache") \
	X(GONE, '-', "gone", "gone", 3, "is not here any more") \
	X(SWAP, '~', "swap", "swap", 5, "went to swap, or came back from it") \
	/* copied on write or dropped to zero is replaced, too */ \
	X(WRITTEN, '!', "written", "written", 4, "written since, or replaced by another") \
	X(UNKNOWN, '?', "unknown", "unknown", 1, "its state is or was unknown")
/* clang-format on */

#define PAGE_CHANGE_ENUM(id, ...) CHANGE_##id,
enum page_change { PAGE_CHANGE_TABLE(PAGE_CHANGE_ENUM) PAGE_CHANGES };

struct page_change_info {
	char letter;
	const char *name; /* for people */
	const char *key; /* for programs */
	const char *meaning; /* one line for the legend */
};
extern const struct page_change_info page_changes[PAGE_CHANGES];

/*
 * What became of a page. Marks outside of their `known` set are ignored; a page marked written
 * before and after is not told from one that was not written again.
 */
enum page_change page_change(enum page_state state_before, uint16_t written_before,
			     enum page_state state_after, uint16_t written_after);

/*
 * Pages in a row that differ alike: in state, marks or slot. What stands between two runs is the
 * same in every respect, or unknown before and after. Marks that are not known are 0.
 */
struct change_run {
	uint64_t first; /* page of the segment */
	uint32_t count;
	uint32_t state_before : 4, state_after : 4; /* enum page_state; none where not mapped */
	uint32_t marks_before : PAGE_MARKS, marks_after : PAGE_MARKS;
	uint32_t change : 3; /* enum page_change */
	uint32_t slot : 1; /* the state and marks are the same, the slot is another */
};
_Static_assert(PAGE_STATES <= 16 && PAGE_CHANGES <= 8, "too many for the fields of change_run");

#define CHANGE_NOTHING SIZE_MAX

/* A range of pages that is in one mapping before, or after, or both. */
struct change_segment {
	size_t before, after; /* index in the snapshot's mappings, or CHANGE_NOTHING */
	uint64_t before_first, after_first; /* page in that mapping */
	uint64_t pages;
	size_t run_first, run_count; /* in the list's runs, ascending */
};

enum mapping_fate { FATE_KEPT, FATE_RESIZED, FATE_APPEARED, FATE_GONE, FATE_MOVED, MAPPING_FATES };
extern const char *const mapping_fate_names[MAPPING_FATES];

/*
 * One mapping's part of the list: of the one after, or where it is gone of the one before. Pages
 * that a mapping lost by shrinking are counted with what is left of it.
 */
struct change_row {
	uint8_t fate; /* enum mapping_fate */
	bool split; /* an earlier row goes on as the same mapping before */
	size_t before, after; /* index, or CHANGE_NOTHING; before is the first of several */
	size_t segment_first, segment_count; /* those with this `after` (gone: this `before`) */
	uint64_t changes[PAGE_CHANGES];
};

struct change_list {
	atomic_uint refs;
	bool marks_cleared; /* private pages that stayed lost their written marks */
	struct snapshot *before, *after; /* references held */
	size_t row_count, segment_count, run_count;
	struct change_row *rows; /* ascending by address */
	size_t *row_of_after; /* the row of each mapping after */
	struct change_segment *segments; /* grouped by row, ascending inside */
	struct change_run *runs; /* grouped by segment */
	uint64_t totals[PAGE_CHANGES];
	size_t fates[MAPPING_FATES]; /* rows of each fate */
};

/* Compares; one reference. -ENOMEM. */
int change_list_new(struct snapshot *before, struct snapshot *after, struct change_list **ret_list);
struct change_list *change_list_ref(struct change_list *list);
void change_list_unref(struct change_list *list); /* NULL: nothing to do */
DEFINE_CLEANUP(cleanup_change_list, struct change_list *, change_list_unref)

/* Bytes that the list holds, without the snapshots. */
size_t change_list_memory(const struct change_list *list);

/* The runs of a row in page order, segment by segment. */
/* NOLINTBEGIN(bugprone-macro-parentheses): the name of the loop variable */
#define CHANGE_FOR_EACH_SEGMENT(list, row, segment)                                                \
	for (const struct change_segment *segment = &(list)->segments[(row)->segment_first];       \
	     segment < &(list)->segments[(row)->segment_first + (row)->segment_count]; segment++)
#define CHANGE_FOR_EACH_RUN(list, segment, run)                                                    \
	for (const struct change_run *run = &(list)->runs[(segment)->run_first];                   \
	     run < &(list)->runs[(segment)->run_first + (segment)->run_count]; run++)
/* NOLINTEND(bugprone-macro-parentheses) */

/* Pages of [first, first + count) of mapping number `after` that have got the written mark. */
uint64_t change_new_marks(const struct change_list *list, size_t after, uint64_t first,
			  uint64_t count);

/*
 * The changes of all pages of mapping number `after` of the snapshot after, as a pages object whose
 * states are enum page_change: tiles and legends count it like any other. -ENOMEM.
 */
int change_map(const struct change_list *list, size_t after, struct pages **ret_map);

#endif
