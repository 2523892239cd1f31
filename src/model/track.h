/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TRACK_H
#define PMTOP_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/change.h"

/*
 * What only a row of snapshots can tell of a page: since when it is in its present state, and
 * whether a page of shared memory was marked written before it was swapped out (the kernel drops
 * the mark with the page-table entry). One immutable track belongs to one snapshot, is made from
 * the one before, and shares with it what did not change. Reference counted: whoever takes samples
 * makes it, and other threads read it with the snapshot that carries it.
 */
struct track;
struct track_mapping;

/* Pages that are alike in both respects. */
struct track_run {
	uint64_t first, count;
	int64_t since_ns; /* CLOCK_REALTIME of the sample that showed the state first */
	bool remembered; /* was marked written, and lost the mark by being swapped out */
};

/*
 * The track of the first snapshot: all of its pages count as seen first. NULL when memory is out.
 */
struct track *track_first(const struct snapshot *first);

/*
 * The track of list->after; `track` is that of list->before. Everything remembered is dropped when
 * private pages lost their marks (somebody cleared them). -ENOMEM.
 */
int track_next(struct track *track, const struct change_list *list, struct track **ret_track);

/* The same without anything remembered: pmtop has cleared the marks itself. -ENOMEM. */
int track_forget(struct track *track, struct track **ret_track);

struct track *track_ref(struct track *track);
void track_unref(struct track *track);

/* That of mapping number `index` of its snapshot. */
const struct track_mapping *track_mapping(const struct track *track, size_t index);

/*
 * The run that holds page `first`, from there on. False past the end. Walk with:
 * for (i = 0; track_run(m, i, &run); i = run.first + run.count)
 */
bool track_run(const struct track_mapping *mapping, uint64_t first, struct track_run *ret_run);

/* Whether any page of the mapping is remembered as written. */
bool track_remembers(const struct track_mapping *mapping);

/* Bytes that this track holds beyond what it shares with `after` (may be NULL). */
size_t track_memory(const struct track *track, const struct track *after);

#endif
