// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/block.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "log/check.h"
#include "log/schema.h"

/*
 * The raw format, before zstd. Numbers are base-128, little end first.
 *
 *   first page, number of pages (places in the block)
 *   number of kinds, then per kind: state (or LOG_NO_PAGE), marks (KIND_SLOT: pages have slots)
 *   per page: its kind, one byte (two, when there are more than 256 kinds); nothing, when there is
 *   one kind only (schema 1: one byte each)
 *   per page whose kind has slots, a number: 0 the slot after that of the page with a slot before,
 *   1 the slot of the same page in the base row, 2 another type follows, then the offset,
 *   n >= 3 the distance (zigzag, plus 3) from the slot that 0 would mean
 */
#define KIND_SLOT      0x8000
#define LEVEL	       6
#define SLOT_NEXT      0
#define SLOT_OF_BASE   1
#define SLOT_TYPE      2
#define SLOT_DISTANCES 3

/* The first byte of what is stored without zstd, whose frames begin with 0x28. */
#define STORED	      1
#define STORED_CHECK  4
#define STORED_ALWAYS 16 /* shorter than what zstd adds */

struct log_codec {
	int schema;
	ZSTD_CCtx *compressor;
	ZSTD_DCtx *decompressor;
	uint32_t kinds[LOG_BLOCK_PAGES];
	uint16_t kind_of[LOG_BLOCK_PAGES];
	uint8_t raw[LOG_BLOCK_RAW_MAX];
};

struct log_codec *log_codec_new(void)
{
	struct log_codec *codec = calloc(1, sizeof(*codec));

