// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "model/track.h"

/* Pages from `first` up to the next piece. */
struct track_piece {
	uint64_t first;
	int64_t since_ns : 63;
	uint64_t remembered : 1;
};

struct track_mapping {
	atomic_uint refs;
	bool remembers;
	uint64_t pages;
	size_t count;
	struct track_piece pieces[];
};

struct track {
	atomic_uint refs;
	size_t count;
	struct track_mapping *mappings[];
};

static struct track *track_new(size_t count)
{
	struct track *t = calloc(1, sizeof(*t) + count * sizeof(*t->mappings));

	if (t) {
		atomic_init(&t->refs, 1);
		t->count = count;
	}
	return t;
}

struct track *track_ref(struct track *track)
{
	atomic_fetch_add_explicit(&track->refs, 1, memory_order_relaxed);
	return track;
}

static struct track_mapping *track_mapping_keep(struct track_mapping *mapping)
{
	atomic_fetch_add_explicit(&mapping->refs, 1, memory_order_relaxed);
	return mapping;
}

static void track_mapping_drop(struct track_mapping *mapping)
{
	if (mapping && atomic_fetch_sub_explicit(&mapping->refs, 1, memory_order_acq_rel) == 1)
		free(mapping);
}

void track_unref(struct track *track)
{
	if (!track || atomic_fetch_sub_explicit(&track->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < track->count; i++)
		track_mapping_drop(track->mappings[i]);
	free(track);
}

const struct track_mapping *track_mapping(const struct track *track, size_t index)
{
	return track->mappings[index];
}

bool track_remembers(const struct track_mapping *mapping)
{
	return mapping->remembers;
}

bool track_run(const struct track_mapping *mapping, uint64_t first, struct track_run *ret_run)
{
	size_t low = 0, high = mapping->count;
	uint64_t end;

	if (first >= mapping->pages)
		return false;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (mapping->pieces[middle].first <= first)
			low = middle;
		else
			high = middle;
	}
	end = low + 1 < mapping->count ? mapping->pieces[low + 1].first : mapping->pages;
	ret_run->first = first;
	ret_run->count = end - first;
	ret_run->since_ns = mapping->pieces[low].since_ns;
	ret_run->remembered = mapping->pieces[low].remembered;
	return true;
}

size_t track_memory(const struct track *track, const struct track *after)
{
	size_t bytes, j = 0;

	if (track == after)
		return 0;
	bytes = sizeof(*track) + track->count * sizeof(*track->mappings);
	for (size_t i = 0; i < track->count; i++) {
		const struct track_mapping *m = track->mappings[i];

		/* Both stand in the order of addresses, so what is shared is met in order. */
		for (size_t k = j; after && k < after->count && k < j + 4; k++)
			if (after->mappings[k] == m) {
				j = k + 1;
				m = NULL;
				break;
			}
		if (m)
			bytes += sizeof(*m) + m->count * sizeof(*m->pieces);
	}
	return bytes;
}

/* A growing list of pieces for one mapping. */
struct track_maker {
	struct track_piece *pieces;
	size_t count, room;
	uint64_t pages;
	bool remembers, out_of_memory;
};

static void cleanup_track_maker(struct track_maker *maker)
{
	free(maker->pieces);
}

static void track_make_piece(struct track_maker *m, uint64_t count, int64_t since_ns,
			     bool remembered)
{
	struct track_piece *last = m->count ? &m->pieces[m->count - 1] : NULL;

	if (!last || last->since_ns != since_ns || last->remembered != remembered) {
		if (!ARRAY_RESERVE(m->pieces, m->count, m->room)) {
			m->out_of_memory = true;
			return;
		}
		m->pieces[m->count++] = (struct track_piece){ m->pages, since_ns, remembered };
	}
	m->pages += count;
	m->remembers = m->remembers || remembered;
}

static struct track_mapping *track_finish(const struct track_maker *maker)
{
	struct track_mapping *m;

	if (maker->out_of_memory)
		return NULL;
	m = malloc(sizeof(*m) + maker->count * sizeof(*m->pieces));
	if (!m)
		return NULL;
	atomic_init(&m->refs, 1);
	m->pages = maker->pages;
	m->count = maker->count;
	m->remembers = maker->remembers;
	memcpy(m->pieces, maker->pieces, maker->count * sizeof(*m->pieces));
	return m;
}

/* Copies what is known of [first, first + count) of the mapping before. */
static void track_keep(struct track_maker *maker, const struct track_mapping *old, uint64_t first,
		       uint64_t count)
{
	struct track_run run;

	while (count && track_run(old, first, &run)) {
		uint64_t n = run.count < count ? run.count : count;

		track_make_piece(maker, n, run.since_ns, run.remembered);
		first += n;
		count -= n;
	}
}

