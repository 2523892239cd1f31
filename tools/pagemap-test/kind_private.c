// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pagemap-test.h"

/* Private memory: anonymous, and private mappings of shared memory and of files. */

static struct region *anon_new(struct test *t, const char *kind, size_t pages)
{
	struct region *r = region_new(t, kind, pages);

	region_map(t, r, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		   0);
	return r;
}

void kind_private_anon(struct test *t, const char *kind)
{
	enum { NOTHING, WRITE, READ, READ_WRITE, OUT, OUT_READ, OUT_WRITE, DROP, OUT_DROP, N };
	size_t pages = t->opt.pages ? t->opt.pages : 256;
	struct region *r = anon_new(t, kind, pages);
	unsigned char *pattern = pattern_new(t, pages, N, WRITE);
	uint64_t salt = order_salt(t);

	for (size_t k = 0; k < pages; k++) {
		size_t i = order_page(t, salt, k, pages);

		if (pattern[i] == READ || pattern[i] == READ_WRITE)
			page_read(t, r, i);
		if (pattern[i] != NOTHING && pattern[i] != READ)
			page_write(t, r, i);
	}
	for (int action = OUT; action <= OUT_WRITE; action++)
		pages_out(t, r, r->base, pattern, action);
	pages_out(t, r, r->base, pattern, OUT_DROP);
	for (size_t i = 0; i < pages; i++) {
		if (pattern[i] == OUT_READ)
			page_read(t, r, i);
		if (pattern[i] == OUT_WRITE)
			page_write(t, r, i);
	}
	pages_drop(t, r, pattern, DROP);
	pages_drop(t, r, pattern, OUT_DROP);
	pattern_free(pattern, pages);
}

void kind_zero(struct test *t, const char *kind)
{
	enum { NOTHING, READ, READ_WRITE, READ_DROP, READ_OUT, WRITE, N };
	size_t pages = t->opt.pages ? t->opt.pages : 256;
	struct region *r = anon_new(t, kind, pages);
	unsigned char *pattern = pattern_new(t, pages, N, READ);
	uint64_t salt = order_salt(t);

	for (size_t k = 0; k < pages; k++) {
		size_t i = order_page(t, salt, k, pages);

		if (pattern[i] != NOTHING && pattern[i] != WRITE)
			page_read(t, r, i);
		if (pattern[i] == READ_WRITE || pattern[i] == WRITE)
			page_write(t, r, i);
	}
	pages_drop(t, r, pattern, READ_DROP);
	/* The zero page belongs to nobody and is never pushed out. */
	pages_advise(t, r, pattern, READ_OUT, MADV_PAGEOUT);
	pattern_free(pattern, pages);
}

