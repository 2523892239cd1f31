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

/* The first of the runs of slots that ends behind a page. */
static size_t writer_blocks_slots_from(const struct slot_run *runs, size_t count, uint64_t page)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (runs[middle].first + runs[middle].count <= page)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void writer_blocks_gather_slots(const struct pages *pages, uint64_t from, uint64_t to,
				       unsigned int place, struct log_block *block)
{
	size_t count, low;
	const struct slot_run *runs = pages_slots(pages, &count);

	low = writer_blocks_slots_from(runs, count, from);
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

static int writer_blocks_put_row(struct log_writer *writer, uint64_t block, int64_t base, int size)
{
	const struct row_block row = { .id = ++writer->last_block,
				       .sample = writer->samples,
				       .block = (int64_t)block,
				       .base = base,
				       .data = { size ? writer->data : NULL, size } };

	return writer_put(writer, LOG_BLOCK, &row);
}

/*
 * A row is told from an older one where that is much shorter: when thrashing, slots are in no
 * order, and most stay from one row to the next (measured: 23 instead of 37 KiB a sample).
 */
static int writer_blocks_put_content(struct log_writer *writer, struct written_block *entry,
				     const struct log_block *now)
{
	bool slots = !log_set_is_empty(now->planes[LOG_BIT_SLOT]);
	int size;

	if (slots && entry->base) {
		size = log_block_encode(writer->codec, now, entry->base, writer->data);
		if (size > 0 && size * 4 <= entry->base_size * 3)
			return writer_blocks_put_row(writer, entry->block, entry->base_id, size);
	}
	size = log_block_encode(writer->codec, now, NULL, writer->data);
	if (size < 0)
		return SQLITE_NOMEM;
	/* Most blocks are written once. */
	if (slots && entry->again) {
		if (!entry->base)
			entry->base = malloc(sizeof(*entry->base));
		if (!entry->base)
			return SQLITE_NOMEM;
		*entry->base = *now;
		entry->base_id = writer->last_block + 1;
		entry->base_size = size;
	}
	entry->again = true;
	return writer_blocks_put_row(writer, entry->block, LOG_NULL, size);
}

static int writer_blocks_put_block(struct log_writer *writer, const struct snapshot *snapshot,
				   const struct written_mapping *mappings, uint64_t block)
{
	size_t at = writer_block_place(writer, block);
	bool known = at < writer->block_count && writer->blocks[at].block == block;
	bool live = known && writer->blocks[at].live;
	struct written_block *entry;
	struct log_block was, now;

	writer_gather(snapshot, block, &now);
	if (log_set_is_empty(now.planes[LOG_BIT_MAPPED]))
		return SQLITE_OK;
	writer_blocks_filled(snapshot, mappings, block, &was);
	if (!writer_blocks_differ(&was, &now)) {
		if (!live)
			return SQLITE_OK;
		writer->blocks[at].live = false;
		return writer_blocks_put_row(writer, block, LOG_NULL, 0);
	}
	if (live) {
		writer_gather(writer->last, block, &was);
		if (!writer_blocks_differ(&was, &now))
			return SQLITE_OK;
	}
	entry = writer_block(writer, block);
	if (!entry)
		return SQLITE_NOMEM;
	entry->live = true;
	return writer_blocks_put_content(writer, entry, &now);
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

static int writer_blocks_add_all(struct log_writer *writer, const struct snapshot_mapping *m,
				 uint64_t first, uint64_t end)
{
	uint64_t to = writer_blocks_number(m, end - 1);
	int result = SQLITE_OK;

	for (uint64_t b = writer_blocks_number(m, first); !result && b <= to; b++)
		result = writer_blocks_add(writer, b);
	return result;
}

/*
 * Adds the blocks of pages [first, first + count) of a mapping that may need a row: all of them, or
 * where the pages have the value of the fill those that have one, and those with slots.
 */
static int writer_blocks_add_range(struct log_writer *writer, const struct snapshot_mapping *m,
				   uint64_t first, uint64_t count, bool filled)
{
	uint64_t end = first + count;
	size_t slots = 0;
	const struct slot_run *runs = m->pages ? pages_slots(m->pages, &slots) : NULL;
	int result;

	if (!filled)
		return writer_blocks_add_all(writer, m, first, end);
	result = writer_blocks_add_written(writer, writer_blocks_number(m, first),
					   writer_blocks_number(m, end - 1));
	for (size_t i = writer_blocks_slots_from(runs, slots, first);
	     !result && i < slots && runs[i].first < end; i++) {
		uint64_t from = runs[i].first > first ? runs[i].first : first;
		uint64_t to = runs[i].first + runs[i].count;

		result = writer_blocks_add_all(writer, m, from, to < end ? to : end);
	}
	return result;
}

/* Pages of which nothing is known yet, or whose fill is another now. */
static int writer_blocks_add_pages(struct log_writer *writer, const struct snapshot_mapping *m,
				   uint64_t first, uint64_t count, uint16_t fill)
{
	uint64_t end = first + count;
	struct page_run run;
	int result = SQLITE_OK;

	for (uint64_t i = first; !result && m->pages && i < end && pages_run(m->pages, i, &run);
	     i += run.count) {
		if (run.count > end - i)
			run.count = end - i;
		result = writer_blocks_add_range(writer, m, i, run.count,
						 writer_blocks_value(&run) == fill);
	}
	return result;
}

static int writer_blocks_add_runs(struct log_writer *writer, const struct change_list *list,
				  const struct change_segment *segment, uint16_t fill)
{
	const struct snapshot_mapping *m = &list->after->mappings[segment->after];
	int result = SQLITE_OK;

	CHANGE_FOR_EACH_RUN (list, segment, run) {
		uint16_t value =
			(uint16_t)(run->state_after | run->marks_after << PAGE_VALUE_MARKS);

		/* Unknown pages are listed although they may be as they were. */
		if (run->state_before == run->state_after &&
		    run->marks_before == run->marks_after && !run->slot)
			continue;
		result = writer_blocks_add_range(writer, m, segment->after_first + run->first,
						 run->count, value == fill);
		if (result)
			break;
	}
	return result;
}

static int writer_blocks_add_segment(struct log_writer *writer, const struct change_list *list,
				     const struct change_segment *segment,
				     const struct written_mapping *mappings)
{
	bool was = segment->before != CHANGE_NOTHING;
	uint16_t fill;

	/* What is gone makes raw data stale. */
	if (segment->after == CHANGE_NOTHING)
		return writer_blocks_add_written(
			writer,
			writer_blocks_number(&list->before->mappings[segment->before],
					     segment->before_first),
			writer_blocks_number(&list->before->mappings[segment->before],
					     segment->before_first + segment->pages - 1));
	fill = mappings[segment->after].fill;
	if (was && list->before->mappings[segment->before].mapping->start +
				   (segment->before_first << PMTOP_PAGE_SHIFT) !=
			   list->after->mappings[segment->after].mapping->start +
				   (segment->after_first << PMTOP_PAGE_SHIFT))
		was = false;
	if (was && list->before->mappings[segment->before].pages &&
	    writer->mappings[segment->before].fill == fill)
		return writer_blocks_add_runs(writer, list, segment, fill);
	return writer_blocks_add_pages(writer, &list->after->mappings[segment->after],
				       segment->after_first, segment->pages, fill);
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

int writer_find_changes(struct log_writer *writer, const struct change_list *list,
			const struct written_mapping *mappings)
{
	int result = SQLITE_OK;

	writer->changed_count = 0;
	for (size_t i = 0; !result && i < list->segment_count; i++)
		result = writer_blocks_add_segment(writer, list, &list->segments[i], mappings);
	writer_blocks_sort(writer);
	return result;
}
