/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_VIEWS_H
#define PMTOP_VIEWS_H

#include "model/snapshot.h"

/*
 * Views: the mappings by which a process sees one object (a file, shared memory). Where several
 * show the same page of it, the page is there once, and a sum over mappings counts it for each.
 * Private copies over an object are pages of their own.
 */

/*
 * What sums over the mappings of a snapshot count more often than once: of each page of an object
 * all views but one, by the state that they show, with its marks. The view that is left is the one
 * that knows most of the page: one that has it mapped, else one that knows where it is. The same of
 * pages that smaps counts in swap but nothing places. -ENOMEM.
 */
int views_again(const struct snapshot *snapshot, struct page_counts *ret_again,
		uint64_t *ret_unplaced);

#endif
