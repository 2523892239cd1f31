// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/diff_internal.h"

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
