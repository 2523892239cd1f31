// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "model/classify.h"

#define LEVEL 6

/* In place of a distance: the slot of the same page in the base. */
#define SLOT_OF_BASE 0

#define KNOWN_WORDS  1
#define KNOWN_FLAGS  2
#define KNOWN_COUNTS 4
#define RAW_WHOLE    8
#define RAW_ALL_BITS 15

#define LOW_BITS 55
#define LOW_MASK ((UINT64_C(1) << LOW_BITS) - 1)

struct log_codec {
	ZSTD_CCtx *compressor;
	ZSTD_DCtx *decompressor;
	uint8_t bytes[LOG_RAW_RAW_MAX];
};

struct log_codec *log_codec_new(void)
{
	struct log_codec *codec = calloc(1, sizeof(*codec));

	if (!codec)
		return NULL;
	codec->compressor = ZSTD_createCCtx();
	codec->decompressor = ZSTD_createDCtx();
	if (!codec->compressor || !codec->decompressor) {
		log_codec_free(codec);
		return NULL;
	}
	ZSTD_CCtx_setParameter(codec->compressor, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(codec->compressor, ZSTD_c_checksumFlag, 1);
	return codec;
}

void log_codec_free(struct log_codec *codec)
{
	if (!codec)
		return;
	ZSTD_freeCCtx(codec->compressor);
	ZSTD_freeDCtx(codec->decompressor);
	free(codec);
}

int log_pack(struct log_codec *codec, const void *bytes, size_t size, uint8_t *data)
{
	size_t used = ZSTD_compress2(codec->compressor, data, LOG_DATA_MAX, bytes, size);

	return ZSTD_isError(used) ? -ENOMEM : (int)used;
}

/* Into codec->bytes, at most `most`; returns how many. */
static int codec_unpack(struct log_codec *codec, const void *data, size_t size, size_t most)
{
	size_t used = ZSTD_decompressDCtx(codec->decompressor, codec->bytes, most, data, size);

	return ZSTD_isError(used) ? -EBADMSG : (int)used;
}

/* Differences of both signs as numbers that are small when they are near to 0. */
static uint64_t codec_zigzag(uint64_t distance)
{
	return distance << 1 ^ (uint64_t) - (int64_t)(distance >> 63);
}

static uint64_t codec_unzigzag(uint64_t number)
{
	return number >> 1 ^ (uint64_t) - (int64_t)(number & 1);
}

/* In base 128, little end first. */
static uint8_t *codec_put_number(uint8_t *at, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		*at++ = (uint8_t)(number | 0x80);
	*at++ = (uint8_t)number;
	return at;
}

static int codec_get_number(const uint8_t **at, const uint8_t *end, uint64_t *ret_number)
{
	uint64_t number = 0;

	for (unsigned int shift = 0; *at < end && shift < 64; shift += 7) {
		uint8_t byte = *(*at)++;

		if (shift == 63 && byte > 1)
			return -EBADMSG;
		number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*ret_number = number;
			return 0;
		}
	}
	return -EBADMSG;
}

static uint8_t *codec_put_set(uint8_t *at, const uint64_t *set)
{
	for (unsigned int i = 0; i < LOG_SET_BYTES; i++)
		*at++ = (uint8_t)(set[i / 8] >> i % 8 * 8);
	return at;
}

/* Whoever calls has looked that there are LOG_SET_BYTES. */
static const uint8_t *codec_get_set(const uint8_t *at, uint64_t *set)
{
	memset(set, 0, LOG_SET_BYTES);
	for (unsigned int i = 0; i < LOG_SET_BYTES; i++)
		set[i / 8] |= (uint64_t)*at++ << i % 8 * 8;
	return at;
}

static bool codec_set_is_full(const uint64_t *set)
{
	uint64_t all = UINT64_MAX;

	for (unsigned int i = 0; i < LOG_SET_WORDS; i++)
		all &= set[i];
	return all == UINT64_MAX;
}

void log_block_fill(struct log_block *block, unsigned int from, unsigned int to, uint16_t value)
{
	log_set_add_range(block->planes[LOG_BIT_MAPPED], from, to);
	for (unsigned int bits = value; bits; bits &= bits - 1)
		log_set_add_range(block->planes[__builtin_ctz(bits)], from, to);
}

