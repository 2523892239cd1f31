// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "log/detail_chain.h"
#include "log/reader_internal.h"

/* Raw facts of pages, as far as they were recorded. */

DEFINE_CLEANUP(cleanup_detail, struct page_detail *, page_detail_unref)

/* Place of a cgroup in the table of a detail; its name stands in the environment. */
static uint8_t reader_detail_find_group(struct log_reader *reader, struct page_detail *d,
					uint64_t inode)
{
	char key[40];

	if (!inode)
		return PAGE_NO_GROUP;
	for (uint8_t g = 0; g < PAGE_GROUPS; g++) {
		struct page_group *group = &d->group_table[g];

		if (group->inode == inode)
			return g;
		if (group->inode)
			continue;
		group->inode = inode;
		snprintf(key, sizeof(key), "cgroup.%llu", (unsigned long long)inode);
		if (log_reader_fact(reader, key, group->name, sizeof(group->name)))
			group->name[0] = '\0';
		return g;
	}
	return PAGE_NO_GROUP;
}

static void reader_detail_add_swap_paths(struct log_reader *reader, struct page_detail *d)
{
	char key[24], path[256];

	for (unsigned int type = 0; type < PAGE_SWAP_TYPES; type++) {
		snprintf(key, sizeof(key), "swap.%u", type);
		if (!log_reader_fact(reader, key, path, sizeof(path)) && *path)
			d->swap_paths[type] = strdup(path);
	}
}

static void reader_detail_set_facts(struct log_reader *reader, const struct log_detail *found,
				    unsigned int place, struct page_detail *d, size_t index)
{
	const struct log_page_facts *f = &found->pages[place];

	d->recorded[index] = 1;
	d->words[index] = f->word;
	d->flags[index] = f->flags;
	d->map_counts[index] = f->map_count;
	d->rules[index] = f->rule;
	d->nodes[index] = f->node;
	d->orders[index] = f->order;
	d->groups[index] = reader_detail_find_group(reader, d, f->group);
}

/* The facts of a detail all have the same columns; those of the first block decide. */
static bool reader_detail_same_columns(const struct log_detail *found, struct page_detail *d,
				       bool first)
{
	if (first) {
		d->words_known = found->words_known;
		d->flags_known = found->flags_known;
		d->counts_known = found->counts_known;
	}
	return d->words_known == found->words_known && d->flags_known == found->flags_known &&
	       d->counts_known == found->counts_known;
}

/* Pages [from, to) of the address space, which lie in one block. Returns how many are known. */
static int reader_detail_add_block(struct log_reader *reader, uint64_t sample, uint64_t from,
				   uint64_t to, struct page_detail *d, bool first)
{
	CLEANUP(cleanup_free) struct log_detail *found = calloc(1, sizeof(*found));
	uint64_t block = from >> LOG_BLOCK_SHIFT, base = block << LOG_BLOCK_SHIFT;
	uint64_t wanted[LOG_SET_WORDS] = { 0 };
	int code = found ? 0 : -ENOMEM, known = 0;

	for (uint64_t page = from; page < to; page++)
		log_set_add(wanted, (unsigned int)(page - base));
	if (!code)
		code = log_detail_collect(reader->statements[READ_DETAILS], reader->codec, block,
					  (int64_t)sample, wanted, found);
	if (code || log_set_is_empty(found->there) || !reader_detail_same_columns(found, d, first))
		return code;
	for (uint64_t page = from; page < to; page++) {
		unsigned int place = (unsigned int)(page - base);

		if (!log_set_has(found->there, place))
			continue;
		reader_detail_set_facts(reader, found, place, d,
					page - (d->start >> PMTOP_PAGE_SHIFT));
		known++;
	}
	return known;
}

int log_reader_detail(struct log_reader *reader, uint64_t sample, uint64_t start, size_t count,
		      struct page_detail **ret_detail, struct log_error *error)
{
	CLEANUP(cleanup_detail) struct page_detail *d = page_detail_new(start, count);
	uint64_t page = start >> PMTOP_PAGE_SHIFT, end = page + count;
	int known = 0;

	reader->budget.left = DATABASE_BUDGET;
	if (d)
		d->recorded = calloc(count + 1, 1);
	if (!d || !d->recorded)
		return log_fail(error, -ENOMEM, "%s: %s", reader->path, strerror(ENOMEM));
	while (page < end) {
		uint64_t to = ((page >> LOG_BLOCK_SHIFT) + 1) << LOG_BLOCK_SHIFT;
		int code;

		if (to > end)
			to = end;
		code = reader_detail_add_block(reader, sample, page, to, d, !known);
		if (code == -EBADMSG)
			return reader_damaged(reader, sample, "raw facts cannot be decoded", error);
		if (code < 0)
			return log_fail(error, code, "%s: %s", reader->path, strerror(-code));
		known += code;
		page = to;
	}
	if (!known)
		return -ENOENT;
	reader_detail_add_swap_paths(reader, d);
	*ret_detail = TAKE(d);
	return 0;
}
