// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "model/pages_internal.h"

struct pages *pages_ref(struct pages *pages)
{
	atomic_fetch_add_explicit(&pages->refs, 1, memory_order_relaxed);
	return pages;
}

void pages_unref(struct pages *pages)
{
	if (atomic_fetch_sub_explicit(&pages->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < pages->extent_count; i++)
		if (pages->extents[i].block)
			block_unref(pages->extents[i].block);
	free(pages);
}

uint64_t pages_total(const struct pages *pages)
{
	return pages->total;
}

const struct page_counts *pages_counts(const struct pages *pages)
{
	return &pages->counts;
}

const struct pages_facts *pages_facts(const struct pages *pages)
{
	return &pages->facts;
}

size_t extent_find(const struct pages *pages, uint64_t index)
{
	size_t low = 0, high = pages->extent_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (pages->extents[middle].first <= index)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* State and marks of a page that this extent holds. */
static uint16_t pages_extent_value(const struct pages *pages, const struct extent *extent,
				   uint64_t index)
{
	return extent->block ? block_value(extent->block, block_place(pages, index))
			     : extent->value;
}

enum page_state pages_state(const struct pages *pages, uint64_t index)
{
	return value_state(
		pages_extent_value(pages, &pages->extents[extent_find(pages, index)], index));
}

uint16_t pages_marks(const struct pages *pages, uint64_t index)
{
	return value_marks(
		pages_extent_value(pages, &pages->extents[extent_find(pages, index)], index));
}

static void pages_count_marks(uint16_t marks, uint64_t count, struct page_counts *counts)
{
	for (unsigned int m = marks; m; m &= m - 1)
		counts->mark[__builtin_ctz(m)] += count;
}

void pages_count(const struct pages *pages, uint64_t first, uint64_t count,
		 struct page_counts *counts)
{
	uint64_t end = first + count;

	if (first >= pages->total || !count)
		return;
	if (end > pages->total || end < first)
		end = pages->total;
	for (size_t i = extent_find(pages, first); first < end; i++) {
		const struct extent *e = &pages->extents[i];
		uint64_t extent_stop = extent_end(pages, i);
		uint64_t stop = extent_stop < end ? extent_stop : end;

		if (!e->block) {
			counts->state[value_state(e->value)] += stop - first;
			pages_count_marks(value_marks(e->value), stop - first, counts);
		} else if (first == e->first && stop == extent_stop) {
			block_count(e->block, counts);
		} else {
			unsigned int from = block_place(pages, first);

			block_count_part(e->block, from, from + (unsigned int)(stop - first),
					 counts);
		}
		first = stop;
	}
}

void pages_planes(const struct pages *pages, uint64_t first, uint64_t count,
		  uint64_t (*planes)[PLANE_WORDS])
{
	uint64_t end = first + count;

	for (size_t i = extent_find(pages, first); first < end; i++) {
		const struct extent *e = &pages->extents[i];
		uint64_t stop = extent_end(pages, i) < end ? extent_end(pages, i) : end;
		unsigned int from = block_place(pages, first);
		unsigned int to = from + (unsigned int)(stop - first);

		first = stop;
		if (e->block) {
			block_planes(e->block, from, to, planes);
			continue;
		}
		for (unsigned int bits = e->value; bits; bits &= bits - 1)
			for (unsigned int word = from / 64; word * 64 < to; word++)
				planes[__builtin_ctz(bits)][word] |= plane_mask(word, from, to);
	}
}

bool pages_run(const struct pages *pages, uint64_t first, struct page_run *ret_run)
{
	size_t i = extent_find(pages, first);
	uint64_t at = first;
	uint16_t value;

	if (first >= pages->total)
		return false;
	value = pages_extent_value(pages, &pages->extents[i], first);
	for (; i < pages->extent_count; i++) {
		const struct extent *e = &pages->extents[i];
		uint64_t stop = extent_end(pages, i);

		if (e->block) {
			unsigned int place = block_place(pages, at);

			at += block_run(e->block, place, place + (unsigned int)(stop - at), value);
		} else if (e->value == value) {
			at = stop;
		}
		if (at < stop)
			break;
	}
	*ret_run = (struct page_run){ .first = first,
				      .count = at - first,
				      .state = (uint8_t)value_state(value),
				      .marks = value_marks(value) };
	return true;
}

const struct slot_run *pages_slots(const struct pages *pages, size_t *ret_count)
{
	*ret_count = pages->slot_count;
	return pages->slots;
}

size_t slots_from(const struct pages *pages, uint64_t index)
{
	size_t low = 0, high = pages->slot_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct slot_run *run = &pages->slots[middle];

		if (index >= run->first && index - run->first >= run->count)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool pages_slot(const struct pages *pages, uint64_t index, uint32_t *ret_type, uint64_t *ret_offset)
{
	size_t at = slots_from(pages, index);
	const struct slot_run *run = &pages->slots[at];

	if (at == pages->slot_count || index < run->first)
		return false;
	*ret_type = run->type;
	*ret_offset = run->offset + (index - run->first);
	return true;
}

static bool pages_facts_equal(const struct pages_facts *a, const struct pages_facts *b)
{
	return a->marks_known == b->marks_known && a->doubt == b->doubt &&
	       a->slots_known == b->slots_known && a->swap_unplaced == b->swap_unplaced;
}

static bool pages_slots_equal(const struct pages *a, const struct pages *b)
{
	if (a->slot_count != b->slot_count)
		return false;
	for (size_t i = 0; i < a->slot_count; i++) {
		const struct slot_run *x = &a->slots[i], *y = &b->slots[i];

		if (x->first != y->first || x->count != y->count || x->offset != y->offset ||
		    x->type != y->type)
			return false;
	}
	return true;
}

bool pages_equal(const struct pages *a, const struct pages *b)
{
	struct page_run x, y;

	if (a == b)
		return true;
	if (a->total != b->total || !pages_facts_equal(&a->facts, &b->facts) ||
	    !pages_slots_equal(a, b) || memcmp(&a->counts, &b->counts, sizeof(a->counts)) != 0)
		return false;
	for (uint64_t i = 0; i < a->total; i = x.first + x.count) {
		uint64_t shared;

		if (pages_shared(a, b, i, &shared)) {
			x.first = i;
			x.count = shared;
			continue;
		}
		pages_run(a, i, &x);
		pages_run(b, i, &y);
		if (x.state != y.state || x.marks != y.marks)
			return false;
		if (y.count < x.count)
			x.count = y.count;
	}
	return true;
}

bool pages_shared(const struct pages *a, const struct pages *b, uint64_t first, uint64_t *ret_count)
{
	uint64_t a_end, b_end;
	const struct extent *x, *y;
	size_t i, j;

	if (first >= a->total || first >= b->total)
		return false;
	if (a == b) {
		*ret_count = a->total - first;
		return true;
	}
	i = extent_find(a, first);
	j = extent_find(b, first);
	x = &a->extents[i];
	y = &b->extents[j];
	if (x->block != y->block || (x->block && (x->first != y->first || a->skew != b->skew)))
		return false;
	if (!x->block && x->value != y->value)
		return false;
	a_end = extent_end(a, i);
	b_end = extent_end(b, j);
	*ret_count = (a_end < b_end ? a_end : b_end) - first;
	return true;
}

size_t pages_memory(const struct pages *pages, const struct pages *after)
{
	size_t bytes, j = 0;

	if (pages == after)
		return 0;
	bytes = sizeof(*pages) + pages->extent_count * sizeof(struct extent) +
		pages->slot_count * sizeof(struct slot_run);
	for (size_t i = 0; i < pages->extent_count; i++) {
		const struct extent *e = &pages->extents[i];

		if (!e->block)
			continue;
		while (after && j < after->extent_count && after->extents[j].first < e->first)
			j++;
		if (!after || j == after->extent_count || after->extents[j].block != e->block)
			bytes += block_size(e->block->varied);
	}
	return bytes;
}
