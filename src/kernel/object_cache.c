// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/object_cache.h"

/* Pages that mincore is asked for at once, and the window that is mapped for it. */
#define WINDOW_PAGES OBJECT_CACHE_WINDOW

/* Windows without anything in them may grow to this (64 GiB). */
#define LARGEST_WINDOW (1u << 24)

/*
 * So few pages are asked for one by one: each halving would count most of them again, and mincore
 * with SEEK_DATA costs as much but leaves open what is in core.
 */
#define FEW_PAGES 64u

/* Of a file mincore tells all there is to know, in one call. */
#define FEW_FILE_PAGES 2u

struct query {
	struct object_cache *cache;
	object_sink *sink;
	void *context;
	struct object_run pending; /* equal neighbours are joined before they go out */
};

static int object_cache_count(struct object_cache *cache, uint64_t first, uint64_t count,
			      struct cache_counts *ret_counts);

static bool object_cache_mincore_is_true(const struct object_cache *cache);

static const unsigned char *object_cache_look_in_core(struct object_cache *cache, uint64_t first,
						      uint64_t count);

static uint64_t object_cache_data_run(struct object_cache *cache, uint64_t first, uint64_t count,
				      bool *ret_data);

static int object_cache_flush(struct query *q)
{
	return q->pending.count ? q->sink(q->context, &q->pending) : 0;
}

static int object_cache_emit(struct query *q, uint64_t first, uint64_t count, enum object_page what)
{
	int error;

	if (q->pending.count && q->pending.what == what) {
		q->pending.count += count;
		return 0;
	}
	error = object_cache_flush(q);
	q->pending = (struct object_run){ .first = first, .count = count, .what = (uint8_t)what };
	return error;
}

/* All pages are cached: those of holes were allocated by fallocate and never written. */
static int object_cache_emit_cached(struct query *q, uint64_t first, uint64_t count)
{
	if (!q->cache->shmem || !q->cache->want_marks || !q->cache->probe->has[PROBE_SEEK_DATA])
		return object_cache_emit(q, first, count, OBJECT_CACHED);
	while (count) {
		bool data;
		uint64_t n = object_cache_data_run(q->cache, first, count, &data);
		int error = object_cache_emit(q, first, n, data ? OBJECT_CACHED : OBJECT_ALLOCATED);

		if (error)
			return error;
		first += n;
		count -= n;
	}
	return 0;
}

/* All pages are in swap: those in core are in the swap cache as well. */
static int object_cache_emit_swapped(struct query *q, uint64_t first, uint64_t count)
{
	while (count) {
		uint64_t n = count < WINDOW_PAGES ? count : WINDOW_PAGES;
		const unsigned char *core =
			q->cache->want_marks ? object_cache_look_in_core(q->cache, first, n) : NULL;
		int error = 0;

		if (!core)
			return object_cache_emit(q, first, count, OBJECT_SWAPPED);
		for (uint64_t i = 0; i < n && !error; i++)
			error = object_cache_emit(
				q, first + i, 1, core[i] & 1 ? OBJECT_SWAP_CACHED : OBJECT_SWAPPED);
		if (error)
			return error;
		first += n;
		count -= n;
	}
	return 0;
}

static int object_cache_ask(struct query *q, uint64_t first, uint64_t count);
static int object_cache_ask_window(struct query *q, uint64_t first, uint64_t count,
				   bool *ret_empty);

static int object_cache_ask_halves(struct query *q, uint64_t first, uint64_t count)
{
	uint64_t half = count / 2;
	int error = object_cache_ask(q, first, half);

	return error ? error : object_cache_ask(q, first + half, count - half);
}

