/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TESTS_LOG_WORLD_H
#define PMTOP_TESTS_LOG_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/snapshot.h"
#include "tests/unit/build.h"

/*
 * A process that does everything that a log must be able to tell: mappings come, go, grow in both
 * directions, split and move; pages change state, marks and swap slot; facts and comm change.
 */

#define WORLD_MAPPINGS 12
#define WORLD_PAGES    2600u
#define WORLD_GAP      4096u /* pages from one place to the next; places share 2 MiB blocks */
#define WORLD_NO_SLOT  UINT64_MAX

struct world_mapping {
	bool there;
	uint64_t start_page, pages;
	uint8_t kind;
	char perms[5];
	char name[40];
	uint8_t state[WORLD_PAGES];
	uint16_t marks[WORLD_PAGES];
	uint64_t slot[WORLD_PAGES]; /* type << 32 | offset */
	struct pages_facts facts;
	bool reserve; /* a reservation of 8 TiB behind these pages */
};

struct world {
	uint64_t seed;
	struct world_mapping mappings[WORLD_MAPPINGS];
	char comm[16];
	struct snapshot *last;
	uint64_t sequence;
};

static inline uint64_t world_place(size_t i)
{
	/* Neighbours share a 2 MiB block: 4096 pages is not a multiple of what is mapped. */
	return 0x7f0000100u + i * WORLD_GAP + i * 37;
}

static inline void world_page(struct world *w, struct world_mapping *m, uint64_t page)
{
	static const uint8_t shared[] = { PAGE_NONE, PAGE_SHMEM, PAGE_CACHED, PAGE_SHARED_SWAP };
	static const uint8_t private[] = { PAGE_NONE,  PAGE_ANON,      PAGE_ZERO,   PAGE_SWAP,
					   PAGE_GUARD, PAGE_MIGRATING, PAGE_POISON, PAGE_UNKNOWN };
	uint8_t state = m->perms[3] == 's' ? shared[build_below(&w->seed, 4)]
					   : private[build_below(&w->seed, 8)];

	m->state[page] = state;
	m->marks[page] = (uint16_t)(build_random(&w->seed) & m->facts.marks_known &
				    (build_below(&w->seed, 4) ? 0 : 0x1ff));
	m->slot[page] = WORLD_NO_SLOT;
	if ((state == PAGE_SWAP || state == PAGE_SHARED_SWAP) && m->facts.slots_known)
		m->slot[page] = build_below(&w->seed, 3) ? (page ? m->slot[page - 1] + 1 : 7)
							 : build_below(&w->seed, 30) << 32 |
								   build_below(&w->seed, 1 << 20);
	if (m->slot[page] != WORLD_NO_SLOT && m->slot[page] >> 32 > 40)
		m->slot[page] = build_below(&w->seed, 1 << 20);
}

static inline void world_appear(struct world *w, size_t i)
{
	static const char *const names[] = { "", "/dev/zero (deleted)", "[heap]",
					     "/tmp/\x1b[31mred \xff\n" };
	struct world_mapping *m = &w->mappings[i];

	memset(m, 0, sizeof(*m));
	m->there = true;
	m->start_page = world_place(i) + build_below(&w->seed, 300);
	m->pages = 1 + build_below(&w->seed, WORLD_PAGES - 1);
	m->kind = build_below(&w->seed, 2) ? MAPPING_SHMEM : MAPPING_ANON;
	memcpy(m->perms, m->kind == MAPPING_SHMEM ? "rw-s" : "rw-p", 5);
	strcpy(m->name, names[build_below(&w->seed, 4)]);
	m->facts.marks_known = (uint16_t)(build_below(&w->seed, 2) ? 0x1ff : 0x1fe);
	m->facts.slots_known = build_below(&w->seed, 3);
	m->reserve = i == WORLD_MAPPINGS - 1;
	for (uint64_t p = 0; p < m->pages; p++)
		m->slot[p] = WORLD_NO_SLOT;
	if (build_below(&w->seed, 2))
		for (uint64_t p = 0; p < m->pages; p++)
			world_page(w, m, p);
}

static inline void world_grow(struct world *w, struct world_mapping *m)
{
	uint64_t by = build_below(&w->seed, 40), old = m->pages;

	if (m->pages + by > WORLD_PAGES || build_below(&w->seed, 3) == 0) {
		m->pages -= by < m->pages ? by : m->pages - 1;
		return;
	}
	m->pages += by;
	if (build_below(&w->seed, 2)) {
		for (uint64_t p = old; p < m->pages; p++)
			world_page(w, m, p);
		return;
	}
	/* Downward, as a stack: what was keeps its addresses. */
	m->start_page -= by;
	memmove(m->state + by, m->state, old);
	memmove(m->marks + by, m->marks, old * sizeof(*m->marks));
	memmove(m->slot + by, m->slot, old * sizeof(*m->slot));
	for (uint64_t p = 0; p < by; p++)
		world_page(w, m, p);
}

