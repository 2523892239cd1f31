// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "model/tile.h"

/* A range of pages, clipped to the mapping, and what all lenses start from. */
struct range {
	uint64_t first, count;
	struct page_counts pages;
};

static void tile_count_detailed(const struct tile_source *source, enum lens lens,
				const struct range *range, struct tile_counts *out);

static inline uint64_t tile_present(const struct page_counts *counts)
{
	return counts->state[PAGE_ANON] + counts->state[PAGE_FILE] + counts->state[PAGE_SHMEM] +
	       counts->state[PAGE_ZERO];
}

static inline bool tile_is_known(const struct tile_source *source, enum page_mark mark)
{
	return source->pages && pages_facts(source->pages)->marks_known & mark;
}

/* The value of a present page by raw facts and marks. */
enum sharing_value tile_page_sharing(const struct tile_source *source, uint64_t page);
enum size_value tile_page_size(const struct tile_source *source, uint64_t page);

/* Pages whose entry in the page table can carry the written mark (classify.h). */
static uint64_t tile_markable(const struct page_counts *counts)
{
	return tile_present(counts) + counts->state[PAGE_SWAP];
}

static uint64_t tile_without_content(const struct page_counts *counts)
{
	return counts->state[PAGE_NONE] + counts->state[PAGE_GUARD] + counts->state[PAGE_POISON];
}

static void tile_count_where(const struct tile_source *source, const struct range *range,
			     struct tile_counts *out)
{
	memcpy(out->value, range->pages.state, sizeof(range->pages.state));
	if (tile_is_known(source, MARK_WRITTEN))
		out->written = page_counts_mark(&range->pages, MARK_WRITTEN);
}

/* Pages of the range that have got the mark since the sample before. */
static uint64_t tile_count_new_marks(const struct tile_source *source, const struct range *range)
{
	return source->changes ? change_new_marks(source->changes, source->index, range->first,
						  range->count)
			       : 0;
}

static void tile_count_written(const struct tile_source *source, const struct range *range,
			       struct tile_counts *out)
{
	const struct page_counts *c = &range->pages;
	struct page_counts remembered;
	struct track_run run;

	out->value[WRITTEN_NOTHING] = tile_without_content(c);
	out->value[WRITTEN_UNKNOWN] = range->count - tile_without_content(c);
	if (!tile_is_known(source, MARK_WRITTEN))
		return;
	out->value[WRITTEN_UNKNOWN] -= tile_markable(c);
	out->value[WRITTEN_CLEAN] = tile_markable(c) - page_counts_mark(c, MARK_WRITTEN);
	out->value[WRITTEN_NOW] = tile_count_new_marks(source, range);
	out->value[WRITTEN_MARKED] = page_counts_mark(c, MARK_WRITTEN) - out->value[WRITTEN_NOW];
	if (!source->track || !track_remembers(source->track))
		return;
	for (uint64_t n, i = range->first, end = i + range->count;
	     i < end && track_run(source->track, i, &run); i += n) {
		n = run.count < end - i ? run.count : end - i;
		if (!run.remembered)
			continue;
		memset(&remembered, 0, sizeof(remembered));
		pages_count(source->pages, i, n, &remembered);
		/* Remembered pages are shared memory, in the page table or not, and unmarked. */
		out->value[WRITTEN_CLEAN] -= tile_markable(&remembered);
		out->value[WRITTEN_UNKNOWN] -= n - tile_markable(&remembered);
		out->value[WRITTEN_REMEMBERED] += n;
	}
}

static void tile_count_age(const struct tile_source *source, const struct range *range,
			   struct tile_counts *out)
{
	uint64_t end = range->first + range->count, n;
	struct page_counts counts;
	struct track_run run;

	out->value[AGE_NOTHING] = range->pages.state[PAGE_NONE];
	out->value[AGE_UNKNOWN] = range->count - range->pages.state[PAGE_NONE];
	for (uint64_t i = range->first; source->track && i < end; i += n) {
		if (!track_run(source->track, i, &run))
			return;
		n = run.count < end - i ? run.count : end - i;
		memset(&counts, 0, sizeof(counts));
		pages_count(source->pages, i, n, &counts);
		counts.state[PAGE_NONE] += counts.state[PAGE_UNKNOWN];
		out->value[lens_age(source->now_ns - run.since_ns)] += n - counts.state[PAGE_NONE];
		out->value[AGE_UNKNOWN] -= n - counts.state[PAGE_NONE];
	}
}

