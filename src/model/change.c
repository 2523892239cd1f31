// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "model/change.h"
#include "model/pages_internal.h"

#define PAGE_CHANGE_INFO(id, letter, name, key, rank, meaning)                                     \
	[CHANGE_##id] = { letter, name, key, meaning },
const struct page_change_info page_changes[PAGE_CHANGES] = { PAGE_CHANGE_TABLE(PAGE_CHANGE_INFO) };

const char *const mapping_fate_names[MAPPING_FATES] = {
	[FATE_KEPT] = "kept", [FATE_RESIZED] = "resized", [FATE_APPEARED] = "appeared",
	[FATE_GONE] = "gone", [FATE_MOVED] = "moved",
};

/* How much of a page is here; more is "appeared", less is "gone". In RAM and in swap is all. */
static int change_presence(enum page_state state)
{
	return page_states[state].place < PLACE_RAM ? page_states[state].place : PLACE_RAM;
}

enum page_change page_change(enum page_state state_before, uint16_t written_before,
			     enum page_state state_after, uint16_t written_after)
{
	int before = change_presence(state_before), after = change_presence(state_after);

	if (state_before == PAGE_UNKNOWN || state_after == PAGE_UNKNOWN)
		return CHANGE_UNKNOWN;
	/*
	 * Between the cache and swap a page moves; from nothing into swap it is new first of all.
	 */
	if (page_state_is_swapped(state_before) != page_state_is_swapped(state_after) &&
	    before >= 2 && after >= 2)
		return CHANGE_SWAP;
	if (before != after)
		return after > before ? CHANGE_APPEARED : CHANGE_GONE;
	if (written_after && !written_before)
		return CHANGE_WRITTEN;
	/* On the move in RAM is the same content. */
	if (state_before == state_after || state_before == PAGE_MIGRATING ||
	    state_after == PAGE_MIGRATING)
		return CHANGE_SAME;
	return page_state_is_swapped(state_before) ? CHANGE_SWAP : CHANGE_WRITTEN;
}

/* A list that is being made. */
struct change_maker {
	struct change_list *list;
	size_t segment_room, run_room;
};

struct change_list *change_list_ref(struct change_list *list)
{
	atomic_fetch_add_explicit(&list->refs, 1, memory_order_relaxed);
	return list;
}

void change_list_unref(struct change_list *list)
{
	if (!list || atomic_fetch_sub_explicit(&list->refs, 1, memory_order_acq_rel) != 1)
		return;
	snapshot_unref(list->before);
	snapshot_unref(list->after);
	free(list->rows);
	free(list->row_of_after);
	free(list->segments);
	free(list->runs);
	free(list);
}

size_t change_list_memory(const struct change_list *list)
{
	return sizeof(*list) + list->row_count * sizeof(*list->rows) +
	       list->after->count * sizeof(*list->row_of_after) +
	       list->segment_count * sizeof(*list->segments) +
	       list->run_count * sizeof(*list->runs);
}

/* The same page at the same address means the same content in both mappings. */
static bool change_same_object(const struct mapping *a, const struct mapping *b)
{
	if (mapping_is_private(a) != mapping_is_private(b) || a->inode != b->inode ||
	    a->dev_major != b->dev_major || a->dev_minor != b->dev_minor ||
	    (a->kind == MAPPING_HUGETLB) != (b->kind == MAPPING_HUGETLB) ||
	    (a->kind == MAPPING_SPECIAL) != (b->kind == MAPPING_SPECIAL))
		return false;
	return !a->inode || a->offset - a->start == b->offset - b->start;
}

static int change_add_segment(struct change_maker *maker, size_t before, size_t after,
			      uint64_t start, uint64_t end)
{
	struct change_list *list = maker->list;
	struct change_segment *s;

	if (!ARRAY_RESERVE(list->segments, list->segment_count, maker->segment_room))
		return -ENOMEM;
	s = &list->segments[list->segment_count++];
	*s = (struct change_segment){ .before = before, .after = after };
	s->pages = (end - start) >> PMTOP_PAGE_SHIFT;
	if (before != CHANGE_NOTHING)
		s->before_first =
			(start - list->before->mappings[before].mapping->start) >> PMTOP_PAGE_SHIFT;
	if (after != CHANGE_NOTHING)
		s->after_first =
			(start - list->after->mappings[after].mapping->start) >> PMTOP_PAGE_SHIFT;
	return 0;
}

/* The next border of either mapping after `at`. */
static uint64_t change_next_border(const struct mapping *m, uint64_t at, uint64_t border)
{
	if (!m)
		return border;
	if (m->start > at)
		return m->start < border ? m->start : border;
	return m->end < border ? m->end : border;
}

static const struct mapping *change_mapping_at(const struct snapshot *snapshot, size_t index)
{
	return index < snapshot->count ? snapshot->mappings[index].mapping : NULL;
}

/* Walks both lists by address and cuts them at every border of either. */
static int change_sweep(struct change_maker *maker)
{
	const struct change_list *list = maker->list;
	size_t i = 0, j = 0;
	uint64_t at = 0;

	for (;;) {
		const struct mapping *a = change_mapping_at(list->before, i);
		const struct mapping *b = change_mapping_at(list->after, j);
		bool in_a = a && a->start <= at, in_b = b && b->start <= at;
		uint64_t border = change_next_border(b, at, change_next_border(a, at, UINT64_MAX));
		int r = 0;

		if (!a && !b)
			return 0;
		if (in_a && in_b && change_same_object(a, b)) {
			r = change_add_segment(maker, i, j, at, border);
		} else {
			if (in_a)
				r = change_add_segment(maker, i, CHANGE_NOTHING, at, border);
			if (in_b && !r)
				r = change_add_segment(maker, CHANGE_NOTHING, j, at, border);
		}
		if (r < 0)
			return r;
		at = border;
		i += a && a->end <= at;
		j += b && b->end <= at;
	}
}

/* A whole mapping that is only before, or only after. */
struct change_candidate {
	const struct snapshot_mapping *mapping;
	size_t segment;
	bool is_after, taken;
};

#define ORDER(a, b)                                                                                \
	do {                                                                                       \
		if ((a) != (b))                                                                    \
			return (a) < (b) ? -1 : 1;                                                 \
	} while (0)

/* Orders by everything that a mapping keeps when it moves. */
static int change_compare_content(const struct mapping *a, const struct mapping *b)
{
	int r;

	ORDER(mapping_pages(a), mapping_pages(b));
	ORDER(a->inode, b->inode);
	ORDER(a->dev_major, b->dev_major);
	ORDER(a->dev_minor, b->dev_minor);
	ORDER(a->kind, b->kind);
	/* The offset of private memory without a file follows its address. */
	if (a->inode)
		ORDER(a->offset, b->offset);
	r = memcmp(a->perms, b->perms, sizeof(a->perms));
	return r ? r : strcmp(a->name, b->name);
}

/* Alike ones stand together, those before first, by address. */
static int change_compare_candidates(const void *x, const void *y)
{
	const struct change_candidate *a = x, *b = y;
	int r = change_compare_content(a->mapping->mapping, b->mapping->mapping);

	if (r)
		return r;
	ORDER(a->is_after, b->is_after);
	ORDER(a->segment, b->segment);
	return 0;
}

/*
 * For memory that nothing names: the same pages are in the same states, and not all are untouched.
 */
static bool change_same_states(const struct pages *a, const struct pages *b)
{
	struct page_run x, y;
	bool content = false;

	if (!a || !b || pages_total(a) != pages_total(b) ||
	    memcmp(pages_counts(a)->state, pages_counts(b)->state,
		   sizeof(pages_counts(a)->state)) != 0)
		return false;
	for (uint64_t i = 0; i < pages_total(a); i += x.count) {
		pages_run(a, i, &x);
		pages_run(b, i, &y);
		if (x.state != y.state)
			return false;
		content = content || (x.state != PAGE_NONE && x.state != PAGE_UNKNOWN);
		if (y.count < x.count)
			x.count = y.count;
	}
	return content;
}

static bool change_moved(const struct change_candidate *a, const struct change_candidate *b)
{
	if (a->mapping->mapping->inode)
		return true;
	return change_same_states(a->mapping->pages, b->mapping->pages);
}

static size_t change_gather(const struct change_list *list, struct change_candidate *candidates)
{
	size_t n = 0;

	for (size_t i = 0; i < list->segment_count; i++) {
		const struct change_segment *s = &list->segments[i];
		bool is_after = s->before == CHANGE_NOTHING;
		const struct snapshot_mapping *m;

		if (!is_after && s->after != CHANGE_NOTHING)
			continue;
		m = is_after ? &list->after->mappings[s->after]
			     : &list->before->mappings[s->before];
		if (s->pages == mapping_pages(m->mapping))
			candidates[n++] = (struct change_candidate){ m, i, is_after, false };
	}
	return n;
}

/* Comparisons of alike mappings; beyond them (thousands that all moved at once) none is paired. */
#define MOVES_MOST (1u << 20)

/* Pairs alike mappings: the segment of the new one takes both. */
static void change_pair(struct change_list *list, struct change_candidate *c, size_t alike)
{
	size_t before = 0;

	while (before < alike && !c[before].is_after)
		before++;
	if (before * (alike - before) > MOVES_MOST)
		return;
	for (size_t j = before; j < alike; j++)
		for (size_t i = 0; i < before; i++) {
			if (c[i].taken || !change_moved(&c[i], &c[j]))
				continue;
			c[i].taken = true;
			list->segments[c[j].segment].before = list->segments[c[i].segment].before;
			list->segments[c[i].segment].pages = 0;
			break;
		}
}

static void change_drop_paired(struct change_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->segment_count; i++)
		if (list->segments[i].pages)
			list->segments[n++] = list->segments[i];
	list->segment_count = n;
}

