// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/object_bpf.h"

/* A stretch is at least this long (64 MiB), and ends where this many runs are known. */
#define STRETCH_PAGES 16384u
#define STRETCH_RUNS  65536u

#define FULL 1

/* Runs of fewer pages than this on average are dearer than pages one by one. */
#define RUN_PAGES_WORTH 8u

struct object_bpf_pages {
	const struct mapping *mapping; /* NULL: nothing is known */
	uint64_t first, end;
	uint8_t what[STRETCH_PAGES]; /* enum object_page */
	uint64_t slots[STRETCH_PAGES];
};

bool object_bpf_ready(struct object_bpf *object)
{
	if (!object->tried)
		shmem_bpf_open(&object->bpf, object->reason, sizeof(object->reason));
	object->tried = true;
	return object->bpf;
}

void object_bpf_forget(struct object_bpf *object)
{
	object->mapping = NULL;
	object->count = object->cursor = 0;
	object->fragmented = false;
	if (object->pages)
		object->pages->mapping = NULL;
}

void object_bpf_release(struct object_bpf *object)
{
	object_bpf_forget(object);
	shmem_bpf_close(object->bpf);
	free(object->runs);
	free(object->pages);
	*object = (struct object_bpf){ 0 };
}

static int object_bpf_make_room(struct object_bpf *o, size_t count)
{
	size_t room = o->room ? o->room : 512;
	struct xarray_run *runs;

	while (room < count)
		room *= 2;
	if (room == o->room)
		return 0;
	runs = reallocarray(o->runs, room, sizeof(*runs));
	if (!runs)
		return -ENOMEM;
	o->runs = runs;
	o->room = room;
	return 0;
}

static int object_bpf_keep(void *context, const struct xarray_run *runs, size_t count)
{
	struct object_bpf *o = context;
	int error = object_bpf_make_room(o, o->count + count);

	if (error)
		return error;
	for (size_t i = 0; i < count; i++)
		o->runs[o->count++] = runs[i];
	return o->count >= STRETCH_RUNS ? FULL : 0;
}

/*
 * Pages of hugetlbfs were counted by huge pages until 6.7 (hugetlb_add_to_page_cache() in
 * mm/hugetlb.c); since then each is an entry of many small ones, which tells the two apart. Where
 * none is found that holds for both only from the beginning of the object on.
 */
static int object_bpf_check_units(struct object_bpf *o, const struct mapping *mapping,
				  uint64_t first)
{
	if (mapping->kind != MAPPING_HUGETLB)
		return 0;
	for (size_t i = 0; i < o->count; i++)
		if (!o->runs[i].order)
			return -EOPNOTSUPP;
	o->hugetlb_by_pages |= o->count > 0;
	return o->hugetlb_by_pages || first + mapping->offset == 0 ? 0 : -EOPNOTSUPP;
}

/* Walks the stretch from `first` on. */
static int object_bpf_look(struct object_bpf *o, const struct target *target,
			   const struct mapping *mapping, uint64_t first, uint64_t count,
			   bool flags)
{
	uint64_t left = mapping_pages(mapping) - first;
	struct shmem_bpf_request request = {
		.pid = target->thread,
		.proc_fd = target->proc,
		.mapping = mapping,
		.first = first,
		.count = count > STRETCH_PAGES ? count : STRETCH_PAGES,
		.flags = flags,
	};
	int r;

	if (request.count > left)
		request.count = left;
	o->mapping = NULL;
	o->count = o->cursor = 0;
	o->walks++;
	r = shmem_bpf_walk(o->bpf, &request, object_bpf_keep, o, NULL);
	if (r >= 0 && object_bpf_check_units(o, mapping, first) < 0)
		r = -EOPNOTSUPP;
	if (r < 0)
		return r;
	o->mapping = mapping;
	o->first = first;
	o->end = first + request.count;
	if (r == FULL)
		o->end = o->runs[o->count - 1].first + o->runs[o->count - 1].count;
	o->fragmented = o->count > (o->end - o->first) / RUN_PAGES_WORTH;
	return 0;
}

