// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/diff.h"

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

static bool diff_written_known(const struct diff *diff, const struct diff_segment *segment);

static int diff_find_moves(struct diff *diff);

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

/* Both snapshots know the written marks of the segment's mappings. */
static bool diff_written_known(const struct diff *diff, const struct diff_segment *segment)
{
	const struct pages *a = NULL, *b = NULL;

	if (segment->before != DIFF_NOTHING)
		a = diff->before->mappings[segment->before].pages;
	if (segment->after != DIFF_NOTHING)
		b = diff->after->mappings[segment->after].pages;
	return a && b && (pages_facts(a)->marks_known & pages_facts(b)->marks_known & MARK_WRITTEN);
}

/* Adds up the changes of the segment's pages. */
static void diff_count(const struct diff *diff, struct diff_segment *segment)
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

/* The same page at the same address means the same content in both mappings. */
static bool diff_same_object(const struct mapping *a, const struct mapping *b)
{
	if (mapping_is_private(a) != mapping_is_private(b) || a->inode != b->inode ||
	    a->dev_major != b->dev_major || a->dev_minor != b->dev_minor ||
	    (a->kind == MAPPING_HUGETLB) != (b->kind == MAPPING_HUGETLB) ||
	    (a->kind == MAPPING_SPECIAL) != (b->kind == MAPPING_SPECIAL))
		return false;
	return !a->inode || a->offset - a->start == b->offset - b->start;
}

static int diff_add_segment(struct diff *diff, size_t *room, size_t before, size_t after,
			    uint64_t start, uint64_t end)
{
	struct diff_segment *s;

	if (diff->segment_count == *room) {
		size_t wanted = *room ? *room * 2 : 64;

		s = reallocarray(diff->segments, wanted, sizeof(*s));
		if (!s)
			return -ENOMEM;
		diff->segments = s;
		*room = wanted;
	}
	s = &diff->segments[diff->segment_count++];
	*s = (struct diff_segment){ .before = before, .after = after };
	s->pages = (end - start) >> PMTOP_PAGE_SHIFT;
	if (before != DIFF_NOTHING)
		s->before_first =
			(start - diff->before->mappings[before].mapping->start) >> PMTOP_PAGE_SHIFT;
	if (after != DIFF_NOTHING)
		s->after_first =
			(start - diff->after->mappings[after].mapping->start) >> PMTOP_PAGE_SHIFT;
	return 0;
}

/* The next border of either mapping after `at`. */
static uint64_t diff_next_border(const struct mapping *m, uint64_t at, uint64_t border)
{
	if (!m)
		return border;
	if (m->start > at)
		return m->start < border ? m->start : border;
	return m->end < border ? m->end : border;
}

static const struct mapping *diff_mapping_at(const struct snapshot *snapshot, size_t index)
{
	return index < snapshot->count ? snapshot->mappings[index].mapping : NULL;
}

/* Walks both lists by address and cuts them at every border of either. */
static int diff_sweep(struct diff *diff)
{
	size_t i = 0, j = 0, room = 0;
	uint64_t at = 0;

	for (;;) {
		const struct mapping *a = diff_mapping_at(diff->before, i);
		const struct mapping *b = diff_mapping_at(diff->after, j);
		bool in_a = a && a->start <= at, in_b = b && b->start <= at;
		uint64_t border = diff_next_border(b, at, diff_next_border(a, at, UINT64_MAX));
		int r = 0;

		if (!a && !b)
			return 0;
		if (in_a && in_b && diff_same_object(a, b)) {
			r = diff_add_segment(diff, &room, i, j, at, border);
		} else {
			if (in_a)
				r = diff_add_segment(diff, &room, i, DIFF_NOTHING, at, border);
			if (in_b && !r)
				r = diff_add_segment(diff, &room, DIFF_NOTHING, j, at, border);
		}
		if (r < 0)
			return r;
		at = border;
		i += a && a->end <= at;
		j += b && b->end <= at;
	}
}

static struct diff_row *diff_open_row(struct diff *diff, size_t before, size_t after)
{
	struct diff_row *row = &diff->rows[diff->row_count++];

	*row = (struct diff_row){ .before = before, .after = after };
	return row;
}

/*
 * Which row each segment belongs to: that of its mapping after; a range that is gone goes to the
 * row of the first mapping after that kept something of its mapping before.
 */
