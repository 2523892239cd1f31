// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "log/raw_chain.h"
#include "log/writer_internal.h"

/*
 * Raw data come from two places: about the pages that changed since the sample before, and about
 * those on screen. A row has what is new in a block. What is known of a page that changed without
 * new data is true no more, and the row says so, as far as there was any.
 */

/* Raw data of more pages on the screen than this are not recorded: frames do not compress. */
#define RECORDED_MOST ((size_t)4 * LOG_BLOCK_PAGES)

#define AMBIGUOUS 2 /* no check number, since these are odd */

/* What the numbers in raw facts stand for: cgroups by inode, swap areas by type. */

static int writer_raw_put_group(struct log_writer *writer, const struct page_group *group)
{
	struct writer_names *names = &writer->names;
	char key[40];

	for (unsigned int i = 0; i < names->group_count; i++)
		if (names->groups[i] == group->inode)
			return SQLITE_OK;
	if (names->group_count == sizeof(names->groups) / sizeof(*names->groups))
		return SQLITE_OK;
	names->groups[names->group_count++] = group->inode;
	snprintf(key, sizeof(key), "cgroup.%llu", (unsigned long long)group->inode);
	return writer_put_fact(writer, key, group->name);
}

/* Two areas that had one type, one after the other: then nobody can tell which a slot is in. */
static int writer_raw_put_swap_path(struct log_writer *writer, unsigned int type, const char *path)
{
	uint32_t check = log_check_bytes(LOG_CHECK_START, path, strlen(path)) | 1;
	char key[24];

	if (writer->names.swap_paths[type] == check || writer->names.swap_paths[type] == AMBIGUOUS)
		return SQLITE_OK;
	snprintf(key, sizeof(key), "swap.%u", type);
	if (writer->names.swap_paths[type]) {
		writer->names.swap_paths[type] = AMBIGUOUS;
		return writer_put_fact(writer, key, "");
	}
	writer->names.swap_paths[type] = check;
	return writer_put_fact(writer, key, path);
}

static int writer_raw_put_names(struct log_writer *writer, const struct page_detail *detail)
{
	int result = SQLITE_OK;

	if (!detail)
		return SQLITE_OK;
	for (int g = 0; !result && g < PAGE_GROUPS; g++)
		if (detail->group_table[g].inode)
			result = writer_raw_put_group(writer, &detail->group_table[g]);
	for (unsigned int t = 0; !result && t < PAGE_SWAP_TYPES; t++)
		if (detail->swap_paths[t])
			result = writer_raw_put_swap_path(writer, t, detail->swap_paths[t]);
	return result;
}

static uint64_t writer_raw_page(const struct page_detail *d, size_t i)
{
	return d->pages ? d->pages[i] : (d->start >> PMTOP_PAGE_SHIFT) + i;
}

/* What is new of a block; each detail is read on from a place, as blocks ascend. */
struct source {
	const struct page_detail *detail; /* NULL: there is none */
	const struct page_detail *before; /* what need not be written again, or NULL */
	size_t count, at;
};

static uint64_t writer_raw_next_block(const struct source *s)
{
	return s->at < s->count ? writer_raw_page(s->detail, s->at) >> LOG_BLOCK_SHIFT : UINT64_MAX;
}

/* Takes what a source has of a block, but for pages that are there already. */
static void writer_raw_take(struct source *s, uint64_t block, struct log_raw *raw)
{
	for (; writer_raw_next_block(s) == block; s->at++) {
		uint64_t page = writer_raw_page(s->detail, s->at);
		unsigned int place = (unsigned int)(page & (LOG_BLOCK_PAGES - 1));
		size_t old;

		if (log_set_has(raw->there, place) ||
		    (page_detail_find(s->before, page << PMTOP_PAGE_SHIFT, &old) &&
		     log_raw_same_page(s->before, old, s->detail, s->at)))
			continue;
		log_raw_copy_page(s->detail, s->at, raw->detail, place);
		log_set_add(raw->there, place);
	}
}

/* Every so often a row has all that is still true, so that nobody must look back further. */
static int writer_raw_complete(struct log_writer *writer, struct written_block *entry,
			       struct log_raw *raw)
{
	uint64_t wanted[LOG_SET_WORDS];
	int code;

