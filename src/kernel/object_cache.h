/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_OBJECT_CACHE_H
#define PMTOP_OBJECT_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/object.h"

/*
 * What the page cache holds of one open file or shared memory object, by cachestat(2) (Linux 6.5),
 * mincore(2) and lseek(2) with SEEK_DATA. Pages here are pages of the object.
 */
struct object_cache {
	int fd;
	bool shmem; /* evicted pages are in swap; in other files they are shadows, no more */
	bool stacked; /* by mincore alone: cachestat asks the wrong inode, and answers 0 */
	bool want_marks; /* tell swap-cached and allocated pages apart, at a price */
	enum { UNWRITTEN_NOT_ASKED, UNWRITTEN_NONE, UNWRITTEN_SOME } unwritten;
	const struct probe *probe;
	struct object_statistics *statistics;

	/* A window of the object mapped without any right, for mincore only. */
	void *window;
	uint64_t window_first, window_count;
	unsigned char *residency; /* the caller's, OBJECT_CACHE_WINDOW bytes; NULL: no mincore */
};

/* As object_query(); -EPERM: the kernel does not tell this user; -ENOSYS: nothing works here. */
int object_cache_query(struct object_cache *cache, uint64_t first, uint64_t count,
		       object_sink *sink, void *context);

/* Pages cached and in swap in a range, by cachestat; false when that cannot be had. */
bool object_cache_totals(struct object_cache *cache, uint64_t first, uint64_t count,
			 uint64_t *ret_cached, uint64_t *ret_swapped);

/* Pages that object_cache_in_core() takes at once. */
#define OBJECT_CACHE_WINDOW 16384u

/*
 * Whether pages are in core, the swap cache included: bit 0 of each byte, good until the next call.
 * NULL: not known.
 */
const unsigned char *object_cache_in_core(struct object_cache *cache, uint64_t first,
					  uint64_t count);

void object_cache_unmap(struct object_cache *cache);

/* The three questions that the kernel answers about a range of an object, one system call each. */

/* linux/mman.h of 6.5: struct cachestat */
struct cache_counts {
	uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

#endif
