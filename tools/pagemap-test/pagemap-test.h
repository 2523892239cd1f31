/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEMAP_TEST_H
#define PAGEMAP_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * pagemap-test: lays out memory and says what it did to each page of it.
 *
 * It shares no code with pmtop, since the tests compare the two, and links only libc and keeps
 * its own memory small, since it must run in a memory cgroup of 512 KiB.
 *
 * What is true of a page is known in two ways that must agree: from what the program did
 * (struct page, kept by the functions of region.c), and from what the kernel says to the program
 * about its own memory (oracle.c). Where the two differ the kernel has decided something by
 * itself, for example because memory is short: the page is then a "surprise", the kernel's word
 * counts, and the number of surprises is printed so that a test can demand none.
 */

/* What the program did to a page; a set. The names printed are in account.c. */
enum did {
	DID_WRITE = 1 << 0,
	DID_READ = 1 << 1,
	DID_OUT = 1 << 2, /* pushed out with MADV_PAGEOUT */
	DID_DROP = 1 << 3, /* MADV_DONTNEED */
	DID_PUNCH = 1 << 4, /* a hole punched into the object */
	DID_BESIDE = 1 << 5, /* the object was touched not through this mapping */
	DID_ALLOCATE = 1 << 6, /* fallocate */
	DID_GUARD = 1 << 7,
	DID_UNGUARD = 1 << 8,
	DID_PROTECT = 1 << 9, /* userfaultfd write protection */
	DID_POISON = 1 << 10,
	DID_FREE = 1 << 11, /* MADV_FREE */
	DID_FORK = 1 << 12, /* it was there when the program forked */
	DID_TRUNCATE = 1 << 13,
};

/* What is true of a page if the kernel did as it was asked; a set. */
enum is {
	IS_DATA = 1 << 0, /* the object (file, shared memory) has this page in RAM */
	IS_OUT = 1 << 1, /* the object has this page in swap */
	IS_MAPPED = 1 << 2, /* this process maps the object's page */
	IS_PRIVATE = 1 << 3, /* a private page is here (anonymous or copied on write) */
	IS_PRIVATE_OUT = 1 << 4, /* the same, in swap */
	IS_ZERO = 1 << 5, /* the zero page is mapped */
	IS_GUARD = 1 << 6,
	IS_POISON = 1 << 7,
	IS_PROTECTED = 1 << 8, /* by userfaultfd */
	IS_HUGE = 1 << 9, /* mapped as one huge page */
	IS_ALLOCATED = 1 << 10, /* IS_DATA, but never written */
	IS_TWICE = 1 << 11, /* more than one process maps it */
	IS_MAYBE = 1 << 12, /* the kernel may do one thing or the other: ask it */
	IS_THIN = 1 << 13, /* nearly all zeros: the kernel may replace it by the zero page */
	IS_KERNEL = 1 << 14, /* device or kernel memory: has no state that can be known */
	IS_FREE = 1 << 15, /* may be dropped at any time */
};

struct page {
	uint16_t did;
	uint16_t is;
};

enum object { OBJECT_NONE, OBJECT_SHMEM, OBJECT_FILE, OBJECT_HUGETLB };

/* One range of memory that the program knows all about. */
struct region {
	const char *kind;
	const char *note; /* what is special about it, or NULL */
	char *base;
	size_t pages;
	enum object object; /* what backs it */
	bool shared; /* MAP_SHARED */
	bool huge; /* IS_HUGE is known for each page: say where it is not */
	bool lazyfree_open; /* which pages are still given up nobody can tell */
	bool moving; /* pages may be on the move while anybody looks */
	bool volatile_; /* changes all the time: no account of pages can be given */
	int fd; /* of the object, or -1 */
	size_t skew; /* the first page of the region is this page of the object */
	int shmid; /* of a System V segment that is to be removed at the end, or -1 */
	struct page *page;
};

#define REGIONS_MAX 64

/* How many pages around a read the kernel may map as well (fault_around_bytes, 64 KiB). */
#define AROUND 16

struct options {
	const char *kinds[32];
	int kind_count;
	size_t pages; /* of one region; 0: as the kind likes it */
	uint64_t rate; /* touched pages a second; 0: as fast as possible */
	enum order { ORDER_SEQUENTIAL, ORDER_RANDOM, ORDER_REVERSE } order;
	bool plain; /* dirty every page and leave the rest to the memory limit */
	bool hold;
	uint64_t seed;
	const char *dir; /* where files on a disk go */
	const char *argv0;
};

struct test {
	struct options opt;
	uint64_t random; /* state of the generator */
	struct region region[REGIONS_MAX];
	int regions;
	struct {
		const char *kind;
		char why[128];
	} skipped[32];
	int skips;
	/* The other process, if there is one: it answers each byte with its own account. */
	int child;
	int child_ask;
	int child_answer;
	/* Goes on for ever while the account is held (thrash, migrate), or NULL. */
	void (*churn)(struct test *t);
	size_t page_size;
};

