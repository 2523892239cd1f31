// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "log/writer_internal.h"

/*
 * What the reader finds of a page is in the newest row of its block, or the fill of its mapping
 * where the block has no row. A block needs a new row when that is not what the new snapshot holds.
 */

/* Blocks of one value in a row (8 GiB) that are worth another fill instead of a row each. */
#define WIDE_BLOCKS 4096

#define BLOCK_ADDRESS_SHIFT (LOG_BLOCK_SHIFT + PMTOP_PAGE_SHIFT)

static uint64_t writer_blocks_number(const struct snapshot_mapping *m, uint64_t page)
{
	return ((m->mapping->start >> PMTOP_PAGE_SHIFT) + page) >> LOG_BLOCK_SHIFT;
}

static uint16_t writer_blocks_value(const struct page_run *run)
{
	return (uint16_t)(run->state | run->marks << PAGE_VALUE_MARKS);
}

uint16_t writer_choose_fill(const struct snapshot_mapping *m, const uint16_t *current)
{
	uint64_t longest = current ? (uint64_t)WIDE_BLOCKS * LOG_BLOCK_PAGES : 0;
	uint16_t fill = current ? *current : PAGE_NONE;
	struct page_run run;

	if (!m->pages || mapping_pages(m->mapping) <= longest)
		return fill;
	for (uint64_t i = 0; pages_run(m->pages, i, &run); i = run.first + run.count)
		if (run.count > longest && (!current || writer_blocks_value(&run) != *current)) {
			longest = run.count;
			fill = writer_blocks_value(&run);
		}
	return fill;
}

static void writer_blocks_gather_slots(const struct pages *pages, uint64_t from, uint64_t to,
				       unsigned int place, struct log_block *block)
{
	size_t count, low = 0, high;
	const struct slot_run *runs = pages_slots(pages, &count);

	for (high = count; low < high;) {
		size_t middle = low + (high - low) / 2;

		if (runs[middle].first + runs[middle].count <= from)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < count && runs[low].first < to; low++) {
		uint64_t page = runs[low].first > from ? runs[low].first : from;
		uint64_t end = runs[low].first + runs[low].count;

		for (; page < end && page < to; page++) {
			unsigned int i = place + (unsigned int)(page - from);

			log_set_add(block->planes[LOG_BIT_SLOT], i);
			block->slots[i] =
				(uint64_t)runs[low].type << LOG_SLOT_SHIFT |
				((runs[low].offset + (page - runs[low].first)) & LOG_SLOT_OFFSET);
		}
	}
}

void writer_gather(const struct snapshot *snapshot, uint64_t block, struct log_block *ret_block)
{
	uint64_t first = block << LOG_BLOCK_SHIFT, end = first + LOG_BLOCK_PAGES;
	size_t i = snapshot ? snapshot_find(snapshot, block << BLOCK_ADDRESS_SHIFT) : 0;

	memset(ret_block->planes, 0, sizeof(ret_block->planes));
	for (; snapshot && i < snapshot->count; i++) {
		const struct snapshot_mapping *m = &snapshot->mappings[i];
		uint64_t start = m->mapping->start >> PMTOP_PAGE_SHIFT, from, to;
		unsigned int place;

		if (start >= end)
			break;
		if (!m->pages)
			continue;
		from = start > first ? 0 : first - start;
		to = end - start < pages_total(m->pages) ? end - start : pages_total(m->pages);
		place = (unsigned int)(start + from - first);
		log_set_add_range(ret_block->planes[LOG_BIT_MAPPED], place,
				  place + (unsigned int)(to - from));
		pages_planes(m->pages, from, to - from, ret_block->planes);
		writer_blocks_gather_slots(m->pages, from, to, place, ret_block);
	}
}

/* Whether a page that is mapped now differs. */
static bool writer_blocks_differ(const struct log_block *was, const struct log_block *now)
{
	uint64_t set[LOG_SET_WORDS] = { 0 };

	log_block_compare(was, now, set);
	for (unsigned int word = 0; word < LOG_SET_WORDS; word++)
		set[word] &= now->planes[LOG_BIT_MAPPED][word];
	return !log_set_is_empty(set);
}

/* What a reader finds of a block that has no row. */
static void writer_blocks_filled(const struct snapshot *snapshot,
				 const struct written_mapping *mappings, uint64_t block,
				 struct log_block *ret_block)
{
	uint64_t first = block << LOG_BLOCK_SHIFT, end = first + LOG_BLOCK_PAGES;

