// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads of pagemap beside a thread that drops huge pages again and again: left_out SECONDS [LEAST]
 *
 * Says how many bare reads gave words of other pages (old kernels, see pagemap_read.h). Status 1 when
 * pagemap_read_surely() did, or when fewer than LEAST bare reads did in ten times as long: then
 * there was nothing to see.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "kernel/pagemap.h"

#define HUGE_BYTES (UINT64_C(2) << 20)
#define HUGE_WORDS 512u
#define MOVING	   8u /* huge pages that come and go, behind one piece of small pages */
#define HUGE_PAGES (1 + MOVING + 2) /* and before two of these */

struct scene {
	volatile char *base;
	atomic_bool done;
	uint64_t dropped;
};

static bool is_moving(size_t piece)
{
	return piece >= 1 && piece <= MOVING;
}

/* Reading maps the huge zero page, which costs nothing to make. */
static void *drop_again_and_again(void *context)
{
	struct scene *s = context;

	while (!atomic_load(&s->done)) {
		for (size_t piece = 1; piece <= MOVING; piece++)
			(void)s->base[piece * HUGE_BYTES];
		if (madvise((void *)(s->base + HUGE_BYTES), MOVING * HUGE_BYTES, MADV_DONTNEED) < 0)
			abort();
		s->dropped++;
	}
	return NULL;
}

/* Page k of piece p is present, in the pieces that stand still. */
static bool should_hold(size_t piece, size_t page)
{
	return page % (piece + 2) == 0;
}

static void lay_out(struct scene *s)
{
	char *map = mmap(NULL, (HUGE_PAGES + 2) * HUGE_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		abort();
	s->base = (char *)(((uintptr_t)map + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));
	for (size_t piece = 0; piece < HUGE_PAGES; piece++) {
		char *start = (char *)s->base + piece * HUGE_BYTES;

		madvise(start, HUGE_BYTES, is_moving(piece) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
		for (size_t k = 0; k < HUGE_WORDS && !is_moving(piece); k++)
			if (should_hold(piece, k))
				start[k << PMTOP_PAGE_SHIFT] = 1;
	}
}

/* Each piece as it was laid out; the moving one as one page, or as none. */
static bool is_right(const uint64_t *words, size_t first_piece, size_t pieces)
{
	for (size_t piece = first_piece; piece < first_piece + pieces; piece++)
		for (size_t k = 0; k < HUGE_WORDS; k++, words++) {
			bool held = *words & PM_PRESENT;

			if (!is_moving(piece) && held != should_hold(piece, k))
				return false;
			if (is_moving(piece) && k && held != !!(words[-1] & PM_PRESENT))
				return false;
		}
	return true;
}

int main(int argc, char **argv)
{
	struct scene scene = { 0 };
	uint64_t words[HUGE_PAGES * HUGE_WORDS], reads = 0, bare_wrong = 0, wrong = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t least = argc > 2 ? (uint64_t)atoi(argv[2]) : 0;
	time_t seconds = argc > 1 ? atoi(argv[1]) : 5, past = 0, start = time(NULL);
	pthread_t thread;

	if (fd < 0)
		return 77;
	lay_out(&scene);
	if (pthread_create(&thread, NULL, drop_again_and_again, &scene))
		return 1;
	for (; past < seconds || (bare_wrong < least && past < 10 * seconds); reads++) {
		/* Whole and parts, so that a moving one is first, in the middle, and last. */
		size_t first = reads % 3, pieces = HUGE_PAGES - first - reads / 3 % 4;
		uint64_t address = (uintptr_t)scene.base + first * HUGE_BYTES;
		ssize_t bytes = (ssize_t)(pieces * HUGE_WORDS * sizeof(*words));

		if (pread(fd, words, (size_t)bytes,
			  (off_t)((address >> PMTOP_PAGE_SHIFT) * sizeof(*words))) != bytes)
			return 1;
		bare_wrong += !is_right(words, first, pieces);
		if (pagemap_read_surely(preadv, fd, address, words, pieces * HUGE_WORDS) < 0)
			return 1;
		wrong += !is_right(words, first, pieces);
		past = time(NULL) - start;
	}
	atomic_store(&scene.done, true);
	pthread_join(thread, NULL);
	close(fd);
	printf("%ju reads, %ju times dropped: %ju bare reads wrong, %ju of ours\n",
	       (uintmax_t)reads, (uintmax_t)scene.dropped, (uintmax_t)bare_wrong, (uintmax_t)wrong);
	return wrong || bare_wrong < least || !reads || !scene.dropped;
}
