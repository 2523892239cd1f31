/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_DETAIL_H
#define PMTOP_LOG_DETAIL_H

#include "log/block.h"
#include "model/snapshot.h"

/*
 * How the log keeps raw facts about pages (pagemap words, kernel page flags, map counts, rules,
 * node, folio, cgroup): a frame per 2 MiB block and sample, with the facts of those pages about
 * which there is something new. pmtop-log(5) describes the bytes.
 */

/* Two lists of runs, at most one kind a page, and for each page its kind and a number. */
#define LOG_DETAIL_LIST_MAX (LOG_NUMBER_MAX + LOG_BLOCK_PAGES * 2 * 2)
#define LOG_DETAIL_KIND_MAX (2 + 3 * LOG_NUMBER_MAX + 3)
#define LOG_DETAIL_RAW_MAX                                                                         \
	(1 + 2 * LOG_DETAIL_LIST_MAX + LOG_NUMBER_MAX +                                            \
	 LOG_BLOCK_PAGES * (LOG_DETAIL_KIND_MAX + 2 + LOG_NUMBER_MAX))
#define LOG_DETAIL_DATA_MAX (LOG_DETAIL_RAW_MAX + 256)

#define LOG_SET_WORDS (LOG_BLOCK_PAGES / 64)

struct log_page_facts {
	uint64_t word, flags, map_count;
	uint64_t group; /* inode of the cgroup, 0: not known */
	uint8_t rule;
	int8_t node; /* PAGE_NO_NODE */
	uint8_t order; /* PAGE_NO_ORDER */
};

/* The part that lies in one block; pages are places in the block, sets of them bits. */
struct log_detail {
	bool words_known, flags_known, counts_known;
	bool whole; /* nothing older counts */
	uint64_t there[LOG_SET_WORDS]; /* pages with facts */
	uint64_t stale[LOG_SET_WORDS]; /* pages whose older facts are true no more */
	struct log_page_facts pages[LOG_BLOCK_PAGES];
};

static inline bool log_set_has(const uint64_t *set, unsigned int place)
{
	return set[place / 64] >> (place % 64) & 1;
}

static inline void log_set_add(uint64_t *set, unsigned int place)
{
	set[place / 64] |= UINT64_C(1) << (place % 64);
}

static inline bool log_set_is_empty(const uint64_t *set)
{
	uint64_t all = 0;

	for (unsigned int i = 0; i < LOG_SET_WORDS; i++)
		all |= set[i];
	return !all;
}

/* Bytes used of data[LOG_DETAIL_DATA_MAX], or a negative number. */
int log_detail_encode(struct log_codec *codec, const struct log_detail *detail, uint8_t *data);

/* -EBADMSG: not an encoded detail, or a damaged one. Only facts of pages that are there are set. */
int log_detail_decode(struct log_codec *codec, const void *data, size_t size,
		      struct log_detail *ret_detail);

/* What an older row says of the pages in `wanted`, and takes away those that it settles. */
void log_detail_take(const struct log_detail *from, uint64_t *wanted, struct log_detail *to);

#endif