/* A few mixed pages, one by one until the sums tell the rest. */
static int object_cache_ask_each(struct query *q, uint64_t first, uint64_t count,
				 const struct cache_counts *counts)
{
	uint64_t swapped = q->cache->shmem ? counts->evicted : 0, cached = counts->cached;

	for (uint64_t i = 0; i < count; i++) {
		struct cache_counts one;
		uint64_t rest = count - i;
		int error;

		if (!swapped && !cached)
			return object_cache_emit(q, first + i, rest, OBJECT_HOLE);
		if (swapped >= rest)
			return object_cache_emit_swapped(q, first + i, rest);
		if (cached >= rest)
			return object_cache_emit_cached(q, first + i, rest);
		error = object_cache_count(q->cache, first + i, 1, &one);
		if (error)
			return error;
		if (one.cached) {
			error = object_cache_emit_cached(q, first + i, 1);
			cached -= cached > 0;
		} else if (one.evicted && q->cache->shmem) {
			error = object_cache_emit_swapped(q, first + i, 1);
			swapped -= swapped > 0;
		} else {
			error = object_cache_emit(q, first + i, 1, OBJECT_HOLE);
		}
		if (error)
			return error;
	}
	return 0;
}

static int object_cache_emit_in_core(struct query *q, uint64_t first, uint64_t count)
{
	struct cache_counts counts;
	int error = object_cache_count(q->cache, first, count, &counts);

	if (error)
		return error;
	/* Swap-cached pages count as evicted, resident ones as cached, never both (measured). */
	if (!counts.evicted)
		return object_cache_emit_cached(q, first, count);
	if (counts.evicted >= count)
		return object_cache_emit(q, first, count, OBJECT_SWAP_CACHED);
	if (count > FEW_PAGES) {
		error = object_cache_emit_in_core(q, first, count / 2);
		return error ? error
			     : object_cache_emit_in_core(q, first + count / 2, count - count / 2);
	}
	for (uint64_t i = 0; i < count && !error; i++)
		error = object_cache_emit_in_core(q, first + i, 1);
	return error;
}

/* Pages without data that are not in core: a hole, or allocated and never written. */
static int object_cache_emit_no_data(struct query *q, uint64_t first, uint64_t count)
{
	struct cache_counts counts;
	int error = object_cache_count(q->cache, first, count, &counts);

	if (error)
		return error;
	if (!counts.cached)
		return object_cache_emit(q, first, count, OBJECT_HOLE);
	if (counts.cached >= count)
		return object_cache_emit(q, first, count, OBJECT_ALLOCATED);
	error = object_cache_emit_no_data(q, first, count / 2);
	return error ? error : object_cache_emit_no_data(q, first + count / 2, count - count / 2);
}

#define IN_CORE	 1
#define HAS_DATA 2

/* Sets HAS_DATA in the bytes of the pages that have some; how many these are. */
static uint64_t object_cache_mark_data(struct object_cache *c, uint64_t first, uint64_t count,
				       unsigned char *marks)
{
	uint64_t pages = 0;

	for (uint64_t i = 0, n; i < count; i += n) {
		bool data;

		n = object_cache_data_run(c, first + i, count - i, &data);
		if (!data)
			continue;
		pages += n;
		for (uint64_t k = i; k < i + n; k++)
			marks[k] |= HAS_DATA;
	}
	return pages;
}

/*
 * A mixed window. Data that is not in core is in swap; data in core may be either, which is for
 * cachestat, in halves. What is neither is a hole, or allocated and never written: mincore leaves
 * such pages out, but cachestat counts them, so the sums tell whether there are any.
 */
static int object_cache_ask_mixed_window(struct query *q, uint64_t first, uint64_t count,
					 const struct cache_counts *counts, unsigned char *marks)
{
	uint64_t data = object_cache_mark_data(q->cache, first, count, marks), n;
	bool allocated = counts->cached + counts->evicted > data;
	int error = 0;

	for (uint64_t i = 0; i < count && !error; i += n) {
		unsigned char kind = marks[i] & (IN_CORE | HAS_DATA);

		for (n = 1; i + n < count && (marks[i + n] & (IN_CORE | HAS_DATA)) == kind; n++)
			;
		if (kind == (IN_CORE | HAS_DATA))
			error = object_cache_emit_in_core(q, first + i, n);
		else if (kind == HAS_DATA)
			error = object_cache_emit(q, first + i, n, OBJECT_SWAPPED);
		else if (kind == IN_CORE)
			error = object_cache_emit(q, first + i, n, OBJECT_ALLOCATED);
		else if (allocated)
			error = object_cache_emit_no_data(q, first + i, n);
		else
			error = object_cache_emit(q, first + i, n, OBJECT_HOLE);
	}
	return error;
}

