// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/diff.h"
#include "model/track.h"

/* Pages from `first` up to the next piece. */
struct piece {
	uint64_t first;
	int64_t since_ns : 63;
	uint64_t remembered : 1;
};

struct track_mapping {
	atomic_uint refs;
	bool remembers;
	uint64_t pages;
	size_t count;
	struct piece pieces[];
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
struct maker {
	struct piece *pieces;
	size_t count, room;
	uint64_t pages;
	bool remembers, out_of_memory;
};

static void cleanup_maker(struct maker *maker)
{
	free(maker->pieces);
}

static void track_make_piece(struct maker *m, uint64_t count, int64_t since_ns, bool remembered)
{
	struct piece *last = m->count ? &m->pieces[m->count - 1] : NULL;

	if (!last || last->since_ns != since_ns || last->remembered != remembered) {
		if (m->count == m->room) {
			size_t wanted = m->room ? m->room * 2 : 64;

			last = reallocarray(m->pieces, wanted, sizeof(*last));
			if (!last) {
				m->out_of_memory = true;
				return;
			}
			m->pieces = last;
			m->room = wanted;
		}
		m->pieces[m->count++] = (struct piece){ m->pages, since_ns, remembered };
	}
	m->pages += count;
	m->remembers = m->remembers || remembered;
}

static struct track_mapping *track_finish(const struct maker *maker)
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
static void track_keep(struct maker *maker, const struct track_mapping *old, uint64_t first,
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
static bool track_mark_is_lost(const struct diff_run *run)
{
	return run->state_after == PAGE_SHARED_SWAP || run->state_after == PAGE_CACHED;
}

/*
 * Pages whose state, mark or place changed alike. Remembered stays remembered while the page is
 * content of shared memory and until the kernel marks it again.
 */
static void track_change(struct maker *maker, const struct track_mapping *old, uint64_t old_first,
			 const struct diff_run *run, int64_t now_ns)
{
	bool same_state = run->state_before == run->state_after;
	bool becomes = run->marks_before & MARK_WRITTEN && track_mark_is_lost(run);
	bool may_stay = !(run->marks_after & MARK_WRITTEN) &&
			(track_mark_is_lost(run) || run->state_after == PAGE_SHMEM);
	struct track_run was;

	for (uint64_t n, done = 0; done < run->count; done += n) {
		if (!track_run(old, old_first + done, &was))
			return;
		n = was.count < run->count - done ? was.count : run->count - done;
		track_make_piece(maker, n, same_state ? was.since_ns : now_ns,
				 becomes || (may_stay && was.remembered));
	}
}

static void track_add_segment(struct maker *maker, const struct diff *diff,
			      const struct diff_segment *s, const struct track *track,
			      int64_t now_ns)
{
	const struct track_mapping *old;
	struct diff_run run;

	if (s->before == DIFF_NOTHING) {
		track_make_piece(maker, s->pages, now_ns, false);
		return;
	}
	old = track->mappings[s->before];
	for (uint64_t i = 0; diff_run(diff, s, i, &run); i = run.first + run.count) {
		if (run.change == CHANGE_SAME && run.state_before == run.state_after &&
		    run.marks_before == run.marks_after)
			track_keep(maker, old, s->before_first + run.first, run.count);
		else
			track_change(maker, old, s->before_first + run.first, &run, now_ns);
	}
}

static bool track_unchanged(const struct diff *diff, const struct diff_row *row)
{
	const struct snapshot_mapping *a, *b;

	if (row->fate != FATE_KEPT || row->segment_count != 1)
		return false;
	a = &diff->before->mappings[row->before];
	b = &diff->after->mappings[row->after];
	return a->pages && a->pages == b->pages;
}

static struct track_mapping *track_next_mapping(const struct diff *diff, const struct diff_row *row,
						const struct track *track)
{
	CLEANUP(cleanup_maker) struct maker maker = { 0 };

	if (track_unchanged(diff, row)) {
		struct track_mapping *m = track->mappings[row->before];

		return track_mapping_keep(m);
	}
	for (size_t i = 0; i < row->segment_count; i++) {
		const struct diff_segment *s = &diff->segments[row->segment_first + i];

		if (s->after != DIFF_NOTHING)
			track_add_segment(&maker, diff, s, track, diff->after->taken_ns);
	}
	return track_finish(&maker);
}

static int track_first_track(const struct snapshot *after, struct track **ret_track)
{
	struct track *t = track_new(after->count);

	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < after->count; i++) {
		CLEANUP(cleanup_maker) struct maker maker = { 0 };

		track_make_piece(&maker, mapping_pages(after->mappings[i].mapping), after->taken_ns,
				 false);
		t->mappings[i] = track_finish(&maker);
		if (!t->mappings[i]) {
			track_unref(t);
			return -ENOMEM;
		}
	}
	*ret_track = t;
	return 0;
}

/*
 * Private pages keep the mark through swap, so one that stays what it is and loses it tells that
 * somebody cleared the marks of the process.
 */
static bool track_marks_were_cleared(const struct diff *diff)
{
	struct diff_run run;

	for (size_t i = 0; i < diff->segment_count; i++) {
		const struct diff_segment *s = &diff->segments[i];

		if (s->before == DIFF_NOTHING || s->after == DIFF_NOTHING ||
		    diff->before->mappings[s->before].pages ==
			    diff->after->mappings[s->after].pages)
			continue;
		for (uint64_t k = 0; diff_run(diff, s, k, &run); k = run.first + run.count)
			if (run.state_before == run.state_after && run.state_after == PAGE_ANON &&
			    run.marks_before & ~run.marks_after & MARK_WRITTEN)
				return true;
	}
	return false;
}

int track_forget(struct track *track, struct track **ret_track)
{
	struct track *t = track_new(track->count);

	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < track->count; i++) {
		struct track_mapping *m = track->mappings[i];
		CLEANUP(cleanup_maker) struct maker maker = { 0 };

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

static int track_follow(const struct diff *diff, const struct track *track,
			struct track **ret_track)
{
	struct track *t = track_new(diff->after->count);

	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < diff->row_count; i++) {
		const struct diff_row *row = &diff->rows[i];

		if (row->after == DIFF_NOTHING)
			continue;
		t->mappings[row->after] = track_next_mapping(diff, row, track);
		if (!t->mappings[row->after]) {
			track_unref(t);
			return -ENOMEM;
		}
	}
	*ret_track = t;
	return 0;
}

int track_next(struct track *track, struct snapshot *before, struct snapshot *after,
	       struct track **ret_track)
{
	struct track *next = NULL, *forgetful;
	struct diff *diff;
	int r;

	if (!track)
		return track_first_track(after, ret_track);
	r = diff_new(before, after, &diff);
	if (r < 0)
		return r;
	r = track_follow(diff, track, &next);
	if (!r && track_marks_were_cleared(diff)) {
		r = track_forget(next, &forgetful);
		track_unref(next);
		next = forgetful;
	}
	diff_free(diff);
	if (!r)
		*ret_track = next;
	return r;
}
