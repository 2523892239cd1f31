/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TESTS_BUILD_H
#define PMTOP_TESTS_BUILD_H

#include <stdlib.h>
#include <string.h>

#include "model/sample.h"

/* Small hand-made snapshots for tests: one array element a page. */

#define BUILD_PAGES_MAX 4096u

struct build_mapping {
	uint64_t start_page; /* address / 4096 */
	uint64_t pages;
	uint64_t inode, offset_pages;
	bool shared;
	uint8_t kind;
	const char *name;
	uint8_t state[BUILD_PAGES_MAX];
	uint16_t marks[BUILD_PAGES_MAX];
	uint16_t marks_known;
};

static inline void build_fill(struct build_mapping *m, uint64_t first, uint64_t count,
			      enum page_state state, uint16_t marks)
{
	for (uint64_t i = first; i < first + count; i++) {
		m->state[i] = (uint8_t)state;
		m->marks[i] = marks;
	}
}

static inline struct pages *build_pages(const struct build_mapping *m, const struct pages *after)
{
	const struct pages_facts facts = { .marks_known = m->marks_known };
	struct pages_builder *b = pages_builder_new();
	struct pages *pages = NULL;
	uint64_t run;

	pages_builder_start(b, m->start_page << 12, after);
	for (uint64_t i = 0; i < m->pages; i += run) {
		for (run = 1; i + run < m->pages && m->state[i + run] == m->state[i] &&
			      m->marks[i + run] == m->marks[i];)
			run++;
		pages_builder_add(b, run, (enum page_state)m->state[i], m->marks[i]);
	}
	if (pages_builder_finish(b, &facts, &pages))
		abort();
	pages_builder_free(b);
	return pages;
}

/* `after`: the snapshot whose blocks are shared where the start is the same; may be NULL. */
static inline struct snapshot *build_snapshot(const struct build_mapping *mappings, size_t count,
					      const struct snapshot *after)
{
	static const struct mapping blank;
	struct snapshot *s = snapshot_new(count);

	for (size_t i = 0; i < count; i++) {
		const struct build_mapping *m = &mappings[i];
		const struct pages *shared = NULL;
		struct mapping like;

		memcpy(&like, &blank, sizeof(like));
		like.start = m->start_page << 12;
		like.end = (m->start_page + m->pages) << 12;
		like.offset = m->offset_pages << 12;
		like.inode = m->inode;
		like.kind = m->kind;
		memcpy(like.perms, m->shared ? "rw-s" : "rw-p", 5);
		s->mappings[i].mapping =
			mapping_new(&like, m->name ? m->name : "", strlen(m->name ? m->name : ""));
		for (size_t k = 0; after && k < after->count; k++)
			if (after->mappings[k].mapping->start == like.start)
				shared = after->mappings[k].pages;
		s->mappings[i].pages = build_pages(m, shared);
	}
	s->pid = 4242;
	s->known.written = true;
	s->sequence = after ? after->sequence + 1 : 0;
	snapshot_seal(s);
	return s;
}

/* A sample of a snapshot that follows nothing; takes the snapshot over. */
static inline struct sample *build_sample(struct snapshot *snapshot)
{
	struct sample *sample;

	if (sample_new(NULL, snapshot, false, &sample))
		abort();
	snapshot_unref(snapshot);
	return sample;
}

/* A small generator of our own, so that a printed seed gives the same pages everywhere. */
static inline uint64_t build_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A number below `limit`. */
static inline uint64_t build_below(uint64_t *state, uint64_t limit)
{
	return (build_random(state) >> 11) % limit;
}

#endif