static void tile_count_difference(const struct tile_source *source, const struct range *range,
				  struct tile_counts *out)
{
	struct page_counts counts = { 0 };

	if (!source->difference) {
		out->value[CHANGE_UNKNOWN] = range->count;
		return;
	}
	pages_count(source->difference, range->first, range->count, &counts);
	memcpy(out->value, counts.state, PAGE_CHANGES * sizeof(*counts.state));
}

/* What a lens says where nothing was read yet. */
static unsigned tile_unknown_value(enum lens lens)
{
	static const uint8_t values[LENSES] = {
		[LENS_WHERE] = PAGE_UNKNOWN,	  [LENS_WRITTEN] = WRITTEN_UNKNOWN,
		[LENS_SHARING] = SHARING_UNKNOWN, [LENS_SIZE] = SIZE_UNKNOWN,
		[LENS_AGE] = AGE_UNKNOWN,	  [LENS_DIFFERENCE] = CHANGE_UNKNOWN,
	};

	return values[lens];
}

void tile_count(const struct tile_source *source, enum lens lens, uint64_t first, uint64_t count,
		struct tile_counts *ret_counts)
{
	uint64_t total = mapping_pages(source->mapping);
	struct range range = { .first = first };

	memset(ret_counts, 0, sizeof(*ret_counts));
	if (first >= total)
		return;
	range.count = count < total - first ? count : total - first;
	if (!source->pages) {
		ret_counts->value[tile_unknown_value(lens)] = range.count;
		return;
	}
	pages_count(source->pages, range.first, range.count, &range.pages);
	switch (lens) {
	case LENS_WHERE:
	case LENSES:
		tile_count_where(source, &range, ret_counts);
		break;
	case LENS_WRITTEN:
		tile_count_written(source, &range, ret_counts);
		break;
	case LENS_SHARING:
	case LENS_SIZE:
		tile_count_detailed(source, lens, &range, ret_counts);
		break;
	case LENS_AGE:
		tile_count_age(source, &range, ret_counts);
		break;
	case LENS_DIFFERENCE:
		tile_count_difference(source, &range, ret_counts);
		break;
	}
}

static enum written_value tile_page_written(const struct tile_source *source, uint64_t page)
{
	struct page_counts counts = { 0 };
	struct range range = { .first = page, .count = 1 };
	struct track_run run;

	counts.state[pages_state(source->pages, page)] = 1;
	if (tile_without_content(&counts))
		return WRITTEN_NOTHING;
	if (!tile_is_known(source, MARK_WRITTEN))
		return WRITTEN_UNKNOWN;
	if (pages_marks(source->pages, page) & MARK_WRITTEN)
		return tile_count_new_marks(source, &range) ? WRITTEN_NOW : WRITTEN_MARKED;
	if (source->track && track_run(source->track, page, &run) && run.remembered)
		return WRITTEN_REMEMBERED;
	return tile_markable(&counts) ? WRITTEN_CLEAN : WRITTEN_UNKNOWN;
}

unsigned tile_page_value(const struct tile_source *source, enum lens lens, uint64_t page)
{
	struct tile_counts counts;
	enum page_state state;

	if (!source->pages)
		return tile_unknown_value(lens);
	state = pages_state(source->pages, page);
	if (lens == LENS_WHERE)
		return state;
	if (lens == LENS_WRITTEN)
		return tile_page_written(source, page);
	if (lens == LENS_SHARING || lens == LENS_SIZE) {
		if (state == PAGE_UNKNOWN || state == PAGE_MIGRATING)
			return tile_unknown_value(lens);
		if (!page_state_is_present(state))
			return lens == LENS_SIZE ? (unsigned)SIZE_NOTHING : SHARING_NOTHING;
		return lens == LENS_SIZE ? (unsigned)tile_page_size(source, page)
					 : tile_page_sharing(source, page);
	}
	tile_count(source, lens, page, 1, &counts);
	for (unsigned v = 0; v < lens_value_count(lens); v++)
		if (counts.value[v])
			return v;
	return tile_unknown_value(lens);
}

