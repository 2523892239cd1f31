// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pagemap-test.h"

/*
 * Two processes and the same pages. Private pages in swap keep their slot in both; shared memory
 * is known to the child only by its object, since a fork copies no page-table entry of it. In the
 * third region the parent swaps shared memory out, forks and unmaps it: then only the child can
 * still reach pages of which no page table of anybody says anything (seeds/002).
 */

enum {
	NOTHING,
	BOTH, /* written before, left alone */
	CHILD_WRITES,
	PARENT_WRITES,
	CHILD_DROPS,
	OUT, /* in swap before */
	OUT_CHILD_READS,
	OUT_BOTH_READ,
	OUT_CHILD_WRITES,
	OUT_AFTER, /* pushed out after, when two map it: the kernel refuses, but may change */
	CHILD_WRITES_OUT, /* the child's own page, pushed out by the child */
	READ, /* the zero page, among pages that are mapped twice as it is */
	ACTIONS
};

static void private_before(struct test *t, struct region *r, const unsigned char *pattern)
{
	uint64_t salt = order_salt(t);

	for (size_t k = 0; k < r->pages; k++) {
		size_t i = order_page(t, salt, k, r->pages);

		if (pattern[i] == READ)
			page_read(t, r, i);
		if (pattern[i] == NOTHING || pattern[i] == READ)
			continue;
		page_write(t, r, i);
		r->page[i].did |= DID_FORK;
	}
	for (int action = OUT; action <= OUT_CHILD_WRITES; action++)
		pages_out(t, r, r->base, pattern, action);
}

static void private_child(struct test *t, struct region *r, const unsigned char *pattern)
{
	for (size_t i = 0; i < r->pages; i++) {
		struct page *page = &r->page[i];

		switch (pattern[i]) {
		case BOTH:
		case OUT_AFTER:
			page->is |= IS_TWICE;
			break;
		case OUT_CHILD_READS:
		case OUT_BOTH_READ:
			page_read(t, r, i);
			/* The parent reads after this; the child then has it twice. */
			page->is |= pattern[i] == OUT_BOTH_READ ? IS_TWICE : 0;
			break;
		case CHILD_WRITES:
		case OUT_CHILD_WRITES:
		case CHILD_WRITES_OUT:
			page_write(t, r, i);
			break;
		}
	}
	pages_drop(t, r, pattern, CHILD_DROPS);
	pages_out(t, r, r->base, pattern, CHILD_WRITES_OUT);
}

static void private_parent(struct test *t, struct region *r, const unsigned char *pattern)
{
	for (size_t i = 0; i < r->pages; i++) {
		struct page *page = &r->page[i];

		switch (pattern[i]) {
		case BOTH:
		case OUT_AFTER:
			page->is |= IS_TWICE;
			break;
		case OUT_BOTH_READ:
			page_read(t, r, i);
			page->is |= IS_TWICE;
			break;
		case PARENT_WRITES:
			page_write(t, r, i);
			break;
		}
	}
	pages_advise(t, r, pattern, OUT_AFTER, MADV_PAGEOUT);
	for (size_t i = 0; i < r->pages; i++)
		if (pattern[i] == OUT_AFTER)
			r->page[i].did |= DID_OUT;
}

/* Shared memory that both keep: bits of the pattern say what happens when. */
enum { S_NOTHING, S_WRITE, S_OUT, S_OUT_CHILD_READS, S_CHILD_READS, S_CHILD_WRITES, S_ACTIONS };

static void shared_before(struct test *t, struct region *r, const unsigned char *pattern)
{
	for (size_t i = 0; i < r->pages; i++)
		if (pattern[i] != S_NOTHING && pattern[i] != S_CHILD_WRITES)
			page_write(t, r, i);
	pages_out(t, r, r->base, pattern, S_OUT);
	pages_out(t, r, r->base, pattern, S_OUT_CHILD_READS);
	for (size_t i = 0; i < r->pages; i++)
		r->page[i].did |= DID_FORK;
}

