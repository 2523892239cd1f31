// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/xarray.h"

/*
 * A value holds a swap entry: 63 bits, the upper five of them the type (SWP_TYPE_SHIFT in
 * include/linux/swapops.h). No configuration has swap areas of type 23 and above; these are
 * markers.
 */
#define SWAP_OFFSET_BITS  58
#define SWAP_OFFSET_MASK  ((UINT64_C(1) << SWAP_OFFSET_BITS) - 1)
#define SWAP_FIRST_MARKER 23

/* Words of pagemap (Documentation/admin-guide/mm/pagemap.rst). */
#define PAGEMAP_SWAP	    (UINT64_C(1) << 62)
#define PAGEMAP_SHARED	    (UINT64_C(1) << 61)
#define PAGEMAP_TYPE_BITS   5
#define PAGEMAP_OFFSET_MASK ((UINT64_C(1) << 50) - 1)

/* A folio begins at its own page; no object ends in the middle of one. */
static bool frame_of(const struct xarray_frames *frames, uint64_t folio, uint64_t *ret_pfn)
{
	uint64_t distance = folio - frames->base;

	if (!frames->page_size) {
		*ret_pfn = XARRAY_NO_PFN;
		return true;
	}
	if (folio < frames->base || distance % frames->page_size)
		return false;
	*ret_pfn = distance / frames->page_size;
	return true;
}

static uint8_t flags_of(const struct xarray_record *record, unsigned int slot)
{
	return (record->uptodate >> slot & 1 ? XARRAY_UPTODATE : 0) |
	       (record->dirty >> slot & 1 ? XARRAY_DIRTY : 0) |
	       (record->writeback >> slot & 1 ? XARRAY_WRITEBACK : 0);
}

/* Fills kind, value, type and flags as of the entry's first page. */
static void read_entry(const struct xarray_record *record, unsigned int slot,
		       const struct xarray_frames *frames, struct xarray_run *run)
{
	uint64_t entry = record->slots[slot];

	if (XARRAY_IS_VALUE(entry)) {
		run->type = entry >> 1 >> SWAP_OFFSET_BITS;
		run->value = entry >> 1 & SWAP_OFFSET_MASK;
		run->kind = run->type < SWAP_FIRST_MARKER ? XARRAY_SWAP : XARRAY_POISON;
	} else if (!(entry & 3) && frame_of(frames, entry, &run->value)) {
		run->kind = XARRAY_RESIDENT;
		run->flags = flags_of(record, slot);
	} else {
		run->kind = XARRAY_TORN;
	}
}

/* True when `next` goes on where `last` ends, alike in all else. */
static bool goes_on(const struct xarray_run *last, const struct xarray_run *next)
{
	if (last->first + last->count != next->first || last->kind != next->kind ||
	    last->type != next->type || last->order != next->order || last->flags != next->flags)
		return false;
	if (last->kind == XARRAY_RESIDENT &&
	    (last->value == XARRAY_NO_PFN || next->value == XARRAY_NO_PFN))
		return last->value == next->value;
	return last->value + last->count == next->value;
}

static void append(struct xarray_runs *runs, const struct xarray_run *run)
{
	if (runs->count && goes_on(&runs->runs[runs->count - 1], run))
		runs->runs[runs->count - 1].count += run->count;
	else if (runs->count < runs->room)
		runs->runs[runs->count++] = *run;
}

/* Cuts a run to low … high - 1; false when nothing is left. */
static bool clip(struct xarray_run *run, uint64_t low, uint64_t high)
{
	uint64_t end = run->first + run->count;

	if (run->first < low) {
		if (end <= low)
			return false;
		if (run->value != XARRAY_NO_PFN)
			run->value += low - run->first;
		run->count = end - low;
		run->first = low;
	}
	if (end > high) {
		if (run->first >= high)
			return false;
		run->count = high - run->first;
	}
	return true;
}

/* The slot where the entry begins that `slot` belongs to; `slot` itself for a broken sibling. */
static unsigned int entry_begin(const struct xarray_record *record, unsigned int slot)
{
	uint64_t entry = record->slots[slot];

	if (XARRAY_IS_SIBLING(entry) && entry >> 2 < slot)
		return entry >> 2;
	return slot;
}

static unsigned int entry_end(const struct xarray_record *record, unsigned int begin,
			      unsigned int slot)
{
	uint64_t sibling = (uint64_t)begin << 2 | 2;

	do
		slot++;
	while (slot < XARRAY_SLOTS && record->slots[slot] == sibling);
	return slot;
}

bool xarray_decode(const struct xarray_record *record, const struct xarray_frames *frames,
		   uint64_t low, uint64_t high, uint64_t bias, struct xarray_runs *runs)
{
	unsigned int to = record->to < XARRAY_SLOTS ? record->to : XARRAY_SLOTS;
	unsigned int shift = record->shift < 58 ? record->shift : 58;
	bool torn = false;

	for (unsigned int s = record->from, next; s < to; s = next) {
		unsigned int begin = entry_begin(record, s), slots;
		struct xarray_run run = { 0 };

		next = s + 1;
		if (!record->slots[s])
			continue;
		next = entry_end(record, begin, s);
		slots = next - begin;
		read_entry(record, begin, frames, &run);
		if (slots & (slots - 1))
			run.kind = XARRAY_TORN;
		run.order = shift + __builtin_ctz(slots);
		run.first = record->base + ((uint64_t)begin << shift);
		run.count = (uint64_t)slots << shift;
		torn |= run.kind == XARRAY_TORN;
		if (clip(&run, low, high)) {
			run.first += bias;
			append(runs, &run);
		}
	}
	return torn;
}

uint64_t xarray_folio(const struct xarray_record *record, uint64_t page, uint64_t *ret_offset)
{
	unsigned int slot = (page - record->base) >> record->shift;
	unsigned int begin;

	if (page < record->base || slot >= XARRAY_SLOTS)
		return 0;
	begin = entry_begin(record, slot);
	if (!record->slots[begin] || (record->slots[begin] & 3))
		return 0;
	*ret_offset = page - record->base - ((uint64_t)begin << record->shift);
	return record->slots[begin];
}

uint64_t xarray_pagemap_word(uint8_t type, uint64_t offset)
{
	return PAGEMAP_SWAP | PAGEMAP_SHARED | (offset & PAGEMAP_OFFSET_MASK) << PAGEMAP_TYPE_BITS |
	       (type & ((1 << PAGEMAP_TYPE_BITS) - 1));
}