/* Whether a page of this state is surely among the marked ones. */
static bool tile_surely_written(const struct tile_counts *counts, unsigned value)
{
	uint64_t others = 0;

	for (unsigned s = 0; s < PAGE_STATES; s++)
		if (s != value && (page_state_is_present((enum page_state)s) || s == PAGE_SWAP))
			others += counts->value[s];
	return counts->written > others;
}

static void tile_summarise(enum lens lens, int pin, const struct tile_counts *counts,
			   struct tile *tile)
{
	unsigned best = 0;

	for (unsigned v = 1; v < lens_value_count(lens); v++)
		if (counts->value[v] > counts->value[best] ||
		    (counts->value[v] == counts->value[best] &&
		     lens_rank(lens, v) > lens_rank(lens, best)))
			best = v;
	if (pin >= 0 && (unsigned)pin != best && (unsigned)pin < lens_value_count(lens) &&
	    counts->value[pin]) {
		best = (unsigned)pin;
		tile->pinned = true;
	}
	tile->value = (uint8_t)best;
	tile->written = counts->written;
	tile->mixed = counts->value[best] != tile->count ||
		      (counts->written && counts->written != tile->count);
	tile->upper = lens == LENS_WHERE && tile_surely_written(counts, best);
}

void tile_fill(const struct tile_source *source, enum lens lens, int pin, uint64_t first,
	       uint64_t per_tile, size_t count, struct tile *tiles)
{
	uint64_t total = mapping_pages(source->mapping);
	struct tile_counts counts;

	for (size_t i = 0; i < count; i++) {
		struct tile *t = &tiles[i];

		*t = (struct tile){ .first = first };
		if (first < total) {
			t->count = per_tile < total - first ? per_tile : total - first;
			tile_count(source, lens, first, t->count, &counts);
			tile_summarise(lens, pin, &counts, t);
		}
		first = first + per_tile < first ? UINT64_MAX : first + per_tile;
	}
}

/* Bits of /proc/kpageflags: Documentation/admin-guide/mm/pagemap.rst. */
#define KPF_COMPOUND_HEAD 15
#define KPF_COMPOUND_TAIL 16
#define KPF_THP		  22

/* Where the page lies in the window of raw facts; false: outside of it. */
static bool tile_detail_place(const struct tile_source *source, uint64_t page, size_t *ret_place)
{
	return page_detail_find(source->detail, source->mapping->start + (page << PMTOP_PAGE_SHIFT),
				ret_place);
}

/* The part of the range that the window of raw facts covers. */
static struct range tile_detailed(const struct tile_source *source, const struct range *range)
{
	const struct page_detail *d = source->detail;
	uint64_t start = source->mapping->start, first, end, from, to;
	struct range part = { 0 };

	if (!d)
		return part;
	first = d->start > start ? (d->start - start) >> PMTOP_PAGE_SHIFT : 0;
	end = d->start + ((uint64_t)d->count << PMTOP_PAGE_SHIFT);
	end = end > start ? (end - start) >> PMTOP_PAGE_SHIFT : 0;
	from = first > range->first ? first : range->first;
	to = end < range->first + range->count ? end : range->first + range->count;
	if (to <= from)
		return part;
	part.first = from;
	part.count = to - from;
	pages_count(source->pages, part.first, part.count, &part.pages);
	return part;
}

static enum sharing_value tile_sharing_of_count(uint64_t count)
{
	if (count > 9)
		return SHARING_MORE;
	return count == 1 ? SHARING_ONE : (enum sharing_value)(SHARING_TWO + (count - 2));
}

/* Of a present page. */
enum sharing_value tile_page_sharing(const struct tile_source *source, uint64_t page)
{
	size_t place;

