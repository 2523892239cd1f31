// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "log/raw_chain.h"
#include "log/reader_internal.h"

/* Raw data of pages, as far as they were recorded. */

DEFINE_CLEANUP(cleanup_detail, struct page_detail *, page_detail_unref)

/* The names of cgroups stand in the environment. */
static void reader_raw_add_groups(struct log_reader *reader, struct page_detail *d)
{
	char key[40];

	for (int g = 0; g < PAGE_GROUPS && d->group_table[g].inode; g++) {
		struct page_group *group = &d->group_table[g];

		snprintf(key, sizeof(key), "cgroup.%llu", (unsigned long long)group->inode);
		if (log_reader_fact(reader, key, group->name, sizeof(group->name)))
			group->name[0] = '\0';
	}
}

static void reader_raw_add_swap_paths(struct log_reader *reader, struct page_detail *d)
{
	char key[24], path[256];

	for (unsigned int type = 0; type < PAGE_SWAP_TYPES; type++) {
		snprintf(key, sizeof(key), "swap.%u", type);
		if (!log_reader_fact(reader, key, path, sizeof(path)) && *path)
			d->swap_paths[type] = strdup(path);
	}
}

/* Pages [from, to) of the address space, which lie in one block. Returns how many are known. */
static int reader_raw_add_block(struct log_reader *reader, uint64_t sample, uint64_t from,
				uint64_t to, struct page_detail *d, bool first)
{
	uint64_t block = from >> LOG_BLOCK_SHIFT, base = block << LOG_BLOCK_SHIFT;
	CLEANUP(log_raw_free) struct log_raw found = log_raw_new(block);
	uint64_t wanted[LOG_SET_WORDS] = { 0 };
	int code = found.detail ? 0 : -ENOMEM, known = 0;

	log_set_add_range(wanted, (unsigned int)(from - base), (unsigned int)(to - base));
	if (!code)
		code = log_raw_collect(reader->statements[READ_RAW], reader->codec, block,
				       (int64_t)sample, wanted, &found);
	/* All of a window have the same columns; those of the first block decide. */
	if (code || (!first && (d->words_known != found.detail->words_known ||
				d->flags_known != found.detail->flags_known ||
				d->counts_known != found.detail->counts_known)))
		return code;
	for (uint64_t page = from; page < to; page++) {
		size_t index = page - (d->start >> PMTOP_PAGE_SHIFT);

		if (!log_set_has(found.there, (unsigned int)(page - base)))
			continue;
		log_raw_copy_page(found.detail, page - base, d, index);
		d->recorded[index] = 1;
		known++;
	}
	return known;
}

int log_reader_detail(struct log_reader *reader, uint64_t sample, uint64_t start, size_t count,
		      struct page_detail **ret_detail, struct error *error)
{
	CLEANUP(cleanup_detail) struct page_detail *d = page_detail_new(start, count);
	uint64_t page = start >> PMTOP_PAGE_SHIFT, end = page + count;
	int known = 0;

	reader->budget.left = SQLITE_BUDGET;
	if (d)
		d->recorded = calloc(count + 1, 1);
	if (!d || !d->recorded)
		return error_set(error, -ENOMEM, "%s: %s", reader->path, strerror(ENOMEM));
	while (page < end) {
		uint64_t to = ((page >> LOG_BLOCK_SHIFT) + 1) << LOG_BLOCK_SHIFT;
		int code;

		if (to > end)
			to = end;
		code = reader_raw_add_block(reader, sample, page, to, d, !known);
		if (code == -EBADMSG)
			return reader_damaged(reader, sample, "raw data cannot be decoded", error);
		if (code < 0)
			return error_set(error, code, "%s: %s", reader->path, strerror(-code));
		known += code;
		page = to;
	}
	if (!known)
		return -ENOENT;
	reader_raw_add_groups(reader, d);
	reader_raw_add_swap_paths(reader, d);
	*ret_detail = TAKE(d);
	return 0;
}