void log_block_compare(const struct log_block *a, const struct log_block *b, uint64_t *set)
{
	for (unsigned int bit = 0; bit < LOG_PLANES; bit++)
		for (unsigned int word = 0; word < LOG_SET_WORDS; word++)
			set[word] |= a->planes[bit][word] ^ b->planes[bit][word];
	for (unsigned int i = 0; i < LOG_BLOCK_PAGES; i++)
		if (log_set_has(a->planes[LOG_BIT_SLOT], i) &&
		    log_set_has(b->planes[LOG_BIT_SLOT], i) && a->slots[i] != b->slots[i])
			log_set_add(set, i);
}

int log_block_encode(struct log_codec *codec, const struct log_block *block,
		     const struct log_block *base, uint8_t *data)
{
	uint8_t *at = codec->bytes + 4;
	uint64_t next = 0;
	unsigned int common = 0, varied = 0;

	for (unsigned int bit = 0; bit < LOG_PLANES; bit++) {
		if (codec_set_is_full(block->planes[bit])) {
			common |= 1u << bit;
		} else if (!log_set_is_empty(block->planes[bit])) {
			varied |= 1u << bit;
			at = codec_put_set(at, block->planes[bit]);
		}
	}
	for (unsigned int i = 0; i < LOG_BLOCK_PAGES; i++) {
		if (!log_set_has(block->planes[LOG_BIT_SLOT], i))
			continue;
		if (base && log_set_has(base->planes[LOG_BIT_SLOT], i) &&
		    base->slots[i] == block->slots[i])
			at = codec_put_number(at, SLOT_OF_BASE);
		else
			at = codec_put_number(at, codec_zigzag(block->slots[i] - next) + 1);
		next = block->slots[i] + 1;
	}
	memcpy(codec->bytes,
	       (uint8_t[]){ (uint8_t)common, (uint8_t)(common >> 8), (uint8_t)varied,
			    (uint8_t)(varied >> 8) },
	       4);
	return log_pack(codec, codec->bytes, (size_t)(at - codec->bytes), data);
}

static int codec_get_slots(const uint8_t *at, const uint8_t *end, const struct log_block *base,
			   struct log_block *block)
{
	uint64_t next = 0, number;

	for (unsigned int i = 0; i < LOG_BLOCK_PAGES; i++) {
		if (!log_set_has(block->planes[LOG_BIT_SLOT], i))
			continue;
		if (codec_get_number(&at, end, &number))
			return -EBADMSG;
		if (number != SLOT_OF_BASE)
			next += codec_unzigzag(number - 1);
		else if (base && log_set_has(base->planes[LOG_BIT_SLOT], i))
			next = base->slots[i];
		else
			return -EBADMSG;
		if (next >> LOG_SLOT_SHIFT > LOG_SLOT_TYPE_MAX)
			return -EBADMSG;
		block->slots[i] = next++;
	}
	return at == end ? 0 : -EBADMSG;
}

/* What is mapped has one of the states that there are; what is not has no value at all. */
static bool codec_values_are_possible(const struct log_block *block)
{
	for (unsigned int word = 0; word < LOG_SET_WORDS; word++) {
		uint64_t impossible = 0, mapped = block->planes[LOG_BIT_MAPPED][word];

		for (unsigned int state = PAGE_STATES; state < 1u << PAGE_VALUE_MARKS; state++) {
			uint64_t is = UINT64_MAX;

			for (unsigned int bit = 0; bit < PAGE_VALUE_MARKS; bit++)
				is &= state >> bit & 1 ? block->planes[bit][word]
						       : ~block->planes[bit][word];
			impossible |= is;
		}
		for (unsigned int bit = 0; bit < LOG_BIT_MAPPED; bit++)
			impossible |=
				block->planes[bit][word] &
				(bit < PAGE_PLANES || bit == LOG_BIT_SLOT ? ~mapped : UINT64_MAX);
		if (impossible)
			return false;
	}
	return true;
}

int log_block_decode(struct log_codec *codec, const void *data, size_t size,
		     const struct log_block *base, struct log_block *ret_block)
{
	const uint8_t *at = codec->bytes, *end;
	unsigned int common, varied;
	int n = codec_unpack(codec, data, size, LOG_BLOCK_RAW_MAX);

	if (n < 4)
		return -EBADMSG;
	end = at + n;
	common = at[0] | (unsigned int)at[1] << 8;
	varied = at[2] | (unsigned int)at[3] << 8;
	at += 4;
	if (common & varied || end - at < (ptrdiff_t)LOG_SET_BYTES * __builtin_popcount(varied))
		return -EBADMSG;
	for (unsigned int bit = 0; bit < LOG_PLANES; bit++) {
		if (varied >> bit & 1)
			at = codec_get_set(at, ret_block->planes[bit]);
		else
			memset(ret_block->planes[bit], common >> bit & 1 ? 0xff : 0, LOG_SET_BYTES);
	}
	return codec_values_are_possible(ret_block) ? codec_get_slots(at, end, base, ret_block)
						    : -EBADMSG;
}