	if (!codec)
		return NULL;
	codec->schema = LOG_SCHEMA_VERSION;
	codec->compressor = ZSTD_createCCtx();
	codec->decompressor = ZSTD_createDCtx();
	if (!codec->compressor || !codec->decompressor) {
		log_codec_free(codec);
		return NULL;
	}
	ZSTD_CCtx_setParameter(codec->compressor, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(codec->compressor, ZSTD_c_checksumFlag, 1);
	/* A frame that wants a large window is none of ours: 1 << 23 is 8 MiB. */
	ZSTD_DCtx_setParameter(codec->decompressor, ZSTD_d_windowLogMax, 23);
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

void log_codec_set_schema(struct log_codec *codec, int schema)
{
	codec->schema = schema;
}

int log_codec_schema(const struct log_codec *codec)
{
	return codec->schema;
}

size_t log_compress_room(size_t size)
{
	return ZSTD_compressBound(size);
}

/* A few bytes as they are: a frame of zstd alone takes 13 around them. */
static int block_store(const uint8_t *data, size_t size, uint8_t *out)
{
	uint32_t check = log_check_bytes(LOG_CHECK_START, data, size);

	*out++ = STORED;
	memcpy(out, data, size);
	for (unsigned int i = 0; i < STORED_CHECK; i++)
		out[size + i] = (uint8_t)(check >> 8 * i);
	return (int)size + 1 + STORED_CHECK;
}

static int block_restore(const uint8_t *data, size_t size, void *out, size_t room)
{
	size_t raw = size - 1 - STORED_CHECK;
	uint32_t check = 0;

	if (size < 1 + STORED_CHECK || raw > room)
		return -EBADMSG;
	for (unsigned int i = 0; i < STORED_CHECK; i++)
		check |= (uint32_t)data[1 + raw + i] << 8 * i;
	if (check != log_check_bytes(LOG_CHECK_START, data + 1, raw))
		return -EBADMSG;
	memcpy(out, data + 1, raw);
	return (int)raw;
}

int log_compress(struct log_codec *codec, const void *data, size_t size, void *out, size_t room)
{
	size_t stored = size + 1 + STORED_CHECK, used;

	if (size < STORED_ALWAYS && stored <= room)
		return block_store(data, size, out);
	used = ZSTD_compress2(codec->compressor, out, room, data, size);
	if (stored <= room && (ZSTD_isError(used) || stored < used))
		return block_store(data, size, out);
	return ZSTD_isError(used) ? -EBADMSG : (int)used;
}

unsigned long long log_raw_size(const struct log_codec *codec, const void *data, size_t size)
{
	if (size && codec->schema > 1 && *(const uint8_t *)data == STORED)
		return size;
	return ZSTD_getFrameContentSize(data, size);
}

int log_decompress(struct log_codec *codec, const void *data, size_t size, void *out, size_t room)
{
	size_t came;

	if (size && codec->schema > 1 && *(const uint8_t *)data == STORED)
		return block_restore(data, size, out, room);
	came = ZSTD_decompressDCtx(codec->decompressor, out, room, data, size);
	return ZSTD_isError(came) ? -EBADMSG : (int)came;
}

uint8_t *log_put_number(uint8_t *at, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		*at++ = (uint8_t)(number | 0x80);
	*at++ = (uint8_t)number;
	return at;
}

int log_get_number(const uint8_t **at, const uint8_t *end, uint64_t *ret_number)
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

void log_block_clear(struct log_block *block)
{
	memset(block->state, LOG_NO_PAGE, sizeof(block->state));
	memset(block->marks, 0, sizeof(block->marks));
	memset(block->slot, 0xff, sizeof(block->slot));
}

/* Numbers the kinds of pages in the order in which they are met. */
static unsigned int block_find_kinds(struct log_codec *codec, const struct log_block *block,
				     unsigned int first, unsigned int count)
{
	unsigned int kinds = 0;

	for (unsigned int i = first; i < first + count; i++) {
		uint32_t kind = (uint32_t)block->state[i] << 16 | block->marks[i] |
				(block->slot[i] != LOG_NO_SLOT ? KIND_SLOT : 0);
		unsigned int k = 0;

		while (k < kinds && codec->kinds[k] != kind)
			k++;
		if (k == kinds)
			codec->kinds[kinds++] = kind;
		codec->kind_of[i] = (uint16_t)k;
	}
	return kinds;
}

static uint8_t *block_put_slots(uint8_t *at, const struct log_block *block,
				const uint64_t *base_slots)
{
	uint64_t next = 0;

	for (unsigned int i = 0; i < LOG_BLOCK_PAGES; i++) {
		uint64_t slot = block->slot[i];

		if (slot == LOG_NO_SLOT)
			continue;
		if (slot == next) {
			*at++ = SLOT_NEXT;
		} else if (base_slots && base_slots[i] == slot) {
			*at++ = SLOT_OF_BASE;
		} else if (slot >> LOG_SLOT_SHIFT != next >> LOG_SLOT_SHIFT) {
			*at++ = SLOT_TYPE;
			*at++ = (uint8_t)(slot >> LOG_SLOT_SHIFT);
			at = log_put_number(at, slot & LOG_SLOT_OFFSET);
		} else {
			at = log_put_number(at, log_zigzag(slot - next) + SLOT_DISTANCES);
		}
		next = slot + 1;
	}
	return at;
}

int log_block_encode(struct log_codec *codec, const struct log_block *block,
		     const uint64_t *base_slots, uint8_t *data)
{
	unsigned int first = 0, last = LOG_BLOCK_PAGES, kinds;
	uint8_t *at = codec->raw;

	while (first < last && block->state[first] == LOG_NO_PAGE)
		first++;
	while (last > first && block->state[last - 1] == LOG_NO_PAGE)
		last--;
	at = log_put_number(at, first);
	at = log_put_number(at, last - first);
	kinds = block_find_kinds(codec, block, first, last - first);
	at = log_put_number(at, kinds);
	for (unsigned int k = 0; k < kinds; k++) {
		*at++ = (uint8_t)(codec->kinds[k] >> 16);
		at = log_put_number(at, codec->kinds[k] & 0xffff);
	}
	for (unsigned int i = first; kinds > 1 && i < last; i++) {
		*at++ = (uint8_t)codec->kind_of[i];
		if (kinds > 256)
			*at++ = (uint8_t)(codec->kind_of[i] >> 8);
	}
	at = block_put_slots(at, block, base_slots);
	return log_compress(codec, codec->raw, (size_t)(at - codec->raw), data, LOG_BLOCK_DATA_MAX);
}

static int block_get_kinds(struct log_codec *codec, const uint8_t **at, const uint8_t *end,
			   uint64_t *ret_kinds)
{
	uint64_t kinds, marks;

	if (log_get_number(at, end, &kinds) || kinds > LOG_BLOCK_PAGES)
		return -EBADMSG;
	for (unsigned int k = 0; k < kinds; k++) {
		uint8_t state;

		if (*at == end)
			return -EBADMSG;
		state = *(*at)++;
		if ((state >= PAGE_STATES && state != LOG_NO_PAGE) ||
		    log_get_number(at, end, &marks) ||
		    marks & ~(uint64_t)(KIND_SLOT | ((1 << PAGE_MARKS) - 1)))
			return -EBADMSG;
		codec->kinds[k] = (uint32_t)state << 16 | (uint32_t)marks;
	}
	*ret_kinds = kinds;
	return 0;
}

static int block_get_slot(const uint8_t **at, const uint8_t *end, uint64_t of_base, uint64_t next,
			  uint64_t *ret_slot)
{
	uint64_t code, type, slot;

	if (log_get_number(at, end, &code))
		return -EBADMSG;
	if (code == SLOT_NEXT) {
		slot = next;
	} else if (code == SLOT_OF_BASE) {
		slot = of_base;
	} else if (code == SLOT_TYPE) {
		if (log_get_number(at, end, &type) || type > LOG_SLOT_TYPE_MAX ||
		    log_get_number(at, end, &slot) || slot > LOG_SLOT_OFFSET)
			return -EBADMSG;
		slot |= type << LOG_SLOT_SHIFT;
	} else {
		slot = next + log_unzigzag(code - SLOT_DISTANCES);
	}
	/* A sum that left its type, or a base that has no slot here. */
	if (slot >> LOG_SLOT_SHIFT > LOG_SLOT_TYPE_MAX)
		return -EBADMSG;
	*ret_slot = slot;
	return 0;
}

static int block_get_pages(struct log_codec *codec, const uint8_t *at, const uint8_t *end,
			   const uint64_t *base_slots, struct log_block *block)
{
	uint64_t first, count, kinds, next = 0;
	unsigned int width;
	const uint8_t *slots;

	if (log_get_number(&at, end, &first) || log_get_number(&at, end, &count) ||
	    first > LOG_BLOCK_PAGES || count > LOG_BLOCK_PAGES - first ||
	    block_get_kinds(codec, &at, end, &kinds))
		return -EBADMSG;
	width = kinds > 256 ? 2 : kinds == 1 && codec->schema > 1 ? 0 : 1;
	if ((uint64_t)(end - at) < count * width)
		return -EBADMSG;
	slots = at + count * width;
	for (uint64_t i = first; i < first + count; i++, at += width) {
		unsigned int k = 0;

		for (unsigned int byte = 0; byte < width; byte++)
			k |= (unsigned int)at[byte] << 8 * byte;

		if (k >= kinds)
			return -EBADMSG;
		block->state[i] = (uint8_t)(codec->kinds[k] >> 16);
		block->marks[i] = codec->kinds[k] & (KIND_SLOT - 1);
		if (!(codec->kinds[k] & KIND_SLOT))
			continue;
		if (block_get_slot(&slots, end, base_slots ? base_slots[i] : LOG_NO_SLOT, next,
				   &block->slot[i]))
			return -EBADMSG;
		next = block->slot[i] + 1;
	}
	return slots == end ? 0 : -EBADMSG;
}

int log_block_decode(struct log_codec *codec, const void *data, size_t size,
		     const uint64_t *base_slots, struct log_block *ret_block)
{
	struct log_block block;
	int n = log_decompress(codec, data, size, codec->raw, sizeof(codec->raw));

	if (n < 0)
		return n;
	log_block_clear(&block);
	if (block_get_pages(codec, codec->raw, codec->raw + n, base_slots, &block))
		return -EBADMSG;
	*ret_block = block;
	return 0;
}
