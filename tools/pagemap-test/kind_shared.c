// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pagemap-test.h"

/* Shared memory of every sort: anonymous, memfd, tmpfs files and System V segments. */

enum {
	NOTHING,
	WRITE,
	READ,
	OUT, /* written and pushed out */
	OUT_READ, /* ... and read in again */
	OUT_WRITE,
	OUT_BESIDE, /* ... and read in again through another mapping */
	OUT_PUNCH,
	DROP, /* written, then dropped from this mapping only */
	PUNCH,
	READ_OUT, /* only zeros: the kernel may forget it instead of swapping it */
	BESIDE, /* written through another mapping, never touched here */
	BESIDE_OUT,
	BESIDE_READ,
	ACTIONS
};

static void shared_beside(struct test *t, struct region *r, const unsigned char *pattern)
{
	size_t ps = t->page_size;
	char *alias = region_alias(t, r, 0, r->pages, PROT_READ | PROT_WRITE);

	for (size_t i = 0; i < r->pages; i++) {
		if (pattern[i] != BESIDE && pattern[i] != BESIDE_OUT && pattern[i] != BESIDE_READ)
			continue;
		*(volatile char *)(alias + i * ps) = (char)(i | 1);
		page_beside(r, i);
	}
	pages_out(t, r, alias, pattern, BESIDE_OUT);
	munmap(alias, r->pages * ps);
}

static void shared_touch(struct test *t, struct region *r, const unsigned char *pattern)
{
	uint64_t salt = order_salt(t);

	for (size_t k = 0; k < r->pages; k++) {
		size_t i = order_page(t, salt, k, r->pages);

		switch (pattern[i]) {
		case WRITE:
		case OUT:
		case OUT_READ:
		case OUT_WRITE:
		case OUT_BESIDE:
		case OUT_PUNCH:
		case DROP:
		case PUNCH:
			page_write(t, r, i);
			break;
		case READ:
		case READ_OUT:
		case BESIDE_READ:
			page_read(t, r, i);
			break;
		}
	}
}

static void shared_again(struct test *t, struct region *r, const unsigned char *pattern)
{
	size_t ps = t->page_size;
	char *alias = region_alias(t, r, 0, r->pages, PROT_READ);

	for (size_t i = 0; i < r->pages; i++) {
		switch (pattern[i]) {
		case OUT_READ:
			page_read(t, r, i);
			break;
		case OUT_WRITE:
			page_write(t, r, i);
			break;
		case OUT_BESIDE:
			(void)*(volatile char *)(alias + i * ps);
			page_beside(r, i);
			break;
		}
	}
	munmap(alias, r->pages * ps);
}

static void shared_fill(struct test *t, struct region *r)
{
	static const char outs[] = { OUT, OUT_READ, OUT_WRITE, OUT_BESIDE, OUT_PUNCH };
	unsigned char *pattern = pattern_new(t, r->pages, ACTIONS, WRITE);

	if (!t->opt.plain)
		shared_beside(t, r, pattern);
	shared_touch(t, r, pattern);
	if (!t->opt.plain) {
		for (size_t i = 0; i < sizeof(outs); i++)
			pages_out(t, r, r->base, pattern, outs[i]);
		/* Clean zeros: asked for once, and the oracle says what became of them. */
		pages_advise(t, r, pattern, READ_OUT, MADV_PAGEOUT);
		for (size_t i = 0; i < r->pages; i++)
			if (pattern[i] == READ_OUT)
				r->page[i].is |= IS_MAYBE;
		shared_again(t, r, pattern);
		pages_drop(t, r, pattern, DROP);
		pages_punch(t, r, pattern, PUNCH);
		pages_punch(t, r, pattern, OUT_PUNCH);
	}
	pattern_free(pattern, r->pages);
}

static struct region *shared_sysv(struct test *t, const char *kind, size_t pages, bool removed)
{
	struct region *r = region_new(t, kind, pages);
	int id = shmget(IPC_PRIVATE, pages * t->page_size, IPC_CREAT | 0600);