/* Joins segments of whole mappings that vanished and appeared: see change.h. -ENOMEM. */
static int change_find_moves(struct change_list *list)
{
	CLEANUP(cleanup_free)
	struct change_candidate *candidates = calloc(list->segment_count + 1, sizeof(*candidates));
	size_t n, alike;

	if (!candidates)
		return -ENOMEM;
	n = change_gather(list, candidates);
	qsort(candidates, n, sizeof(*candidates), change_compare_candidates);
	for (size_t i = 0; i < n; i += alike) {
		for (alike = 1; i + alike < n; alike++)
			if (change_compare_content(candidates[i].mapping->mapping,
						   candidates[i + alike].mapping->mapping))
				break;
		change_pair(list, &candidates[i], alike);
	}
	change_drop_paired(list);
	return 0;
}

static void change_open_row(struct change_list *list, size_t before, size_t after)
{
	list->rows[list->row_count++] = (struct change_row){ .before = before, .after = after };
}

/*
 * Which row each segment belongs to: that of its mapping after; a range that is gone goes to the
 * row of the first mapping after that kept something of its mapping before.
 */
static int change_assign_rows(struct change_list *list, size_t *row_of_segment)
{
	size_t before = list->before->count, after = list->after->count;
	size_t *row_of_before = calloc(before + after + 1, sizeof(size_t));
	size_t *row_of_after;

	list->rows = calloc(before + after + 1, sizeof(*list->rows));
	if (!row_of_before || !list->rows) {
		free(row_of_before);
		return -ENOMEM;
	}
	row_of_after = row_of_before + before;
	/* Numbers from 1; 0: none yet. Rows of mappings after first, since others may join them. */
	for (size_t k = 0; k < list->segment_count; k++) {
		const struct change_segment *s = &list->segments[k];
		struct change_row *row;

		if (s->after == CHANGE_NOTHING)
			continue;
		if (!row_of_after[s->after]) {
			change_open_row(list, CHANGE_NOTHING, s->after);
			row_of_after[s->after] = list->row_count;
		}
		row_of_segment[k] = row_of_after[s->after] - 1;
		row = &list->rows[row_of_segment[k]];
		if (s->before == CHANGE_NOTHING)
			continue;
		if (row->before == CHANGE_NOTHING) {
			row->before = s->before;
			row->split = row_of_before[s->before] != 0;
		}
		if (!row_of_before[s->before])
			row_of_before[s->before] = row_of_after[s->after];
	}
	for (size_t k = 0; k < list->segment_count; k++) {
		const struct change_segment *s = &list->segments[k];

		if (s->after != CHANGE_NOTHING)
			continue;
		if (!row_of_before[s->before]) {
			change_open_row(list, s->before, CHANGE_NOTHING);
			row_of_before[s->before] = list->row_count;
		}
		row_of_segment[k] = row_of_before[s->before] - 1;
	}
	free(row_of_before);
	return 0;
}

