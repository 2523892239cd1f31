// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/tile_internal.h"

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
	if (!is_known(source, MARK_EXCLUSIVE))
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
	return count - present(c) - c->state[PAGE_UNKNOWN] - c->state[PAGE_MIGRATING];
}

/* Sharing of a range without raw facts. */
static void tile_count_sharing_plain(const struct tile_source *source, const struct page_counts *c,
				     uint64_t count, uint64_t *out)
{
	uint64_t zero = c->state[PAGE_ZERO], rest = present(c) - zero;

	out[SHARING_NOTHING] += tile_not_mapped(c, count);
	out[SHARING_UNKNOWN] += c->state[PAGE_UNKNOWN] + c->state[PAGE_MIGRATING];
	out[SHARING_MORE] += zero;
	if (!is_known(source, MARK_EXCLUSIVE)) {
		out[SHARING_UNKNOWN] += rest;
		return;
	}
	out[SHARING_ONE] += c->mark[1];
	out[SHARING_SHARED] += rest - c->mark[1];
}

static void tile_count_size_plain(const struct page_counts *c, uint64_t count, uint64_t *out)
{
	uint64_t huge = c->mark[3], hugetlb = c->mark[4];

	out[SIZE_NOTHING] += tile_not_mapped(c, count);
	out[SIZE_UNKNOWN] += c->state[PAGE_UNKNOWN] + c->state[PAGE_MIGRATING];
	out[SIZE_HUGETLB] += hugetlb;
	out[SIZE_PMD] += huge;
	out[SIZE_SMALL] += present(c) - huge - hugetlb;
}

/* What the window of raw facts covers is counted page by page, the rest by summaries. */
void tile_count_detailed(const struct tile_source *source, enum lens lens,
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
