// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "model/views.h"

struct view {
	const struct snapshot_mapping *mapping;
	uint64_t first, end; /* pages of the object */
};

/* Views that overlap, one after the other, of one object. */
struct sweep {
	const struct view *views;
	size_t count, next; /* the next one to come into sight */
	size_t *seen; /* those that show the page where the sweep is */
	size_t seen_count;
	struct page_counts *again;
};

static bool views_has_object(const struct snapshot_mapping *m)
{
	enum mapping_kind kind = m->mapping->kind;

	/* The first System V segment has the inode number 0. */
	return m->pages &&
	       (kind == MAPPING_SHMEM ||
		((kind == MAPPING_FILE || kind == MAPPING_HUGETLB) && m->mapping->inode));
}

static int views_compare_objects(const struct mapping *a, const struct mapping *b)
{
	if (a->dev_major != b->dev_major)
		return a->dev_major < b->dev_major ? -1 : 1;
	if (a->dev_minor != b->dev_minor)
		return a->dev_minor < b->dev_minor ? -1 : 1;
	return (a->inode > b->inode) - (a->inode < b->inode);
}

/* By object, then by place; the longer one first, and in all a replay has to come to the same. */
static int views_compare(const void *x, const void *y)
{
	const struct view *a = x, *b = y;
	int r = views_compare_objects(a->mapping->mapping, b->mapping->mapping);

	if (r)
		return r;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->end != b->end)
		return a->end < b->end ? 1 : -1;
	return a->mapping->mapping->start < b->mapping->mapping->start ? -1 : 1;
}

/* How much a view knows of a page of the object; 0: what it shows is not the object's. */
static int views_rank(enum page_state state)
{
	switch (state) {
	case PAGE_FILE:
	case PAGE_SHMEM:
		return 3;
	case PAGE_CACHED:
	case PAGE_SHARED_SWAP:
		return 2;
	case PAGE_UNKNOWN:
		return 1;
	default:
		return 0;
	}
}

static void views_count_again(struct page_counts *again, const struct page_run *run, uint64_t pages)
{
	again->state[run->state] += pages;
	for (int k = 0; k < PAGE_MARKS; k++)
		if (run->marks >> k & 1)
			again->mark[k] += pages;
}

/* The run of a view that holds page `at` of the object. */
static struct page_run views_run(const struct view *v, uint64_t at)
{
	struct page_run run = { .state = PAGE_NONE, .first = at - v->first, .count = v->end - at };

	pages_run(v->mapping->pages, at - v->first, &run);
	return run;
}

/* Pages from `at` on that all views in sight show the same way; returns where that ends. */
static uint64_t views_sweep_run(struct sweep *s, uint64_t at, uint64_t end)
{
	size_t best = SIZE_MAX;
	int best_rank = 0;

	for (size_t i = 0; i < s->seen_count; i++) {
		const struct view *v = &s->views[s->seen[i]];
		struct page_run run = views_run(v, at);

		if (v->first + run.first + run.count < end)
			end = v->first + run.first + run.count;
		if (views_rank(run.state) > best_rank) {
			best_rank = views_rank(run.state);
			best = i;
		}
	}
	for (size_t i = 0; i < s->seen_count; i++) {
		struct page_run run = views_run(&s->views[s->seen[i]], at);

		if (i != best && views_rank(run.state))
			views_count_again(s->again, &run, end - at);
	}
	return end;
}

/* Takes up the views that begin at or before `at` and lets those go that end there. */
static uint64_t views_look_around(struct sweep *s, uint64_t at)
{
	uint64_t end = UINT64_MAX;
	size_t kept = 0;

	while (s->next < s->count && s->views[s->next].first <= at)
		s->seen[s->seen_count++] = s->next++;
	for (size_t i = 0; i < s->seen_count; i++) {
		const struct view *v = &s->views[s->seen[i]];

		if (v->end <= at)
			continue;
		if (v->end < end)
			end = v->end;
		s->seen[kept++] = s->seen[i];
	}
	s->seen_count = kept;
	if (s->next < s->count && s->views[s->next].first < end)
		end = s->views[s->next].first;
	return end;
}

static void views_sweep(struct sweep *s)
{
	uint64_t at = s->views[0].first;

	for (;;) {
		uint64_t end = views_look_around(s, at);

		if (!s->seen_count && s->next == s->count)
			return;
		at = s->seen_count > 1 ? views_sweep_run(s, at, end) : end;
	}
}

/* Of views that another one shows whole, what smaps says is what it says of that one. */
static uint64_t views_unplaced_again(const struct view *views, size_t count)
{
	uint64_t pages = 0, end = views[0].end;

	for (size_t i = 1; i < count; i++) {
		if (views[i].end <= end)
			pages += pages_facts(views[i].mapping->pages)->swap_unplaced;
		else
			end = views[i].end;
	}
	return pages;
}

/* How many views from the first one on follow each other without a page in between. */
static size_t views_overlap(const struct view *views, size_t count)
{
	uint64_t end = views[0].end;
	size_t n = 1;

	while (n < count && views[n].first < end &&
	       !views_compare_objects(views[n].mapping->mapping, views[0].mapping->mapping)) {
		if (views[n].end > end)
			end = views[n].end;
		n++;
	}
	return n;
}

int views_again(const struct snapshot *snapshot, struct page_counts *ret_again,
		uint64_t *ret_unplaced)
{
	CLEANUP(cleanup_free) struct view *views = calloc(snapshot->count + 1, sizeof(*views));
	CLEANUP(cleanup_free) size_t *seen = calloc(snapshot->count + 1, sizeof(*seen));
	struct page_counts again = { 0 };
	uint64_t unplaced = 0;
	size_t count = 0;

	if (!views || !seen)
		return -ENOMEM;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct snapshot_mapping *m = &snapshot->mappings[i];
		uint64_t first = m->mapping->offset >> PMTOP_PAGE_SHIFT;

		if (views_has_object(m))
			views[count++] =
				(struct view){ m, first, first + mapping_pages(m->mapping) };
	}
	qsort(views, count, sizeof(*views), views_compare);
	for (size_t i = 0, n; i < count; i += n) {
		n = views_overlap(&views[i], count - i);
		if (n > 1) {
			views_sweep(&(struct sweep){
				.views = &views[i], .count = n, .seen = seen, .again = &again });
			unplaced += views_unplaced_again(&views[i], n);
		}
	}
	*ret_again = again;
	*ret_unplaced = unplaced;
	return 0;
}
