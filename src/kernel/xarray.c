// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/xarray.h"

/*
 * A value holds a swap entry: 63 bits, the upper five of them the type (SWP_TYPE_SHIFT in
 * include/linux/swapops.h). Whatever the configuration, the types that are no areas come last, and
 * the very last one is that of the marker for what could not be read back (SWP_SWAPIN_ERROR since
 * 5.19, SWP_PTE_MARKER since 6.3, which holds that marker too). No other is ever in shmem.
 */
#define SWAP_OFFSET_BITS 58
#define SWAP_OFFSET_MASK ((UINT64_C(1) << SWAP_OFFSET_BITS) - 1)
#define SWAP_MARKER	 31

/* Words of pagemap (Documentation/admin-guide/mm/pagemap.rst). */
#define PAGEMAP_SWAP	    (UINT64_C(1) << 62)
#define PAGEMAP_SHARED	    (UINT64_C(1) << 61)
#define PAGEMAP_TYPE_BITS   5
#define PAGEMAP_OFFSET_MASK ((UINT64_C(1) << 50) - 1)

/* A folio begins at its own struct page; no entry points into the middle of one. */
static inline bool xarray_frame_of(const struct xarray_frames *frames, uint64_t folio,
				   uint64_t *ret_pfn)
{
	uint64_t distance = folio - frames->base, size = frames->page_size;

	if (!size) {
		*ret_pfn = XARRAY_NO_PFN;
		return true;
	}
	/* Nearly always 64: a division takes as long as all the rest. */
	*ret_pfn = size == 64 ? distance / 64 : distance / size;
	return folio >= frames->base && *ret_pfn * size == distance;
}

static inline uint8_t xarray_flags_of(const struct xarray_record *record, unsigned int slot)
{
	return (record->uptodate >> slot & 1) * XARRAY_UPTODATE |
	       (record->dirty >> slot & 1) * XARRAY_DIRTY |
	       (record->writeback >> slot & 1) * XARRAY_WRITEBACK;
}

/* Fills kind, value, type and flags as of the entry's first page. */
static inline void xarray_read_entry(const struct xarray_record *record, unsigned int slot,
				     const struct xarray_frames *frames, struct xarray_run *run)
{
	uint64_t entry = record->slots[slot];

	if (XARRAY_IS_VALUE(entry)) {
		run->type = entry >> 1 >> SWAP_OFFSET_BITS;
		run->value = entry >> 1 & SWAP_OFFSET_MASK;
		run->kind = run->type < SWAP_MARKER ? XARRAY_SWAP : XARRAY_POISON;
	} else if (!(entry & 3) && xarray_frame_of(frames, entry, &run->value)) {
		run->kind = XARRAY_RESIDENT;
		run->flags = xarray_flags_of(record, slot);
	} else {
		run->kind = XARRAY_TORN;
	}
}

/* True when `next` goes on where `last` ends, alike in all else. */
static inline bool xarray_goes_on(const struct xarray_run *last, const struct xarray_run *next)
{
	if (last->first + last->count != next->first || last->kind != next->kind ||
	    last->type != next->type || last->order != next->order || last->flags != next->flags)
		return false;
	if (next->value == XARRAY_NO_PFN)
		return last->value == XARRAY_NO_PFN;
	return last->value + last->count == next->value;
}

static inline void xarray_append(struct xarray_runs *runs, const struct xarray_run *run)
{
	struct xarray_run *last = runs->runs + runs->count - 1;

	if (runs->count && xarray_goes_on(last, run))
		last->count += run->count;
	else if (runs->count < runs->room)
		runs->runs[runs->count++] = *run;
}

/* Cuts a run to low … high - 1; false when nothing is left. */
static inline bool xarray_clip(struct xarray_run *run, uint64_t low, uint64_t high)
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
static inline unsigned int xarray_entry_begin(const struct xarray_record *record, unsigned int slot)
{
	uint64_t entry = record->slots[slot];

	if (XARRAY_IS_SIBLING(entry) && entry >> 2 < slot)
		return entry >> 2;
	return slot;
}

static inline unsigned int xarray_entry_end(const struct xarray_record *record, unsigned int begin,
					    unsigned int slot)
{
	uint64_t sibling = (uint64_t)begin << 2 | 2;

	do
		slot++;
	while (slot < XARRAY_SLOTS && record->slots[slot] == sibling);
	return slot;
}

/* The entry that slot `s` belongs to; the first slot behind it. */
static inline unsigned int xarray_decode_entry(const struct xarray_record *record, unsigned int s,
					       const struct xarray_frames *frames,
					       struct xarray_run *run)
{
	uint64_t covers = UINT64_C(1) << (record->shift < 54 ? record->shift : 54);
	unsigned int begin = xarray_entry_begin(record, s);
	unsigned int end = xarray_entry_end(record, begin, s), slots = end - begin;