/* Puts the segments into the order of their rows. */
static int change_group_segments(struct change_list *list, const size_t *row_of_segment)
{
	struct change_segment *grouped = calloc(list->segment_count + 1, sizeof(*grouped));
	size_t at = 0;

	if (!grouped)
		return -ENOMEM;
	for (size_t k = 0; k < list->segment_count; k++)
		list->rows[row_of_segment[k]].segment_count++;
	for (size_t r = 0; r < list->row_count; r++) {
		list->rows[r].segment_first = at;
		at += list->rows[r].segment_count;
		list->rows[r].segment_count = 0;
	}
	for (size_t k = 0; k < list->segment_count; k++) {
		struct change_row *row = &list->rows[row_of_segment[k]];

		grouped[row->segment_first + row->segment_count++] = list->segments[k];
	}
	free(list->segments);
	list->segments = grouped;
	return 0;
}

static enum mapping_fate change_row_fate(const struct change_list *list,
					 const struct change_row *row)
{
	const struct mapping *a, *b;

	if (row->before == CHANGE_NOTHING)
		return FATE_APPEARED;
	if (row->after == CHANGE_NOTHING)
		return FATE_GONE;
	a = list->before->mappings[row->before].mapping;
	b = list->after->mappings[row->after].mapping;
	if (a->start == b->start && a->end == b->end)
		return FATE_KEPT;
	if (b->start >= a->end || b->end <= a->start)
		return FATE_MOVED;
	return FATE_RESIZED;
}

