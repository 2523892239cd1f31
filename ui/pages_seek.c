// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/pages_internal.h"

#include <stdlib.h>
#include <string.h>

#include "ui/tiles.h"

/* The page where the state changes, walking runs so that a huge uniform mapping costs nothing. */
static bool view_pages_next_change(const struct scene *scene, const struct snapshot_mapping *m,
				   uint64_t from, uint64_t *ret_page)
{
	enum page_state state = pages_state(m->pages, from);
	struct page_run run;

	for (uint64_t i = from; pages_run(m->pages, i, &run); i = run.first + run.count)
		if (run.state != state) {
			*ret_page = run.first;
			return true;
		}
	return false;
}

static bool view_pages_previous_change(const struct scene *scene, const struct snapshot_mapping *m,
				       uint64_t from, uint64_t *ret_page)
{
	uint64_t start = 0, before = 0;
	enum page_state state = PAGE_STATES;
	bool found = false;
	struct page_run run;

	/* The start of the run of equal states before the one that `from` is in (or starts). */
	for (uint64_t i = 0; i <= from && pages_run(m->pages, i, &run); i = run.first + run.count) {
		if (run.state == state)
			continue;
		before = start;
		found = state != PAGE_STATES;
		start = run.first;
		state = run.state;
	}
	*ret_page = start < from ? start : before;
	return start < from || found;
}

enum view_answer pages_jump_change(struct pages_view *v, struct scene *scene, bool on)
{
	size_t i = snapshot_find(scene->snapshot, scene->page);
	const struct snapshot_mapping *m = &scene->snapshot->mappings[i];
	uint64_t from, page;

	if (i >= scene->snapshot->count || !m->pages || scene->page < m->mapping->start)
		return VIEW_DONE;
	from = (scene->page - m->mapping->start) >> PMTOP_PAGE_SHIFT;
	if (on ? view_pages_next_change(scene, m, from, &page)
	       : view_pages_previous_change(scene, m, from, &page))
		scene->page = m->mapping->start + (page << PMTOP_PAGE_SHIFT);
	pages_settle(v, scene);
	return VIEW_DONE;
}

/* Finds a page: an address, or the next page with a state (or answer of the lens). */
bool pages_find(struct view *view, struct scene *scene, const char *text, int direction)
{
	struct pages_view *v = (struct pages_view *)view;
	const struct snapshot *s = scene->snapshot;
	int state = page_state_parse(text);
	const struct snapshot_mapping *m;
	struct page_run run;
	uint64_t from, best = UINT64_MAX;
	size_t i;

	if (!text[1]) /* a letter */
		state = lens_value_find(LENS_WHERE, text);
	if (state < 0) {
		uint64_t address = strtoull(text, NULL, 16) & ~(uint64_t)(PMTOP_PAGE_SIZE - 1);

		i = snapshot_find(s, address);
		if (strspn(text, "0123456789abcdefxABCDEF") != strlen(text) || i >= s->count ||
		    address < s->mappings[i].mapping->start)
			return false;
		scene->page = address;
		scene->mapping = s->mappings[i].mapping->start;
		pages_set_grid(v, scene);
		pages_settle(v, scene);
		return true;
	}
	i = snapshot_find(s, scene->page);
	if (i >= s->count || !s->mappings[i].pages)
		return false;
	m = &s->mappings[i];
	from = (scene->page - m->mapping->start) >> PMTOP_PAGE_SHIFT;
	for (uint64_t k = direction > 0 ? from + 1 : 0;
	     (direction > 0 || k < from) && pages_run(m->pages, k, &run);
	     k = run.first + run.count) {
		if (run.state != state)
			continue;
		if (direction > 0) {
			best = run.first;
			break;
		}
		best = run.first + run.count > from ? from - 1 : run.first + run.count - 1;
	}
	if (best == UINT64_MAX)
		return false;
	scene->page = m->mapping->start + (best << PMTOP_PAGE_SHIFT);
	pages_settle(v, scene);
	return true;
}
