// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/clock.h"
#include "sample/pass_internal.h"

/*
 * Pages a sample whose raw facts are read: with frames in no order some 2 ms, which is a fiftieth
 * of a core at ten samples a second, and about 8 KiB in the log (measured).
 */
#define CHANGES_MOST 1024u

/*
 * Runs of changed pages that are kept to choose from; what is beyond them is counted. One half is
 * for those before the page on whose turn it is: a run is a page or more, so either half is enough.
 */
#define RUNS_MOST ((size_t)2 * CHANGES_MOST)

/* Unchanged pages between two changed ones that are read rather than making another call. */
#define READ_ACROSS 32u

/* How often the names of the swap areas are looked up. */
#define SWAP_PATHS_NS 1000000000

struct run {
	uint64_t first, count; /* page numbers of the address space */
	size_t mapping;
};

struct collection {
	struct run *runs;
	size_t count;
	uint64_t from; /* the page on whose turn it is */
	uint64_t pages; /* in runs */
	uint64_t beyond; /* that found no room */
};

static void pass_facts_add_run(struct collection *c, size_t mapping, uint64_t first, uint64_t count)
{
	struct run *last = c->count ? &c->runs[c->count - 1] : NULL;
	size_t room = first + count <= c->from ? CHANGES_MOST : RUNS_MOST;

	if (last && last->mapping == mapping && last->first + last->count == first) {
		last->count += count;
	} else if (c->count >= room) {
		c->beyond += count;
		return;
	} else {
		c->runs[c->count++] = (struct run){ first, count, mapping };
	}
	c->pages += count;
}

/* Of a mapping that was not there before, what it holds has changed. */
static void pass_facts_add_new(struct collection *c, size_t mapping, uint64_t base,
			       const struct pages *pages)
{
	struct page_run run;

	for (uint64_t i = 0; pages_run(pages, i, &run); i = run.first + run.count)
		if (run.state != PAGE_NONE && run.state != PAGE_UNKNOWN)
			pass_facts_add_run(c, mapping, base + run.first, run.count);
}

/* Slots of one of two snapshots; asked in page order. */
struct slot_cursor {
	const struct slot_run *runs;
	size_t count, at;
};

/* The slot of a page as one number, 0: none; *ret_end: up to where the slots go on so. */
static uint64_t pass_facts_slot_at(struct slot_cursor *c, uint64_t page, uint64_t *ret_end)
{
	const struct slot_run *run;

	while (c->at < c->count && c->runs[c->at].first + c->runs[c->at].count <= page)
		c->at++;
	run = &c->runs[c->at];
	if (c->at == c->count) {
		*ret_end = UINT64_MAX;
		return 0;
	}
	if (page < run->first) {
		*ret_end = run->first;
		return 0;
	}
	*ret_end = run->first + run->count;
	return (uint64_t)(run->type + 1) << 58 | (run->offset + (page - run->first));
}

struct comparison {
	struct collection *c;
	size_t mapping;
	uint64_t base;
	const struct pages *old, *now;
	struct slot_cursor old_slots, slots;
};

/* The states are the same from page `from` on; the slots may not be. */
static void pass_facts_compare_slots(struct comparison *k, uint64_t from, uint64_t to)
{
	uint64_t end, old_end;

	for (uint64_t page = from; page < to; page = end) {
		uint64_t slot = pass_facts_slot_at(&k->slots, page, &end);
		uint64_t old = pass_facts_slot_at(&k->old_slots, page, &old_end);

		if (old_end < end)
			end = old_end;
		if (end > to)
			end = to;
		if (slot != old)
			pass_facts_add_run(k->c, k->mapping, k->base + page, end - page);
	}
}

/* Compares from page i on; returns how far. */
static uint64_t pass_facts_compare_run(struct comparison *k, uint64_t i)
{
	struct page_run a, b;
	uint64_t shared, end;

	if (pages_shared(k->old, k->now, i, &shared)) {
		pass_facts_compare_slots(k, i, i + shared);
		return i + shared;
	}
	pages_run(k->now, i, &b);
	end = b.first + b.count;
	if (!pages_run(k->old, i, &a)) {
		if (b.state != PAGE_NONE && b.state != PAGE_UNKNOWN)
			pass_facts_add_run(k->c, k->mapping, k->base + i, end - i);
		return end;
	}
	if (a.first + a.count < end)
		end = a.first + a.count;
	if (a.state != b.state || a.marks != b.marks)
		pass_facts_add_run(k->c, k->mapping, k->base + i, end - i);
	else
		pass_facts_compare_slots(k, i, end);
	return end;
}

static void pass_facts_add_changed(struct collection *c, size_t mapping, uint64_t base,
				   const struct pages *old, const struct pages *now)
{
	struct comparison k = { .c = c, .mapping = mapping, .base = base, .old = old, .now = now };

	k.old_slots.runs = pages_slots(old, &k.old_slots.count);
	k.slots.runs = pages_slots(now, &k.slots.count);
	for (uint64_t i = 0; i < pages_total(now);)
		i = pass_facts_compare_run(&k, i);
}

static void pass_facts_collect(const struct snapshot *before, const struct snapshot *now,
			       struct collection *c)
{
	size_t j = 0;

	for (size_t i = 0; i < now->count; i++) {
		const struct snapshot_mapping *m = &now->mappings[i], *old = NULL;
		uint64_t base = m->mapping->start >> PMTOP_PAGE_SHIFT;

		while (j < before->count && before->mappings[j].mapping->start < m->mapping->start)
			j++;
		if (j < before->count && before->mappings[j].mapping->start == m->mapping->start)
			old = &before->mappings[j];
		if (!m->pages || (old && old->pages == m->pages))
			continue;
		if (old && old->pages)
			pass_facts_add_changed(c, i, base, old->pages, m->pages);
		else
			pass_facts_add_new(c, i, base, m->pages);
	}
}