static uint64_t change_row_address(const struct change_list *list, const struct change_row *row)
{
	if (row->after != CHANGE_NOTHING)
		return list->after->mappings[row->after].mapping->start;
	return list->before->mappings[row->before].mapping->start;
}

static int change_compare_rows(const void *x, const void *y, void *context)
{
	uint64_t a = change_row_address(context, x), b = change_row_address(context, y);

	if (a != b)
		return a < b ? -1 : 1;
	/* What is gone stands before what came in its place. */
	return (((const struct change_row *)y)->after == CHANGE_NOTHING) -
	       (((const struct change_row *)x)->after == CHANGE_NOTHING);
}

static int change_build_rows(struct change_list *list)
{
	CLEANUP(cleanup_free)
	size_t *row_of_segment = calloc(list->segment_count + 1, sizeof(size_t));
	int r;

	if (!row_of_segment)
		return -ENOMEM;
	r = change_assign_rows(list, row_of_segment);
	return r ? r : change_group_segments(list, row_of_segment);
}

/* The swap slots of one side of a segment, asked in page order. */
struct change_slots {
	const struct slot_run *runs;
	size_t count, at;
};

/* One side of a segment. */
struct change_side {
	const struct pages *pages; /* NULL: not mapped there, or not read */
	uint64_t first; /* page of the mapping where the segment begins */
	uint16_t marks_known;
	uint8_t state_without; /* of all pages where there are none */
	struct change_slots slots;
};

