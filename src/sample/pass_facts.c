// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "kernel/smaps.h"
#include "kernel/swaps.h"
#include "sample/pass_internal.h"

/* Shared memory up to this size is asked for its sums instead of being sampled (256 MiB). */
#define SIGN_PAGES_LIMIT 65536u

bool pass_sign(struct pass *pass, const struct snapshot *snapshot,
	       struct pass_signature *ret_signature)
{
	struct pass_signature s = { 0 };
	uint64_t asked = 0;

	if (!pass->probe->has[PROBE_CACHESTAT] || target_counters(pass->target, &s.counters) < 0)
		return false;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct mapping *m = snapshot->mappings[i].mapping;
		uint64_t cached, swapped;
		bool told;

		if (m->kind != MAPPING_SHMEM)
			continue;
		asked += mapping_pages(m);
		if (asked > SIGN_PAGES_LIMIT)
			return false;
		told = object_totals(pass->objects, m, &cached, &swapped);
		object_close(pass->objects);
		if (!told)
			return false;
		s.shmem_cached += cached;
		s.shmem_swapped += swapped;
	}
	*ret_signature = s;
	return true;
}

/* The object's part of the evidence, back from the state that it led to. */
static enum object_page pass_facts_object_of_state(enum page_state state, uint16_t marks)
{
	switch (state) {
	case PAGE_CACHED:
		return marks & MARK_ALLOCATED ? OBJECT_ALLOCATED : OBJECT_CACHED;
	case PAGE_SHARED_SWAP:
		return marks & MARK_SWAP_CACHED ? OBJECT_SWAP_CACHED : OBJECT_SWAPPED;
	case PAGE_NONE:
		return OBJECT_HOLE;
	case PAGE_POISON:
		return OBJECT_POISONED;
	default:
		return OBJECT_UNKNOWN;
	}
}

/* The rule that decided the state of page number `page` of the mapping, which has this word. */
static uint8_t pass_facts_pass_find_rule(const struct pass *pass, const struct snapshot_mapping *m,
					 uint64_t page, uint64_t word)
{
	struct evidence e = pass_word_evidence(pass, word);
	enum page_state state = pages_state(m->pages, page);

	if (pass->probe->has[PROBE_PAGEMAP_SCAN]) {
		e.known |= SEEN_ZERO;
		if (state == PAGE_ZERO)
			e.bits |= SEEN_ZERO;
	}
	e.object = (uint8_t)pass_facts_object_of_state(state, pages_marks(m->pages, page));
	return classify_page(m->mapping, &e).rule;
}

/* The NUMA node of each page in RAM; asking moves nothing (move_pages(2) without a target). */
static void pass_facts_pass_find_nodes(const struct pass *pass, struct page_detail *detail)
{
	struct page_detail *d = detail;
	CLEANUP(cleanup_free) void **addresses = calloc(d->count, sizeof(*addresses));
	CLEANUP(cleanup_free) int *nodes = calloc(d->count, sizeof(*nodes));

	if (!addresses || !nodes)
		return;
	for (size_t i = 0; i < d->count; i++)
		addresses[i] = (void *)(uintptr_t)(d->pages ? d->pages[i] << PMTOP_PAGE_SHIFT
							    : d->start + i * PMTOP_PAGE_SIZE);
	if (syscall(SYS_move_pages, pass->target->thread, d->count, addresses, NULL, nodes, 0) < 0)
		return;
	for (size_t i = 0; i < d->count; i++)
		if (nodes[i] >= 0 && nodes[i] <= INT8_MAX)
			d->nodes[i] = (int8_t)nodes[i];
}

/* Place of a cgroup in the table of known ones; its name is looked up the first time. */
static uint8_t pass_facts_find_group(struct pass *p, uint64_t inode)
{
	struct page_group *g;

	for (unsigned int i = 0; i < p->group_count; i++)
		if (p->groups[i].inode == inode)
			return (uint8_t)i;
	if (p->group_count == PAGE_GROUPS)
		return PAGE_NO_GROUP;
	g = &p->groups[p->group_count];
	g->inode = inode;
	g->name[0] = '\0';
	memcg_name(p->memcg, inode, g->name, sizeof(g->name));
	return (uint8_t)p->group_count++;
}

static void pass_facts_find_groups(struct pass *p, struct page_detail *d)
{
	CLEANUP(cleanup_free) uint64_t *inodes = calloc(d->count, sizeof(*inodes));

	if (!inodes || kpage_groups(p->kpage, d->words, d->count, inodes) < 0)
		return;
	for (size_t i = 0; i < d->count; i++)
		if (inodes[i])
			d->groups[i] = pass_facts_find_group(p, inodes[i]);
	memcpy(d->group_table, p->groups, sizeof(d->group_table));
}

/* VmFlags stand only in smaps, which is dear: read once for a mapping. */
static void pass_facts_find_vm_flags(struct pass *p, struct mapping *m, struct page_detail *d)
{
	if (p->flags_mapping != m) {
		if (p->flags_mapping)
			mapping_unref(p->flags_mapping);
		p->flags_mapping = mapping_ref(m);
		p->vm_flags[0] = '\0';
		smaps_vm_flags(p->target->proc, m->start, p->vm_flags, sizeof(p->vm_flags));
	}
	memcpy(d->vm_flags, p->vm_flags, sizeof(d->vm_flags));
}

/* Slots of a mapping that are looked at for their types: neighbours are mostly of one area. */
#define SLOTS_LOOKED_AT 512

