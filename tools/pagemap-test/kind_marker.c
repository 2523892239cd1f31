// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pagemap-test.h"

/* Page-table entries that are no pages: pagemap calls all of them swapped. */

/* Younger than the headers that this must build with. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFDIO_POISON
struct uffdio_poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};
#define UFFDIO_POISON	    _IOWR(UFFDIO, 0x08, struct uffdio_poison)
#define UFFD_FEATURE_POISON (1 << 14)
#endif

static struct region *marker_region(struct test *t, const char *kind, bool shared)
{
	size_t pages = t->opt.pages ? t->opt.pages : 256;
	struct region *r = region_new(t, kind, pages);

	if (shared)
		r->object = OBJECT_SHMEM;
	r->note = shared ? "shared" : NULL;
	region_map(t, r, PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS,
		   shared ? object_memfd("pagemap test", pages * t->page_size) : -1, 0);
	return r;
}

static void region_undo(struct test *t, struct region *r)
{
	munmap(r->base, r->pages * t->page_size);
	t->regions--;
}

enum { G_NOTHING, G_WRITE, G_OUT, G_EMPTY, G_OVER, G_OVER_OUT, G_GONE, G_GONE_OUT, G_ACTIONS };

static bool guard_install(struct test *t, struct region *r, const unsigned char *pattern)
{
	for (int action = G_EMPTY; action <= G_GONE_OUT; action++)
		if (pages_advise(t, r, pattern, action, MADV_GUARD_INSTALL))
			return false;
	for (size_t i = 0; i < r->pages; i++) {
		if (pattern[i] < G_EMPTY)
			continue;
		r->page[i].did |= DID_GUARD;
		/* Private content is gone; the object's stays behind the guard. */
		r->page[i].is &= IS_DATA | IS_OUT;
		r->page[i].is |= IS_GUARD;
	}
	for (int action = G_GONE; action <= G_GONE_OUT; action++)
		if (pages_advise(t, r, pattern, action, MADV_GUARD_REMOVE))
			return false;
	for (size_t i = 0; i < r->pages; i++) {
		if (pattern[i] < G_GONE)
			continue;
		r->page[i].did |= DID_UNGUARD;
		r->page[i].is &= ~IS_GUARD;
	}
	return true;
}

void kind_guard(struct test *t, const char *kind)
{
	for (int shared = 0; shared < 2; shared++) {
		struct region *r = marker_region(t, kind, shared);
		unsigned char *pattern = pattern_new(t, r->pages, G_ACTIONS, G_EMPTY);

		for (size_t i = 0; i < r->pages; i++)
			if (pattern[i] != G_NOTHING && pattern[i] != G_EMPTY)
				page_write(t, r, i);
		pages_out(t, r, r->base, pattern, G_OUT);
		pages_out(t, r, r->base, pattern, G_OVER_OUT);
		pages_out(t, r, r->base, pattern, G_GONE_OUT);
		if (!guard_install(t, r, pattern)) {
			skip(t, kind, "this kernel has no guard regions%s (%s)",
			     shared ? " over shared memory" : "", strerror(errno));
			region_undo(t, r);
		}
		pattern_free(pattern, r->pages);
	}
}

/* A userfaultfd with @features over the whole region, or -1 with errno. */
static int uffd_new(struct test *t, struct region *r, uint64_t features, uint64_t mode)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register reg = { .mode = mode };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	reg.range.start = (uintptr_t)r->base;
	reg.range.len = r->pages * t->page_size;
	if (fd >= 0 && (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))) {
		int error = errno;

		close(fd);
		errno = error;
		fd = -1;
	}
	return fd;
}

enum {
	W_NOTHING,
	W_WRITE,
	W_OUT,
	W_EMPTY, /* protected while there is nothing */
	W_PROTECT, /* written, protected */
	W_PROTECT_OUT, /* written, protected, pushed out */
	W_OUT_PROTECT, /* written, pushed out, protected */
	W_DROP_PROTECT, /* in the object only, protected */
	W_UNPROTECT, /* protected and unprotected */
	W_ACTIONS
};

static void wp_set(struct test *t, struct region *r, int uffd, const unsigned char *pattern,
		   int action, bool protect)
{
	size_t ps = t->page_size;

	for (size_t i = 0; i < r->pages; i++) {
		struct uffdio_writeprotect wp = {
			.range = { (uintptr_t)r->base + i * ps, ps },
			.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
		};

		if (pattern[i] != action)
			continue;
		if (ioctl(uffd, UFFDIO_WRITEPROTECT, &wp))
			die("UFFDIO_WRITEPROTECT");
		r->page[i].did |= DID_PROTECT;
		if (protect)
			r->page[i].is |= IS_PROTECTED;
		else
			r->page[i].is &= ~IS_PROTECTED;
	}
}

static void wp_fill(struct test *t, struct region *r, int uffd, bool unpopulated)
{
	unsigned char *pattern = pattern_new(t, r->pages, W_ACTIONS, W_PROTECT);

	for (size_t i = 0; i < r->pages; i++)
		if (pattern[i] != W_NOTHING && pattern[i] != W_EMPTY)
			page_write(t, r, i);
	pages_drop(t, r, pattern, W_DROP_PROTECT);
	pages_out(t, r, r->base, pattern, W_OUT);
	pages_out(t, r, r->base, pattern, W_OUT_PROTECT);
	wp_set(t, r, uffd, pattern, W_PROTECT, true);
	wp_set(t, r, uffd, pattern, W_PROTECT_OUT, true);
	wp_set(t, r, uffd, pattern, W_OUT_PROTECT, true);
	wp_set(t, r, uffd, pattern, W_UNPROTECT, true);
	/* Without that feature nothing marks an empty page of private memory. */
	if (r->shared || unpopulated) {
		wp_set(t, r, uffd, pattern, W_EMPTY, true);
		wp_set(t, r, uffd, pattern, W_DROP_PROTECT, true);
	}
	wp_set(t, r, uffd, pattern, W_UNPROTECT, false);
	pages_out(t, r, r->base, pattern, W_PROTECT_OUT);
	pattern_free(pattern, r->pages);
}

