// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "log/detail.h"
#include "log/writer_internal.h"
#include "model/cleanup.h"

/* Raw facts of more pages than this are not recorded: physical addresses do not compress. */
#define RECORDED_MOST ((size_t)4 * LOG_BLOCK_PAGES)

/* Copies the pages of [from, to), indexes into the detail, to their places. */
static void cut(const struct page_detail *d, uint64_t from, uint64_t to, struct log_detail *ret_cut)
{
	unsigned int first = ((d->start >> PMTOP_PAGE_SHIFT) + from) & (LOG_BLOCK_PAGES - 1);

	memset(ret_cut, 0, sizeof(*ret_cut));
	ret_cut->words_known = d->words_known;
	ret_cut->flags_known = d->flags_known;
	ret_cut->counts_known = d->counts_known;
	ret_cut->first = first;
	ret_cut->count = (unsigned int)(to - from);
	memcpy(ret_cut->words + first, d->words + from, (to - from) * sizeof(*d->words));
	memcpy(ret_cut->flags + first, d->flags + from, (to - from) * sizeof(*d->flags));
	memcpy(ret_cut->map_counts + first, d->map_counts + from,
	       (to - from) * sizeof(*d->map_counts));
	memcpy(ret_cut->rules + first, d->rules + from, to - from);
}

static bool same(const struct page_detail *old, const struct page_detail *now, uint64_t from,
		 uint64_t to)
{
	size_t n = to - from;

	return old && old->start == now->start && old->count == now->count &&
	       old->words_known == now->words_known && old->flags_known == now->flags_known &&
	       old->counts_known == now->counts_known &&
	       !memcmp(old->words + from, now->words + from, n * sizeof(*now->words)) &&
	       !memcmp(old->flags + from, now->flags + from, n * sizeof(*now->flags)) &&
	       !memcmp(old->map_counts + from, now->map_counts + from,
		       n * sizeof(*now->map_counts)) &&
	       !memcmp(old->rules + from, now->rules + from, n);
}

static int put_row(struct log_writer *writer, uint64_t block, const struct log_detail *detail)
{
	sqlite3_stmt *s = writer->statements[WRITE_DETAIL];
	uint8_t data[LOG_DETAIL_DATA_MAX];
	int size = log_detail_encode(writer->codec, detail, data);

	if (size < 0)
		return SQLITE_INTERNAL;
	sqlite3_bind_int64(s, 1, ++writer->last_detail);
	sqlite3_bind_int64(s, 2, writer->samples);
	sqlite3_bind_int64(s, 3, (int64_t)block);
	sqlite3_bind_blob(s, 4, data, size, SQLITE_STATIC);
	return writer_run(writer, WRITE_DETAIL);
}

int writer_put_detail(struct log_writer *writer, const struct snapshot *snapshot)
{
	const struct page_detail *now = snapshot->detail;
	const struct page_detail *old = writer->last ? writer->last->detail : NULL;
	CLEANUP(cleanup_free) struct log_detail *part = NULL;
	int result = SQLITE_OK;
	uint64_t count, page;

	if (!now || now == old)
		return SQLITE_OK;
	part = malloc(sizeof(*part));
	if (!part)
		return SQLITE_NOMEM;
	count = now->count < RECORDED_MOST ? now->count : RECORDED_MOST;
	page = now->start >> PMTOP_PAGE_SHIFT;
	for (uint64_t from = 0, to; !result && from < count; from = to) {
		to = (((page + from) >> LOG_BLOCK_SHIFT) + 1) * LOG_BLOCK_PAGES - page;
		if (to > count)
			to = count;
		if (same(old, now, from, to))
			continue;
		cut(now, from, to, part);
		result = put_row(writer, (page + from) >> LOG_BLOCK_SHIFT, part);
	}
	return result;
}