static int diff_assign_rows(struct diff *diff, size_t *row_of_segment)
{
	size_t before = diff->before->count, after = diff->after->count;
	size_t *row_of_before = calloc(before + after + 1, sizeof(size_t));
	size_t *row_of_after;

	diff->rows = calloc(before + after + 1, sizeof(*diff->rows));
	if (!row_of_before || !diff->rows) {
		free(row_of_before);
		return -ENOMEM;
	}
	row_of_after = row_of_before + before;
	/* Numbers from 1; 0: none yet. Rows of mappings after first, since others may join them. */
	for (size_t k = 0; k < diff->segment_count; k++) {
		const struct diff_segment *s = &diff->segments[k];

		if (s->after == DIFF_NOTHING)
			continue;
		if (!row_of_after[s->after]) {
			diff_open_row(diff, s->before, s->after);
			row_of_after[s->after] = diff->row_count;
		}
		row_of_segment[k] = row_of_after[s->after] - 1;
		if (s->before == DIFF_NOTHING)
			continue;
		if (diff->rows[row_of_segment[k]].before == DIFF_NOTHING)
			diff->rows[row_of_segment[k]].before = s->before;
		if (!row_of_before[s->before])
			row_of_before[s->before] = row_of_after[s->after];
	}
	for (size_t k = 0; k < diff->segment_count; k++) {
		const struct diff_segment *s = &diff->segments[k];

		if (s->after != DIFF_NOTHING)
			continue;
		if (!row_of_before[s->before]) {
			diff_open_row(diff, s->before, DIFF_NOTHING);
			row_of_before[s->before] = diff->row_count;
		}
		row_of_segment[k] = row_of_before[s->before] - 1;
	}
	free(row_of_before);
	return 0;
}

/* Puts the segments into the order of their rows. */
static int diff_group_segments(struct diff *diff, const size_t *row_of_segment)
{
	struct diff_segment *grouped = calloc(diff->segment_count + 1, sizeof(*grouped));
	size_t at = 0;

	if (!grouped)
		return -ENOMEM;
	for (size_t k = 0; k < diff->segment_count; k++)
		diff->rows[row_of_segment[k]].segment_count++;
	for (size_t r = 0; r < diff->row_count; r++) {
		diff->rows[r].segment_first = at;
		at += diff->rows[r].segment_count;
		diff->rows[r].segment_count = 0;
	}
	for (size_t k = 0; k < diff->segment_count; k++) {
		struct diff_row *row = &diff->rows[row_of_segment[k]];

		grouped[row->segment_first + row->segment_count++] = diff->segments[k];
	}
	free(diff->segments);
	diff->segments = grouped;
	return 0;
}

static enum mapping_fate diff_row_fate(const struct diff *diff, const struct diff_row *row)
{
	const struct mapping *a, *b;

	if (row->before == DIFF_NOTHING)
		return FATE_APPEARED;
	if (row->after == DIFF_NOTHING)
		return FATE_GONE;
	a = diff->before->mappings[row->before].mapping;
	b = diff->after->mappings[row->after].mapping;
	if (a->start == b->start && a->end == b->end)
		return FATE_KEPT;
	if (b->start >= a->end || b->end <= a->start)
		return FATE_MOVED;
	return FATE_RESIZED;
}

static uint64_t diff_row_address(const struct diff *diff, const struct diff_row *row)
{
	if (row->after != DIFF_NOTHING)
		return diff->after->mappings[row->after].mapping->start;
	return diff->before->mappings[row->before].mapping->start;
}

static int diff_compare_rows(const void *x, const void *y, void *context)
{
	uint64_t a = diff_row_address(context, x), b = diff_row_address(context, y);

	if (a != b)
		return a < b ? -1 : 1;
	/* What is gone stands before what came in its place. */
	return (((const struct diff_row *)y)->after == DIFF_NOTHING) -
	       (((const struct diff_row *)x)->after == DIFF_NOTHING);
}

static int diff_build_rows(struct diff *diff)
{
	size_t *row_of_segment = calloc(diff->segment_count + 1, sizeof(size_t));
	int r;

	if (!row_of_segment)
		return -ENOMEM;
	r = diff_assign_rows(diff, row_of_segment);
	if (!r)
		r = diff_group_segments(diff, row_of_segment);
	free(row_of_segment);
	return r;
}

int diff_new(struct snapshot *before, struct snapshot *after, struct diff **ret_diff)
{
	struct diff *diff = calloc(1, sizeof(*diff));
	int r;

	if (!diff)
		return -ENOMEM;
	diff->before = snapshot_ref(before);
	diff->after = snapshot_ref(after);
	r = diff_sweep(diff);
	if (!r)
		r = diff_find_moves(diff);
	if (!r)
		r = diff_build_rows(diff);
	if (r) {
		diff_free(diff);
		return r;
	}
	for (size_t i = 0; i < diff->row_count; i++) {
		struct diff_row *row = &diff->rows[i];

		row->fate = (uint8_t)diff_row_fate(diff, row);
		diff->fates[row->fate]++;
		for (size_t k = 0; k < row->segment_count; k++) {
			struct diff_segment *s = &diff->segments[row->segment_first + k];

			diff_count(diff, s);
			for (int c = 0; c < PAGE_CHANGES; c++)
				row->changes[c] += s->changes[c];
		}
		for (int c = 0; c < PAGE_CHANGES; c++)
			diff->totals[c] += row->changes[c];
	}
	qsort_r(diff->rows, diff->row_count, sizeof(*diff->rows), diff_compare_rows, diff);
	*ret_diff = diff;
	return 0;
}

