/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_OBJECT_BPF_H
#define PMTOP_OBJECT_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/object.h"
#include "kernel/object_cache.h"
#include "kernel/shmem_bpf.h"

/*
 * What shared memory holds, by the BPF walk of its xarray. The page table of a target leaves many
 * small gaps, and each is asked for on its own: so a stretch is walked at once and the answers come
 * from there, until object_bpf_forget().
 */
struct object_bpf {
	struct shmem_bpf *bpf; /* NULL: not loaded */
	bool tried;
	char reason[160]; /* why it cannot be used, or "" */
	uint64_t walks;

	/* The stretch: pages of the mapping. */
	const struct mapping *mapping;
	uint64_t first, end;
	struct xarray_run *runs;
	size_t count, room, cursor;

	/* The same page by page, where runs are short: see object_bpf_view(). */
	struct object_bpf_pages *pages;
	bool fragmented; /* the stretch before had runs of few pages */
	bool hugetlb_by_pages; /* this kernel counts what hugetlbfs holds by small pages, seen */
};

/* Loads the program the first time (30 ms). False when it cannot be used here: see reason. */
bool object_bpf_ready(struct object_bpf *object);

/*
 * As object_query(); pages are those of the mapping. With `marks`, allocated pages are told from
 * cached ones, and swap-cached pages from others as far as `cache` is open on the object (not
 * NULL). *ret_done says how many pages the sink got. -ENOSYS: another way has to be asked for the
 * rest.
 */
int object_bpf_query(struct object_bpf *object, const struct target *target,
		     const struct mapping *mapping, uint64_t first, uint64_t count, bool marks,
		     struct object_cache *cache, object_sink *sink, void *context,
		     uint64_t *ret_done);

/*
 * Pages of the mapping from `first` on, one by one, in memory that is known already or worth
 * walking like that: how many of the `count` wanted, 0 for none (then ask object_bpf_query()).
 * Without marks.
 */
uint64_t object_bpf_view(struct object_bpf *object, const struct target *target,
			 const struct mapping *mapping, uint64_t first, uint64_t count,
			 struct object_view *ret_view);

/* Drops the stretch: the next answer is a new look. */
void object_bpf_forget(struct object_bpf *object);

void object_bpf_release(struct object_bpf *object);

#endif