struct log_raw log_raw_new(uint64_t block)
{
	return (struct log_raw){ .detail = page_detail_new(
					 block << (LOG_BLOCK_SHIFT + PMTOP_PAGE_SHIFT),
					 LOG_BLOCK_PAGES) };
}

void log_raw_free(const struct log_raw *raw)
{
	if (raw->detail)
		page_detail_unref(raw->detail);
}

/* The inode of a page's cgroup, 0: not known. */
static uint64_t codec_group_inode(const struct page_detail *d, size_t i)
{
	return d->groups[i] < PAGE_GROUPS ? d->group_table[d->groups[i]].inode : 0;
}

/* The place of a cgroup in the table of another detail; more than fit in are not known. */
static uint8_t codec_group_place(struct page_detail *d, uint64_t inode)
{
	for (uint8_t g = 0; inode && g < PAGE_GROUPS; g++) {
		if (!d->group_table[g].inode)
			d->group_table[g].inode = inode;
		if (d->group_table[g].inode == inode)
			return g;
	}
	return PAGE_NO_GROUP;
}

void log_raw_copy_page(const struct page_detail *from, size_t index, struct page_detail *to,
		       size_t to_index)
{
	to->words_known = from->words_known;
	to->flags_known = from->flags_known;
	to->counts_known = from->counts_known;
	to->words[to_index] = from->words[index];
	to->flags[to_index] = from->flags[index];
	to->map_counts[to_index] = from->map_counts[index];
	to->rules[to_index] = from->rules[index];
	to->nodes[to_index] = from->nodes[index];
	to->orders[to_index] = from->orders[index];
	to->groups[to_index] = codec_group_place(to, codec_group_inode(from, index));
}

bool log_raw_same_page(const struct page_detail *a, size_t index, const struct page_detail *b,
		       size_t b_index)
{
	return a && a->words_known == b->words_known && a->flags_known == b->flags_known &&
	       a->counts_known == b->counts_known && a->words[index] == b->words[b_index] &&
	       a->flags[index] == b->flags[b_index] &&
	       a->map_counts[index] == b->map_counts[b_index] &&
	       a->rules[index] == b->rules[b_index] && a->nodes[index] == b->nodes[b_index] &&
	       a->orders[index] == b->orders[b_index] &&
	       codec_group_inode(a, index) == codec_group_inode(b, b_index);
}

/* What is stored of each page, one column after the other; bounds of what may be in them. */
enum raw_column {
	RAW_HIGH, /* bits 55 to 63 of the pagemap word */
	RAW_LOW, /* the rest: a frame or a slot */
	RAW_FLAGS,
	RAW_MAP_COUNT,
	RAW_GROUP, /* inode of the cgroup, 0: not known */
	RAW_RULE,
	RAW_ORDER,
	RAW_NODE, /* plus 1: 0 not known */
};

static const uint64_t raw_most[LOG_RAW_COLUMNS] = {
	[RAW_HIGH] = (1 << (64 - LOW_BITS)) - 1,
	[RAW_LOW] = LOW_MASK,
	[RAW_FLAGS] = UINT64_MAX,
	[RAW_MAP_COUNT] = UINT64_MAX,
	[RAW_GROUP] = UINT64_MAX,
	[RAW_RULE] = RULES - 1,
	[RAW_ORDER] = UINT8_MAX,
	[RAW_NODE] = INT8_MAX,
};

static uint64_t codec_raw_column(const struct page_detail *d, size_t i, enum raw_column column)
{
	switch (column) {
	case RAW_HIGH:
		return d->words_known ? d->words[i] >> LOW_BITS : 0;
	case RAW_LOW:
		return d->words_known ? d->words[i] & LOW_MASK : 0;
	case RAW_FLAGS:
		return d->flags_known ? d->flags[i] : 0;
	case RAW_MAP_COUNT:
		return d->counts_known ? d->map_counts[i] : 0;
	case RAW_GROUP:
		return codec_group_inode(d, i);
	case RAW_RULE:
		return d->rules[i];
	case RAW_ORDER:
		return d->orders[i];
	case RAW_NODE:
		return (uint64_t)(d->nodes[i] - PAGE_NO_NODE);
	}
	return 0;
}