static struct change_side change_side_of(const struct snapshot *snapshot, size_t index,
					 uint64_t first)
{
	struct change_side side = { .first = first, .state_without = PAGE_NONE };

	if (index == CHANGE_NOTHING)
		return side;
	side.state_without = PAGE_UNKNOWN;
	side.pages = snapshot->mappings[index].pages;
	if (side.pages) {
		side.marks_known = pages_facts(side.pages)->marks_known;
		side.slots.runs = pages_slots(side.pages, &side.slots.count);
		side.slots.at = slots_from(side.pages, first);
	}
	return side;
}

/* Equal pages of a side from page `at` of the segment on, at most `most`. */
static struct page_run change_side_run(const struct change_side *side, uint64_t at, uint64_t most)
{
	struct page_run run = { .count = most, .state = side->state_without };

	if (side->pages && pages_run(side->pages, side->first + at, &run))
		run.marks &= side->marks_known;
	if (run.count > most)
		run.count = most;
	return run;
}

/* Type and offset of the slot of a page as one number, 0: none; *ret_count: how long it goes on. */
static uint64_t change_slot_at(struct change_side *side, uint64_t at, uint64_t *ret_count)
{
	struct change_slots *slots = &side->slots;
	uint64_t page = side->first + at;
	const struct slot_run *run;

	while (slots->at < slots->count &&
	       slots->runs[slots->at].first + slots->runs[slots->at].count <= page)
		slots->at++;
	if (slots->at == slots->count) {
		*ret_count = UINT64_MAX;
		return 0;
	}
	run = &slots->runs[slots->at];
	if (page < run->first) {
		*ret_count = run->first - page;
		return 0;
	}
	*ret_count = run->first + run->count - page;
	return (uint64_t)(run->type + 1) << 58 | (run->offset + (page - run->first));
}

/* What is compared, and where its runs go. */
struct change_compare {
	struct change_maker *maker;
	struct change_segment *segment;
	struct change_row *row;
	struct change_side before, after;
	uint16_t written_known; /* on both sides, or no mark */
};

static bool change_run_continues(const struct change_run *last, const struct change_run *run)
{
	return last->first + last->count == run->first &&
	       (uint64_t)last->count + run->count <= UINT32_MAX &&
	       last->state_before == run->state_before && last->state_after == run->state_after &&
	       last->marks_before == run->marks_before && last->marks_after == run->marks_after &&
	       last->slot == run->slot;
}

static int change_add_run(struct change_compare *c, uint64_t first, uint64_t count,
			  const struct page_run *before, const struct page_run *after, bool slot)
{
	struct change_list *list = c->maker->list;
	struct change_run run = {
		.state_before = before->state,
		.state_after = after->state,
		.marks_before = before->marks,
		.marks_after = after->marks,
		.change = page_change(before->state, before->marks & c->written_known, after->state,
				      after->marks & c->written_known),
		.slot = slot,
	};

	if (before->state == PAGE_ANON && after->state == PAGE_ANON &&
	    before->marks & ~after->marks & c->written_known)
		list->marks_cleared = true;
	c->row->changes[run.change] += count;
	for (uint64_t done = 0; done < count; done += run.count) {
		run.first = first + done;
		run.count = count - done < UINT32_MAX ? (uint32_t)(count - done) : UINT32_MAX;
		if (c->segment->run_count &&
		    change_run_continues(&list->runs[list->run_count - 1], &run)) {
			list->runs[list->run_count - 1].count += run.count;
			continue;
		}
		if (!ARRAY_RESERVE(list->runs, list->run_count, c->maker->run_room))
			return -ENOMEM;
		list->runs[list->run_count++] = run;
		c->segment->run_count++;
	}
	return 0;
}

