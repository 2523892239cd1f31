/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_CLASSIFY_H
#define PMTOP_CLASSIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "model/mapping.h"
#include "model/page.h"

/*
 * The rules that turn what the kernel says about one page into its state and marks. Pure: this is
 * the one place that knows them; the scan, the inspector and the tests all ask here.
 */

/* What was seen of a page-table entry. A bit outside `known` of the evidence was not observable. */
enum evidence_bit {
	SEEN_PRESENT = 1 << 0,
	SEEN_SWAPPED = 1 << 1, /* a non-present entry: swap, marker or migration */
	SEEN_FILE = 1 << 2, /* not anonymous */
	SEEN_ZERO = 1 << 3, /* maps the zero page */
	SEEN_HUGE = 1 << 4, /* mapped by a PMD */
	SEEN_GUARD = 1 << 5,
	SEEN_WP = 1 << 6, /* write-protected by userfaultfd */
	SEEN_WRITTEN = 1 << 7, /* soft-dirty */
	SEEN_EXCLUSIVE = 1 << 8,
};

/* What a swap type means on this kernel; learnt by the probe, not compared by number. */
enum swap_type_meaning {
	SWAP_TYPE_HIDDEN, /* not allowed to see it */
	SWAP_TYPE_AREA, /* a real slot */
	SWAP_TYPE_MARKER_WP,
	SWAP_TYPE_MARKER_POISON,
	SWAP_TYPE_MARKER_GUARD,
	SWAP_TYPE_MIGRATION,
	SWAP_TYPE_HWPOISON,
	SWAP_TYPE_SPECIAL, /* another one: memory of a device */
	SWAP_TYPE_UNDECIDED, /* an area or not: this kernel does not say how many it can have */
};

/* What the object behind a shared mapping holds at a page without a page-table entry. */
enum object_page {
	OBJECT_NOT_ASKED,
	OBJECT_HOLE, /* nothing, or past the end */
	OBJECT_CACHED,
	OBJECT_ALLOCATED, /* cached, but never written */
	OBJECT_SWAPPED,
	OBJECT_SWAP_CACHED, /* in swap and still in RAM */
	OBJECT_POISONED, /* a marker in place of what could not be read back from swap */
	OBJECT_HOLE_OR_ALLOCATED, /* without data; nothing here can tell more */
	OBJECT_CACHED_OR_SWAPPED, /* data in core; nothing here can tell more */
	OBJECT_HUGETLB_FILLED, /* the object holds huge pages; nothing here can tell which */
	OBJECT_UNKNOWN,
	OBJECT_NOT_ALLOWED, /* of a file: this user may not ask */
	OBJECT_STACKED, /* not in core, but a tmpfs below may have it in swap */
	OBJECT_NO_KIND, /* nothing tells whether it is a file or shared memory */
	OBJECT_PAGES
};

struct evidence {
	uint16_t bits, known;
	uint8_t swap_type; /* enum swap_type_meaning, with SEEN_SWAPPED */
	uint8_t object; /* enum object_page, when the page table holds no page */
};

/*
 * Which rule decided; each has a sentence for the inspector. Logs hold the numbers: add at the end.
 */
enum page_rule {
	RULE_SPECIAL,
	RULE_VDSO,
	RULE_GUARD,
	RULE_ZERO,
	RULE_PRESENT_ANON,
	RULE_PRESENT_COPIED,
	RULE_PRESENT_FILE,
	RULE_PRESENT_SHMEM,
	RULE_PRESENT_UNDECIDED,
	RULE_MIGRATION,
	RULE_POISON,
	RULE_SWAP,
	RULE_SWAP_HIDDEN_TYPE,
	RULE_NOTHING,
	RULE_HOLE,
	RULE_CACHED,
	RULE_ALLOCATED,
	RULE_SHARED_SWAP,
	RULE_SHARED_SWAP_CACHED,
	RULE_CACHED_OR_SWAPPED,
	RULE_OBJECT_UNKNOWN,
	RULE_OBJECT_POISON,
	RULE_SWAP_UNDECIDED_TYPE,
	RULE_HUGETLB_FILLED,
	RULE_KERNEL_PAGE,
	RULES
};

struct verdict {
	uint8_t state; /* enum page_state */
	uint8_t rule; /* enum page_rule */
	uint8_t doubt; /* enum page_doubt, when the state is unknown or may be wrong */
	uint16_t marks;
};

struct verdict classify_page(const struct mapping *mapping, const struct evidence *evidence);

/*
 * True when the object behind the mapping must be asked before this page can be decided: the page
 * table holds no page of it (no entry, or only a userfaultfd marker).
 */
bool classify_needs_object(const struct mapping *mapping, const struct evidence *evidence);

/* One line that says why a page has its state. */
const char *page_rule_text(enum page_rule rule);

#endif
