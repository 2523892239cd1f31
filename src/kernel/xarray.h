/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_XARRAY_H
#define PMTOP_XARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/bpf/xarray.h"

/*
 * Turns nodes of a shmem xarray, as the BPF walk copies them out, into runs of pages. Pure: knows
 * how the kernel packs entries, asks nothing.
 */

enum xarray_kind {
	XARRAY_SWAP, /* value is the offset of the first page's slot in area `type` */
	XARRAY_RESIDENT, /* value is the pfn of the first page, or XARRAY_NO_PFN for the run */
	/*
	 * A marker instead of a slot: reading it back from swap failed, the content is lost and an
	 * access is a SIGBUS. Nothing else that is no slot ever gets into the xarray of shmem
	 * (mm/shmem.c: shmem_set_folio_swapin_error(), since 5.19).
	 */
	XARRAY_POISON,
	XARRAY_TORN, /* the tree changed while this was read: look again */
	XARRAY_HOLE, /* of single pages only: runs leave holes out */
	XARRAY_KINDS
};

#define XARRAY_NO_PFN UINT64_MAX

/* Flags of a resident folio; 0 unless the walk was asked for them. */
enum xarray_flag {
	XARRAY_UPTODATE = 1 << 0, /* clear: allocated by fallocate(2), never written */
	XARRAY_DIRTY = 1 << 1,
	XARRAY_WRITEBACK = 1 << 2,
};

/* Pages first … first + count - 1; what no run covers is a hole. */
struct xarray_run {
	uint64_t first, count;
	uint64_t value; /* page first + k has value + k */
	uint8_t kind; /* enum xarray_kind */
	uint8_t type; /* swap type: number of the swap area */
	uint8_t order; /* of each entry: it covers 2^order pages */
	uint8_t flags; /* enum xarray_flag */
};

/* How a folio's address becomes a pfn; page_size 0: not known. */
struct xarray_frames {
	uint64_t base; /* address of the struct page of pfn 0 */
	uint64_t page_size; /* bytes of a struct page */
};

/* Where decoded runs go: room for `room` of them, `count` used. */
struct xarray_runs {
	struct xarray_run *runs;
	size_t count, room;
};

/*
 * Appends what the record says about pages low … high - 1 of the file, `bias` added to each page
 * number. The last run so far is extended where it goes on. Needs room for XARRAY_SLOTS more runs.
 * True when an entry was XARRAY_TORN.
 */
bool xarray_decode(const struct xarray_record *record, const struct xarray_frames *frames,
		   uint64_t low, uint64_t high, uint64_t bias, struct xarray_runs *runs);

/*
 * Where decoded pages go, one by one: page `first` + k into names[k] and slots[k]. What was there
 * before is overwritten for all pages that a record tells about, holes included.
 */
struct xarray_pages {
	uint64_t first, count;
	const uint8_t *name_of; /* what to store for each enum xarray_kind */
	uint8_t *names;
	uint64_t *slots; /* of pages in swap: type << 58 | offset */
};

#define XARRAY_SLOT_TYPE(slot)	 ((uint32_t)((slot) >> 58))
#define XARRAY_SLOT_OFFSET(slot) ((slot) & ((UINT64_C(1) << 58) - 1))

/*
 * As xarray_decode(), page by page: several times as fast where no two neighbours are alike, and
 * slower where one entry stands for many pages.
 */
bool xarray_decode_pages(const struct xarray_record *record, const struct xarray_frames *frames,
			 uint64_t low, uint64_t high, uint64_t bias,
			 const struct xarray_pages *pages);

/*
 * Address of the folio that holds this page of the file, and the page's place in it; 0 when the
 * record holds no folio there.
 */
uint64_t xarray_folio(const struct xarray_record *record, uint64_t page, uint64_t *ret_offset);

/* The word that pagemap of a kernel with the 2021 patch would show for this slot. */
uint64_t xarray_pagemap_word(uint8_t type, uint64_t offset);

#endif
