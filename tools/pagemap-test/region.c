// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "pagemap-test.h"

void die(const char *what)
{
	fprintf(stderr, "pagemap-test: %s: %s\n", what, strerror(errno));
	exit(1);
}

void skip(struct test *t, const char *kind, const char *format, ...)
{
	va_list args;

	if (t->skips == (int)(sizeof(t->skipped) / sizeof(t->skipped[0])))
		return;
	t->skipped[t->skips].kind = kind;
	va_start(args, format);
	vsnprintf(t->skipped[t->skips].why, sizeof(t->skipped[0].why), format, args);
	va_end(args);
	fprintf(stderr, "pagemap-test: %s: %s\n", kind, t->skipped[t->skips].why);
	t->skips++;
}

struct region *region_new(struct test *t, const char *kind, size_t pages)
{
	struct region *r = &t->region[t->regions];

	if (t->regions == REGIONS_MAX) {
		errno = E2BIG;
		die("too many kinds at once");
	}
	t->regions++;
	*r = (struct region){ .kind = kind, .pages = pages, .fd = -1, .shmid = -1 };
	/* Pages that are never written cost nothing here: a sparse region stays cheap. */
	r->page = mmap(NULL, pages * sizeof(*r->page), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->page == MAP_FAILED)
		die("mmap");
	return r;
}

void region_map(struct test *t, struct region *r, int prot, int flags, int fd, size_t align)
{
	size_t ps = t->page_size, bytes = r->pages * ps;
	size_t room = bytes + 2 * ps + align;
	char *fence =
		mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t at = (uintptr_t)fence + ps;

	if (fence == MAP_FAILED)
		die("mmap");
	if (align)
		at = (at + align - 1) / align * align;
	r->base = mmap((void *)at, bytes, prot, flags | MAP_FIXED, fd, fd < 0 ? 0 : r->skew * ps);
	if (r->base == MAP_FAILED)
		die("mmap");
	r->shared = flags & MAP_SHARED;
	r->fd = fd;
	/* No read-ahead and no huge pages but where a kind asks for them. */
	madvise(r->base, bytes, MADV_NOHUGEPAGE);
	madvise(r->base, bytes, MADV_RANDOM);
}

char *region_alias(struct test *t, struct region *r, size_t first, size_t pages, int prot)
{
	size_t ps = t->page_size;
	char *alias;

	if (r->fd >= 0)
		alias = mmap(NULL, pages * ps, prot, MAP_SHARED, r->fd, (r->skew + first) * ps);
	else /* An old size of 0 makes a second mapping of shared memory that has no name. */
		alias = mremap(r->base + first * ps, 0, pages * ps, MREMAP_MAYMOVE);
	if (alias == MAP_FAILED || (r->fd < 0 && mprotect(alias, pages * ps, prot)))
		die("second mapping");
	return alias;
}

void page_write(struct test *t, struct region *r, size_t i)
{
	struct page *page = &r->page[i];

	/* Never zero: what is only zeros is a special case that a kind has to ask for. */
	*(volatile char *)(r->base + i * t->page_size) = (char)(i | 1);
	page->did |= DID_WRITE;
	page->is &= ~(IS_ZERO | IS_OUT | IS_PRIVATE_OUT | IS_MAYBE | IS_ALLOCATED | IS_FREE);
	if (r->shared)
		page->is |= IS_DATA | IS_MAPPED;
	else
		page->is = (page->is & ~IS_MAPPED) | IS_PRIVATE;
	rate_wait(t);
}

/* A read of an object's page may map its neighbours that are in the page cache. */
static void neighbours_maybe(struct region *r, size_t i)
{
	size_t from = i > AROUND ? i - AROUND : 0;

	for (size_t k = from; k < r->pages && k <= i + AROUND; k++)
		if (k != i && (r->page[k].is & IS_DATA) &&
		    !(r->page[k].is & (IS_MAPPED | IS_OUT | IS_PRIVATE | IS_PRIVATE_OUT)))
			r->page[k].is |= IS_MAYBE;
}

void page_read(struct test *t, struct region *r, size_t i)
{
	struct page *page = &r->page[i];

	(void)*(volatile char *)(r->base + i * t->page_size);
	page->did |= DID_READ;
	page->is &= ~IS_MAYBE;
	if (page->is & (IS_PRIVATE | IS_PRIVATE_OUT)) {
		page->is = (page->is & ~IS_PRIVATE_OUT) | IS_PRIVATE;
	} else if (r->object == OBJECT_NONE) {
		page->is |= IS_ZERO;
	} else {
		page->is = (page->is & ~(IS_OUT | IS_ALLOCATED)) | IS_DATA | IS_MAPPED;
		neighbours_maybe(r, i);
	}
	rate_wait(t);
}