	memset(ret_block->planes, 0, sizeof(ret_block->planes));
	for (size_t i = snapshot_find(snapshot, block << BLOCK_ADDRESS_SHIFT); i < snapshot->count;
	     i++) {
		const struct mapping *m = snapshot->mappings[i].mapping;
		uint64_t from = m->start >> PMTOP_PAGE_SHIFT, to = m->end >> PMTOP_PAGE_SHIFT;

		if (from >= end)
			break;
		if (snapshot->mappings[i].pages)
			log_block_fill(ret_block, (unsigned int)(from > first ? from - first : 0),
				       (unsigned int)((to < end ? to : end) - first),
				       mappings[i].fill);
	}
}

size_t writer_block_place(const struct log_writer *writer, uint64_t block)
{
	size_t low = 0, high = writer->block_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (writer->blocks[middle].block < block)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct written_block *writer_block(struct log_writer *writer, uint64_t block)
{
	size_t at = writer_block_place(writer, block);

	if (at < writer->block_count && writer->blocks[at].block == block)
		return &writer->blocks[at];
	if (!ARRAY_RESERVE(writer->blocks, writer->block_count, writer->block_room))
		return NULL;
	memmove(&writer->blocks[at + 1], &writer->blocks[at],
		(writer->block_count++ - at) * sizeof(*writer->blocks));
	writer->blocks[at] = (struct written_block){ .block = block };
	return &writer->blocks[at];
}

static int writer_blocks_put_row(struct log_writer *writer, uint64_t block, int size)
{
	const struct row_block row = { .id = ++writer->last_block,
				       .sample = writer->samples,
				       .block = (int64_t)block,
				       .data = { size ? writer->data : NULL, size } };

	return writer_put(writer, LOG_BLOCK, &row);
}

static int writer_blocks_put_block(struct log_writer *writer, const struct snapshot *snapshot,
				   const struct written_mapping *mappings, uint64_t block)
{
	size_t at = writer_block_place(writer, block);
	bool known = at < writer->block_count && writer->blocks[at].block == block;
	bool live = known && writer->blocks[at].live;
	struct log_block was, now;
	int size;

	writer_gather(snapshot, block, &now);
	if (log_set_is_empty(now.planes[LOG_BIT_MAPPED]))
		return SQLITE_OK;
	writer_blocks_filled(snapshot, mappings, block, &was);
	if (!writer_blocks_differ(&was, &now)) {
		if (!live)
			return SQLITE_OK;
		writer->blocks[at].live = false;
		return writer_blocks_put_row(writer, block, 0);
	}
	if (live) {
		writer_gather(writer->last, block, &was);
		if (!writer_blocks_differ(&was, &now))
			return SQLITE_OK;
	} else {
		struct written_block *entry = writer_block(writer, block);

		if (!entry)
			return SQLITE_NOMEM;
		entry->live = true;
	}
	size = log_block_encode(writer->codec, &now, writer->data);
	return size < 0 ? SQLITE_NOMEM : writer_blocks_put_row(writer, block, size);
}

int writer_put_blocks(struct log_writer *writer, const struct snapshot *snapshot,
		      const struct written_mapping *mappings)
{
	int result = SQLITE_OK;

	for (size_t i = 0; !result && i < writer->changed_count; i++)
		result = writer_blocks_put_block(writer, snapshot, mappings, writer->changed[i]);
	return result;
}

static int writer_blocks_add(struct log_writer *writer, uint64_t block)
{
	if (writer->changed_count && writer->changed[writer->changed_count - 1] == block)
		return SQLITE_OK;
	if (!ARRAY_RESERVE(writer->changed, writer->changed_count, writer->changed_room))
		return SQLITE_NOMEM;
	writer->changed[writer->changed_count++] = block;
	return SQLITE_OK;
}

/* Of the blocks [from, to], those that have something which could be wrong now. */
static int writer_blocks_add_written(struct log_writer *writer, uint64_t from, uint64_t to)
{
	int result = SQLITE_OK;

	for (size_t k = writer_block_place(writer, from);
	     !result && k < writer->block_count && writer->blocks[k].block <= to; k++)
		if (writer->blocks[k].live || !log_set_is_empty(writer->blocks[k].raw))
			result = writer_blocks_add(writer, writer->blocks[k].block);
	return result;
}

/* Adds the blocks of a mapping in which values may differ from what the reader finds. */
static int writer_blocks_find_values(struct log_writer *writer, const struct snapshot_mapping *m,
				     uint16_t fill, const struct pages *old)
{
	struct page_run run;
	uint64_t i = 0, shared;
	int result = SQLITE_OK;

	while (!result && i < pages_total(m->pages)) {
		uint64_t from = writer_blocks_number(m, i);

		if (old && pages_shared(old, m->pages, i, &shared)) {
			i += shared;
			continue;
		}
		pages_run(m->pages, i, &run);
		if (writer_blocks_value(&run) == fill) {
			result = writer_blocks_add_written(
				writer, from, writer_blocks_number(m, i + run.count - 1));
			i += run.count;
			continue;
		}
		result = writer_blocks_add(writer, from);
		/* Step by block: what follows in this run may be shared. */
		i = ((from + 1) << LOG_BLOCK_SHIFT) - (m->mapping->start >> PMTOP_PAGE_SHIFT);
	}
	return result;
}

static int writer_blocks_add_slots(struct log_writer *writer, const struct snapshot_mapping *m,
				   const struct slot_run *run)
{
	uint64_t last = run->first + run->count - 1;
	int result = SQLITE_OK;

	if (last >= mapping_pages(m->mapping))
		last = mapping_pages(m->mapping) - 1;
	if (run->first > last)
		return SQLITE_OK;
	for (uint64_t b = writer_blocks_number(m, run->first);
	     !result && b <= writer_blocks_number(m, last); b++)
		result = writer_blocks_add(writer, b);
	return result;
}

/* Slots lie beside the blocks of struct pages: a shared block may have other slots. */
static int writer_blocks_find_slots(struct log_writer *writer, const struct snapshot_mapping *m,
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
			result = writer_blocks_add_slots(writer, m, &olds[a++]);
		} else {
			result = writer_blocks_add_slots(writer, m, &news[b++]);
		}
	}
	return result;
}

