// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pagemap-test.h"

/* Huge pages: transparent ones, the huge zero page, and those of the hugetlb pool. */

#define HUGE ((size_t)2 << 20)

static struct region *huge_new(struct test *t, const char *kind, size_t blocks)
{
	struct region *r = region_new(t, kind, blocks * HUGE / t->page_size);

	region_map(t, r, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, HUGE);
	if (madvise(r->base, blocks * HUGE, MADV_HUGEPAGE) ||
	    madvise(r->base, blocks * HUGE, MADV_NOHUGEPAGE)) {
		skip(t, kind, "this kernel has no transparent huge pages (%s)", strerror(errno));
		munmap(r->base, blocks * HUGE);
		t->regions--;
		return NULL;
	}
	return r;
}

/* After the first touch of a block: whether the kernel gave a huge page (then all is there). */
static bool block_is_huge(struct test *t, struct region *r, size_t block)
{
	return word_read(t, r->base + (block + 1) * HUGE - t->page_size) & WORD_PRESENT;
}

/*
 * The first touch of a block, at this page of it. The block may be huge only that long: what is
 * huge stays so, but nothing that is split later is made huge again by itself (khugepaged).
 */
static void block_touch(struct test *t, struct region *r, size_t block, size_t page,
			void (*touch)(struct test *t, struct region *r, size_t i))
{
	madvise(r->base + block * HUGE, HUGE, MADV_HUGEPAGE);
	touch(t, r, block * (HUGE / t->page_size) + page);
	madvise(r->base + block * HUGE, HUGE, MADV_NOHUGEPAGE);
}

/* All pages of a block are small from now on. */
static void block_split(struct region *r, size_t first, size_t per)
{
	for (size_t i = first; i < first + per; i++)
		r->page[i].is &= ~IS_HUGE;
}

enum { WHOLE, UNTOUCHED, PART_DROPPED, PART_LOCKED, ALL_OUT, PART_OUT, THIN_OUT, THP_ACTIONS };

static void thp_write(struct test *t, struct region *r, size_t block, size_t per, int action)
{
	size_t first = block * per, n = action == THIN_OUT ? 1 : per;
	bool huge;

	block_touch(t, r, block, 0, page_write);
	huge = block_is_huge(t, r, block);
	for (size_t i = first + 1; i < first + n; i++)
		page_write(t, r, i);
	for (size_t i = first; huge && i < first + per; i++)
		r->page[i].is |= IS_PRIVATE | IS_HUGE;
}

static void thp_block(struct test *t, struct region *r, size_t block, int action)
{
	size_t ps = t->page_size, per = HUGE / ps, first = block * per;
	size_t from = first + 1 + random_below(t, per / 2), n = 1 + random_below(t, per / 2 - 1);
	unsigned char *pattern = pattern_new(t, r->pages, 1, 0);

	memset(pattern + from, 1, n);
	if (action != UNTOUCHED)
		thp_write(t, r, block, per, action);
	switch (action) {
	case PART_DROPPED:
		pages_drop(t, r, pattern, 1);
		block_split(r, first, per);
		break;
	case PART_LOCKED:
		if (mprotect(r->base + from * ps, n * ps, PROT_READ))
			die("mprotect");
		block_split(r, first, per);
		break;
	case ALL_OUT:
		memset(pattern + first, 1, per);
		/* fall through */
	case PART_OUT:
		pages_out(t, r, r->base, pattern, 1);
		block_split(r, first, per);
		break;
	case THIN_OUT:
		/* One page of it is not zero: what becomes of the others is the kernel's choice. */
		madvise(r->base + block * HUGE, HUGE, MADV_PAGEOUT);
		for (size_t i = first; i < first + per; i++)
			if (r->page[i].is & IS_PRIVATE)
				r->page[i].is |= IS_THIN | IS_MAYBE;
		block_split(r, first, per);
		break;
	}
	pattern_free(pattern, r->pages);
}

void kind_thp(struct test *t, const char *kind)
{
	size_t per = HUGE / t->page_size, blocks = t->opt.pages / per;
	struct region *r;
	bool huge = false;

	if (blocks < THP_ACTIONS)
		blocks = THP_ACTIONS;
	r = huge_new(t, kind, blocks);
	if (!r)
		return;
	r->huge = true;
	for (size_t block = 0; block < blocks; block++) {
		/* Every action at least once, in an order that the seed turns. */
		int action = t->opt.plain ? WHOLE : (int)((block + t->opt.seed) % THP_ACTIONS);

		thp_block(t, r, block, action);
	}
	for (size_t i = 0; i < r->pages; i++)
		huge = huge || (r->page[i].is & IS_HUGE);
	if (!huge)
		skip(t, kind, "the kernel gave no huge page");
}

