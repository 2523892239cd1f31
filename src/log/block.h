/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_BLOCK_H
#define PMTOP_LOG_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "model/page.h"

/*
 * How the log keeps the pages of one 2 MiB block of the address space: a zstd frame over a small
 * byte format that pmtop-log(5) describes. Pure but for the zstd contexts. What is decoded is
 * hostile until proven otherwise: every count is checked, and the frame may hold no more than the
 * largest block needs.
 */

#define LOG_BLOCK_SHIFT 9
#define LOG_BLOCK_PAGES 512
#define LOG_NO_PAGE	0xff /* in log_block.state: nothing is mapped there */
#define LOG_NO_SLOT	UINT64_MAX

/* A swap slot in one word: type above, offset below. */
#define LOG_SLOT_SHIFT	  58
#define LOG_SLOT_OFFSET	  ((UINT64_C(1) << LOG_SLOT_SHIFT) - 1)
#define LOG_SLOT_TYPE_MAX 62

struct log_block {
	uint8_t state[LOG_BLOCK_PAGES]; /* enum page_state or LOG_NO_PAGE */
	uint16_t marks[LOG_BLOCK_PAGES];
	uint64_t slot[LOG_BLOCK_PAGES]; /* LOG_NO_SLOT: none known */
};

/* Largest raw block, and largest frame made of it. */
#define LOG_BLOCK_RAW_MAX  (16 + LOG_BLOCK_PAGES * (4 + 2 + 16))
#define LOG_BLOCK_DATA_MAX (LOG_BLOCK_RAW_MAX + 128)

struct log_codec;

struct log_codec *log_codec_new(void); /* NULL when memory is out */
void log_codec_free(struct log_codec *codec);

/* Decode what was written with this schema; a new codec does with the newest. */
void log_codec_set_schema(struct log_codec *codec, int schema);
int log_codec_schema(const struct log_codec *codec);

/* All pages unmapped, no slots. */
void log_block_clear(struct log_block *block);

/*
 * Encodes into data[LOG_BLOCK_DATA_MAX]; returns the bytes used. With `base_slots` (may be NULL),
 * pages whose slot is the same there cost next to nothing, and decoding needs the same array.
 */
int log_block_encode(struct log_codec *codec, const struct log_block *block,
		     const uint64_t *base_slots, uint8_t *data);

/* Decodes. -EBADMSG: this is not an encoded block, or a damaged one. */
int log_block_decode(struct log_codec *codec, const void *data, size_t size,
		     const uint64_t *base_slots, struct log_block *ret_block);

/*
 * Any bytes as one zstd frame with a checksum, or, where that is shorter, as they are between a
 * byte 1 and four bytes of check. compress returns the bytes used, and decompress those that came
 * out; both -EBADMSG when it does not fit or is damaged. `out` must have log_compress_room() bytes.
 */
int log_compress(struct log_codec *codec, const void *data, size_t size, void *out, size_t room);
int log_decompress(struct log_codec *codec, const void *data, size_t size, void *out, size_t room);
size_t log_compress_room(size_t size);

/* Room for what comes out; larger than any size that is possible when it cannot be told. */
unsigned long long log_raw_size(const struct log_codec *codec, const void *data, size_t size);

/* Little-endian base-128 numbers. get: false when [*at, end) holds no whole one. */
#define LOG_NUMBER_MAX 10
uint8_t *log_put_number(uint8_t *at, uint64_t number);
int log_get_number(const uint8_t **at, const uint8_t *end, uint64_t *ret_number);

/* Differences of both signs as numbers that are small when they are near to 0. */
static inline uint64_t log_zigzag(uint64_t difference)
{
	return difference << 1 ^ (uint64_t) - (int64_t)(difference >> 63);
}

static inline uint64_t log_unzigzag(uint64_t number)
{
	return number >> 1 ^ (uint64_t) - (int64_t)(number & 1);
}

#endif
