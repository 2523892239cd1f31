/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SWAPS_H
#define PMTOP_SWAPS_H

#include <stddef.h>
#include <stdint.h>

#include "model/census.h"

/* The swap areas of the machine, from /proc/swaps (proc_swaps(5)). */

/*
 * Parses the text: a heading, then a line an area; blanks, tabs, newlines and backslashes in a name
 * are written as \ooo. 0 and the areas (to be freed by swaps_free()), -EPROTO on anything else.
 */
int swaps_parse(const char *text, struct census_area **ret_areas, size_t *ret_count);

/*
 * The same of the running kernel. A machine without swap has 0 areas. -ENODATA: /proc shows
 * processes only (mounted with subset=pid).
 */
int swaps_read(struct census_area **ret_areas, size_t *ret_count);

/* Bytes of swap of the whole machine, and how much of it is free: sysinfo(2), without /proc. */
int swaps_sums(uint64_t *ret_total, uint64_t *ret_free);

void swaps_free(struct census_area *areas, size_t count);

/* SwapCached of /proc/meminfo in bytes: pages that are in swap and in RAM as well. */
int swaps_cached(uint64_t *ret_bytes);

/*
 * Which line of /proc/swaps a swap type is. Lines come in the order of their types, but a type is
 * not the number of its line once an area before it was switched off.
 */

/*
 * The line of `type` among `areas` lines, or -1 when it cannot be told for sure. `seen`: bit t is
 * set if some slot of type t was seen; `type` must be among them. Line n has a type of at least n.
 */
int swap_type_line(uint32_t seen, size_t areas, unsigned int type);

#endif
