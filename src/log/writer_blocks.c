// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "log/writer_internal.h"

#define BLOCK_ADDRESS_SHIFT (LOG_BLOCK_SHIFT + PMTOP_PAGE_SHIFT)

/*
 * The reader's picture of a page is what the newest row of its block says, or the fill of its
 * mapping where the block has no row. A row names every page that was mapped when it was written.
 * So a block needs a new row when that picture is not what the new snapshot holds.
 */

void writer_blocks_free(struct writer_blocks *blocks)
{
	for (size_t i = 0; i < blocks->known_count; i++)
		free(blocks->known[i].key_slots);
	for (size_t i = 0; i < blocks->fresh_count; i++)
		free(blocks->fresh[i].key_slots);
	free(blocks->known);
	free(blocks->fresh);
	free(blocks->dirty);
}

size_t writer_blocks_from(const void *first, size_t count, size_t size, uint64_t block)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (*(const uint64_t *)((const char *)first + middle * size) < block)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void writer_blocks_gather_slots(const struct pages *pages, uint64_t from, uint64_t to,
				       uint64_t *slots)
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
		uint64_t first = runs[low].first > from ? runs[low].first : from;
		uint64_t end = runs[low].first + runs[low].count;

		for (uint64_t p = first; p < end && p < to; p++)
			slots[p - from] =
				(uint64_t)runs[low].type << LOG_SLOT_SHIFT |
				((runs[low].offset + (p - runs[low].first)) & LOG_SLOT_OFFSET);
	}
}

/* All that a snapshot holds of a block. True: the fills of its mappings (or NULL) say the same. */
static bool writer_blocks_gather(const struct snapshot *snapshot,
				 const struct written_mapping *fills, uint64_t block,
				 struct log_block *ret_block)
{
	uint64_t first_page = block << LOG_BLOCK_SHIFT;
	bool filled = true;

	log_block_clear(ret_block);
	for (size_t i = snapshot_find(snapshot, block << BLOCK_ADDRESS_SHIFT); i < snapshot->count;
	     i++) {
		const struct snapshot_mapping *m = &snapshot->mappings[i];
		uint64_t start = m->mapping->start >> PMTOP_PAGE_SHIFT, from, to;
		struct page_run run;

		if (start >> LOG_BLOCK_SHIFT > block)
			break;
		if (!m->pages)
			continue;
		from = start > first_page ? 0 : first_page - start;
		to = first_page + LOG_BLOCK_PAGES - start;
		if (to > pages_total(m->pages))
			to = pages_total(m->pages);
		for (uint64_t p = from; p < to && pages_run(m->pages, p, &run);
		     p = run.first + run.count) {
			uint64_t end = run.first + run.count < to ? run.first + run.count : to;

			for (uint64_t k = p; k < end; k++) {
				ret_block->state[start + k - first_page] = run.state;
				ret_block->marks[start + k - first_page] = run.marks;
			}
			filled = filled && fills && run.state == fills[i].fill_state &&
				 run.marks == fills[i].fill_marks;
		}
		writer_blocks_gather_slots(m->pages, from, to,
					   &ret_block->slot[start + from - first_page]);
	}
	for (unsigned int k = 0; filled && k < LOG_BLOCK_PAGES; k++)
		filled = ret_block->slot[k] == LOG_NO_SLOT;
	return filled;
}

/* Every page that is mapped now was the same before. */
static bool writer_blocks_block_same(const struct log_block *old, const struct log_block *now)
{
	for (unsigned int k = 0; k < LOG_BLOCK_PAGES; k++)
		if (now->state[k] != LOG_NO_PAGE &&
		    (old->state[k] != now->state[k] || old->marks[k] != now->marks[k] ||
		     old->slot[k] != now->slot[k]))
			return false;
	return true;
}

void writer_changed_pages(struct log_writer *writer, const struct snapshot *snapshot,
			  uint64_t block, uint64_t *set)
{
	struct log_block *old = &writer->scratch[0], *now = &writer->scratch[1];

	log_block_clear(old);
	if (writer->last)
		writer_blocks_gather(writer->last, NULL, block, old);
	writer_blocks_gather(snapshot, NULL, block, now);
	for (unsigned int k = 0; k < LOG_BLOCK_PAGES; k++)
		if (old->state[k] != now->state[k] || old->marks[k] != now->marks[k] ||
		    old->slot[k] != now->slot[k])
			log_set_add(set, k);
}

static struct written_block *writer_blocks_known_block(struct writer_blocks *blocks, uint64_t block)
{
	size_t k = writer_known_from(blocks, block);

	if (k < blocks->known_count && blocks->known[k].block == block)
		return &blocks->known[k];
	return NULL;
}

