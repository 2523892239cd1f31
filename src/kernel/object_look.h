/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_OBJECT_LOOK_H
#define PMTOP_OBJECT_LOOK_H

#include "kernel/object_cache.h"

/* The three questions that the kernel answers about a range of an object, one system call each. */

/* linux/mman.h of 6.5: struct cachestat */
struct cache_counts {
	uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

/* cachestat(2); 0 or -errno, -ENOSYS where it is not to be used. */
int object_cache_count(struct object_cache *cache, uint64_t first, uint64_t count,
		       struct cache_counts *ret_counts);

/*
 * mincore(2) says "in core" of every page to who neither owns nor may write the file (mm/mincore.c,
 * can_do_mincore(), since 5.2). cachestat(2) refuses such a user, but not on all kernels.
 */
bool object_cache_mincore_is_true(const struct object_cache *cache);

/*
 * mincore(2): residency of up to OBJECT_CACHE_WINDOW pages, bit 0 of each byte of the result, good
 * until the next call. NULL: not known, or it would not be the truth.
 */
const unsigned char *object_cache_look_in_core(struct object_cache *cache, uint64_t first,
					       uint64_t count);

/* How many pages from `first` on, at most `count`, are all data or all hole, by lseek(2). */
uint64_t object_cache_data_run(struct object_cache *cache, uint64_t first, uint64_t count,
			       bool *ret_data);

#endif