/* One of many things happens. */
static inline void world_turn(struct world *w)
{
	size_t i = build_below(&w->seed, WORLD_MAPPINGS);
	struct world_mapping *m = &w->mappings[i];
	uint64_t first;

	if (!m->there) {
		world_appear(w, i);
		return;
	}
	switch (build_below(&w->seed, 12)) {
	case 0:
		m->there = false;
		return;
	case 1:
		world_grow(w, m);
		return;
	case 2:
		/* Of those that the stored log of schema 1 could know. */
		m->facts.doubt = (uint8_t)build_below(&w->seed, DOUBT_UNWRITTEN + 1);
		m->facts.swap_unplaced = build_below(&w->seed, 2);
		return;
	case 3:
		m->perms[0] = build_below(&w->seed, 2) ? 'r' : '-';
		return;
	case 4:
		snprintf(w->comm, sizeof(w->comm), "comm %d", (int)build_below(&w->seed, 100));
		return;
	case 5: /* to another place, with its content */
		m->start_page = world_place(i) + build_below(&w->seed, 300);
		return;
	case 6: /* all of it to one value, and back to nothing */
		memset(m->state, build_below(&w->seed, 2) ? PAGE_NONE : PAGE_ZERO, m->pages);
		memset(m->marks, 0, sizeof(m->marks));
		memset(m->slot, 0xff, sizeof(m->slot));
		return;
	default:
		first = build_below(&w->seed, m->pages);
		for (uint64_t p = first; p < m->pages && p < first + 200; p++)
			if (build_below(&w->seed, 3))
				world_page(w, m, p);
	}
}

#define WORLD_RESERVE (UINT64_C(1) << 31) /* pages */

static inline struct pages *world_pages(const struct world_mapping *m, const struct pages *after)
{
	struct pages_builder *b = pages_builder_new();
	struct pages *pages = NULL;

	pages_builder_start(b, m->start_page << 12, after);
	for (uint64_t i = 0; i < m->pages; i++)
		pages_builder_add(b, 1, (enum page_state)m->state[i], m->marks[i]);
	if (m->reserve)
		pages_builder_add(b, WORLD_RESERVE, PAGE_NONE, 0);
	for (uint64_t i = 0; i < m->pages; i++) {
		const struct slot_run run = { .first = i,
					      .count = 1,
					      .offset = m->slot[i] & 0xffffffff,
					      .type = (uint32_t)(m->slot[i] >> 32) };

		if (m->slot[i] != WORLD_NO_SLOT)
			pages_builder_slot(b, &run);
	}
	if (pages_builder_finish(b, &m->facts, &pages))
		abort();
	pages_builder_free(b);
	return pages;
}

static inline void world_mapping_snapshot(const struct world *w, const struct world_mapping *m,
					  struct snapshot_mapping *ret)
{
	static const struct mapping blank;
	const struct pages *after = NULL;
	struct mapping like;
	size_t k;

	memcpy(&like, &blank, sizeof(like));
	like.start = m->start_page << 12;
	like.end = (m->start_page + m->pages + (m->reserve ? WORLD_RESERVE : 0)) << 12;
	like.inode = m->kind == MAPPING_SHMEM ? 17 : 0;
	like.kind = m->kind;
	memcpy(like.perms, m->perms, 5);
	k = w->last ? snapshot_find(w->last, like.start) : 0;
	if (w->last && k < w->last->count && w->last->mappings[k].mapping->start == like.start)
		after = w->last->mappings[k].pages;
	ret->mapping = mapping_new(&like, m->name, strlen(m->name));
	if (after && mapping_equal(ret->mapping, w->last->mappings[k].mapping)) {
		mapping_unref(ret->mapping);
		ret->mapping = mapping_ref(w->last->mappings[k].mapping);
	}
	ret->pages = world_pages(m, after);
}

/* A snapshot that shares with the one before what a sampler would share. */
static inline struct snapshot *world_snapshot(struct world *w)
{
	struct snapshot *s;
	size_t count = 0, n = 0;

	for (size_t i = 0; i < WORLD_MAPPINGS; i++)
		count += w->mappings[i].there;
	s = snapshot_new(count);
	for (size_t i = 0; i < WORLD_MAPPINGS; i++)
		if (w->mappings[i].there)
			world_mapping_snapshot(w, &w->mappings[i], &s->mappings[n++]);
	s->pid = 4242;
	s->start_time = 99;
	s->sequence = w->sequence++;
	s->taken_ns = INT64_C(1700000000000000000) + (int64_t)s->sequence * 100000000;
	s->clock_ns = 5000000000 + (int64_t)s->sequence * 100000000;
	memcpy(s->comm, w->comm, sizeof(w->comm));
	s->known.written = build_below(&w->seed, 10) != 0;
	s->known.private_slots = build_below(&w->seed, 2);
	s->known.swap_exact = build_below(&w->seed, 2);
	snapshot_seal(s);
	if (w->last)
		snapshot_unref(w->last);
	w->last = snapshot_ref(s);
	return s;
}

/* Raw facts of some pages of the first mapping, as if they were on the screen; made up, by sample. */
static inline struct page_detail *world_detail(const struct snapshot *s)
{
	const struct mapping *m = s->mappings[0].mapping;
	size_t count = mapping_pages(m) < 700 ? (size_t)mapping_pages(m) : 700;
	struct page_detail *d = page_detail_new(m->start, count);

	d->words_known = d->flags_known = true;
	d->counts_known = s->sequence % 2;
	for (size_t i = 0; i < count; i++) {
		d->words[i] = UINT64_C(1) << 63 | (i * 7919 + s->sequence / 4);
		d->flags[i] = i % 5 << 12;
		d->map_counts[i] = d->counts_known ? i % 3 : 0;
		d->rules[i] = (uint8_t)(i % 4);
	}
	return d;
}

static inline void world_free(struct world *w)
{
	if (w->last)
		snapshot_unref(w->last);
	free(w);
}

static inline struct world *world_new(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	w->seed = seed * 2654435761u + 1;
	for (int i = 0; i < 20; i++)
		world_turn(w);
	return w;
}

#endif
