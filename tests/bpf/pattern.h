/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_PATTERN_H
#define TESTS_PATTERN_H

#include <stdint.h>

/* What the target writes into page N of its object; the checker recomputes it. No page is zero. */

static inline uint64_t pattern_mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static inline void pattern_fill(uint64_t *words, uint64_t seed, uint64_t page)
{
	uint64_t x = pattern_mix(seed ^ pattern_mix(page + 1));

	for (int i = 0; i < 512; i++)
		words[i] = x = pattern_mix(x);
}

/* With holes: every fourth page or so is never written, and now and then 128 in a row. */
static inline int pattern_hole(uint64_t seed, uint64_t page)
{
	return pattern_mix(seed + page) % 4 == 0 || pattern_mix(seed + page / 128) % 5 == 0;
}

#endif
