// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pagemap-test.h"

/* Kinds that never come to rest. */

static struct region *moving_region(struct test *t, const char *kind)
{
	size_t pages = t->opt.pages ? t->opt.pages : 1024;
	struct region *r = region_new(t, kind, pages);

	region_map(t, r, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return r;
}

static struct region *region_of(struct test *t, const char *kind)
{
	for (int i = 0; i < t->regions; i++)
		if (!strcmp(t->region[i].kind, kind))
			return &t->region[i];
	return NULL;
}

static void thrash_round(struct test *t)
{
	struct region *r = region_of(t, "thrash");
	uint64_t salt = order_salt(t);

	for (size_t k = 0; k < r->pages; k++)
		page_write(t, r, order_page(t, salt, k, r->pages));
}

/* Touches more than fits, for ever: what is where depends on the moment. */
void kind_thrash(struct test *t, const char *kind)
{
	moving_region(t, kind)->volatile_ = true;
	t->churn = thrash_round;
}

static long pages_move(struct test *t, struct region *r, size_t first, size_t n, int to)
{
	void *address[FACTS];
	int node[FACTS], status[FACTS];

	for (size_t i = 0; i < n; i++) {
		address[i] = r->base + (first + i) * t->page_size;
		node[i] = to;
	}
	return syscall(SYS_move_pages, 0, n, address, node, status, 2 /* MPOL_MF_MOVE */);
}

static void migrate_round(struct test *t)
{
	struct region *r = region_of(t, "migrate");

	for (int node = 0; node < 2; node++)
		for (size_t i = 0; i < r->pages; i += FACTS)
			pages_move(t, r, i, r->pages - i < FACTS ? r->pages - i : FACTS, node);
}

/* Pages that move between two nodes of memory, for ever. */
void kind_migrate(struct test *t, const char *kind)
{
	struct region *r;

	if (access("/sys/devices/system/node/node1", F_OK)) {
		skip(t, kind, "needs two NUMA nodes, and this machine has one");
		return;
	}
	r = moving_region(t, kind);
	r->moving = true;
	for (size_t i = 0; i < r->pages; i++)
		page_write(t, r, i);
	if (pages_move(t, r, 0, 1, 1) < 0) {
		skip(t, kind, "no page can be moved (%s)", strerror(errno));
		munmap(r->base, r->pages * t->page_size);
		t->regions--;
		return;
	}
	t->churn = migrate_round;
}