/* Pages [at, at + count), whose states and marks are the same on both sides. */
static int change_compare_slots(struct change_compare *c, uint64_t at, uint64_t count)
{
	uint64_t end = at + count, n, other;
	int error = 0;

	if (!c->before.slots.count && !c->after.slots.count) {
		c->row->changes[CHANGE_SAME] += count;
		return 0;
	}
	for (; !error && at < end; at += n) {
		bool same =
			change_slot_at(&c->before, at, &n) == change_slot_at(&c->after, at, &other);
		struct page_run run;

		if (other < n)
			n = other;
		if (n > end - at)
			n = end - at;
		if (same) {
			c->row->changes[CHANGE_SAME] += n;
			continue;
		}
		run = change_side_run(&c->after, at, n);
		n = run.count;
		error = change_add_run(c, at, n, &run, &run, true);
	}
	return error;
}

/* Pages [at, at + count) have the same states and marks: their slots may differ. */
static int change_add_same(struct change_compare *c, uint64_t at, uint64_t count)
{
	const struct pages *pages = c->after.pages;
	struct page_counts counts = { 0 };

	if (c->after.state_without == PAGE_UNKNOWN && !pages)
		counts.state[PAGE_UNKNOWN] = count;
	else if (pages && pages_counts(pages)->state[PAGE_UNKNOWN])
		pages_count(pages, c->after.first + at, count, &counts);
	/* Nothing can be said of what is unknown; it has no slot and counts as the same below. */
	c->row->changes[CHANGE_UNKNOWN] += counts.state[PAGE_UNKNOWN];
	c->row->changes[CHANGE_SAME] -= counts.state[PAGE_UNKNOWN];
	return change_compare_slots(c, at, count);
}

/* Pages from `at` on that both sides keep in one shared block. */
static uint64_t change_shared(const struct change_compare *c, uint64_t at)
{
	const struct pages *a = c->before.pages, *b = c->after.pages;
	uint64_t count, rest = c->segment->pages - at;

	if (!a || !b || c->before.first != c->after.first ||
	    c->before.marks_known != c->after.marks_known ||
	    !pages_shared(a, b, c->after.first + at, &count))
		return 0;
	return count < rest ? count : rest;
}

static int change_compare_pages(struct change_compare *c)
{
	uint64_t pages = c->segment->pages, n;
	int error = 0;

	for (uint64_t at = 0; !error && at < pages; at += n) {
		struct page_run before, after;

		n = change_shared(c, at);
		if (n) {
			error = change_add_same(c, at, n);
			continue;
		}
		before = change_side_run(&c->before, at, pages - at);
		after = change_side_run(&c->after, at, before.count);
		n = after.count;
		if (before.state == after.state && before.marks == after.marks)
			error = change_add_same(c, at, n);
		else
			error = change_add_run(c, at, n, &before, &after, false);
	}
	return error;
}

static int change_compare_segment(struct change_maker *maker, struct change_row *row,
				  struct change_segment *s)
{
	struct change_list *list = maker->list;
	struct change_compare c = {
		.maker = maker,
		.segment = s,
		.row = row,
		.before = change_side_of(list->before, s->before, s->before_first),
		.after = change_side_of(list->after, s->after, s->after_first),
	};

	s->run_first = list->run_count;
	c.written_known = c.before.marks_known & c.after.marks_known & MARK_WRITTEN;
	return change_compare_pages(&c);
}

static int change_compare_row(struct change_maker *maker, struct change_row *row)
{
	struct change_list *list = maker->list;
	int error = 0;

	row->fate = (uint8_t)change_row_fate(list, row);
	list->fates[row->fate]++;
	for (size_t i = 0; !error && i < row->segment_count; i++)
		error = change_compare_segment(maker, row, &list->segments[row->segment_first + i]);
	for (int c = 0; c < PAGE_CHANGES; c++)
		list->totals[c] += row->changes[c];
	return error;
}

static int change_order_rows(struct change_list *list)
{
	list->row_of_after = calloc(list->after->count + 1, sizeof(*list->row_of_after));
	if (!list->row_of_after)
		return -ENOMEM;
	qsort_r(list->rows, list->row_count, sizeof(*list->rows), change_compare_rows, list);
	for (size_t i = 0; i < list->row_count; i++)
		if (list->rows[i].after != CHANGE_NOTHING)
			list->row_of_after[list->rows[i].after] = i;
	return 0;
}

