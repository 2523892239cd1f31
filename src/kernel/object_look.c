// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/object_look.h"

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

/* linux/mman.h of 6.5 */
struct cache_range {
	uint64_t offset, length;
};

int object_cache_count(struct object_cache *c, uint64_t first, uint64_t count,
		       struct cache_counts *ret_counts)
{
	struct cache_range range = { first << PMTOP_PAGE_SHIFT, count << PMTOP_PAGE_SHIFT };

	c->statistics->cachestats++;
	if (!c->probe->has[PROBE_CACHESTAT])
		return -ENOSYS;
	return syscall(SYS_cachestat, c->fd, &range, ret_counts, 0) < 0 ? -errno : 0;
}

bool object_cache_totals(struct object_cache *cache, uint64_t first, uint64_t count,
			 uint64_t *ret_cached, uint64_t *ret_swapped)
{
	struct cache_counts counts;

	if (object_cache_count(cache, first, count, &counts) < 0)
		return false;
	*ret_cached = counts.cached;
	*ret_swapped = cache->shmem ? counts.evicted : 0;
	return true;
}

void object_cache_unmap(struct object_cache *cache)
{
	if (cache->window)
		munmap(cache->window, cache->window_count << PMTOP_PAGE_SHIFT);
	cache->window = NULL;
}

bool object_cache_mincore_is_true(const struct object_cache *cache)
{
	struct stat st;

	return geteuid() == 0 || (fstat(cache->fd, &st) == 0 && st.st_uid == geteuid());
}

const unsigned char *object_cache_look_in_core(struct object_cache *c, uint64_t first,
					       uint64_t count)
{
	if (!c->probe->has[PROBE_MINCORE] || !c->residency)
		return NULL;
	if (!c->window || first < c->window_first ||
	    first + count > c->window_first + c->window_count) {
		object_cache_unmap(c);
		if (!object_cache_mincore_is_true(c))
			return NULL;
		c->window_first = first;
		c->window_count = OBJECT_CACHE_WINDOW;
		c->window =
			mmap(NULL, (size_t)OBJECT_CACHE_WINDOW << PMTOP_PAGE_SHIFT, PROT_NONE,
			     MAP_SHARED | MAP_NORESERVE, c->fd, (off_t)(first << PMTOP_PAGE_SHIFT));
		if (c->window == MAP_FAILED) {
			c->window = NULL;
			return NULL;
		}
	}
	c->statistics->mincores++;
	if (mincore((char *)c->window + ((first - c->window_first) << PMTOP_PAGE_SHIFT),
		    (size_t)count << PMTOP_PAGE_SHIFT, c->residency) < 0)
		return NULL;
	return c->residency;
}

uint64_t object_cache_data_run(struct object_cache *c, uint64_t first, uint64_t count,
			       bool *ret_data)
{
	off_t start = (off_t)(first << PMTOP_PAGE_SHIFT), next;
	uint64_t run;

	c->statistics->seeks++;
	next = lseek(c->fd, start, SEEK_DATA);
	*ret_data = next == start;
	if (next < 0)
		return count; /* ENXIO: nothing but hole up to the end */
	if (*ret_data) {
		next = lseek(c->fd, start, SEEK_HOLE);
		if (next <= start)
			return count;
		/* The end of the file may lie inside a page, which then holds data. */
		next += PMTOP_PAGE_SIZE - 1;
	}
	run = ((uint64_t)next >> PMTOP_PAGE_SHIFT) - first;
	return run < count ? (run ? run : 1) : count;
}