void kind_huge_zero(struct test *t, const char *kind)
{
	size_t ps = t->page_size, per = HUGE / ps, blocks = 6;
	struct region *r = huge_new(t, kind, blocks), *w;
	unsigned char *pattern;

	if (!r)
		return;
	r->huge = true;
	pattern = pattern_new(t, r->pages, 1, 0);
	for (size_t block = 0; block < blocks; block += 1 + random_below(t, 2)) {
		block_touch(t, r, block, random_below(t, per), page_read);
		if (!block_is_huge(t, r, block)) {
			skip(t, kind, "the kernel gave no huge zero page");
			break;
		}
		for (size_t i = block * per; i < (block + 1) * per; i++)
			r->page[i].is |= IS_ZERO | IS_HUGE;
		/* In the last ones a part is dropped, so that small zero pages are left. */
		if (block < blocks / 2)
			continue;
		memset(pattern + block * per + random_below(t, per / 2), 1,
		       1 + random_below(t, per / 2 - 1));
		block_split(r, block * per, per);
	}
	pages_drop(t, r, pattern, 1);
	pattern_free(pattern, r->pages);

	/* One that is written to: the kernel makes a huge page of it, or small ones. */
	w = huge_new(t, kind, 1);
	w->note = "written to";
	block_touch(t, w, 0, 0, page_read);
	if (block_is_huge(t, w, 0))
		for (size_t i = 0; i < per; i++)
			w->page[i].is = IS_PRIVATE | IS_THIN;
	block_touch(t, w, 0, random_below(t, per), page_write);
}

/* An object of the pool with pages that this mapping has not touched: others filled them. */
static void hugetlb_object(struct test *t, const char *kind)
{
	size_t per = HUGE / t->page_size, blocks = 6;
	struct region *r = region_new(t, kind, blocks * per);
	int fd = memfd_create("hugetlb", MFD_CLOEXEC | MFD_HUGETLB | (21 << MAP_HUGE_SHIFT));
	char *beside;

	r->note = "object";
	if (fd < 0 || ftruncate(fd, blocks * HUGE))
		die("memfd_create of huge pages");
	r->base = mmap(NULL, blocks * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
		       0);
	beside = mmap(NULL, blocks * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
		      0);
	if (r->base == MAP_FAILED || beside == MAP_FAILED)
		die("mmap of huge pages");
	r->shared = true;
	r->object = OBJECT_HUGETLB;
	/* One page touched here, two elsewhere; where, the seed says. */
	for (size_t k = 0; k < 3; k++) {
		size_t block = (k * 2 + random_below(t, 2)) % blocks;

		*(volatile char *)((k ? beside : r->base) + block * HUGE) = 1;
		for (size_t i = block * per; i < (block + 1) * per; i++)
			r->page[i] = k ? (struct page){ DID_BESIDE, IS_DATA }
				       : (struct page){ DID_WRITE, IS_MAPPED | IS_DATA };
	}
	munmap(beside, blocks * HUGE);
	close(fd);
}

void kind_hugetlb(struct test *t, const char *kind)
{
	size_t per = HUGE / t->page_size;

	for (int shared = 0; shared < 2; shared++) {
		struct region *r = region_new(t, kind, 2 * per);
		size_t touched = random_below(t, 2);

		r->base = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
			       MAP_ANONYMOUS | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT) |
				       (shared ? MAP_SHARED : MAP_PRIVATE),
			       -1, 0);
		if (r->base == MAP_FAILED) {
			t->regions--;
			skip(t, kind, "no free pages in the hugetlb pool (%s): set vm.nr_hugepages",
			     strerror(errno));
			return;
		}
		r->shared = shared;
		r->object = OBJECT_HUGETLB;
		*(volatile char *)(r->base + touched * HUGE) = 1;
		for (size_t i = touched * per; i < (touched + 1) * per; i++)
			r->page[i] = (struct page){ DID_WRITE, IS_MAPPED };
	}
	hugetlb_object(t, kind);
}