int change_list_new(struct snapshot *before, struct snapshot *after, struct change_list **ret_list)
{
	struct change_list *list = calloc(1, sizeof(*list));
	struct change_maker maker = { .list = list };
	int error;

	if (!list)
		return -ENOMEM;
	atomic_init(&list->refs, 1);
	list->before = snapshot_ref(before);
	list->after = snapshot_ref(after);
	error = change_sweep(&maker);
	if (!error)
		error = change_find_moves(list);
	if (!error)
		error = change_build_rows(list);
	for (size_t i = 0; !error && i < list->row_count; i++)
		error = change_compare_row(&maker, &list->rows[i]);
	if (!error)
		error = change_order_rows(list);
	if (error)
		change_list_unref(list);
	else
		*ret_list = list;
	return error;
}

/* The mapping was there before, and its written marks were known. */
static bool change_marks_comparable(const struct change_list *list, const struct change_row *row,
				    const struct change_segment *segment)
{
	size_t before = segment->before != CHANGE_NOTHING ? segment->before : row->before;
	const struct pages *pages =
		before == CHANGE_NOTHING ? NULL : list->before->mappings[before].pages;

	return pages && pages_facts(pages)->marks_known & MARK_WRITTEN;
}

uint64_t change_new_marks(const struct change_list *list, size_t after, uint64_t first,
			  uint64_t count)
{
	const struct change_row *row = &list->rows[list->row_of_after[after]];
	uint64_t marked = 0, end = first + count;

	CHANGE_FOR_EACH_SEGMENT (list, row, s) {
		if (s->after != after || !change_marks_comparable(list, row, s) ||
		    s->after_first >= end || s->after_first + s->pages <= first)
			continue;
		CHANGE_FOR_EACH_RUN (list, s, run) {
			uint64_t from = s->after_first + run->first, to = from + run->count;

			if (from >= end)
				break;
			if (!(run->marks_after & ~run->marks_before & MARK_WRITTEN) || to <= first)
				continue;
			marked += (to < end ? to : end) - (from > first ? from : first);
		}
	}
	return marked;
}

/* Pages that are as they were; of those that are unknown nothing can be said. */
static void change_map_same(struct pages_builder *builder, const struct pages *pages,
			    uint64_t first, uint64_t count)
{
	struct page_run run = { .state = PAGE_UNKNOWN };

	for (uint64_t n, i = first; i < first + count; i += n) {
		n = first + count - i;
		if (pages && pages_run(pages, i, &run) && run.count < n)
			n = run.count;
		pages_builder_add(
			builder, n,
			(enum page_state)(run.state == PAGE_UNKNOWN ? CHANGE_UNKNOWN : CHANGE_SAME),
			0);
	}
}

int change_map(const struct change_list *list, size_t after, struct pages **ret_map)
{
	const struct pages_facts facts = { 0 };
	struct pages_builder *builder = pages_builder_new();
	const struct change_row *row = &list->rows[list->row_of_after[after]];
	const struct pages *pages = list->after->mappings[after].pages;
	int r;

	if (!builder)
		return -ENOMEM;
	pages_builder_start(builder, list->after->mappings[after].mapping->start, NULL);
	CHANGE_FOR_EACH_SEGMENT (list, row, s) {
		uint64_t at = 0;

		/* What the mapping lost lies outside of it now. */
		if (s->after != after)
			continue;
		CHANGE_FOR_EACH_RUN (list, s, run) {
			change_map_same(builder, pages, s->after_first + at, run->first - at);
			pages_builder_add(builder, run->count, (enum page_state)run->change, 0);
			at = run->first + run->count;
		}
		change_map_same(builder, pages, s->after_first + at, s->pages - at);
	}
	r = pages_builder_finish(builder, &facts, ret_map);
	pages_builder_free(builder);
	return r;
}