/* Walks a stretch page by page. Whether the next one is worth it, this one shows. */
static int object_bpf_look_at_pages(struct object_bpf *o, const struct target *target,
				    const struct mapping *mapping, uint64_t first)
{
	static const uint8_t what[XARRAY_KINDS] = {
		[XARRAY_SWAP] = OBJECT_SWAPPED,	   [XARRAY_RESIDENT] = OBJECT_CACHED,
		[XARRAY_POISON] = OBJECT_POISONED, [XARRAY_TORN] = OBJECT_UNKNOWN,
		[XARRAY_HOLE] = OBJECT_HOLE,
	};
	struct object_bpf_pages *p = o->pages;
	uint64_t left = mapping_pages(mapping) - first, changes = 0;
	struct shmem_bpf_request request = { .pid = target->thread,
					     .proc_fd = target->proc,
					     .mapping = mapping,
					     .first = first,
					     .count = left < STRETCH_PAGES ? left : STRETCH_PAGES };
	struct xarray_pages pages = { first, request.count, what, p->what, p->slots };
	int r;

	memset(p->what, OBJECT_HOLE, request.count);
	p->mapping = NULL;
	o->walks++;
	r = shmem_bpf_walk_pages(o->bpf, &request, &pages);
	if (r < 0)
		return r;
	p->mapping = mapping;
	p->first = first;
	p->end = first + request.count;
	for (uint64_t i = 1; i < request.count; i++)
		changes += (p->what[i] != p->what[i - 1]) | (p->slots[i] != p->slots[i - 1] + 1);
	o->fragmented = changes > request.count / RUN_PAGES_WORTH;
	return 0;
}

static bool object_bpf_knows_runs(const struct object_bpf *o, const struct mapping *mapping,
				  uint64_t page)
{
	return o->mapping == mapping && page >= o->first && page < o->end;
}

static bool object_bpf_knows_pages(const struct object_bpf *o, const struct mapping *mapping,
				   uint64_t page)
{
	const struct object_bpf_pages *p = o->pages;

	return p && p->mapping == mapping && page >= p->first && page < p->end;
}

/* Whether the next stretch is to be walked page by page. */
static bool object_bpf_wants_pages(struct object_bpf *o, bool marks)
{
	if (!o->fragmented || marks)
		return false;
	if (!o->pages)
		o->pages = calloc(1, sizeof(*o->pages));
	return o->pages;
}

uint64_t object_bpf_view(struct object_bpf *object, const struct target *target,
			 const struct mapping *mapping, uint64_t first, uint64_t count,
			 struct object_view *ret_view)
{
	struct object_bpf *o = object;

	/* The first stretch of a mapping tells whether the next ones are worth it. */
	if (object_bpf_knows_runs(o, mapping, first) ||
	    (!object_bpf_knows_pages(o, mapping, first) &&
	     (!object_bpf_wants_pages(o, false) ||
	      object_bpf_look_at_pages(o, target, mapping, first) < 0)))
		return 0;
	ret_view->what = o->pages->what + (first - o->pages->first);
	ret_view->slots = o->pages->slots + (first - o->pages->first);
	return count < o->pages->end - first ? count : o->pages->end - first;
}

struct answer {
	struct object_bpf *object;
	struct object_cache *cache; /* NULL: swap-cached pages are not told from others */
	uint64_t offset; /* of the mapping in the object, in pages */
	bool marks;
	object_sink *sink;
	void *context;
	uint64_t at, end; /* what is still to be said */
};

static int object_bpf_say(struct answer *a, uint64_t to, enum object_page what,
			  const struct xarray_run *run)
{
	struct object_run said = { .first = a->at, .count = to - a->at, .what = (uint8_t)what };

	if (!said.count)
		return 0;
	if (run) {
		said.slot_known = true;
		said.type = run->type;
		said.offset = run->value + (a->at - run->first);
	}
	a->at = to;
	return a->sink(a->context, &said);
}

/* Swapped pages that are in core lie in the swap cache. */
static int object_bpf_say_swapped(struct answer *a, uint64_t to, const struct xarray_run *run)
{
	while (a->at < to) {
		uint64_t n = to - a->at, first = a->at;
		const unsigned char *core = NULL;
		int error = 0;

		if (n > OBJECT_CACHE_WINDOW)
			n = OBJECT_CACHE_WINDOW;
		if (a->cache)
			core = object_cache_in_core(a->cache, first + a->offset, n);
		if (!core)
			return object_bpf_say(a, to, OBJECT_SWAPPED, run);
		for (uint64_t i = 0, k; i < n && !error; i = k) {
			for (k = i + 1; k < n && !((core[k] ^ core[i]) & 1); k++)
				;
			error = object_bpf_say(a, first + k,
					       core[i] & 1 ? OBJECT_SWAP_CACHED : OBJECT_SWAPPED,
					       run);
		}
		if (error)
			return error;
	}
	return 0;
}

