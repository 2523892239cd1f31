// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/diff_internal.h"

/* A whole mapping that is only before, or only after. */
struct candidate {
	const struct snapshot_mapping *mapping;
	size_t segment;
	bool is_after;
};

#define ORDER(a, b)                                                                                \
	do {                                                                                       \
		if ((a) != (b))                                                                    \
			return (a) < (b) ? -1 : 1;                                                 \
	} while (0)

/* Orders by everything that a mapping keeps when it moves. */
static int diff_compare_content(const struct mapping *a, const struct mapping *b)
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

static int diff_compare_candidates(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	int r = diff_compare_content(a->mapping->mapping, b->mapping->mapping);

	if (r)
		return r;
	return a->is_after - b->is_after;
}

/*
 * For memory that nothing names: the same pages are in the same states, and not all are untouched.
 */
static bool diff_same_states(const struct pages *a, const struct pages *b)
{
	struct page_run x, y;
	bool content = false;

	if (!a || !b || pages_total(a) != pages_total(b))
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

static bool diff_moved(const struct candidate *a, const struct candidate *b)
{
	if (a->mapping->mapping->inode)
		return true;
	return diff_same_states(a->mapping->pages, b->mapping->pages);
}

static size_t diff_gather(const struct diff *diff, struct candidate *candidates)
{
	size_t n = 0;

	for (size_t i = 0; i < diff->segment_count; i++) {
		const struct diff_segment *s = &diff->segments[i];
		bool is_after = s->before == DIFF_NOTHING;
		const struct snapshot_mapping *m;

		if (!is_after && s->after != DIFF_NOTHING)
			continue;
		m = is_after ? &diff->after->mappings[s->after]
			     : &diff->before->mappings[s->before];
		if (s->pages == mapping_pages(m->mapping))
			candidates[n++] = (struct candidate){ m, i, is_after };
	}
	return n;
}

/* Exactly one gone and one new that are alike: the segment of the new one takes both. */
static void diff_join(struct diff *diff, const struct candidate *c, size_t alike)
{
	if (alike != 2 || c[0].is_after || !c[1].is_after || !diff_moved(&c[0], &c[1]))
		return;
	diff->segments[c[1].segment].before = diff->segments[c[0].segment].before;
	diff->segments[c[0].segment].pages = 0;
}

static void diff_drop_joined(struct diff *diff)
{
	size_t n = 0;

	for (size_t i = 0; i < diff->segment_count; i++)
		if (diff->segments[i].pages)
			diff->segments[n++] = diff->segments[i];
	diff->segment_count = n;
}

int diff_find_moves(struct diff *diff)
{
	struct candidate *candidates = calloc(diff->segment_count + 1, sizeof(*candidates));
	size_t n, alike;

	if (!candidates)
		return -ENOMEM;
	n = diff_gather(diff, candidates);
	qsort(candidates, n, sizeof(*candidates), diff_compare_candidates);
	for (size_t i = 0; i < n; i += alike) {
		for (alike = 1; i + alike < n; alike++)
			if (diff_compare_content(candidates[i].mapping->mapping,
						 candidates[i + alike].mapping->mapping))
				break;
		diff_join(diff, &candidates[i], alike);
	}
	free(candidates);
	diff_drop_joined(diff);
	return 0;
}
