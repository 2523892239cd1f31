// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/detail.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "model/classify.h"

/*
 * Raw: first page and count (two bytes each, little end first), a byte of what is known (1 words,
 * 2 flags, 4 map counts), then the known columns of 8-byte numbers, then a byte per page: its rule.
 */
#define KNOWN_WORDS  1
#define KNOWN_FLAGS  2
#define KNOWN_COUNTS 4

static uint8_t *put_column(uint8_t *at, const uint64_t *column, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++, at += 8) {
		uint64_t word = htole64(column[i]);

		memcpy(at, &word, 8);
	}
	return at;
}

int log_detail_encode(struct log_codec *codec, const struct log_detail *detail, uint8_t *data)
{
	uint8_t raw[LOG_DETAIL_RAW_MAX], *at = raw;
	unsigned int first = detail->first, count = detail->count;

	*at++ = (uint8_t)first;
	*at++ = (uint8_t)(first >> 8);
	*at++ = (uint8_t)count;
	*at++ = (uint8_t)(count >> 8);
	*at++ = (uint8_t)(detail->words_known * KNOWN_WORDS | detail->flags_known * KNOWN_FLAGS |
			  detail->counts_known * KNOWN_COUNTS);
	if (detail->words_known)
		at = put_column(at, detail->words + first, count);
	if (detail->flags_known)
		at = put_column(at, detail->flags + first, count);
	if (detail->counts_known)
		at = put_column(at, detail->map_counts + first, count);
	memcpy(at, detail->rules + first, count);
	at += count;
	return log_compress(codec, raw, (size_t)(at - raw), data, LOG_DETAIL_DATA_MAX);
}

static const uint8_t *get_column(const uint8_t *at, bool known, uint64_t *column,
				 unsigned int count)
{
	for (unsigned int i = 0; known && i < count; i++, at += 8) {
		uint64_t word;

		memcpy(&word, at, 8);
		column[i] = le64toh(word);
	}
	return at;
}

int log_detail_decode(struct log_codec *codec, const void *data, size_t size,
		      struct log_detail *ret_detail)
{
	uint8_t raw[LOG_DETAIL_RAW_MAX];
	const uint8_t *at = raw + 5;
	int n = log_decompress(codec, data, size, raw, sizeof(raw));
	unsigned int first, count, columns;

	if (n < 5)
		return -EBADMSG;
	first = raw[0] | (unsigned int)raw[1] << 8;
	count = raw[2] | (unsigned int)raw[3] << 8;
	columns = (unsigned int)__builtin_popcount(raw[4]);
	if (raw[4] > (KNOWN_WORDS | KNOWN_FLAGS | KNOWN_COUNTS) || first > LOG_BLOCK_PAGES ||
	    count > LOG_BLOCK_PAGES - first || (unsigned int)n != 5 + count * (8 * columns + 1))
		return -EBADMSG;
	memset(ret_detail, 0, sizeof(*ret_detail));
	ret_detail->first = first;
	ret_detail->count = count;
	ret_detail->words_known = raw[4] & KNOWN_WORDS;
	ret_detail->flags_known = raw[4] & KNOWN_FLAGS;
	ret_detail->counts_known = raw[4] & KNOWN_COUNTS;
	at = get_column(at, ret_detail->words_known, ret_detail->words + first, count);
	at = get_column(at, ret_detail->flags_known, ret_detail->flags + first, count);
	at = get_column(at, ret_detail->counts_known, ret_detail->map_counts + first, count);
	memcpy(ret_detail->rules + first, at, count);
	for (unsigned int i = first; i < first + count; i++)
		if (ret_detail->rules[i] >= RULES)
			return -EBADMSG;
	return 0;
}