	if (source->detail && source->detail->counts_known &&
	    tile_detail_place(source, page, &place) && source->detail->map_counts[place])
		return tile_sharing_of_count(source->detail->map_counts[place]);
	if (pages_state(source->pages, page) == PAGE_ZERO)
		return SHARING_MORE;
	/* Bit 56 of pagemap, "mapped once", is told to everybody who may open pagemap. */
	if (source->detail && source->detail->words_known &&
	    tile_detail_place(source, page, &place) && source->detail->words[place] >> 63)
		return source->detail->words[place] >> 56 & 1 ? SHARING_ONE : SHARING_SHARED;
	if (!tile_is_known(source, MARK_EXCLUSIVE))
		return SHARING_UNKNOWN;
	return pages_marks(source->pages, page) & MARK_EXCLUSIVE ? SHARING_ONE : SHARING_SHARED;
}

enum size_value tile_page_size(const struct tile_source *source, uint64_t page)
{
	const uint64_t folio = UINT64_C(1) << KPF_COMPOUND_HEAD | UINT64_C(1) << KPF_COMPOUND_TAIL |
			       UINT64_C(1) << KPF_THP;
	uint16_t marks = pages_marks(source->pages, page);
	size_t place;

	if (marks & MARK_HUGETLB)
		return SIZE_HUGETLB;
	if (marks & MARK_HUGE)
		return SIZE_PMD;
	if (source->detail && source->detail->flags_known &&
	    tile_detail_place(source, page, &place) && source->detail->flags[place])
		return source->detail->flags[place] & folio ? SIZE_FOLIO : SIZE_BASE;
	return SIZE_SMALL;
}

static uint64_t tile_not_mapped(const struct page_counts *c, uint64_t count)
{
	return count - tile_present(c) - c->state[PAGE_UNKNOWN] - c->state[PAGE_MIGRATING];
}

/* Sharing of a range without raw facts. */
static void tile_count_sharing_plain(const struct tile_source *source, const struct page_counts *c,
				     uint64_t count, uint64_t *out)
{
	uint64_t zero = c->state[PAGE_ZERO], rest = tile_present(c) - zero;

	out[SHARING_NOTHING] += tile_not_mapped(c, count);
	out[SHARING_UNKNOWN] += c->state[PAGE_UNKNOWN] + c->state[PAGE_MIGRATING];
	out[SHARING_MORE] += zero;
	if (!tile_is_known(source, MARK_EXCLUSIVE)) {
		out[SHARING_UNKNOWN] += rest;
		return;
	}
	out[SHARING_ONE] += page_counts_mark(c, MARK_EXCLUSIVE);
	out[SHARING_SHARED] += rest - page_counts_mark(c, MARK_EXCLUSIVE);
}

static void tile_count_size_plain(const struct page_counts *c, uint64_t count, uint64_t *out)
{
	uint64_t huge = page_counts_mark(c, MARK_HUGE), hugetlb = page_counts_mark(c, MARK_HUGETLB);

	out[SIZE_NOTHING] += tile_not_mapped(c, count);
	out[SIZE_UNKNOWN] += c->state[PAGE_UNKNOWN] + c->state[PAGE_MIGRATING];
	out[SIZE_HUGETLB] += hugetlb;
	out[SIZE_PMD] += huge;
	out[SIZE_SMALL] += tile_present(c) - huge - hugetlb;
}

/* What the window of raw facts covers is counted page by page, the rest by summaries. */
/* Counts LENS_SHARING or LENS_SIZE, where raw facts of a window may tell more than marks. */
static void tile_count_detailed(const struct tile_source *source, enum lens lens,
				const struct range *range, struct tile_counts *out)
{
	struct range part = tile_detailed(source, range);
	struct page_counts rest = range->pages;

	for (int s = 0; s < PAGE_STATES; s++)
		rest.state[s] -= part.pages.state[s];
	for (int m = 0; m < PAGE_MARKS; m++)
		rest.mark[m] -= part.pages.mark[m];
	if (lens == LENS_SIZE)
		tile_count_size_plain(&rest, range->count - part.count, out->value);
	else
		tile_count_sharing_plain(source, &rest, range->count - part.count, out->value);
	for (uint64_t i = part.first; i < part.first + part.count; i++)
		out->value[tile_page_value(source, lens, i)]++;
}
