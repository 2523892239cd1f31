// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/planes.h"

#include <stdlib.h>
#include <string.h>

void block_unref(struct block *block)
{
	if (atomic_fetch_sub_explicit(&block->refs, 1, memory_order_acq_rel) == 1)
		free(block);
}

bool block_equal(const struct block *a, const struct block *b)
{
	size_t head = offsetof(struct block, base);

	return a->varied == b->varied && memcmp((const char *)a + head, (const char *)b + head,
						block_size(a->varied) - head) == 0;
}

uint16_t block_value(const struct block *block, unsigned int place)
{
	uint16_t value = block->base;
	unsigned int plane = 0;

	for (unsigned int bits = block->varied; bits; bits &= bits - 1, plane++)
		if (block->planes[plane][place / 64] >> (place % 64) & 1)
			value |= (uint16_t)(bits & -bits);
	return value;
}

/* Bit i is set when page 64 * word + i has another value, as far as the bits in `look` go. */
static uint64_t planes_word_differs(const struct block *block, unsigned int word, uint16_t value,
				    uint16_t look)
{
	uint64_t differs = (block->base ^ value) & ~block->varied & look ? ~UINT64_C(0) : 0;
	unsigned int plane = 0;

	for (unsigned int bits = block->varied; bits; bits &= bits - 1, plane++)
		if (bits & -bits & look)
			differs |= block->planes[plane][word] ^
				   (value & bits & -bits ? ~UINT64_C(0) : 0);
	return differs;
}

unsigned int block_run(const struct block *block, unsigned int place, unsigned int limit,
		       uint16_t value)
{
	uint64_t ignored = ~(~UINT64_C(0) << (place % 64));

	for (unsigned int word = place / 64; word * 64 < limit; word++, ignored = 0) {
		uint64_t differs = planes_word_differs(block, word, value, UINT16_MAX) & ~ignored;
		unsigned int end;

		if (!differs)
			continue;
		end = word * 64 + (unsigned int)__builtin_ctzll(differs);
		return (end < limit ? end : limit) - place;
	}
	return limit - place;
}

void block_count(const struct block *block, struct page_counts *counts)
{
	for (int s = 0; s < PAGE_STATES; s++)
		counts->state[s] += block->state_counts[s];
	for (int m = 0; m < PAGE_MARKS; m++)
		counts->mark[m] += block->mark_counts[m];
}

/* How many pages of [from, to) have exactly these of the bits in `look`. */
static unsigned int planes_count_alike(const struct block *block, unsigned int from,
				       unsigned int to, uint16_t value, uint16_t look)
{
	unsigned int n = 0;

	for (unsigned int word = from / 64; word * 64 < to; word++)
		n += (unsigned int)__builtin_popcountll(
			~planes_word_differs(block, word, value, look) &
			plane_mask(word, from, to));
	return n;
}

void block_count_part(const struct block *block, unsigned int from, unsigned int to,
		      struct page_counts *counts)
{
	for (int s = 0; s < PAGE_STATES; s++)
		if (block->state_counts[s])
			counts->state[s] += planes_count_alike(block, from, to, value_of(s, 0),
							       (1 << STATE_BITS) - 1);
	for (int m = 0; m < PAGE_MARKS; m++)
		if (block->mark_counts[m])
			counts->mark[m] += planes_count_alike(block, from, to, value_of(0, 1 << m),
							      value_of(0, 1 << m));
}

void block_planes(const struct block *block, unsigned int from, unsigned int to,
		  uint64_t (*planes)[PLANE_WORDS])
{
	unsigned int plane = 0;

	for (unsigned int bits = block->base | block->varied; bits; bits &= bits - 1) {
		bool varies = block->varied & bits & -bits;
		uint64_t *to_plane = planes[__builtin_ctz(bits)];

		for (unsigned int word = from / 64; word * 64 < to; word++)
			to_plane[word] |= (varies ? block->planes[plane][word] : ~UINT64_C(0)) &
					  plane_mask(word, from, to);
		plane += varies;
	}
}

void planes_values(const uint64_t (*planes)[PLANE_WORDS], uint16_t values[static BLOCK_PAGES])
{
	memset(values, 0, BLOCK_PAGES * sizeof(*values));
	for (unsigned int bit = 0; bit < VALUE_BITS; bit++)
		for (unsigned int word = 0; word < PLANE_WORDS; word++)
			for (unsigned int i = 0; planes[bit][word] && i < 64; i++)
				values[word * 64 + i] |=
					(uint16_t)((planes[bit][word] >> i & 1) << bit);
}

/* Bit `bit` of 64 values in one word: four values at a time, gathered by a multiplication. */
static uint64_t planes_gather_word(const uint16_t *values, unsigned int bit)
{
	uint64_t word = 0;

	for (unsigned int i = 0; i < 64; i += 4) {
		uint64_t four = values[i] | (uint64_t)values[i + 1] << 16 |
				(uint64_t)values[i + 2] << 32 | (uint64_t)values[i + 3] << 48;

		four = four >> bit & UINT64_C(0x0001000100010001);
		word |= (four * UINT64_C(0x0001000200040008) >> 48 & 15) << i;
	}
	return word;
}

static void planes_count_states(struct block *block, unsigned int from, unsigned int to,
				uint16_t any)
{
	const uint16_t bits = (1 << STATE_BITS) - 1;

	/* Only states between what all have and what any has can occur. */
	for (unsigned int s = 0; s < PAGE_STATES; s++)
		if (!(s & ~any) && !(block->base & bits & ~s))
			block->state_counts[s] =
				(uint16_t)planes_count_alike(block, from, to, (uint16_t)s, bits);
}

static void planes_count_marks(struct block *block, unsigned int from, unsigned int to,
			       uint16_t any)
{
	for (unsigned int marks = value_marks(any); marks; marks &= marks - 1) {
		uint16_t mark = value_of(0, (uint16_t)(marks & -marks));

		block->mark_counts[__builtin_ctz(marks)] =
			(uint16_t)planes_count_alike(block, from, to, mark, mark);
	}
}

void block_fill(struct block *block, const uint16_t values[static BLOCK_PAGES], unsigned int from,
		unsigned int to, uint16_t base, uint16_t any)
{
	unsigned int plane = 0;

	memset(block, 0, sizeof(*block));
	block->base = base;
	block->varied = any & ~base;
	for (unsigned int bits = block->varied; bits; bits &= bits - 1, plane++)
		for (unsigned int word = 0; word < PLANE_WORDS; word++)
			block->planes[plane][word] = planes_gather_word(
				values + word * UINT64_C(64), (unsigned int)__builtin_ctz(bits));
	planes_count_states(block, from, to, any);
	planes_count_marks(block, from, to, any);
}