static void codec_set_raw_column(struct page_detail *d, size_t i, enum raw_column column,
				 uint64_t number)
{
	switch (column) {
	case RAW_HIGH:
		d->words[i] = number << LOW_BITS;
		break;
	case RAW_LOW:
		d->words[i] |= number;
		break;
	case RAW_FLAGS:
		d->flags[i] = number;
		break;
	case RAW_MAP_COUNT:
		d->map_counts[i] = number;
		break;
	case RAW_GROUP:
		d->groups[i] = codec_group_place(d, number);
		break;
	case RAW_RULE:
		d->rules[i] = (uint8_t)number;
		break;
	case RAW_ORDER:
		d->orders[i] = (uint8_t)number;
		break;
	case RAW_NODE:
		d->nodes[i] = (int8_t)((int)number + PAGE_NO_NODE);
		break;
	}
}

int log_raw_encode(struct log_codec *codec, const struct log_raw *raw, uint8_t *data)
{
	const struct page_detail *d = raw->detail;
	uint8_t *at = codec->bytes;

	*at++ = (uint8_t)(d->words_known * KNOWN_WORDS | d->flags_known * KNOWN_FLAGS |
			  d->counts_known * KNOWN_COUNTS | raw->whole * RAW_WHOLE);
	at = codec_put_set(at, raw->there);
	at = codec_put_set(at, raw->stale);
	for (unsigned int column = 0; column < LOG_RAW_COLUMNS; column++) {
		uint64_t before = 0;

		for (unsigned int i = 0; i < LOG_BLOCK_PAGES; i++) {
			uint64_t number;

			if (!log_set_has(raw->there, i))
				continue;
			number = codec_raw_column(d, i, (enum raw_column)column);
			at = codec_put_number(at, codec_zigzag(number - before));
			before = number + (column == RAW_LOW);
		}
	}
	return log_pack(codec, codec->bytes, (size_t)(at - codec->bytes), data);
}

static int codec_get_raw_column(const uint8_t **at, const uint8_t *end, enum raw_column column,
				struct log_raw *raw)
{
	uint64_t number = 0, distance;

	for (unsigned int i = 0; i < LOG_BLOCK_PAGES; i++) {
		if (!log_set_has(raw->there, i))
			continue;
		if (codec_get_number(at, end, &distance))
			return -EBADMSG;
		number += codec_unzigzag(distance);
		if (number > raw_most[column])
			return -EBADMSG;
		codec_set_raw_column(raw->detail, i, column, number);
		number += column == RAW_LOW;
	}
	return 0;
}

/* An order is that of a folio, or not known. */
static bool codec_orders_are_possible(const struct log_raw *raw)
{
	for (unsigned int i = 0; i < LOG_BLOCK_PAGES; i++)
		if (log_set_has(raw->there, i) && raw->detail->orders[i] > 63 &&
		    raw->detail->orders[i] != PAGE_NO_ORDER)
			return false;
	return true;
}

int log_raw_decode(struct log_codec *codec, const void *data, size_t size, struct log_raw *raw)
{
	const uint8_t *at = codec->bytes, *end;
	int n = codec_unpack(codec, data, size, LOG_RAW_RAW_MAX), code = 0;

	if (n < (int)(1 + 2 * LOG_SET_BYTES) || *at & ~RAW_ALL_BITS)
		return -EBADMSG;
	end = at + n;
	memset(raw->detail->group_table, 0, sizeof(raw->detail->group_table));
	raw->detail->words_known = *at & KNOWN_WORDS;
	raw->detail->flags_known = *at & KNOWN_FLAGS;
	raw->detail->counts_known = *at & KNOWN_COUNTS;
	raw->whole = *at++ & RAW_WHOLE;
	at = codec_get_set(at, raw->there);
	at = codec_get_set(at, raw->stale);
	for (unsigned int column = 0; !code && column < LOG_RAW_COLUMNS; column++)
		code = codec_get_raw_column(&at, end, (enum raw_column)column, raw);
	return !code && at == end && codec_orders_are_possible(raw) ? 0 : -EBADMSG;
}
