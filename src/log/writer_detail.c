// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "log/detail_chain.h"
#include "log/writer_internal.h"

/*
 * Raw facts come from two places: about the pages that changed since the sample before, and about
 * those on screen. A row has what is new in a block. Facts of a page that changed without new ones
 * are true no more, and the row says so, as far as there were any.
 */

/* Facts of more pages on the screen than this are not recorded: frames do not compress. */
#define RECORDED_MOST ((size_t)4 * LOG_BLOCK_PAGES)

struct fact {
	uint64_t page; /* number */
	const struct page_detail *from;
	size_t index;
};

static uint64_t writer_detail_page_of(const struct page_detail *d, size_t i)
{
	return d->pages ? d->pages[i] : (d->start >> PMTOP_PAGE_SHIFT) + i;
}

static uint64_t writer_detail_group_of(const struct page_detail *d, size_t i)
{
	return d->groups[i] < PAGE_GROUPS ? d->group_table[d->groups[i]].inode : 0;
}

static bool writer_detail_same(const struct page_detail *a, const struct page_detail *b, size_t i)
{
	return a && a->start == b->start && a->count == b->count &&
	       a->words_known == b->words_known && a->flags_known == b->flags_known &&
	       a->counts_known == b->counts_known && a->words[i] == b->words[i] &&
	       a->flags[i] == b->flags[i] && a->map_counts[i] == b->map_counts[i] &&
	       a->rules[i] == b->rules[i] && a->nodes[i] == b->nodes[i] &&
	       a->orders[i] == b->orders[i] &&
	       writer_detail_group_of(a, i) == writer_detail_group_of(b, i);
}

/* All that there is, by page; of a page that has both, what was read of it as a changed one. */
static struct fact *writer_detail_gather_facts(const struct page_detail *changed,
					       const struct page_detail *focus,
					       const struct page_detail *old_focus,
					       size_t *ret_count)
{
	size_t most = focus && focus->count < RECORDED_MOST ? focus->count : RECORDED_MOST;
	size_t focuses = focus ? most : 0, changes = changed ? changed->count : 0, n = 0;
	struct fact *facts = calloc(focuses + changes + 1, sizeof(*facts));

	for (size_t f = 0, c = 0; facts && (f < focuses || c < changes);) {
		uint64_t at_focus = f < focuses ? writer_detail_page_of(focus, f) : UINT64_MAX;
		uint64_t at_change = c < changes ? writer_detail_page_of(changed, c) : UINT64_MAX;

		if (at_change <= at_focus)
			facts[n++] = (struct fact){ at_change, changed, c++ };
		else if (!writer_detail_same(old_focus, focus, f))
			facts[n++] = (struct fact){ at_focus, focus, f };
		f += at_focus <= at_change;
	}
	*ret_count = n;
	return facts;
}

static void writer_detail_set_facts(const struct fact *fact, struct log_detail *part)
{
	const struct page_detail *d = fact->from;
	unsigned int place = (unsigned int)(fact->page & (LOG_BLOCK_PAGES - 1));
	size_t i = fact->index;

	part->words_known = d->words_known;
	part->flags_known = d->flags_known;
	part->counts_known = d->counts_known;
	log_set_add(part->there, place);
	part->pages[place] = (struct log_page_facts){ .word = d->words[i],
						      .flags = d->flags[i],
						      .map_count = d->map_counts[i],
						      .group = writer_detail_group_of(d, i),
						      .rule = d->rules[i],
						      .node = d->nodes[i],
						      .order = d->orders[i] };
}

static struct written_detail *writer_detail_add_detailed(struct writer_details *details,
							 uint64_t block)
{
	size_t at = writer_detailed_from(details, block);

	if (at < details->count && details->blocks[at].block == block)
		return &details->blocks[at];
	if (details->count == details->room) {
		size_t room = details->room ? details->room * 2 : 64;
		struct written_detail *more = realloc(details->blocks, room * sizeof(*more));

		if (!more)
			return NULL;
		details->blocks = more;
		details->room = room;
	}
	memmove(&details->blocks[at + 1], &details->blocks[at],
		(details->count++ - at) * sizeof(*details->blocks));
	details->blocks[at] = (struct written_detail){ .block = block };
	return &details->blocks[at];
}

void writer_details_free(struct writer_details *details)
{
	free(details->blocks);
}

/* Every so often a row has all that is still true, so that nobody must look back further. */
static int writer_detail_complete(struct log_writer *writer, struct written_detail *entry,
				  struct log_detail *part)
{
	uint64_t wanted[LOG_SET_WORDS];

