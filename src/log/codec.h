/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_CODEC_H
#define PMTOP_LOG_CODEC_H

#include <stdbool.h>

#include "log/format.h"
#include "model/snapshot.h"

/*
 * The data of the tables `block` and `raw`, as log/format.h describes them. What is decoded is
 * hostile until proven otherwise. Only src/log includes this.
 */
struct log_codec;

struct log_codec *log_codec_new(void); /* NULL: out of memory */
void log_codec_free(struct log_codec *codec);

/* A set of pages of a block, or one bit of the value of each. */
#define LOG_SET_WORDS PLANE_WORDS

/* The pages of a block: for each bit of a value, which pages have it. */
struct log_block {
	uint64_t planes[LOG_PLANES][LOG_SET_WORDS];
	uint64_t slots[LOG_BLOCK_PAGES]; /* of those with LOG_BIT_SLOT */
};

/* The raw data of the pages of a block. */
struct log_raw {
	struct page_detail *detail; /* LOG_BLOCK_PAGES pages */
	uint64_t there[LOG_SET_WORDS]; /* pages whose raw data are in *detail */
	uint64_t stale[LOG_SET_WORDS]; /* pages whose older raw data are true no more */
	bool whole; /* nothing older counts */
};

/*
 * Pack into data[LOG_DATA_MAX]. With a base (or NULL), slots that are the same there cost least; it
 * must be the same when they are unpacked. Return the bytes used, or -ENOMEM.
 */
int log_block_encode(struct log_codec *codec, const struct log_block *block,
		     const struct log_block *base, uint8_t *data);
int log_raw_encode(struct log_codec *codec, const struct log_raw *raw, uint8_t *data);

/* -EBADMSG: not such data, or damaged ones. */
int log_block_decode(struct log_codec *codec, const void *data, size_t size,
		     const struct log_block *base, struct log_block *ret_block);
/* Into raw->detail, which must be there. */
int log_raw_decode(struct log_codec *codec, const void *data, size_t size, struct log_raw *raw);

/* An empty one; detail NULL: out of memory. */
struct log_raw log_raw_new(uint64_t block);
void log_raw_free(const struct log_raw *raw);

/* Copies what is known of a page, also when the two have other tables of cgroups. */
void log_raw_copy_page(const struct page_detail *from, size_t index, struct page_detail *to,
		       size_t to_index);

/* Whether two hold the same of a page; `a` may be NULL. */
bool log_raw_same_page(const struct page_detail *a, size_t index, const struct page_detail *b,
		       size_t b_index);

/* Packs any bytes into data[LOG_DATA_MAX]; for tests. */
int log_pack(struct log_codec *codec, const void *bytes, size_t size, uint8_t *data);

/* Pages [from, to) of a block get a value (of the model), and are mapped. */
void log_block_fill(struct log_block *block, unsigned int from, unsigned int to, uint16_t value);

/* Adds the pages that differ in two blocks, mapped or not. */
void log_block_compare(const struct log_block *a, const struct log_block *b, uint64_t *set);

static inline bool log_set_has(const uint64_t *set, unsigned int place)
{
	return set[place / 64] >> (place % 64) & 1;
}

static inline void log_set_add(uint64_t *set, unsigned int place)
{
	set[place / 64] |= UINT64_C(1) << (place % 64);
}

/* The pages [from, to). */
static inline void log_set_add_range(uint64_t *set, unsigned int from, unsigned int to)
{
	for (unsigned int word = from / 64; word * 64 < to; word++)
		set[word] |= plane_mask(word, from, to);
}

static inline bool log_set_is_empty(const uint64_t *set)
{
	uint64_t all = 0;

	for (unsigned int i = 0; i < LOG_SET_WORDS; i++)
		all |= set[i];
	return !all;
}

#endif