static int object_cache_ask_mixed_file(struct query *q, uint64_t first, uint64_t count,
				       const unsigned char *core)
{
	int error = 0;

	for (uint64_t i = 0; i < count && !error; i++)
		error = object_cache_emit(q, first + i, 1,
					  core[i] & 1 ? OBJECT_CACHED : OBJECT_HOLE);
	return error;
}

/*
 * A range larger than one window, window by window: cachestat costs about 50 ns for each page that
 * is there (measured on 6.18), so no page should be counted more often than needed. Where there is
 * nothing the windows grow.
 */
static int object_cache_ask_windows(struct query *q, uint64_t first, uint64_t count)
{
	uint64_t window = WINDOW_PAGES;

	while (count) {
		uint64_t n = count < window ? count : window;
		bool empty;
		int error = object_cache_ask_window(q, first, n, &empty);

		if (error)
			return error;
		window = !empty ? WINDOW_PAGES : window < LARGEST_WINDOW ? 2 * window : window;
		first += n;
		count -= n;
	}
	return 0;
}

/* By cachestat, which is exact; the rest only serves speed and marks. */
static int object_cache_ask_window(struct query *q, uint64_t first, uint64_t count, bool *ret_empty)
{
	struct cache_counts counts;
	const bool *has = q->cache->probe->has;
	const unsigned char *core;
	int error = object_cache_count(q->cache, first, count, &counts);
	uint64_t evicted;

	if (error)
		return error;
	evicted = q->cache->shmem ? counts.evicted : 0;
	*ret_empty = !counts.cached && !evicted;
	if (*ret_empty)
		return object_cache_emit(q, first, count, OBJECT_HOLE);
	if (evicted >= count)
		return object_cache_emit_swapped(q, first, count);
	if (counts.cached >= count)
		return object_cache_emit_cached(q, first, count);
	if (count > WINDOW_PAGES)
		return object_cache_ask_windows(q, first, count);
	if (count <= (!q->cache->shmem && has[PROBE_MINCORE] ? FEW_FILE_PAGES : FEW_PAGES))
		return object_cache_ask_each(q, first, count, &counts);
	core = object_cache_look_in_core(q->cache, first, count);
	if (!core)
		return object_cache_ask_halves(q, first, count);
	if (q->cache->shmem)
		return object_cache_ask_mixed_window(q, first, count, &counts, q->cache->residency);
	return object_cache_ask_mixed_file(q, first, count, core);
}

static int object_cache_ask(struct query *q, uint64_t first, uint64_t count)
{
	bool empty;

	return count > WINDOW_PAGES ? object_cache_ask_windows(q, first, count)
				    : object_cache_ask_window(q, first, count, &empty);
}

/*
 * Whether the object may hold memory that was allocated and never written: it has no data and is
 * not "in core", as a hole. The object then has more blocks than pages with data.
 */
static bool object_cache_may_hold_unwritten(struct object_cache *c)
{
	uint64_t end, data_pages = 0;
	struct stat st;

	if (c->unwritten != UNWRITTEN_NOT_ASKED)
		return c->unwritten == UNWRITTEN_SOME;
	c->unwritten = UNWRITTEN_SOME;
	if (fstat(c->fd, &st) < 0)
		return true;
	end = ((uint64_t)st.st_size + PMTOP_PAGE_SIZE - 1) >> PMTOP_PAGE_SHIFT;
	for (uint64_t first = 0; first < end;) {
		bool data;
		uint64_t n = object_cache_data_run(c, first, end - first, &data);

		data_pages += data ? n : 0;
		first += n;
	}
	/* st_blocks counts 512 bytes, also of pages in swap [mm/shmem.c: i_blocks]. */
	if ((uint64_t)st.st_blocks <= data_pages << (PMTOP_PAGE_SHIFT - 9))
		c->unwritten = UNWRITTEN_NONE;
	return c->unwritten == UNWRITTEN_SOME;
}