/* Keeps as many pages as may be read, from the one on whose turn it is. */
static void pass_facts_choose(struct pass *p, const struct collection *c, struct page_detail *d,
			      size_t *mappings)
{
	size_t from = 0, n = 0;

	while (from < c->count && c->runs[from].first + c->runs[from].count <= c->from)
		from++;
	if (from == c->count || c->pages <= CHANGES_MOST)
		from = 0;
	for (size_t k = from; n < d->count && k < c->count; k++) {
		uint64_t page = c->runs[k].first, end = page + c->runs[k].count;

		if (k == from && c->pages > CHANGES_MOST && page < c->from && c->from < end)
			page = c->from;
		for (; n < d->count && page < end; page++) {
			mappings[n] = c->runs[k].mapping;
			d->pages[n++] = page;
			p->changes_from = page + 1;
		}
	}
	/* At the end of the address space the turn goes to its beginning. */
	if (n < d->count)
		p->changes_from = 0;
	d->left_out = c->pages + c->beyond - n;
	d->count = n;
}

/* How many pages of the detail from `at` on are worth one read. */
static size_t pass_facts_stretch(const struct page_detail *d, size_t at)
{
	size_t n = 1;

	while (at + n < d->count && d->pages[at + n] - d->pages[at + n - 1] <= READ_ACROSS &&
	       d->pages[at + n] - d->pages[at] < WORDS)
		n++;
	return n;
}

static bool pass_facts_read_words(struct pass *p, struct page_detail *d)
{
	for (size_t i = 0, n; i < d->count; i += n) {
		uint64_t first = d->pages[i];

		n = pass_facts_stretch(d, i);
		if (pagemap_read(p->probe, p->target->pagemap, first << PMTOP_PAGE_SHIFT, p->words,
				 (size_t)(d->pages[i + n - 1] - first) + 1))
			return false;
		for (size_t k = 0; k < n; k++)
			d->words[i + k] = p->words[d->pages[i + k] - first];
	}
	return true;
}

struct place {
	uint64_t frame;
	size_t index;
};

static int pass_facts_compare_frames(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->frame < y->frame ? -1 : x->frame > y->frame;
}

/* In the order of their frames they are read four times as fast. */
static void pass_facts_read_frames(struct pass *p, struct page_detail *d)
{
	CLEANUP(cleanup_free) struct place *places = calloc(d->count, sizeof(*places));
	struct page_detail *sorted = page_detail_new(0, d->count);

	for (size_t i = 0; places && i < d->count; i++)
		places[i] =
			(struct place){ d->words[i] & PM_PRESENT ? PM_PFN(d->words[i]) : UINT64_MAX,
					i };
	if (places && sorted) {
		qsort(places, d->count, sizeof(*places), pass_facts_compare_frames);
		for (size_t k = 0; k < d->count; k++)
			sorted->words[k] = d->words[places[k].index];
		pass_read_frames(p, sorted);
		for (size_t k = 0; k < d->count; k++) {
			d->flags[places[k].index] = sorted->flags[k];
			d->map_counts[places[k].index] = sorted->map_counts[k];
			d->orders[places[k].index] = sorted->orders[k];
			d->groups[places[k].index] = sorted->groups[k];
		}
		d->flags_known = sorted->flags_known;
		d->counts_known = sorted->counts_known;
		memcpy(d->group_table, sorted->group_table, sizeof(d->group_table));
	}
	if (sorted)
		page_detail_unref(sorted);
}

static void pass_facts_read_facts(struct pass *p, const struct snapshot *now, struct page_detail *d,
				  const size_t *mappings)
{
	int64_t at = clock_ns(CLOCK_MONOTONIC);

	d->words_known = pass_facts_read_words(p, d);
	if (d->words_known && p->probe->has[PROBE_PFN])
		pass_facts_read_frames(p, d);
	pass_find_nodes(p, d);
	/* Not too early for pages that are the first to go to swap. */
	if (at - p->swap_paths_at > SWAP_PATHS_NS && pass_find_swap_paths(now, d))
		p->swap_paths_at = at;
	for (size_t i = 0; i < d->count; i++) {
		const struct snapshot_mapping *m = &now->mappings[mappings[i]];

		d->rules[i] = pass_find_rule(
			p, m, d->pages[i] - (m->mapping->start >> PMTOP_PAGE_SHIFT), d->words[i]);
	}
}

int pass_changes(struct pass *pass, const struct snapshot *before, const struct snapshot *now,
		 struct page_detail **ret_detail)
{
	CLEANUP(cleanup_free) size_t *mappings = calloc(CHANGES_MOST, sizeof(*mappings));
	struct collection c = { .runs = malloc(RUNS_MOST * sizeof(*c.runs)),
				.from = pass->changes_from };
	CLEANUP(cleanup_free) struct run *runs = c.runs;
	struct page_detail *d;
	int error = 0;

	if (!runs || !mappings)
		return -ENOMEM;
	pass_facts_collect(before, now, &c);
	if (!c.pages)
		return -ENOENT;
	d = page_detail_new(0, c.pages < CHANGES_MOST ? (size_t)c.pages : CHANGES_MOST);
	if (d)
		d->pages = calloc(d->count, sizeof(*d->pages));
	if (!d || !d->pages) {
		error = -ENOMEM;
		if (d)
			page_detail_unref(d);
		return error;
	}
	pass_facts_choose(pass, &c, d, mappings);
	pass_facts_read_facts(pass, now, d, mappings);
	*ret_detail = d;
	return 0;
}
