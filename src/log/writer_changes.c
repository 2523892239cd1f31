// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "log/writer_internal.h"

/* Blocks of one value in a row (8 GiB) that are worth another fill instead of a row each. */
#define WIDE_BLOCKS 4096

static uint64_t writer_changes_writer_blocks_block_of(const struct snapshot_mapping *m,
						      uint64_t page)
{
	return ((m->mapping->start >> PMTOP_PAGE_SHIFT) + page) >> LOG_BLOCK_SHIFT;
}

/* Blocks from page `first` on that a run of `count` pages covers wholly. */
static uint64_t writer_changes_writer_blocks_whole_blocks(const struct snapshot_mapping *m,
							  uint64_t first, uint64_t count)
{
	uint64_t page = (m->mapping->start >> PMTOP_PAGE_SHIFT) + first;
	uint64_t from = (page + LOG_BLOCK_PAGES - 1) >> LOG_BLOCK_SHIFT;
	uint64_t to = (page + count) >> LOG_BLOCK_SHIFT;

	return to > from ? to - from : 0;
}

void writer_choose_fill(const struct snapshot_mapping *m, struct written_mapping *ret_fill)
{
	struct {
		uint8_t state;
		uint16_t marks;
		uint64_t blocks;
	} found[32];
	size_t kinds = 0, best = 0;
	struct page_run run;

	ret_fill->fill_state = PAGE_NONE;
	ret_fill->fill_marks = 0;
	if (!m->pages)
		return;
	for (uint64_t i = 0; pages_run(m->pages, i, &run); i = run.first + run.count) {
		uint64_t blocks =
			writer_changes_writer_blocks_whole_blocks(m, run.first, run.count);
		size_t k = 0;

		if (run.count == pages_total(m->pages))
			blocks++; /* also when it is smaller than a block */
		if (!blocks)
			continue;
		while (k < kinds && (found[k].state != run.state || found[k].marks != run.marks))
			k++;
		if (k == sizeof(found) / sizeof(*found))
			continue;
		if (k == kinds) {
			found[kinds].state = run.state;
			found[kinds].marks = run.marks;
			found[kinds++].blocks = 0;
		}
		found[k].blocks += blocks;
		if (found[k].blocks > found[best].blocks)
			best = k;
	}
	if (kinds) {
		ret_fill->fill_state = found[best].state;
		ret_fill->fill_marks = found[best].marks;
	}
}

bool writer_fill_is_bad(const struct snapshot_mapping *m, const struct written_mapping *fill)
{
	struct page_run run;

	if (!m->pages || mapping_pages(m->mapping) <= (uint64_t)WIDE_BLOCKS * LOG_BLOCK_PAGES)
		return false;
	for (uint64_t i = 0; pages_run(m->pages, i, &run); i = run.first + run.count)
		if ((run.state != fill->fill_state || run.marks != fill->fill_marks) &&
		    writer_changes_writer_blocks_whole_blocks(m, run.first, run.count) >
			    WIDE_BLOCKS)
			return true;
	return false;
}

static int writer_changes_writer_blocks_add_dirty(struct writer_blocks *blocks, uint64_t block)
{
	if (blocks->dirty_count && blocks->dirty[blocks->dirty_count - 1] == block)
		return SQLITE_OK;
	if (blocks->dirty_count == blocks->dirty_room) {
		size_t room = blocks->dirty_room ? blocks->dirty_room * 2 : 256;
		uint64_t *more = realloc(blocks->dirty, room * sizeof(*more));

		if (!more)
			return SQLITE_NOMEM;
		blocks->dirty = more;
		blocks->dirty_room = room;
	}
	blocks->dirty[blocks->dirty_count++] = block;
	return SQLITE_OK;
}

static int writer_changes_writer_blocks_add_live(struct writer_blocks *blocks, uint64_t from,
						 uint64_t to)
{
	int result = SQLITE_OK;

	for (size_t k = writer_known_from(blocks, from);
	     !result && k < blocks->known_count && blocks->known[k].block <= to; k++)
		if (blocks->known[k].live)
			result = writer_changes_writer_blocks_add_dirty(blocks,
									blocks->known[k].block);
	return result;
}

/* Adds the blocks of a mapping in which states or marks may differ from the reader's picture. */
static int writer_changes_writer_blocks_find_changed_pages(struct writer_blocks *blocks,
							   const struct snapshot_mapping *m,
							   const struct written_mapping *fill,
							   const struct pages *old)
{
	struct page_run run;
	uint64_t i = 0, shared;
	int result = SQLITE_OK;

	while (!result && i < pages_total(m->pages)) {
		uint64_t from = writer_changes_writer_blocks_block_of(m, i);

		if (old && pages_shared(old, m->pages, i, &shared)) {
			i += shared;
			continue;
		}
		pages_run(m->pages, i, &run);
		if (run.state == fill->fill_state && run.marks == fill->fill_marks) {
			result = writer_changes_writer_blocks_add_live(
				blocks, from,
				writer_changes_writer_blocks_block_of(m, i + run.count - 1));
			i += run.count;
			continue;
		}
		result = writer_changes_writer_blocks_add_dirty(blocks, from);
		/* Step by block: what follows in this run may be shared. */
		i = ((from + 1) << LOG_BLOCK_SHIFT) - (m->mapping->start >> PMTOP_PAGE_SHIFT);
	}
	return result;
}