/* Types that occur in the process; bit t is type t. */
static uint32_t pass_facts_types_seen(const struct snapshot *snapshot, const struct page_detail *d)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		size_t count = 0;
		const struct slot_run *slots =
			snapshot->mappings[i].pages
				? pages_slots(snapshot->mappings[i].pages, &count)
				: NULL;

		for (size_t k = 0; k < count && k < SLOTS_LOOKED_AT; k++)
			if (slots[k].type < PAGE_SWAP_TYPES)
				seen |= UINT32_C(1) << slots[k].type;
	}
	for (size_t i = 0; i < d->count; i++)
		if (d->words[i] & PM_SWAP && PM_OFFSET(d->words[i]) &&
		    PM_TYPE(d->words[i]) < PAGE_SWAP_TYPES)
			seen |= UINT32_C(1) << PM_TYPE(d->words[i]);
	return seen;
}

/* The names of the areas that these types stand for, as far as that is certain. */
/* Names of the areas that slots are in, where that is certain. False: no slot was seen. */
static bool pass_facts_pass_find_swap_paths(const struct snapshot *snapshot,
					    struct page_detail *detail)
{
	struct page_detail *d = detail;
	uint32_t seen = pass_facts_types_seen(snapshot, d);
	struct census_area *areas;
	size_t count;

	if (!seen || swaps_read(&areas, &count) < 0)
		return false;
	for (unsigned int type = 0; type < PAGE_SWAP_TYPES; type++) {
		int line = swap_type_line(seen, count, type);

		if (line >= 0)
			d->swap_paths[type] = strdup(areas[line].path);
	}
	swaps_free(areas, count);
	return true;
}

/* Reads what belongs to the frames and slots of a detail whose words are known. */
static void pass_facts_pass_read_frames(struct pass *pass, struct page_detail *detail)
{
	struct page_detail *d = detail;
	struct pass *p = pass;

	d->flags_known = kpage_flags(p->kpage, d->words, d->count, d->flags) == 0;
	d->counts_known = kpage_counts(p->kpage, d->words, d->count, d->map_counts) == 0;
	if (d->flags_known)
		kpage_orders(p->kpage, d->words, d->flags, d->count, d->orders);
	pass_facts_find_groups(p, d);
}

int pass_detail(struct pass *pass, const struct snapshot *snapshot, uint64_t start, uint64_t count,
		struct page_detail **ret_detail)
{
	size_t at = snapshot_find(snapshot, start);
	const struct snapshot_mapping *m = &snapshot->mappings[at];
	struct page_detail *d;

	if (at == snapshot->count || start < m->mapping->start || !m->pages)
		return -ENOENT;
	if (count > (m->mapping->end - start) >> PMTOP_PAGE_SHIFT)
		count = (m->mapping->end - start) >> PMTOP_PAGE_SHIFT;
	d = page_detail_new(start, (size_t)count);
	if (!d)
		return -ENOMEM;
	d->words_known =
		pagemap_read(pass->probe, pass->target->pagemap, start, d->words, d->count) == 0;
	if (d->words_known && pass->probe->has[PROBE_PFN])
		pass_facts_pass_read_frames(pass, d);
	pass_facts_pass_find_nodes(pass, d);
	pass_facts_pass_find_swap_paths(snapshot, d);
	pass_facts_find_vm_flags(pass, m->mapping, d);
	for (size_t i = 0; i < d->count; i++)
		d->rules[i] = pass_facts_pass_find_rule(
			pass, m, ((start - m->mapping->start) >> PMTOP_PAGE_SHIFT) + i,
			d->words[i]);
	*ret_detail = d;
	return 0;
}

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

/* A page that became none changed; one of a new mapping that holds nothing known did not. */
static bool pass_facts_worth_reading(const struct change_segment *s, const struct change_run *run)
{
	if (s->before == CHANGE_NOTHING)
		return run->state_after != PAGE_NONE && run->state_after != PAGE_UNKNOWN;
	return run->state_before != run->state_after || run->slot ||
	       run->marks_before != run->marks_after;
}

static void pass_facts_collect(const struct change_list *list, struct collection *c)
{
	for (size_t i = 0; i < list->row_count; i++) {
		CHANGE_FOR_EACH_SEGMENT (list, &list->rows[i], s) {
			uint64_t base;

			if (s->after == CHANGE_NOTHING)
				continue;
			base = (list->after->mappings[s->after].mapping->start >>
				PMTOP_PAGE_SHIFT) +
			       s->after_first;
			CHANGE_FOR_EACH_RUN (list, s, run)
				if (pass_facts_worth_reading(s, run))
					pass_facts_add_run(c, s->after, base + run->first,
							   run->count);
		}
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
		pass_facts_pass_read_frames(p, sorted);
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
	pass_facts_pass_find_nodes(p, d);
	/* Not too early for pages that are the first to go to swap. */
	if (at - p->swap_paths_at > SWAP_PATHS_NS && pass_facts_pass_find_swap_paths(now, d))
		p->swap_paths_at = at;
	for (size_t i = 0; i < d->count; i++) {
		const struct snapshot_mapping *m = &now->mappings[mappings[i]];

		d->rules[i] = pass_facts_pass_find_rule(
			p, m, d->pages[i] - (m->mapping->start >> PMTOP_PAGE_SHIFT), d->words[i]);
	}
}

int pass_changes(struct pass *pass, const struct change_list *list, struct page_detail **ret_detail)
{
	CLEANUP(cleanup_free) size_t *mappings = calloc(CHANGES_MOST, sizeof(*mappings));
	struct collection c = { .runs = malloc(RUNS_MOST * sizeof(*c.runs)),
				.from = pass->changes_from };
	CLEANUP(cleanup_free) struct run *runs = c.runs;
	struct page_detail *d;
	int error = 0;

	if (!runs || !mappings)
		return -ENOMEM;
	pass_facts_collect(list, &c);
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
	pass_facts_read_facts(pass, list->after, d, mappings);
	*ret_detail = d;
	return 0;
}
