// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/maps.h"
#include "kernel/object.h"
#include "kernel/pagemap.h"
#include "kernel/pagemap_slots.h"
#include "kernel/xarray.h"

/* How often a part that changes while it is read is read again. */
#define ATTEMPTS 8

struct pagemap_slots {
	const struct target *target;
	const struct probe *probe;
	struct filesystems *filesystems;
	struct object_reader *objects;
	struct mapping_list mappings;
	/* The kernel's own words, before and after shared memory was asked. */
	uint64_t before[PAGEMAP_SLOTS_MOST], after[PAGEMAP_SLOTS_MOST];
};

void pagemap_slots_close(struct pagemap_slots *slots)
{
	if (!slots)
		return;
	if (slots->objects)
		object_reader_free(slots->objects);
	if (slots->filesystems)
		filesystems_free(slots->filesystems);
	mapping_list_release(&slots->mappings);
	free(slots);
}

static int pagemap_slots_read_mappings(struct pagemap_slots *s)
{
	return maps_read(s->target, s->probe, s->filesystems, NULL, &s->mappings);
}

int pagemap_slots_open(const struct target *target, const struct probe *probe,
		       struct pagemap_slots **ret_slots)
{
	struct pagemap_slots *s = calloc(1, sizeof(*s));
	int error = -ENOMEM;

	if (s) {
		s->target = target;
		s->probe = probe;
		s->filesystems = filesystems_new(probe);
		if (s->filesystems)
			s->objects = object_reader_new(target, probe, s->filesystems);
		if (s->objects)
			error = pagemap_slots_read_mappings(s);
	}
	if (error < 0) {
		pagemap_slots_close(s);
		return error;
	}
	*ret_slots = s;
	return 0;
}

struct overlay {
	const struct pagemap_slots *slots;
	uint64_t *words;
	uint64_t address; /* of words[0] */
	const struct mapping *mapping;
};

/* Index of the word for a page of the mapping. */
static uint64_t pagemap_slots_word_of(const struct overlay *o, uint64_t page)
{
	return (o->mapping->start + page * PMTOP_PAGE_SIZE - o->address) / PMTOP_PAGE_SIZE;
}

static int pagemap_slots_put_slots(void *context, const struct object_run *run)
{
	struct overlay *o = context;
	uint64_t at = pagemap_slots_word_of(o, run->first);

	if (run->what == OBJECT_UNKNOWN || run->what == OBJECT_CACHED_OR_SWAPPED)
		return -ENOTSUP;
	if (run->what != OBJECT_SWAPPED && run->what != OBJECT_SWAP_CACHED)
		return 0;
	if (!run->slot_known)
		return -ENOTSUP;
	for (uint64_t k = 0; k < run->count; k++)
		o->words[at + k] = (o->slots->before[at + k] & (PM_SOFT_DIRTY | PM_UFFD_WP)) |
				   xarray_pagemap_word(run->type, run->offset + k);
	return 0;
}

static bool pagemap_slots_asks_object(const struct pagemap_slots *s, const struct mapping *m,
				      uint64_t word)
{
	struct evidence e = pagemap_evidence(s->probe, word);

	return classify_needs_object(m, &e);
}

/* Lays the slots of one mapping over the words of its pages first … end - 1. */
static int pagemap_slots_overlay_mapping(struct pagemap_slots *s, struct overlay *o, uint64_t first,
					 uint64_t end)
{
	const struct mapping *m = o->mapping;
	int error = 0;

	for (uint64_t i = first, n; i < end && !error; i += n) {
		bool asks = pagemap_slots_asks_object(s, m, s->before[pagemap_slots_word_of(o, i)]);

		for (n = 1; i + n < end; n++)
			if (pagemap_slots_asks_object(
				    s, m, s->before[pagemap_slots_word_of(o, i + n)]) != asks)
				break;
		if (asks)
			error = object_query(s->objects, m, i, n, pagemap_slots_put_slots, o);
	}
	object_close(s->objects);
	return error;
}

static int pagemap_slots_overlay_all(struct pagemap_slots *s, uint64_t address, uint64_t *words,
				     size_t count)
{
	uint64_t end = address + count * PMTOP_PAGE_SIZE;
	struct overlay o = { .slots = s, .words = words, .address = address };
	int error = 0;

	for (size_t i = 0; i < s->mappings.count && !error; i++) {
		const struct mapping *m = s->mappings.items[i];
		uint64_t from = m->start > address ? m->start : address;
		uint64_t to = m->end < end ? m->end : end;

		if (m->kind != MAPPING_SHMEM || from >= to)
			continue;
		o.mapping = m;
		error = pagemap_slots_overlay_mapping(s, &o, (from - m->start) / PMTOP_PAGE_SIZE,
						      (to - m->start) / PMTOP_PAGE_SIZE);
	}
	return error;
}

int pagemap_slots_read(struct pagemap_slots *slots, uint64_t address, uint64_t *words, size_t count)
{
	size_t size = count * sizeof(*words);
	int error;

	if (count > PAGEMAP_SLOTS_MOST)
		return -EINVAL;
	for (int attempt = 0;; attempt++) {
		error = pagemap_read(slots->probe, slots->target->pagemap, address, slots->before,
				     count);
		if (!error) {
			memcpy(words, slots->before, size);
			error = pagemap_slots_overlay_all(slots, address, words, count);
		}
		if (!error)
			error = pagemap_read(slots->probe, slots->target->pagemap, address,
					     slots->after, count);
		if (error)
			return error == -ESRCH && target_is_alive(slots->target) ? -ERANGE : error;
		/* A page that moved meanwhile may be in neither picture. */
		if (!memcmp(slots->before, slots->after, size) || attempt == ATTEMPTS)
			return 0;
		error = pagemap_slots_read_mappings(slots);
		if (error)
			return error;
	}
}

const char *pagemap_slots_lack(const struct pagemap_slots *slots)
{
	return object_slots_lack(slots->objects);
}