	for (unsigned int i = 0; i < LOG_SET_WORDS; i++)
		wanted[i] = entry->there[i] & ~part->there[i] & ~part->stale[i];
	/* An empty one takes over what is known from the older rows. */
	if (log_detail_collect(writer->statements[FIND_DETAILS], writer->codec, entry->block,
			       writer->samples - 1, wanted, part))
		return SQLITE_INTERNAL;
	part->whole = true;
	memset(part->stale, 0, sizeof(part->stale));
	entry->rows = 0;
	return SQLITE_OK;
}

static int writer_detail_put_row(struct log_writer *writer, struct written_detail *entry,
				 struct log_detail *part)
{
	sqlite3_stmt *s = writer->statements[WRITE_DETAIL];
	CLEANUP(cleanup_free) uint8_t *data = malloc(LOG_DETAIL_DATA_MAX);
	int result = data ? SQLITE_OK : SQLITE_NOMEM, size;

	for (unsigned int i = 0; i < LOG_SET_WORDS; i++)
		part->stale[i] &= entry->there[i] & ~part->there[i];
	if (log_set_is_empty(part->there) && log_set_is_empty(part->stale))
		return SQLITE_OK;
	if (!result && ++entry->rows == LOG_DETAIL_CHAIN)
		result = writer_detail_complete(writer, entry, part);
	if (result)
		return result;
	for (unsigned int i = 0; i < LOG_SET_WORDS; i++)
		entry->there[i] = part->whole
					  ? part->there[i]
					  : (entry->there[i] | part->there[i]) & ~part->stale[i];
	size = log_detail_encode(writer->codec, part, data);
	if (size < 0)
		return SQLITE_INTERNAL;
	sqlite3_bind_int64(s, 1, ++writer->last_detail);
	sqlite3_bind_int64(s, 2, writer->samples);
	sqlite3_bind_int64(s, 3, (int64_t)entry->block);
	sqlite3_bind_blob(s, 4, data, size, SQLITE_STATIC);
	return writer_run(writer, WRITE_DETAIL);
}

/* One block with its new facts, [*at, …) of the list, and what changed in it. */
static int writer_detail_put_block(struct log_writer *writer, const struct snapshot *snapshot,
				   uint64_t block, const struct fact *facts, size_t count,
				   size_t *at)
{
	CLEANUP(cleanup_free) struct log_detail *part = calloc(1, sizeof(*part));
	struct written_detail *entry = writer_detail_add_detailed(&writer->details, block);

	if (!part || !entry)
		return SQLITE_NOMEM;
	for (; *at < count && facts[*at].page >> LOG_BLOCK_SHIFT == block; ++*at)
		writer_detail_set_facts(&facts[*at], part);
	if (!log_set_is_empty(entry->there))
		writer_changed_pages(writer, snapshot, block, part->stale);
	return writer_detail_put_row(writer, entry, part);
}

static int writer_detail_put_left_out(struct log_writer *writer, const struct page_detail *changed)
{
	sqlite3_stmt *s = writer->statements[WRITE_LEFT_OUT];

	if (!changed || !changed->left_out)
		return SQLITE_OK;
	sqlite3_bind_int64(s, 1, writer->samples);
	sqlite3_bind_int64(s, 2, (int64_t)changed->left_out);
	return writer_run(writer, WRITE_LEFT_OUT);
}

int writer_put_detail(struct log_writer *writer, const struct snapshot *snapshot,
		      const struct page_detail *changed)
{
	const struct page_detail *focus = snapshot->detail;
	const struct page_detail *old = writer->last ? writer->last->detail : NULL;
	const struct writer_blocks *blocks = &writer->blocks;
	CLEANUP(cleanup_free) struct fact *facts = NULL;
	size_t count = 0, at = 0, d = 0;
	int result;

	if (focus == old)
		focus = NULL;
	result = writer_find_gone(writer, snapshot);
	if (result)
		return result;
	facts = writer_detail_gather_facts(changed, focus, old, &count);
	if (!facts)
		return SQLITE_NOMEM;
	result = writer_put_names(writer, changed);
	if (!result)
		result = writer_put_names(writer, focus);
	/* Both the blocks with new facts and those in which pages changed, ascending. */
	while (!result && (at < count || d < blocks->dirty_count)) {
		uint64_t fresh = at < count ? facts[at].page >> LOG_BLOCK_SHIFT : UINT64_MAX;
		uint64_t dirty = d < blocks->dirty_count ? blocks->dirty[d] : UINT64_MAX;
		size_t known = writer_detailed_from(&writer->details, dirty);

		d += dirty <= fresh;
		if (fresh <= dirty)
			result =
				writer_detail_put_block(writer, snapshot, fresh, facts, count, &at);
		else if (known < writer->details.count &&
			 writer->details.blocks[known].block == dirty)
			result =
				writer_detail_put_block(writer, snapshot, dirty, facts, count, &at);
	}
	return result ? result : writer_detail_put_left_out(writer, changed);
}