/* A whole mapping that is only before, or only after. */
struct candidate {
	const struct snapshot_mapping *mapping;
	size_t segment;
	bool is_after;
};

#define ORDER(a, b)                                                                                \
	do {                                                                                       \
		if ((a) != (b))                                                                    \
			return (a) < (b) ? -1 : 1;                                                 \
	} while (0)

/* Orders by everything that a mapping keeps when it moves. */
static int diff_compare_content(const struct mapping *a, const struct mapping *b)
{
	int r;

	ORDER(mapping_pages(a), mapping_pages(b));
	ORDER(a->inode, b->inode);
	ORDER(a->dev_major, b->dev_major);
	ORDER(a->dev_minor, b->dev_minor);
	ORDER(a->kind, b->kind);
	/* The offset of private memory without a file follows its address. */
	if (a->inode)
		ORDER(a->offset, b->offset);
	r = memcmp(a->perms, b->perms, sizeof(a->perms));
	return r ? r : strcmp(a->name, b->name);
}

static int diff_compare_candidates(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	int r = diff_compare_content(a->mapping->mapping, b->mapping->mapping);

	if (r)
		return r;
	return a->is_after - b->is_after;
}

/*
 * For memory that nothing names: the same pages are in the same states, and not all are untouched.
 */
static bool diff_same_states(const struct pages *a, const struct pages *b)
{
	struct page_run x, y;
	bool content = false;

	if (!a || !b || pages_total(a) != pages_total(b))
		return false;
	for (uint64_t i = 0; i < pages_total(a); i += x.count) {
		pages_run(a, i, &x);
		pages_run(b, i, &y);
		if (x.state != y.state)
			return false;
		content = content || (x.state != PAGE_NONE && x.state != PAGE_UNKNOWN);
		if (y.count < x.count)
			x.count = y.count;
	}
	return content;
}

static bool diff_moved(const struct candidate *a, const struct candidate *b)
{
	if (a->mapping->mapping->inode)
		return true;
	return diff_same_states(a->mapping->pages, b->mapping->pages);
}

static size_t diff_gather(const struct diff *diff, struct candidate *candidates)
{
	size_t n = 0;

	for (size_t i = 0; i < diff->segment_count; i++) {
		const struct diff_segment *s = &diff->segments[i];
		bool is_after = s->before == DIFF_NOTHING;
		const struct snapshot_mapping *m;

		if (!is_after && s->after != DIFF_NOTHING)
			continue;
		m = is_after ? &diff->after->mappings[s->after]
			     : &diff->before->mappings[s->before];
		if (s->pages == mapping_pages(m->mapping))
			candidates[n++] = (struct candidate){ m, i, is_after };
	}
	return n;
}

/* Exactly one gone and one new that are alike: the segment of the new one takes both. */
static void diff_join(struct diff *diff, const struct candidate *c, size_t alike)
{
	if (alike != 2 || c[0].is_after || !c[1].is_after || !diff_moved(&c[0], &c[1]))
		return;
	diff->segments[c[1].segment].before = diff->segments[c[0].segment].before;
	diff->segments[c[0].segment].pages = 0;
}

static void diff_drop_joined(struct diff *diff)
{
	size_t n = 0;

	for (size_t i = 0; i < diff->segment_count; i++)
		if (diff->segments[i].pages)
			diff->segments[n++] = diff->segments[i];
	diff->segment_count = n;
}

/* Joins segments of whole mappings that vanished and appeared: see diff.h. -ENOMEM. */
static int diff_find_moves(struct diff *diff)
{
	struct candidate *candidates = calloc(diff->segment_count + 1, sizeof(*candidates));
	size_t n, alike;

	if (!candidates)
		return -ENOMEM;
	n = diff_gather(diff, candidates);
	qsort(candidates, n, sizeof(*candidates), diff_compare_candidates);
	for (size_t i = 0; i < n; i += alike) {
		for (alike = 1; i + alike < n; alike++)
			if (diff_compare_content(candidates[i].mapping->mapping,
						 candidates[i + alike].mapping->mapping))
				break;
		diff_join(diff, &candidates[i], alike);
	}
	free(candidates);
	diff_drop_joined(diff);
	return 0;
}