static void shared_child(struct test *t, struct region *r, const unsigned char *pattern, bool kept)
{
	/* No page-table entry of shared memory is copied by a fork. */
	for (size_t i = 0; i < r->pages; i++)
		r->page[i].is &= ~(IS_MAPPED | IS_MAYBE);
	for (size_t i = 0; i < r->pages; i++) {
		if (pattern[i] == S_OUT_CHILD_READS || pattern[i] == S_CHILD_READS)
			page_read(t, r, i);
		if (pattern[i] == S_CHILD_WRITES)
			page_write(t, r, i);
		if (kept && pattern[i] == S_CHILD_READS)
			r->page[i].is |= IS_TWICE;
	}
	/* What the parent maps and the kernel may have mapped here too is not mapped once. */
	for (size_t i = 0; i < r->pages; i++)
		if (kept && (r->page[i].is & IS_MAYBE))
			r->page[i].is |= IS_TWICE;
}

static void shared_parent(struct region *r, const unsigned char *pattern)
{
	for (size_t i = 0; i < r->pages; i++) {
		if (pattern[i] == S_OUT_CHILD_READS || pattern[i] == S_CHILD_WRITES)
			page_beside(r, i);
		if (pattern[i] == S_CHILD_READS)
			r->page[i].is |= IS_TWICE;
	}
	/* The child's reads may have mapped what is near: nobody knows how often that is mapped. */
	for (size_t i = 0; i < r->pages; i++) {
		size_t from = i > AROUND ? i - AROUND : 0;

		for (size_t k = from; pattern[i] == S_WRITE && k < r->pages && k <= i + AROUND; k++)
			if (pattern[k] == S_CHILD_READS || pattern[k] == S_OUT_CHILD_READS)
				r->page[i].is |= IS_MAYBE;
	}
}

static struct region *shared_new(struct test *t, const char *kind, size_t pages, const char *note)
{
	struct region *r = region_new(t, kind, pages);

	r->object = OBJECT_SHMEM;
	r->note = note;
	region_map(t, r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return r;
}

/* Gives its account for every byte it is sent, until there is nobody to send one. */
static void child_serve(struct test *t, int ask, int answer)
{
	FILE *out = fdopen(answer, "w");
	char c;

	if (!out)
		die("fdopen");
	fputc('\n', out);
	fflush(out);
	while (read(ask, &c, 1) == 1) {
		bool first = true;

		account_regions(t, out, &first);
		fputc('\n', out);
		fflush(out);
	}
	_exit(0);
}

static int child_start(struct test *t, struct region *r[3], unsigned char *pattern[3])
{
	int ask[2], answer[2], pid;

	if (pipe2(ask, O_CLOEXEC) || pipe2(answer, O_CLOEXEC))
		die("pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		close(ask[1]);
		close(answer[0]);
		private_child(t, r[0], pattern[0]);
		shared_child(t, r[1], pattern[1], true);
		shared_child(t, r[2], pattern[2], false);
		child_serve(t, ask[0], answer[1]);
	}
	close(ask[0]);
	close(answer[1]);
	t->child_ask = ask[1];
	t->child_answer = answer[0];
	return pid;
}

void kind_fork(struct test *t, const char *kind)
{
	size_t pages = t->opt.pages ? t->opt.pages : 256;
	struct region *r[3];
	unsigned char *pattern[3];
	char c;

	r[0] = region_new(t, kind, pages);
	region_map(t, r[0], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r[1] = shared_new(t, kind, pages, "kept by both");
	r[2] = shared_new(t, kind, pages, "unmapped by the parent");
	for (int i = 0; i < 3; i++)
		pattern[i] = pattern_new(t, pages, i ? S_ACTIONS : ACTIONS, i ? S_OUT : OUT);
	private_before(t, r[0], pattern[0]);
	shared_before(t, r[1], pattern[1]);
	shared_before(t, r[2], pattern[2]);
	t->child = child_start(t, r, pattern);

	/* The parent goes on when the child has done its part. */
	if (read(t->child_answer, &c, 1) != 1)
		die("the child");
	private_parent(t, r[0], pattern[0]);
	shared_parent(r[1], pattern[1]);
	munmap(r[2]->base, pages * t->page_size);
	t->regions--;
	for (int i = 0; i < 3; i++)
		pattern_free(pattern[i], pages);
}