void page_beside(struct region *r, size_t i)
{
	r->page[i].did |= DID_BESIDE;
	r->page[i].is = (r->page[i].is & ~(IS_OUT | IS_ALLOCATED)) | IS_DATA;
}

/* The next run of pages whose pattern is @action from *@first on; 0 when there is none. */
static size_t run_next(const unsigned char *pattern, size_t pages, int action, size_t *first)
{
	size_t i = *first, n = 0;

	while (i < pages && pattern[i] != action)
		i++;
	*first = i;
	while (i + n < pages && pattern[i + n] == action)
		n++;
	return n;
}

int pages_advise(struct test *t, struct region *r, const unsigned char *pattern, int action,
		 int advice)
{
	size_t ps = t->page_size, n;

	for (size_t i = 0; (n = run_next(pattern, r->pages, action, &i)); i += n)
		if (madvise(r->base + i * ps, n * ps, advice))
			return -errno;
	return 0;
}

void pages_drop(struct test *t, struct region *r, const unsigned char *pattern, int action)
{
	if (pages_advise(t, r, pattern, action, MADV_DONTNEED))
		die("MADV_DONTNEED");
	for (size_t i = 0; i < r->pages; i++) {
		if (pattern[i] != action)
			continue;
		r->page[i].did |= DID_DROP;
		r->page[i].is &= IS_DATA | IS_OUT | IS_ALLOCATED;
	}
}

void pages_punch(struct test *t, struct region *r, const unsigned char *pattern, int action)
{
	size_t ps = t->page_size, n;

	for (size_t i = 0; (n = run_next(pattern, r->pages, action, &i)); i += n) {
		int failed = r->fd < 0
				     ? madvise(r->base + i * ps, n * ps, MADV_REMOVE)
				     : fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
						 (r->skew + i) * ps, n * ps);

		if (failed)
			die("punching a hole");
	}
	for (size_t i = 0; i < r->pages; i++) {
		if (pattern[i] != action)
			continue;
		r->page[i].did |= DID_PUNCH;
		r->page[i].is &= ~(IS_DATA | IS_OUT | IS_MAPPED | IS_ALLOCATED | IS_MAYBE);
	}
}

/* Whether what @base shows of the page went: through another mapping it is the object's page. */
static bool page_is_out(struct region *r, char *base, size_t i, const struct fact *fact)
{
	if (base == r->base && (r->page[i].is & (IS_PRIVATE | IS_PRIVATE_OUT)))
		return !(fact->word & WORD_PRESENT);
	/* A file's page goes nowhere: it is written back and forgotten. */
	return r->object == OBJECT_FILE ? !fact->core : fact->out;
}

/* One round: asks for the pages that are still in, and says how many stayed. */
static size_t out_round(struct test *t, struct region *r, char *base, const unsigned char *pattern,
			int action)
{
	size_t ps = t->page_size, left = 0;
	struct fact fact[FACTS];

	for (size_t first = 0; first < r->pages; first += FACTS) {
		size_t n = r->pages - first < FACTS ? r->pages - first : FACTS;

		if (!memchr(pattern + first, action, n))
			continue;
		facts_read(t, r, first, n, fact);
		for (size_t k = 0, run; k < n; k += run ? run : 1) {
			for (run = 0; k + run < n && pattern[first + k + run] == action &&
				      !page_is_out(r, base, first + k + run, &fact[k + run]);
			     run++)
				;
			left += run;
			if (run && madvise(base + (first + k) * ps, run * ps, MADV_PAGEOUT))
				die("MADV_PAGEOUT");
		}
	}
	return left;
}

size_t pages_out(struct test *t, struct region *r, char *base, const unsigned char *pattern,
		 int action)
{
	static const struct timespec pause = { .tv_nsec = 5000000 };
	size_t left = 0;

	for (int round = 0; round < 60; round++) {
		left = out_round(t, r, base, pattern, action);
		if (!left)
			break;
		if (round > 1)
			nanosleep(&pause, NULL);
	}
	for (size_t i = 0; i < r->pages; i++) {
		struct page *page = &r->page[i];

		if (pattern[i] != action)
			continue;
		page->did |= DID_OUT;
		if (base == r->base && (page->is & (IS_PRIVATE | IS_PRIVATE_OUT)))
			page->is = (page->is & ~(IS_PRIVATE | IS_HUGE)) | IS_PRIVATE_OUT;
		else if (r->object == OBJECT_FILE)
			page->is &= ~(IS_DATA | IS_MAPPED);
		else
			page->is = (page->is & ~(IS_DATA | IS_MAPPED | IS_ALLOCATED)) | IS_OUT;
	}
	return left;
}