void kind_uffd_wp(struct test *t, const char *kind)
{
	for (int shared = 0; shared < 2; shared++) {
		struct region *r = marker_region(t, kind, shared);
		uint64_t need = shared ? UFFD_FEATURE_WP_HUGETLBFS_SHMEM : 0;
		bool unpopulated = true;
		int uffd = uffd_new(
			t, r, need | UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_UNPOPULATED,
			UFFDIO_REGISTER_MODE_WP);

		if (uffd < 0) {
			unpopulated = false;
			uffd = uffd_new(t, r, need | UFFD_FEATURE_PAGEFAULT_FLAG_WP,
					UFFDIO_REGISTER_MODE_WP);
		}
		if (uffd < 0) {
			skip(t, kind, "no userfaultfd write protection%s (%s)",
			     shared ? " of shared memory" : "", strerror(errno));
			region_undo(t, r);
			continue;
		}
		wp_fill(t, r, uffd, unpopulated);
	}
}

void kind_poison(struct test *t, const char *kind)
{
	struct region *r = marker_region(t, kind, false);
	unsigned char *pattern = pattern_new(t, r->pages, 3, 2);
	int uffd;

	for (size_t i = 0; i < r->pages; i++)
		if (pattern[i] == 1)
			page_write(t, r, i);
	uffd = uffd_new(t, r, UFFD_FEATURE_POISON, UFFDIO_REGISTER_MODE_MISSING);
	for (size_t i = 0; i < r->pages && uffd >= 0; i++) {
		struct uffdio_poison poison = { .range = { (uintptr_t)r->base + i * t->page_size,
							   t->page_size } };

		if (pattern[i] != 2)
			continue;
		if (ioctl(uffd, UFFDIO_POISON, &poison))
			die("UFFDIO_POISON");
		r->page[i] = (struct page){ DID_POISON, IS_POISON };
	}
	pattern_free(pattern, r->pages);
	if (uffd < 0) {
		skip(t, kind, "no UFFDIO_POISON (%s)", strerror(errno));
		region_undo(t, r);
	}
}

/*
 * Pages wait in lists of each CPU before the kernel marks them; MADV_COLD empties those of the CPU
 * that it runs on (lru_add_drain() in mm/madvise.c), even if it has nothing to do. Here all is laid
 * out on one CPU.
 */
static void lists_drain(struct test *t, struct region *r)
{
	if (madvise(r->base - t->page_size, t->page_size, MADV_COLD))
		die("MADV_COLD");
}

/* No marker, but the same sort of thing: pages that are there and may be gone at any moment. */
/* What was given up, and each so many-th page of it (0: none) written again. */
static void lazyfree_region(struct test *t, const char *kind, const char *note, int again)
{
	struct region *r = marker_region(t, kind, false);
	unsigned char *pattern = pattern_new(t, r->pages, 3, 2);

	r->note = note;
	r->lazyfree_open = again > 1;

	for (size_t i = 0; i < r->pages; i++)
		if (pattern[i])
			page_write(t, r, i);
	lists_drain(t, r);
	if (pages_advise(t, r, pattern, 2, MADV_FREE))
		die("MADV_FREE");
	lists_drain(t, r);
	for (size_t i = 0; i < r->pages; i++) {
		if (pattern[i] != 2)
			continue;
		r->page[i].did |= DID_FREE;
		r->page[i].is |= IS_FREE;
		if (again && i % (size_t)again == 0) {
			page_write(t, r, i);
			r->page[i].is &= (uint16_t)~IS_FREE;
		}
	}
	pattern_free(pattern, r->pages);
}

void kind_lazyfree(struct test *t, const char *kind)
{
	lazyfree_region(t, kind, NULL, 0);
	lazyfree_region(t, kind, "written again", 1);
	/* The frames say the same of all, and no sum says which. */
	lazyfree_region(t, kind, "half written again", 2);
}

/* What the kernel itself maps into every process. */
void kind_kernel(struct test *t, const char *kind)
{
	char line[512], name[64];
	unsigned long from, to;
	FILE *maps = fopen("/proc/self/maps", "re");

	if (!maps)
		die("/proc/self/maps");
	while (fgets(line, sizeof(line), maps)) {
		struct region *r;
		bool vdso;

		if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %63s", &from, &to, name) != 3)
			continue;
		vdso = !strcmp(name, "[vdso]");
		if (!vdso && strncmp(name, "[vvar", 5) && strcmp(name, "[vsyscall]"))
			continue;
		r = region_new(t, kind, (to - from) / t->page_size);
		r->base = (char *)from;
		r->note = vdso ? "vdso" : name[2] == 'v' ? "vvar" : "vsyscall";
		for (size_t i = 0; i < r->pages; i++) {
			if (vdso)
				(void)*(volatile char *)(r->base + i * t->page_size);
			/* Every process maps the vdso. */
			r->page[i].is = vdso ? IS_MAPPED | IS_TWICE : IS_KERNEL;
		}
	}
	fclose(maps);
}