static int object_bpf_say_run(struct answer *a, const struct xarray_run *run)
{
	uint64_t to = run->first + run->count < a->end ? run->first + run->count : a->end;

	switch (run->kind) {
	case XARRAY_SWAP:
		return object_bpf_say_swapped(a, to, run);
	case XARRAY_RESIDENT:
		return object_bpf_say(a, to,
				      a->marks && !(run->flags & XARRAY_UPTODATE) ? OBJECT_ALLOCATED
										  : OBJECT_CACHED,
				      NULL);
	case XARRAY_POISON:
		return object_bpf_say(a, to, OBJECT_POISONED, NULL);
	default:
		return object_bpf_say(a, to, OBJECT_UNKNOWN, NULL);
	}
}

/* Says all that the stretch holds of a->at … a->end - 1. */
static int object_bpf_say_stretch(struct answer *a)
{
	struct object_bpf *o = a->object;
	uint64_t end = a->end < o->end ? a->end : o->end, asked_end = a->end;
	int error = 0;

	if (o->cursor && o->runs[o->cursor - 1].first + o->runs[o->cursor - 1].count > a->at)
		o->cursor = 0;
	a->end = end;
	while (a->at < end && !error) {
		const struct xarray_run *run = &o->runs[o->cursor];

		if (o->cursor == o->count || run->first >= end)
			error = object_bpf_say(a, end, OBJECT_HOLE, NULL);
		else if (run->first + run->count <= a->at)
			o->cursor++;
		else if (run->first > a->at)
			error = object_bpf_say(a, run->first, OBJECT_HOLE, NULL);
		else
			error = object_bpf_say_run(a, run);
	}
	a->end = asked_end;
	return error;
}

/* Says all that is known page by page of a->at … a->end - 1. */
static int object_bpf_say_pages(struct answer *a)
{
	const struct object_bpf_pages *p = a->object->pages;
	uint64_t end = a->end < p->end ? a->end : p->end;
	int error = 0;

	while (a->at < end && !error) {
		uint64_t i = a->at - p->first, n = 1;
		struct object_run said = { .first = a->at, .what = p->what[i] };

		said.slot_known = said.what == OBJECT_SWAPPED;
		said.type = XARRAY_SLOT_TYPE(p->slots[i]);
		said.offset = XARRAY_SLOT_OFFSET(p->slots[i]);
		while (a->at + n < end && p->what[i + n] == said.what &&
		       (!said.slot_known || p->slots[i + n] == p->slots[i] + n))
			n++;
		said.count = n;
		a->at += n;
		error = a->sink(a->context, &said);
	}
	return error;
}

int object_bpf_query(struct object_bpf *object, const struct target *target,
		     const struct mapping *mapping, uint64_t first, uint64_t count, bool marks,
		     struct object_cache *cache, object_sink *sink, void *context,
		     uint64_t *ret_done)
{
	struct answer a = {
		.object = object,
		.cache = marks ? cache : NULL,
		.offset = mapping->offset >> PMTOP_PAGE_SHIFT,
		.marks = marks,
		.sink = sink,
		.context = context,
		.at = first,
		.end = first + count,
	};
	int error = 0;

	while (a.at < a.end && !error) {
		bool pages = object_bpf_knows_pages(object, mapping, a.at);

		if (!pages && !object_bpf_knows_runs(object, mapping, a.at)) {
			pages = object_bpf_wants_pages(object, marks);
			error = pages ? object_bpf_look_at_pages(object, target, mapping, a.at)
				      : object_bpf_look(object, target, mapping, a.at, a.end - a.at,
							marks);
		}
		/* Not a place to give up: what BPF cannot say now, another way may. */
		if (error == -ENOENT || error == -EOPNOTSUPP || error == -EAGAIN ||
		    error == -EPROTO)
			error = -ENOSYS;
		if (!error)
			error = pages ? object_bpf_say_pages(&a) : object_bpf_say_stretch(&a);
	}
	*ret_done = a.at - first;
	return error;
}