static int writer_changes_writer_blocks_add_slot_run(struct writer_blocks *blocks,
						     const struct snapshot_mapping *m,
						     const struct slot_run *run)
{
	uint64_t last = run->first + run->count - 1;
	int result = SQLITE_OK;

	if (last >= mapping_pages(m->mapping))
		last = mapping_pages(m->mapping) - 1;
	if (run->first > last)
		return SQLITE_OK;
	for (uint64_t b = writer_changes_writer_blocks_block_of(m, run->first);
	     !result && b <= writer_changes_writer_blocks_block_of(m, last); b++)
		result = writer_changes_writer_blocks_add_dirty(blocks, b);
	return result;
}

/* Slots lie beside the blocks of struct pages: a shared block may have other slots. */
static int writer_changes_writer_blocks_find_changed_slots(struct writer_blocks *blocks,
							   const struct snapshot_mapping *m,
							   const struct pages *old)
{
	size_t a = 0, b = 0, old_count = 0, new_count;
	const struct slot_run *olds = old ? pages_slots(old, &old_count) : NULL;
	const struct slot_run *news = pages_slots(m->pages, &new_count);
	int result = SQLITE_OK;

	while (!result && (a < old_count || b < new_count)) {
		if (a < old_count && b < new_count && olds[a].first == news[b].first &&
		    olds[a].count == news[b].count && olds[a].offset == news[b].offset &&
		    olds[a].type == news[b].type) {
			a++;
			b++;
		} else if (b == new_count || (a < old_count && olds[a].first <= news[b].first)) {
			result = writer_changes_writer_blocks_add_slot_run(blocks, m, &olds[a++]);
		} else {
			result = writer_changes_writer_blocks_add_slot_run(blocks, m, &news[b++]);
		}
	}
	return result;
}

static int writer_changes_writer_blocks_compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void writer_changes_writer_blocks_sort_dirty(struct writer_blocks *blocks)
{
	size_t n = 0;

	qsort(blocks->dirty, blocks->dirty_count, sizeof(*blocks->dirty),
	      writer_changes_writer_blocks_compare_numbers);
	for (size_t i = 0; i < blocks->dirty_count; i++)
		if (!n || blocks->dirty[n - 1] != blocks->dirty[i])
			blocks->dirty[n++] = blocks->dirty[i];
	blocks->dirty_count = n;
}

int writer_find_gone(struct log_writer *writer, const struct snapshot *snapshot)
{
	const struct snapshot *last = writer->last;
	const struct writer_details *details = &writer->details;
	int result = SQLITE_OK;

	for (size_t j = 0; !result && last && details->count && j < last->count; j++) {
		const struct mapping *old = last->mappings[j].mapping;
		size_t i = snapshot_find(snapshot, old->start);
		uint64_t end = (old->end - 1) >> PMTOP_PAGE_SHIFT >> LOG_BLOCK_SHIFT;

		if (i < snapshot->count && snapshot->mappings[i].mapping->start == old->start &&
		    snapshot->mappings[i].mapping->end >= old->end)
			continue;
		for (size_t d = writer_detailed_from(details, old->start >> PMTOP_PAGE_SHIFT >>
								      LOG_BLOCK_SHIFT);
		     !result && d < details->count && details->blocks[d].block <= end; d++)
			result = writer_changes_writer_blocks_add_dirty(&writer->blocks,
									details->blocks[d].block);
	}
	if (writer->blocks.dirty_count)
		writer_changes_writer_blocks_sort_dirty(&writer->blocks);
	return result;
}

int writer_find_dirty(struct log_writer *writer, const struct snapshot *snapshot,
		      const struct written_mapping *mappings)
{
	const struct snapshot *last = writer->last;
	int result = SQLITE_OK;
	size_t j = 0;

	writer->blocks.dirty_count = 0;
	for (size_t i = 0; !result && i < snapshot->count; i++) {
		const struct snapshot_mapping *m = &snapshot->mappings[i], *old = NULL;

		while (last && j < last->count &&
		       last->mappings[j].mapping->start < m->mapping->start)
			j++;
		/* Another fill changes the picture of every page that has no row. */
		if (last && j < last->count &&
		    last->mappings[j].mapping->start == m->mapping->start &&
		    writer->mappings[j].fill_state == mappings[i].fill_state &&
		    writer->mappings[j].fill_marks == mappings[i].fill_marks)
			old = &last->mappings[j];
		if (!m->pages || (old && old->pages == m->pages))
			continue;
		result = writer_changes_writer_blocks_find_changed_pages(
			&writer->blocks, m, &mappings[i], old ? old->pages : NULL);
		if (!result)
			result = writer_changes_writer_blocks_find_changed_slots(
				&writer->blocks, m, old ? old->pages : NULL);
	}
	if (writer->blocks.dirty_count)
		writer_changes_writer_blocks_sort_dirty(&writer->blocks);
	return result;
}