	xarray_read_entry(record, begin, frames, run);
	if (slots & (slots - 1))
		run->kind = XARRAY_TORN;
	run->order = __builtin_ctzll(slots * covers);
	run->first = record->base + begin * covers;
	run->count = slots * covers;
	return end;
}

bool xarray_decode(const struct xarray_record *record, const struct xarray_frames *frames,
		   uint64_t low, uint64_t high, uint64_t bias, struct xarray_runs *runs)
{
	unsigned int to = record->to < XARRAY_SLOTS ? record->to : XARRAY_SLOTS;
	bool torn = false;

	for (unsigned int s = record->from, next; s < to; s = next) {
		struct xarray_run run = { 0 };

		next = s + 1;
		if (!record->slots[s])
			continue;
		next = xarray_decode_entry(record, s, frames, &run);
		torn |= run.kind == XARRAY_TORN;
		if (xarray_clip(&run, low, high)) {
			run.first += bias;
			xarray_append(runs, &run);
		}
	}
	return torn;
}

/* A plain leaf node, whose entries are one page each. False: it holds something else as well. */
static bool xarray_decode_leaf(const struct xarray_record *record,
			       const struct xarray_frames *frames, unsigned int from,
			       unsigned int to, uint8_t *names, uint64_t *slots,
			       const uint8_t *name_of)
{
	/* By the two low bits of an entry that is not empty. */
	const uint8_t name[8] = { [0] = name_of[XARRAY_HOLE],
				  [4] = name_of[XARRAY_RESIDENT],
				  [5] = name_of[XARRAY_SWAP],
				  [7] = name_of[XARRAY_SWAP] };
	uint64_t odd = 0;

	if (record->shift || (frames->page_size && frames->page_size != 64))
		return false;
	/* Without a branch: no entry tells what the next one is. */
	for (unsigned int s = from; s < to; s++) {
		uint64_t entry = record->slots[s], low = entry & 3, value = entry & 1;
		uint64_t folio = !low & !!entry, astray = entry < frames->base;

		astray |= !!((entry - frames->base) & 63);
		names[s - from] = name[(uint64_t) !!entry << 2 | low];
		slots[s - from] = entry >> 1;
		odd |= (low == 2) | (value & (entry >> 59 >= SWAP_MARKER)) |
		       (folio & astray & !!frames->page_size);
	}
	return !odd;
}

static void xarray_put_run(const struct xarray_pages *pages, const struct xarray_run *run)
{
	uint64_t at = run->first - pages->first;

	for (uint64_t k = 0; k < run->count; k++) {
		pages->names[at + k] = pages->name_of[run->kind];
		pages->slots[at + k] = (uint64_t)run->type << SWAP_OFFSET_BITS | (run->value + k);
	}
}

bool xarray_decode_pages(const struct xarray_record *record, const struct xarray_frames *frames,
			 uint64_t low, uint64_t high, uint64_t bias,
			 const struct xarray_pages *pages)
{
	struct xarray_run single[XARRAY_SLOTS];
	struct xarray_runs runs = { single, 0, XARRAY_SLOTS };
	unsigned int to = record->to < XARRAY_SLOTS ? record->to : XARRAY_SLOTS;
	uint64_t first = record->base + ((uint64_t)record->from << record->shift);
	uint64_t end = record->base + ((uint64_t)to << record->shift), at;
	bool torn;

	first = first < low ? low : first;
	end = end > high ? high : end;
	if (first >= end || first + bias < pages->first)
		return false;
	at = first + bias - pages->first;
	if (at >= pages->count)
		return false;
	if (end - first > pages->count - at)
		end = first + (pages->count - at);
	if (xarray_decode_leaf(record, frames, (unsigned int)(first - record->base),
			       (unsigned int)(end - record->base), pages->names + at,
			       pages->slots + at, pages->name_of))
		return false;
	for (uint64_t k = 0; k < end - first; k++)
		pages->names[at + k] = pages->name_of[XARRAY_HOLE];
	torn = xarray_decode(record, frames, first, end, bias, &runs);
	for (size_t i = 0; i < runs.count; i++)
		xarray_put_run(pages, &runs.runs[i]);
	return torn;
}

uint64_t xarray_folio(const struct xarray_record *record, uint64_t page, uint64_t *ret_offset)
{
	unsigned int slot = (page - record->base) >> record->shift;
	unsigned int begin;

	if (page < record->base || slot >= XARRAY_SLOTS)
		return 0;
	begin = xarray_entry_begin(record, slot);
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