static struct written_block *writer_blocks_add_block(struct writer_blocks *blocks, uint64_t block)
{
	if (blocks->fresh_count == blocks->fresh_room) {
		size_t room = blocks->fresh_room ? blocks->fresh_room * 2 : 64;
		struct written_block *more = realloc(blocks->fresh, room * sizeof(*more));

		if (!more)
			return NULL;
		blocks->fresh = more;
		blocks->fresh_room = room;
	}
	blocks->fresh[blocks->fresh_count] = (struct written_block){ .block = block };
	return &blocks->fresh[blocks->fresh_count++];
}

static int writer_blocks_put_row(struct log_writer *writer, uint64_t block, int64_t base,
				 const uint8_t *data, int size)
{
	sqlite3_stmt *statement = writer->statements[WRITE_BLOCK];

	sqlite3_bind_int64(statement, 1, ++writer->last_block);
	sqlite3_bind_int64(statement, 2, writer->samples);
	sqlite3_bind_int64(statement, 3, (int64_t)block);
	if (base)
		sqlite3_bind_int64(statement, 4, base);
	if (data)
		sqlite3_bind_blob(statement, 5, data, size, SQLITE_STATIC);
	return writer_run(writer, WRITE_BLOCK);
}

/* From now on rows of this block are encoded against this one. */
static int writer_blocks_make_key(struct log_writer *writer, struct written_block *entry,
				  const struct log_block *now, int size)
{
	if (!entry->again)
		return SQLITE_OK; /* most blocks are written once */
	if (!entry->key_slots)
		entry->key_slots = malloc(sizeof(now->slot));
	if (!entry->key_slots)
		return SQLITE_NOMEM;
	memcpy(entry->key_slots, now->slot, sizeof(now->slot));
	entry->key = writer->last_block + 1;
	entry->key_size = size;
	return SQLITE_OK;
}

static int writer_blocks_put_content(struct log_writer *writer, struct written_block *entry,
				     const struct log_block *now)
{
	uint8_t data[LOG_BLOCK_DATA_MAX];
	bool slots = false;
	int size, result;

	entry->live = true;
	for (unsigned int k = 0; !slots && k < LOG_BLOCK_PAGES; k++)
		slots = now->slot[k] != LOG_NO_SLOT;
	if (slots && entry->key_slots) {
		size = log_block_encode(writer->codec, now, entry->key_slots, data);
		if (size > 0 && size * 4 <= entry->key_size * 3)
			return writer_blocks_put_row(writer, entry->block, entry->key, data, size);
	}
	size = log_block_encode(writer->codec, now, NULL, data);
	if (size < 0)
		return SQLITE_INTERNAL;
	result = slots ? writer_blocks_make_key(writer, entry, now, size) : SQLITE_OK;
	if (!result)
		result = writer_blocks_put_row(writer, entry->block, 0, data, size);
	entry->again = true;
	return result;
}

static int writer_blocks_put_block(struct log_writer *writer, const struct snapshot *snapshot,
				   const struct written_mapping *mappings, uint64_t block)
{
	struct written_block *entry = writer_blocks_known_block(&writer->blocks, block);
	struct log_block *old = &writer->scratch[0], *now = &writer->scratch[1];
	bool filled = writer_blocks_gather(snapshot, mappings, block, now);

	if (!entry || !entry->live) {
		if (filled)
			return SQLITE_OK;
		if (!entry)
			entry = writer_blocks_add_block(&writer->blocks, block);
		return entry ? writer_blocks_put_content(writer, entry, now) : SQLITE_NOMEM;
	}
	if (filled) {
		entry->live = false;
		return writer_blocks_put_row(writer, block, 0, NULL, 0);
	}
	writer_blocks_gather(writer->last, writer->mappings, block, old);
	if (writer_blocks_block_same(old, now))
		return SQLITE_OK;
	return writer_blocks_put_content(writer, entry, now);
}

static int writer_blocks_merge_fresh(struct writer_blocks *blocks)
{
	size_t total = blocks->known_count + blocks->fresh_count;
	size_t k = blocks->known_count, f = blocks->fresh_count;
	struct written_block *known;

	if (!f)
		return SQLITE_OK;
	known = realloc(blocks->known, total * sizeof(*known));
	if (!known)
		return SQLITE_NOMEM;
	blocks->known = known;
	blocks->known_count = total;
	for (size_t at = total; f;)
		if (k && known[k - 1].block > blocks->fresh[f - 1].block)
			known[--at] = known[--k];
		else
			known[--at] = blocks->fresh[--f];
	blocks->fresh_count = 0;
	return SQLITE_OK;
}

int writer_put_blocks(struct log_writer *writer, const struct snapshot *snapshot,
		      const struct written_mapping *mappings)
{
	int result = writer_find_dirty(writer, snapshot, mappings);

	for (size_t i = 0; !result && i < writer->blocks.dirty_count; i++)
		result = writer_blocks_put_block(writer, snapshot, mappings,
						 writer->blocks.dirty[i]);
	if (!result)
		result = writer_blocks_merge_fresh(&writer->blocks);
	return result;
}
