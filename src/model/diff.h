/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_DIFF_H
#define PMTOP_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/snapshot.h"

/*
 * The difference of two snapshots of a process, page by page. Pure. Blocks that both snapshots
 * share are skipped, so a difference costs what changed.
 *
 * A page is the same page when it has the same address and both mappings there show the same object
 * (shared or private, device, inode, and the offset that falls on this address); so a mapping that
 * grew, shrank or was split keeps its pages. A whole mapping that vanished while exactly one alike
 * (length, permissions, object, offset, name; of private memory without a file also the state of
 * each page) appeared elsewhere counts as moved.
 */

/* What became of one page. A change is in the state or in the written mark; slots do not count. */
enum page_change {
	CHANGE_SAME,
	CHANGE_APPEARED, /* was nothing here, or only in the page cache; is more now */
	CHANGE_GONE, /* the other way */
	CHANGE_SWAP, /* went to swap or came back from it */
	CHANGE_WRITTEN, /* marked written since, or replaced: copied on write, dropped to zero */
	CHANGE_UNKNOWN, /* its state is or was unknown */
	PAGE_CHANGES
};

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

#define DIFF_NOTHING SIZE_MAX

/* A range of pages that is in one mapping before, or after, or both. */
struct diff_segment {
	size_t before, after; /* index in the snapshot's mappings, or DIFF_NOTHING */
	uint64_t before_first, after_first; /* page in that mapping */
	uint64_t pages;
	uint64_t changes[PAGE_CHANGES];
};

enum mapping_fate { FATE_KEPT, FATE_RESIZED, FATE_APPEARED, FATE_GONE, FATE_MOVED, MAPPING_FATES };
extern const char *const mapping_fate_names[MAPPING_FATES];

/*
 * One mapping's part of the difference: of the one after, or where it is gone of the one before.
 * Pages that a mapping lost by shrinking are counted with what is left of it.
 */
struct diff_row {
	uint8_t fate; /* enum mapping_fate */
	size_t before, after; /* index, or DIFF_NOTHING; before is the first of several */
	size_t segment_first, segment_count; /* those with this `after` (gone: this `before`) */
	uint64_t changes[PAGE_CHANGES];
};

struct diff {
	struct snapshot *before, *after; /* references held */
	size_t row_count, segment_count;
	struct diff_row *rows; /* ascending by address */
	struct diff_segment *segments; /* grouped by row, ascending inside */
	uint64_t totals[PAGE_CHANGES];
	size_t fates[MAPPING_FATES]; /* rows of each fate */
};

/* Compares; -ENOMEM. */
int diff_new(struct snapshot *before, struct snapshot *after, struct diff **ret_diff);
void diff_free(struct diff *diff);

/* Pages of one segment that changed alike. */
struct diff_run {
	uint64_t first, count; /* first: page of the segment */
	uint8_t change; /* enum page_change */
	/* Of CHANGE_SAME runs: those of the first page only. Marks that are not known are 0. */
	uint8_t state_before, state_after;
	uint16_t marks_before, marks_after;
};

/*
 * The run that starts at page `first` of a segment; false past its end. Two runs in a row may be
 * alike. Walk with: for (i = 0; diff_run(d, s, i, &run); i = run.first + run.count)
 */
bool diff_run(const struct diff *diff, const struct diff_segment *segment, uint64_t first,
	      struct diff_run *ret_run);

/*
 * The changes of all pages of mapping number `after` of the snapshot after, as a pages object whose
 * states are enum page_change: tiles and legends count it like any other. -ENOMEM.
 */
int diff_map(const struct diff *diff, size_t after, struct pages **ret_map);

#endif
