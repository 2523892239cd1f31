// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/cleanup.h"
#include "model/diff.h"
#include "model/diff_internal.h"

const struct page_change_info page_changes[PAGE_CHANGES] = {
	[CHANGE_SAME] = { '=', "same", "same", "as it was" },
	[CHANGE_APPEARED] = { '+', "appeared", "appeared", "was not here, or only in the cache" },
	[CHANGE_GONE] = { '-', "gone", "gone", "is not here any more" },
	[CHANGE_SWAP] = { '~', "swap", "swap", "went to swap, or came back from it" },
	[CHANGE_WRITTEN] = { '!', "written", "written", "written since, or replaced by another" },
	[CHANGE_UNKNOWN] = { '?', "unknown", "unknown", "its state is or was unknown" },
};

const char *const mapping_fate_names[MAPPING_FATES] = {
	[FATE_KEPT] = "kept", [FATE_RESIZED] = "resized", [FATE_APPEARED] = "appeared",
	[FATE_GONE] = "gone", [FATE_MOVED] = "moved",
};

/* How much of a page is here; more is "appeared", less is "gone". */
static int diff_presence(enum page_state state)
{
	switch (state) {
	case PAGE_NONE:
		return 0;
	case PAGE_GUARD:
	case PAGE_POISON:
		return 1;
	case PAGE_CACHED:
		return 2;
	default:
		return 3;
	}
}

static bool diff_in_swap(enum page_state state)
{
	return state == PAGE_SWAP || state == PAGE_SHARED_SWAP;
}

enum page_change page_change(enum page_state state_before, uint16_t written_before,
			     enum page_state state_after, uint16_t written_after)
{
	int before = diff_presence(state_before), after = diff_presence(state_after);

	if (state_before == PAGE_UNKNOWN || state_after == PAGE_UNKNOWN)
		return CHANGE_UNKNOWN;
	/*
	 * Between the cache and swap a page moves; from nothing into swap it is new first of all.
	 */
	if (diff_in_swap(state_before) != diff_in_swap(state_after) && before >= 2 && after >= 2)
		return CHANGE_SWAP;
	if (before != after)
		return after > before ? CHANGE_APPEARED : CHANGE_GONE;
	if (written_after && !written_before)
		return CHANGE_WRITTEN;
	/* On the move in RAM is the same content. */
	if (state_before == state_after || state_before == PAGE_MIGRATING ||
	    state_after == PAGE_MIGRATING)
		return CHANGE_SAME;
	return diff_in_swap(state_before) ? CHANGE_SWAP : CHANGE_WRITTEN;
}

void diff_free(struct diff *diff)
{
	if (!diff)
		return;
	snapshot_unref(diff->before);
	snapshot_unref(diff->after);
	free(diff->rows);
	free(diff->segments);
	free(diff);
}

/* One side of a segment at a page: a run of equal pages, or the whole rest where there is none. */
static void diff_side_run(const struct snapshot *snapshot, size_t index, uint64_t page,
			  uint64_t rest, struct page_run *ret_run)
{
	struct page_run run = { .first = page, .count = rest, .state = PAGE_NONE };

	if (index != DIFF_NOTHING) {
		const struct pages *pages = snapshot->mappings[index].pages;

		run.state = PAGE_UNKNOWN;
		/* A run may reach past the segment; that of the other side then does not. */
		if (pages && pages_run(pages, page, &run))
			run.marks &= pages_facts(pages)->marks_known;
	}
	*ret_run = run;
}

/* Pages from here on that both sides keep in one shared block, if none of them can be unknown. */
static uint64_t diff_shared_run(const struct diff *diff, const struct diff_segment *s,
				uint64_t first)
{
	const struct pages *a, *b;
	uint64_t count;

	if (s->before == DIFF_NOTHING || s->after == DIFF_NOTHING ||
	    s->before_first != s->after_first)
		return 0;
	a = diff->before->mappings[s->before].pages;
	b = diff->after->mappings[s->after].pages;
	if (!a || !b || pages_counts(b)->state[PAGE_UNKNOWN] ||
	    pages_facts(a)->marks_known != pages_facts(b)->marks_known ||
	    !pages_shared(a, b, s->after_first + first, &count))
		return 0;
	return count < s->pages - first ? count : s->pages - first;
}

bool diff_run(const struct diff *diff, const struct diff_segment *segment, uint64_t first,
	      struct diff_run *ret_run)
{
	struct page_run before, after;
	uint16_t both = MARK_WRITTEN;
	uint64_t rest, shared;

	if (first >= segment->pages)
		return false;
	rest = segment->pages - first;
	ret_run->first = first;
	shared = diff_shared_run(diff, segment, first);
	if (shared) {
		diff_side_run(diff->after, segment->after, segment->after_first + first, rest,
			      &after);
		ret_run->state_before = ret_run->state_after = after.state;
		ret_run->marks_before = ret_run->marks_after = after.marks;
		ret_run->count = shared;
		ret_run->change = CHANGE_SAME;
		return true;
	}
	diff_side_run(diff->before, segment->before, segment->before_first + first, rest, &before);
	diff_side_run(diff->after, segment->after, segment->after_first + first, rest, &after);
	if (!diff_written_known(diff, segment))
		both = 0;
	ret_run->state_before = before.state;
	ret_run->state_after = after.state;
	ret_run->marks_before = before.marks;
	ret_run->marks_after = after.marks;
	ret_run->count = before.count < after.count ? before.count : after.count;
	ret_run->change = (uint8_t)page_change(before.state, before.marks & both, after.state,
					       after.marks & both);
	return true;
}

bool diff_written_known(const struct diff *diff, const struct diff_segment *segment)
{
	const struct pages *a = NULL, *b = NULL;

	if (segment->before != DIFF_NOTHING)
		a = diff->before->mappings[segment->before].pages;
	if (segment->after != DIFF_NOTHING)
		b = diff->after->mappings[segment->after].pages;
	return a && b && (pages_facts(a)->marks_known & pages_facts(b)->marks_known & MARK_WRITTEN);
}

void diff_count(const struct diff *diff, struct diff_segment *segment)
{
	struct diff_run run;

	for (uint64_t i = 0; diff_run(diff, segment, i, &run); i = run.first + run.count)
		segment->changes[run.change] += run.count;
}

int diff_map(const struct diff *diff, size_t after, struct pages **ret_map)
{
	const struct pages_facts facts = { 0 };
	struct pages_builder *builder = pages_builder_new();
	const struct diff_row *row = diff->rows;
	int r;

	if (!builder)
		return -ENOMEM;
	while (row->after != after)
		row++;
	pages_builder_start(builder, diff->after->mappings[after].mapping->start, NULL);
	for (size_t i = 0; i < row->segment_count; i++) {
		const struct diff_segment *s = &diff->segments[row->segment_first + i];
		struct diff_run run;

		/* What the mapping lost lies outside of it now. */
		if (s->after != after)
			continue;
		for (uint64_t k = 0; diff_run(diff, s, k, &run); k = run.first + run.count)
			pages_builder_add(builder, run.count, (enum page_state)run.change, 0);
	}
	r = pages_builder_finish(builder, &facts, ret_map);
	pages_builder_free(builder);
	return r;
}