	if (id < 0)
		die("shmget");
	r->base = shmat(id, NULL, 0);
	if (r->base == (char *)-1)
		die("shmat");
	madvise(r->base, pages * t->page_size, MADV_RANDOM);
	r->shared = true;
	r->object = OBJECT_SHMEM;
	r->shmid = removed ? -1 : id;
	r->note = removed ? "after IPC_RMID" : NULL;
	if (removed && shmctl(id, IPC_RMID, NULL))
		die("IPC_RMID");
	return r;
}

void kind_shared(struct test *t, const char *kind)
{
	size_t pages = t->opt.pages ? t->opt.pages : 256;
	size_t skew = object_skew(t), bytes = (skew + pages) * t->page_size;
	int fd = -1, anonymous = 0;
	struct region *r;

	if (!strcmp(kind, "sysv")) {
		shared_fill(t, shared_sysv(t, kind, pages, false));
		shared_fill(t, shared_sysv(t, kind, pages, true));
		return;
	}
	if (!strcmp(kind, "memfd")) {
		fd = object_memfd("pagemap test", bytes);
	} else if (!strcmp(kind, "shm-file") || !strcmp(kind, "tmpfs-unlinked")) {
		fd = object_tmpfs("/dev/shm", kind[0] == 't', bytes);
		if (fd < 0) {
			skip(t, kind, "/dev/shm is no tmpfs");
			return;
		}
	} else {
		anonymous = MAP_ANONYMOUS;
	}
	r = region_new(t, kind, pages);
	r->object = OBJECT_SHMEM;
	r->skew = fd < 0 ? 0 : skew;
	region_map(t, r, PROT_READ | PROT_WRITE, MAP_SHARED | anonymous, fd, 0);
	shared_fill(t, r);
}

/*
 * Another process swaps pages in that this one has swapped out. It is a program of its own (this
 * one, executed again), not a forked child, so that it shares nothing but the object.
 */
int kind_other_helper(int argc, char **argv)
{
	size_t ps = sysconf(_SC_PAGESIZE), pages = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	int fd = argc > 2 ? atoi(argv[2]) : -1;
	char *base = mmap(NULL, pages * ps, PROT_READ, MAP_SHARED, fd, 0);
	char c;

	if (base == MAP_FAILED)
		die("mmap");
	for (size_t i = 0; i < pages && read(0, &c, 1) == 1; i++)
		if (c)
			(void)*(volatile char *)(base + i * ps);
	return 0;
}

static void other_run(struct test *t, struct region *r, const unsigned char *touch)
{
	int fd = dup(r->fd), pipefd[2], status;
	char fdname[16], pages[24];
	pid_t pid;

	snprintf(fdname, sizeof(fdname), "%d", fd);
	snprintf(pages, sizeof(pages), "%zu", r->pages);
	if (fd < 0 || pipe2(pipefd, O_CLOEXEC) || (pid = vfork()) < 0)
		die("vfork");
	if (!pid) {
		dup2(pipefd[0], 0);
		execl("/proc/self/exe", t->opt.argv0, "--helper", fdname, pages, (char *)NULL);
		_exit(127);
	}
	close(fd);
	close(pipefd[0]);
	if (write(pipefd[1], touch, r->pages) != (ssize_t)r->pages)
		die("write to the helper");
	close(pipefd[1]);
	if (waitpid(pid, &status, 0) != pid || status) {
		errno = ECHILD;
		die("the helper");
	}
}

void kind_other(struct test *t, const char *kind)
{
	size_t pages = t->opt.pages ? t->opt.pages : 256;
	struct region *r = region_new(t, kind, pages);
	/* 1: out, read in by the other; 2: out and stays out; 3: written only; 0: nothing */
	unsigned char *pattern = pattern_new(t, pages, 4, 1);
	uint64_t salt = order_salt(t);

	r->object = OBJECT_SHMEM;
	region_map(t, r, PROT_READ | PROT_WRITE, MAP_SHARED,
		   object_memfd("pagemap test", pages * t->page_size), 0);
	for (size_t k = 0; k < pages; k++) {
		size_t i = order_page(t, salt, k, pages);

		if (pattern[i])
			page_write(t, r, i);
	}
	pages_out(t, r, r->base, pattern, 1);
	pages_out(t, r, r->base, pattern, 2);
	for (size_t i = 0; i < pages; i++)
		pattern[i] = pattern[i] == 1;
	other_run(t, r, pattern);
	for (size_t i = 0; i < pages; i++)
		if (pattern[i])
			page_beside(r, i);
	pattern_free(pattern, pages);
}