static enum object_page object_cache_page_without_data(struct object_cache *c, bool in_core)
{
	if (in_core)
		return OBJECT_ALLOCATED;
	return object_cache_may_hold_unwritten(c) ? OBJECT_HOLE_OR_ALLOCATED : OBJECT_HOLE;
}

/* A page of a stacked file system that is not in core is in swap if a tmpfs below holds it. */
static enum object_page object_cache_page_of_stacked(struct object_cache *c, bool data,
						     bool in_core)
{
	if (in_core)
		return OBJECT_CACHED;
	return data || object_cache_may_hold_unwritten(c) ? OBJECT_STACKED : OBJECT_HOLE;
}

/*
 * mincore and SEEK_DATA alone (before Linux 6.5): a page with data that is not in core is in swap;
 * one in core may be resident or swap-cached.
 */
static int object_cache_ask_without_cachestat(struct query *q, uint64_t first, uint64_t count)
{
	while (count) {
		uint64_t n = count < WINDOW_PAGES ? count : WINDOW_PAGES, i = 0;
		const unsigned char *core = object_cache_look_in_core(q->cache, first, n);

		if (!core)
			return -ENOSYS;
		while (i < n) {
			bool data = true;
			uint64_t run = object_cache_data_run(q->cache, first + i, n - i, &data),
				 end = i + run;

			for (; i < end; i++) {
				bool in_core = core[i] & 1;
				enum object_page what;
				int error;

				if (q->cache->stacked)
					what = object_cache_page_of_stacked(q->cache, data,
									    in_core);
				else if (!q->cache->shmem)
					what = in_core ? OBJECT_CACHED : OBJECT_HOLE;
				else if (data)
					what = in_core ? OBJECT_CACHED_OR_SWAPPED : OBJECT_SWAPPED;
				else
					what = object_cache_page_without_data(q->cache, in_core);
				error = object_cache_emit(q, first + i, 1, what);
				if (error)
					return error;
			}
		}
		first += n;
		count -= n;
	}
	return 0;
}

int object_cache_query(struct object_cache *cache, uint64_t first, uint64_t count,
		       object_sink *sink, void *context)
{
	struct query q = { .cache = cache, .sink = sink, .context = context };
	int error = -ENOSYS;

	if (cache->probe->has[PROBE_CACHESTAT] && !cache->stacked)
		error = object_cache_ask(&q, first, count);
	else if (cache->probe->has[PROBE_SEEK_DATA] && object_cache_mincore_is_true(cache))
		error = object_cache_ask_without_cachestat(&q, first, count);
	return error ? error : object_cache_flush(&q);
}

const unsigned char *object_cache_in_core(struct object_cache *cache, uint64_t first,
					  uint64_t count)
{
	return cache->fd >= 0 ? object_cache_look_in_core(cache, first, count) : NULL;
}

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

/* linux/mman.h of 6.5 */
struct cache_range {
	uint64_t offset, length;
};

/* cachestat(2); 0 or -errno, -ENOSYS where it is not to be used. */
static int object_cache_count(struct object_cache *c, uint64_t first, uint64_t count,
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

/*
 * mincore(2) says "in core" of every page to who neither owns nor may write the file (mm/mincore.c,
 * can_do_mincore(), since 5.2). cachestat(2) refuses such a user, but not on all kernels.
 */
static bool object_cache_mincore_is_true(const struct object_cache *cache)
{
	struct stat st;

	return geteuid() == 0 || (fstat(cache->fd, &st) == 0 && st.st_uid == geteuid());
}

/*
 * mincore(2): residency of up to OBJECT_CACHE_WINDOW pages, bit 0 of each byte of the result, good
 * until the next call. NULL: not known, or it would not be the truth.
 */
static const unsigned char *object_cache_look_in_core(struct object_cache *c, uint64_t first,
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

/* How many pages from `first` on, at most `count`, are all data or all hole, by lseek(2). */
static uint64_t object_cache_data_run(struct object_cache *c, uint64_t first, uint64_t count,
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