/* Adds the blocks with raw data in which something is not mapped any more. */
static int writer_blocks_find_gone(struct log_writer *writer, const struct snapshot *snapshot)
{
	const struct snapshot *last = writer->last;
	int result = SQLITE_OK;

	for (size_t j = 0; !result && last && j < last->count; j++) {
		const struct mapping *old = last->mappings[j].mapping;
		size_t i = snapshot_find(snapshot, old->start);

		if (i < snapshot->count && snapshot->mappings[i].mapping->start == old->start &&
		    snapshot->mappings[i].mapping->end >= old->end)
			continue;
		result = writer_blocks_add_written(
			writer, writer_blocks_number(&last->mappings[j], 0),
			writer_blocks_number(&last->mappings[j], mapping_pages(old) - 1));
	}
	return result;
}

static int writer_blocks_compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void writer_blocks_sort(struct log_writer *writer)
{
	size_t n = 0;

	if (writer->changed_count)
		qsort(writer->changed, writer->changed_count, sizeof(*writer->changed),
		      writer_blocks_compare_numbers);
	for (size_t i = 0; i < writer->changed_count; i++)
		if (!n || writer->changed[n - 1] != writer->changed[i])
			writer->changed[n++] = writer->changed[i];
	writer->changed_count = n;
}

int writer_find_changes(struct log_writer *writer, const struct snapshot *snapshot,
			const struct written_mapping *mappings)
{
	const struct snapshot *last = writer->last;
	int result = SQLITE_OK;
	size_t j = 0;

	writer->changed_count = 0;
	for (size_t i = 0; !result && i < snapshot->count; i++) {
		const struct snapshot_mapping *m = &snapshot->mappings[i], *old = NULL;

		while (last && j < last->count &&
		       last->mappings[j].mapping->start < m->mapping->start)
			j++;
		/* Another fill changes what is found of every page that has no row. */
		if (last && j < last->count &&
		    last->mappings[j].mapping->start == m->mapping->start &&
		    writer->mappings[j].fill == mappings[i].fill)
			old = &last->mappings[j];
		if (!m->pages || (old && old->pages == m->pages))
			continue;
		result = writer_blocks_find_values(writer, m, mappings[i].fill,
						   old ? old->pages : NULL);
		if (!result)
			result = writer_blocks_find_slots(writer, m, old ? old->pages : NULL);
	}
	if (!result)
		result = writer_blocks_find_gone(writer, snapshot);
	writer_blocks_sort(writer);
	return result;
}