/* pattern.c: random numbers and orders, all of them from the seed */
uint64_t random_next(struct test *t);
size_t random_below(struct test *t, size_t n);
/*
 * Gives each of @pages one of the actions 0 to @actions - 1, in runs of random length, or @plain to
 * all if there is to be no randomness. Returns memory that pattern_free() gives back.
 */
unsigned char *pattern_new(struct test *t, size_t pages, int actions, int plain);
void pattern_free(unsigned char *pattern, size_t pages);
/* The k-th page to touch of @pages, in the order that was asked for; @salt from order_salt(). */
size_t order_page(struct test *t, uint64_t salt, size_t k, size_t pages);
uint64_t order_salt(struct test *t);
/* Sleeps as --rate wants it after each touched page. */
void rate_wait(struct test *t);

/* region.c: makes regions and does things to their pages, keeping the account */
void die(const char *what) __attribute__((noreturn));
struct region *region_new(struct test *t, const char *kind, size_t pages);
/* Maps @r; without MAP_FAILED, else dies. Fences it with inaccessible pages on both sides. */
void region_map(struct test *t, struct region *r, int prot, int flags, int fd, size_t align);
/* A second mapping of the object behind pages [@first, @first + @pages) of @r. */
char *region_alias(struct test *t, struct region *r, size_t first, size_t pages, int prot);
void skip(struct test *t, const char *kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void page_write(struct test *t, struct region *r, size_t i);
void page_read(struct test *t, struct region *r, size_t i);
/* The same for the account only: somebody else did it through another mapping. */
void page_beside(struct region *r, size_t i);
/* MADV_DONTNEED, a punched hole, for the pages whose pattern is @action. */
void pages_drop(struct test *t, struct region *r, const unsigned char *pattern, int action);
void pages_punch(struct test *t, struct region *r, const unsigned char *pattern, int action);
/* madvise(@advice) on each run of pages whose pattern is @action; 0 or -errno. */
int pages_advise(struct test *t, struct region *r, const unsigned char *pattern, int action,
		 int advice);
/*
 * Pushes the pages whose pattern is @action out with MADV_PAGEOUT through the mapping at @base,
 * looks whether they went, and repeats for those that did not. Returns how many stayed.
 */
size_t pages_out(struct test *t, struct region *r, char *base, const unsigned char *pattern,
		 int action);

/* oracle.c: what the kernel says to the program about its own memory */
struct fact {
	uint64_t word; /* of /proc/self/pagemap */
	bool out; /* the object's page is in swap */
	bool core; /* the object's page is in RAM, also if only in the swap cache */
};
#define FACTS 128 /* how many are read at once */
void facts_read(struct test *t, struct region *r, size_t first, size_t n, struct fact *fact);
#define WORD_PRESENT (1ull << 63)
#define WORD_SWAPPED (1ull << 62)
#define WORD_PFN     ((1ull << 55) - 1)
/* The pagemap word of one address. */
uint64_t word_read(struct test *t, const void *address);

/* account.c */
void account_regions(struct test *t, FILE *out, bool *first);
void account_print(struct test *t, FILE *out);

/* kind_*.c: each lays out one kind; the table is in main.c */
void kind_shared(struct test *t, const char *kind);
void kind_other(struct test *t, const char *kind);
int kind_other_helper(int argc, char **argv);
void kind_fallocate(struct test *t, const char *kind);
void kind_beyond_eof(struct test *t, const char *kind);
void kind_private_anon(struct test *t, const char *kind);
void kind_zero(struct test *t, const char *kind);
void kind_sparse(struct test *t, const char *kind);
void kind_private_shmem(struct test *t, const char *kind);
void kind_file(struct test *t, const char *kind);
void kind_thp(struct test *t, const char *kind);
void kind_huge_zero(struct test *t, const char *kind);
void kind_hugetlb(struct test *t, const char *kind);
void kind_guard(struct test *t, const char *kind);
void kind_uffd_wp(struct test *t, const char *kind);
void kind_poison(struct test *t, const char *kind);
void kind_lazyfree(struct test *t, const char *kind);
void kind_kernel(struct test *t, const char *kind);
void kind_fork(struct test *t, const char *kind);
void kind_thrash(struct test *t, const char *kind);
void kind_migrate(struct test *t, const char *kind);

/* objects.c: files of every sort; each returns a descriptor, dies if it cannot */
/* A number of pages by which a mapping may begin later than its object: 0 with --plain. */
size_t object_skew(struct test *t);
int object_memfd(const char *name, size_t bytes);
int object_tmpfs(const char *dir, bool unlinked, size_t bytes);
/* -1 where @dir is no disk file system. */
int object_disk(const char *dir, size_t bytes);

#endif
