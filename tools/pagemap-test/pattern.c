// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "pagemap-test.h"

/* A counter through a mixing function: any seed is as good as any other. */
uint64_t random_next(struct test *t)
{
	uint64_t x = t->random += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

size_t random_below(struct test *t, size_t n)
{
	return n ? random_next(t) % n : 0;
}

unsigned char *pattern_new(struct test *t, size_t pages, int actions, int plain)
{
	unsigned char *p = mmap(NULL, pages, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	if (t->opt.plain) {
		if (plain)
			memset(p, plain, pages);
		return p;
	}
	/* Half of the runs are single pages, so that states alternate; the others are longer. */
	for (size_t i = 0; i < pages;) {
		size_t run = random_below(t, 2) ? 1 : 1 + random_below(t, 24);
		int action = random_below(t, actions);

		for (; run && i < pages; run--)
			p[i++] = action;
	}
	return p;
}

void pattern_free(unsigned char *pattern, size_t pages)
{
	munmap(pattern, pages);
}

uint64_t order_salt(struct test *t)
{
	return random_next(t);
}

size_t order_page(struct test *t, uint64_t salt, size_t k, size_t pages)
{
	size_t bits = 1;

	switch (t->opt.order) {
	case ORDER_REVERSE:
		return pages - 1 - k;
	case ORDER_RANDOM:
		break;
	default:
		return k;
	}
	while (((size_t)1 << bits) < pages)
		bits++;
	/*
	 * A permutation of the next power of two, repeated until it lands inside: needs no memory.
	 */
	do {
		size_t mask = ((size_t)1 << bits) - 1;

		for (int round = 0; round < 3; round++) {
			k = (k * (2 * (salt >> 32) + 5) + (salt >> (round * 7))) & mask;
			k ^= k >> (bits / 2 + 1);
		}
	} while (k >= pages);
	return k;
}

void rate_wait(struct test *t)
{
	struct timespec pause;

	if (!t->opt.rate)
		return;
	pause.tv_sec = t->opt.rate == 1;
	pause.tv_nsec = t->opt.rate == 1 ? 0 : 1000000000ull / t->opt.rate;
	nanosleep(&pause, NULL);
}