	for (unsigned int i = 0; i < LOG_SET_WORDS; i++)
		wanted[i] = entry->raw[i] & ~raw->there[i] & ~raw->stale[i];
	code = log_raw_collect(writer->statements[FIND_RAW], writer->codec, entry->block,
			       writer->samples - 1, wanted, raw);
	raw->whole = true;
	memset(raw->stale, 0, sizeof(raw->stale));
	entry->raw_rows = 0;
	return code ? SQLITE_ERROR : SQLITE_OK;
}

static int writer_raw_put_row(struct log_writer *writer, struct written_block *entry,
			      struct log_raw *raw)
{
	struct row_block row = { .sample = writer->samples, .block = (int64_t)entry->block };
	int result = SQLITE_OK, size;

	for (unsigned int i = 0; i < LOG_SET_WORDS; i++)
		raw->stale[i] &= entry->raw[i] & ~raw->there[i];
	if (log_set_is_empty(raw->there) && log_set_is_empty(raw->stale))
		return SQLITE_OK;
	if (++entry->raw_rows >= LOG_RAW_CHAIN)
		result = writer_raw_complete(writer, entry, raw);
	if (result)
		return result;
	for (unsigned int i = 0; i < LOG_SET_WORDS; i++)
		entry->raw[i] = raw->whole ? raw->there[i]
					   : (entry->raw[i] | raw->there[i]) & ~raw->stale[i];
	size = log_raw_encode(writer->codec, raw, writer->data);
	if (size < 0)
		return SQLITE_NOMEM;
	row.id = ++writer->last_raw;
	row.data = (struct log_bytes){ writer->data, size };
	return writer_put(writer, LOG_RAW, &row);
}

/* One block with its new raw data, and what changed in it. */
static int writer_raw_put_block(struct log_writer *writer, const struct snapshot *snapshot,
				uint64_t block, struct source sources[2])
{
	CLEANUP(log_raw_free) struct log_raw raw = log_raw_new(block);
	struct written_block *entry = writer_block(writer, block);
	struct log_block was, now;

	if (!raw.detail || !entry)
		return SQLITE_NOMEM;
	writer_raw_take(&sources[0], block, &raw);
	writer_raw_take(&sources[1], block, &raw);
	if (!log_set_is_empty(entry->raw)) {
		writer_gather(writer->last, block, &was);
		writer_gather(snapshot, block, &now);
		log_block_compare(&was, &now, raw.stale);
	}
	return writer_raw_put_row(writer, entry, &raw);
}

/* Whether raw data of a block were written that may be stale now. */
static bool writer_raw_is_written(const struct log_writer *writer, uint64_t block)
{
	size_t at = writer_block_place(writer, block);

	return at < writer->block_count && writer->blocks[at].block == block &&
	       !log_set_is_empty(writer->blocks[at].raw);
}

static int writer_raw_put_left_out(struct log_writer *writer, const struct page_detail *changed)
{
	struct row_raw_left_out row = { .sample = writer->samples };

	if (!changed || !changed->left_out)
		return SQLITE_OK;
	row.pages = (int64_t)changed->left_out;
	return writer_put(writer, LOG_RAW_LEFT_OUT, &row);
}

int writer_put_raw(struct log_writer *writer, const struct sample *sample)
{
	const struct snapshot *snapshot = sample->snapshot;
	const struct page_detail *changed = sample->changed;
	const struct page_detail *old = writer->last_sample ? writer->last_sample->focus : NULL;
	const struct page_detail *focus = sample->focus != old ? sample->focus : NULL;
	struct source sources[2] = {
		{ .detail = changed, .count = changed ? changed->count : 0 },
		{ .detail = focus, .before = old, .count = focus ? focus->count : 0 },
	};
	int result = writer_raw_put_names(writer, changed);

	if (sources[1].count > RECORDED_MOST)
		sources[1].count = RECORDED_MOST;
	if (!result)
		result = writer_raw_put_names(writer, focus);
	/* Both the blocks with new data and those in which pages changed, ascending. */
	for (size_t c = 0; !result;) {
		uint64_t a = writer_raw_next_block(&sources[0]),
			 b = writer_raw_next_block(&sources[1]), fresh = a < b ? a : b;
		uint64_t dirty = c < writer->changed_count ? writer->changed[c] : UINT64_MAX;

		if (fresh == UINT64_MAX && dirty == UINT64_MAX)
			break;
		c += dirty <= fresh;
		if (fresh <= dirty || writer_raw_is_written(writer, dirty))
			result = writer_raw_put_block(writer, snapshot,
						      fresh < dirty ? fresh : dirty, sources);
	}
	return result ? result : writer_raw_put_left_out(writer, changed);
}