/* Memory that was allocated but never written is in RAM, and in no other way to be seen. */
void kind_fallocate(struct test *t, const char *kind)
{
	enum { HOLE, PLAIN, ALLOC, ALLOC_WRITE, ALLOC_READ, ALLOC_OUT, ALLOC_PUNCH, N };
	size_t pages = t->opt.pages ? t->opt.pages : 256, ps = t->page_size;
	struct region *r = region_new(t, kind, pages);
	unsigned char *pattern = pattern_new(t, pages, N, ALLOC);

	r->object = OBJECT_SHMEM;
	r->skew = object_skew(t);
	region_map(t, r, PROT_READ | PROT_WRITE, MAP_SHARED,
		   object_memfd("pagemap test", (r->skew + pages) * ps), 0);
	for (size_t i = 0; i < pages; i++) {
		if (pattern[i] < ALLOC)
			continue;
		if (fallocate(r->fd, 0, (r->skew + i) * ps, ps))
			die("fallocate");
		r->page[i].did |= DID_ALLOCATE;
		r->page[i].is |= IS_DATA | IS_ALLOCATED;
	}
	for (size_t i = 0; i < pages; i++) {
		if (pattern[i] == PLAIN || pattern[i] == ALLOC_WRITE || pattern[i] == ALLOC_OUT)
			page_write(t, r, i);
		if (pattern[i] == ALLOC_READ)
			page_read(t, r, i);
	}
	/* A neighbour that was never written is not up to date, so no read maps it by the way. */
	for (size_t i = 0; i < pages; i++)
		if (r->page[i].is & IS_ALLOCATED)
			r->page[i].is &= ~IS_MAYBE;
	pages_out(t, r, r->base, pattern, ALLOC_OUT);
	pages_punch(t, r, pattern, ALLOC_PUNCH);
	pattern_free(pattern, pages);
}

/* Writes below the end of the object, some of it pushed out, then makes the object shorter. */
static void beyond_fill(struct test *t, const char *kind, int fd, enum object object, int flags)
{
	size_t pages = t->opt.pages ? t->opt.pages : 256, ps = t->page_size;
	size_t size = pages / 2 + random_below(t, pages / 4),
	       cut = size - random_below(t, size / 2);
	struct region *r = region_new(t, kind, pages);
	unsigned char *pattern = pattern_new(t, pages, 3, 1);

	r->object = object;
	r->note = flags & MAP_SHARED ? NULL : "private";
	if (ftruncate(fd, size * ps))
		die("ftruncate");
	region_map(t, r, PROT_READ | PROT_WRITE, flags, fd, 0);
	memset(pattern + size, 0, pages - size);
	/* The page that the new end cuts is in the page cache, and not only half made. */
	pattern[cut - 1] = 1;
	for (size_t i = 0; i < size; i++) {
		if (pattern[i])
			page_write(t, r, i);
		if (pattern[i] && !r->shared)
			r->page[i].is |= IS_DATA;
	}
	if (object == OBJECT_SHMEM)
		pages_out(t, r, r->base, pattern, 2);
	/* The new end is inside a page, which then still counts. */
	if (ftruncate(fd, cut * ps - 100))
		die("ftruncate");
	for (size_t i = cut; i < pages; i++) {
		r->page[i].did |= DID_TRUNCATE;
		r->page[i].is = 0;
	}
	/* The rest of the last page is wiped, which swaps it in. */
	r->page[cut - 1].is |= IS_MAYBE;
	pattern_free(pattern, pages);
}

void kind_beyond_eof(struct test *t, const char *kind)
{
	int fd = object_disk(t->opt.dir, 0);

	beyond_fill(t, kind, object_memfd("pagemap test", 0), OBJECT_SHMEM, MAP_SHARED);
	beyond_fill(t, kind, object_memfd("pagemap test", 0), OBJECT_SHMEM, MAP_PRIVATE);
	if (fd >= 0)
		beyond_fill(t, kind, fd, OBJECT_FILE, MAP_SHARED);
}
