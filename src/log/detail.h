/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_DETAIL_H
#define PMTOP_LOG_DETAIL_H

#include "log/block.h"
#include "model/snapshot.h"

/*
 * How the log keeps raw facts about pages (pagemap words, kernel page flags, map counts, rules): a
 * zstd frame per 2 MiB block, over the columns one after the other.
 */

#define LOG_DETAIL_RAW_MAX  (8 + LOG_BLOCK_PAGES * 25)
#define LOG_DETAIL_DATA_MAX (LOG_DETAIL_RAW_MAX + 256)

/* The part of a detail that lies in one block; pages are places in the block. */
struct log_detail {
	bool words_known, flags_known, counts_known;
	unsigned int first, count;
	uint64_t words[LOG_BLOCK_PAGES], flags[LOG_BLOCK_PAGES], map_counts[LOG_BLOCK_PAGES];
	uint8_t rules[LOG_BLOCK_PAGES];
};

/* Bytes used of data[LOG_DETAIL_DATA_MAX], or a negative number. */
int log_detail_encode(struct log_codec *codec, const struct log_detail *detail, uint8_t *data);

/* -EBADMSG: not an encoded detail, or a damaged one. */
int log_detail_decode(struct log_codec *codec, const void *data, size_t size,
		      struct log_detail *ret_detail);

#endif