/* A page of shared memory that has no page-table entry which could carry the mark. */
static bool track_mark_is_lost(const struct change_run *run)
{
	return run->state_after == PAGE_SHARED_SWAP || run->state_after == PAGE_CACHED;
}

/*
 * Pages whose state, mark or slot changed alike. Remembered stays remembered while the page is
 * content of shared memory and until the kernel marks it again.
 */
static void track_change(struct track_maker *maker, const struct track_mapping *old,
			 uint64_t old_first, const struct change_run *run, int64_t now_ns)
{
	bool same_state = run->state_before == run->state_after;
	bool same = same_state && run->marks_before == run->marks_after;
	bool becomes = run->marks_before & MARK_WRITTEN && track_mark_is_lost(run);
	bool may_stay = !(run->marks_after & MARK_WRITTEN) &&
			(track_mark_is_lost(run) || run->state_after == PAGE_SHMEM);
	struct track_run was;

	if (same) {
		track_keep(maker, old, old_first, run->count);
		return;
	}
	for (uint64_t n, done = 0; done < run->count; done += n) {
		if (!track_run(old, old_first + done, &was))
			return;
		n = was.count < run->count - done ? was.count : run->count - done;
		track_make_piece(maker, n, same_state ? was.since_ns : now_ns,
				 becomes || (may_stay && was.remembered));
	}
}

static void track_add_segment(struct track_maker *maker, const struct change_list *list,
			      const struct change_segment *s, const struct track *track)
{
	const int64_t now_ns = list->after->taken_ns;
	const struct track_mapping *old;
	uint64_t at = 0;

	if (s->before == CHANGE_NOTHING) {
		track_make_piece(maker, s->pages, now_ns, false);
		return;
	}
	old = track->mappings[s->before];
	CHANGE_FOR_EACH_RUN (list, s, run) {
		track_keep(maker, old, s->before_first + at, run->first - at);
		track_change(maker, old, s->before_first + run->first, run, now_ns);
		at = run->first + run->count;
	}
	track_keep(maker, old, s->before_first + at, s->pages - at);
}

/* The same mapping, and not a page of it differs. */
static bool track_unchanged(const struct change_list *list, const struct change_row *row)
{
	return row->fate == FATE_KEPT && row->segment_count == 1 &&
	       !list->segments[row->segment_first].run_count;
}

static struct track_mapping *track_next_mapping(const struct change_list *list,
						const struct change_row *row,
						const struct track *track)
{
	CLEANUP(cleanup_track_maker) struct track_maker maker = { 0 };

	if (track_unchanged(list, row))
		return track_mapping_keep(track->mappings[row->before]);
	CHANGE_FOR_EACH_SEGMENT (list, row, s)
		if (s->after != CHANGE_NOTHING)
			track_add_segment(&maker, list, s, track);
	return track_finish(&maker);
}

struct track *track_first(const struct snapshot *first)
{
	struct track *t = track_new(first->count);

	for (size_t i = 0; t && i < first->count; i++) {
		CLEANUP(cleanup_track_maker) struct track_maker maker = { 0 };

		track_make_piece(&maker, mapping_pages(first->mappings[i].mapping), first->taken_ns,
				 false);
		t->mappings[i] = track_finish(&maker);
		if (!t->mappings[i]) {
			track_unref(t);
			return NULL;
		}
	}
	return t;
}

int track_forget(struct track *track, struct track **ret_track)
{
	struct track *t = track_new(track->count);

	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < track->count; i++) {
		struct track_mapping *m = track->mappings[i];
		CLEANUP(cleanup_track_maker) struct track_maker maker = { 0 };

		if (!m->remembers) {
			t->mappings[i] = track_mapping_keep(m);
			continue;
		}
		for (size_t k = 0; k < m->count; k++)
			track_make_piece(&maker,
					 (k + 1 < m->count ? m->pieces[k + 1].first : m->pages) -
						 m->pieces[k].first,
					 m->pieces[k].since_ns, false);
		t->mappings[i] = track_finish(&maker);
		if (!t->mappings[i]) {
			track_unref(t);
			return -ENOMEM;
		}
	}
	*ret_track = t;
	return 0;
}

int track_next(struct track *track, const struct change_list *list, struct track **ret_track)
{
	struct track *t = track_new(list->after->count);
	int error = 0;

	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < list->row_count; i++) {
		const struct change_row *row = &list->rows[i];

		if (row->after == CHANGE_NOTHING)
			continue;
		t->mappings[row->after] = track_next_mapping(list, row, track);
		if (!t->mappings[row->after]) {
			track_unref(t);
			return -ENOMEM;
		}
	}
	if (!list->marks_cleared) {
		*ret_track = t;
		return 0;
	}
	error = track_forget(t, ret_track);
	track_unref(t);
	return error;
}