/* A large reservation with a few pages in it, here and there. */
void kind_sparse(struct test *t, const char *kind)
{
	size_t touched = t->opt.pages ? t->opt.pages : 256, pages = touched * 1024;
	struct region *r = anon_new(t, kind, pages);
	unsigned char *pattern = mmap(NULL, pages, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (pattern == MAP_FAILED)
		die("mmap");
	for (size_t k = 0; k < touched; k++) {
		size_t i = random_below(t, pages);

		if (pattern[i])
			continue;
		pattern[i] = t->opt.plain ? 1 : 1 + random_below(t, 3);
		if (pattern[i] == 3)
			page_read(t, r, i);
		else
			page_write(t, r, i);
	}
	pages_out(t, r, r->base, pattern, 2);
	munmap(pattern, pages);
}

/* What a private mapping of shared memory can show. OBJECT_ is what the object holds. */
enum {
	HOLE,
	OBJECT_IN,
	OBJECT_OUT,
	READ_HOLE,
	READ_IN,
	READ_OUT,
	COPY_HOLE,
	COPY_IN,
	COPY_OUT,
	COPY_IN_SWAPPED, /* the copy is in swap */
	COPY_DROP, /* the copy is dropped: the object shows again */
	COPY_OVER_OUT, /* the object's page went to swap after it was copied */
	COPY_OVER_OUT_DROP,
	PRIVATE_ACTIONS
};

static bool private_wants(int action, int phase)
{
	/* 1: the object has data; 2: and it is out before; 3: read here; 4: copied here */
	static const char *const wants[PRIVATE_ACTIONS] = {
		[HOLE] = "",
		[OBJECT_IN] = "1",
		[OBJECT_OUT] = "12",
		[READ_HOLE] = "3",
		[READ_IN] = "13",
		[READ_OUT] = "123",
		[COPY_HOLE] = "4",
		[COPY_IN] = "14",
		[COPY_OUT] = "124",
		[COPY_IN_SWAPPED] = "14",
		[COPY_DROP] = "14",
		[COPY_OVER_OUT] = "14",
		[COPY_OVER_OUT_DROP] = "14",
	};

	return strchr(wants[action], '0' + phase);
}

static void private_object(struct test *t, struct region *r, const unsigned char *pattern)
{
	static const char outs[] = { OBJECT_OUT, READ_OUT, COPY_OUT };
	size_t ps = t->page_size;
	char *alias = region_alias(t, r, 0, r->pages, PROT_READ | PROT_WRITE);

	for (size_t i = 0; i < r->pages; i++) {
		if (!private_wants(pattern[i], 1))
			continue;
		*(volatile char *)(alias + i * ps) = (char)(i | 1);
		page_beside(r, i);
	}
	for (size_t i = 0; i < sizeof(outs); i++)
		pages_out(t, r, alias, pattern, outs[i]);
	munmap(alias, r->pages * ps);
}

static void private_hide(struct test *t, struct region *r, const unsigned char *pattern)
{
	size_t ps = t->page_size;
	char *alias = region_alias(t, r, 0, r->pages, PROT_READ | PROT_WRITE);

	/* Only what is mapped can be pushed out. */
	for (size_t i = 0; i < r->pages; i++)
		if (pattern[i] == COPY_OVER_OUT || pattern[i] == COPY_OVER_OUT_DROP)
			*(volatile char *)(alias + i * ps) = (char)(i | 1);
	pages_out(t, r, alias, pattern, COPY_OVER_OUT);
	pages_out(t, r, alias, pattern, COPY_OVER_OUT_DROP);
	munmap(alias, r->pages * ps);
}

static void private_fill(struct test *t, struct region *r)
{
	unsigned char *pattern = pattern_new(t, r->pages, PRIVATE_ACTIONS, COPY_IN);
	uint64_t salt = order_salt(t);

	private_object(t, r, pattern);
	for (size_t k = 0; k < r->pages; k++) {
		size_t i = order_page(t, salt, k, r->pages);

		if (private_wants(pattern[i], 3))
			page_read(t, r, i);
		if (!private_wants(pattern[i], 4))
			continue;
		page_write(t, r, i);
		/* The object's page is read first, and made if there was none. */
		r->page[i].is |= IS_DATA;
	}
	pages_out(t, r, r->base, pattern, COPY_IN_SWAPPED);
	private_hide(t, r, pattern);
	pages_drop(t, r, pattern, COPY_DROP);
	pages_drop(t, r, pattern, COPY_OVER_OUT_DROP);
	pattern_free(pattern, r->pages);
}

void kind_private_shmem(struct test *t, const char *kind)
{
	size_t pages = t->opt.pages ? t->opt.pages : 256, bytes = pages * t->page_size;
	size_t skew = object_skew(t), whole = bytes + skew * t->page_size;

	for (int locked = 0; locked < 2; locked++) {
		struct region *r;
		int fd = kind[0] == 'm' ? object_memfd("pagemap test", whole)
					: object_tmpfs("/dev/shm", true, whole);

		if (fd < 0) {
			skip(t, kind, "/dev/shm is no tmpfs");
			return;
		}
		r = region_new(t, kind, pages);
		r->object = OBJECT_SHMEM;
		r->skew = skew;
		region_map(t, r, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		private_fill(t, r);
		/* smaps counts differently where a private mapping cannot be written. */
		r->note = locked ? "not writable" : NULL;
		if (locked && mprotect(r->base, bytes, PROT_READ))
			die("mprotect");
	}
}

/* A file on a disk, with data and holes, none of it in the page cache. */
static int file_new(struct test *t, size_t pages)
{
	size_t ps = t->page_size;
	int fd = object_disk(t->opt.dir, pages * ps);

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < pages; i++) {
		char c = (char)(i | 1);

		if (random_below(t, 4) && pwrite(fd, &c, 1, i * ps) != 1)
			die("pwrite");
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	if (fsync(fd))
		die("fsync");
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return fd;
}

enum {
	FILE_NOTHING,
	FILE_CACHED, /* read with read(2), not mapped */
	FILE_READ,
	FILE_CACHED_READ,
	FILE_WRITE,
	FILE_WRITE_OUT,
	FILE_WRITE_DROP,
	FILE_READ_OUT,
	FILE_ACTIONS
};

static void file_fill(struct test *t, struct region *r)
{
	unsigned char *pattern = pattern_new(t, r->pages, FILE_ACTIONS, FILE_READ);
	uint64_t salt = order_salt(t);
	size_t ps = t->page_size;
	char c;

	for (size_t i = 0; i < r->pages; i++) {
		if (pattern[i] != FILE_CACHED && pattern[i] != FILE_CACHED_READ)
			continue;
		if (pread(r->fd, &c, 1, (r->skew + i) * ps) != 1)
			die("pread");
		page_beside(r, i);
	}
	for (size_t k = 0; k < r->pages; k++) {
		size_t i = order_page(t, salt, k, r->pages);

		if (pattern[i] == FILE_READ || pattern[i] == FILE_CACHED_READ ||
		    pattern[i] == FILE_READ_OUT)
			page_read(t, r, i);
		if (pattern[i] != FILE_WRITE && pattern[i] != FILE_WRITE_OUT &&
		    pattern[i] != FILE_WRITE_DROP)
			continue;
		page_write(t, r, i);
		r->page[i].is |= IS_DATA;
	}
	/* What is dirty stays in RAM until it is written. */
	if (r->shared && msync(r->base, r->pages * ps, MS_SYNC))
		die("msync");
	pages_out(t, r, r->base, pattern, FILE_WRITE_OUT);
	pages_out(t, r, r->base, pattern, FILE_READ_OUT);
	pages_drop(t, r, pattern, FILE_WRITE_DROP);
	pattern_free(pattern, r->pages);
}

void kind_file(struct test *t, const char *kind)
{
	size_t pages = t->opt.pages ? t->opt.pages : 256;
	size_t skew = object_skew(t);
	int fd = file_new(t, skew + pages);
	struct region *r;

	if (fd < 0) {
		skip(t, kind, "%s is on no disk file system", t->opt.dir);
		return;
	}
	r = region_new(t, kind, pages);
	r->object = OBJECT_FILE;
	r->skew = skew;
	region_map(t, r, PROT_READ | PROT_WRITE,
		   strcmp(kind, "file-shared") ? MAP_PRIVATE : MAP_SHARED, fd, 0);
	file_fill(t, r);
}
