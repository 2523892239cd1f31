// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A large reservation of which little is used, without PAGEMAP_SCAN: the walk of the page table tells
 * exactly the parts that have entries, and the scan finds the same entries as a read of every word,
 * without reading every word. tables_check [GIB [PAGES]]
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kernel/pagemap.h"

#define HUGE_BYTES (UINT64_C(2) << 20)
#define REST_WORDS 16384 /* so few that they are read without asking */

struct entries {
	struct entry_run *runs;
	size_t count, room;
};

struct world {
	uint64_t start, end;
	bool *used; /* of each 2 MiB */
	size_t blocks;
	uint64_t written, zero, pages;
};

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int keep(void *context, const struct entry_run *run)
{
	struct entries *e = context;

	if (e->count == e->room) {
		e->room = e->room ? 2 * e->room : 1024;
		e->runs = realloc(e->runs, e->room * sizeof(*e->runs));
		if (!e->runs)
			return -ENOMEM;
	}
	e->runs[e->count++] = *run;
	return 0;
}

/* Pages written, pages only read (the zero page), a huge zero page, and neighbours of these. */
static int lay_out(struct world *w, uint64_t bytes, uint64_t pages)
{
	char *map = mmap(NULL, bytes + HUGE_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	madvise(map, bytes + HUGE_BYTES, MADV_NOHUGEPAGE);
	w->start = ((uintptr_t)map + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
	w->end = w->start + bytes;
	w->blocks = bytes / HUGE_BYTES;
	w->pages = pages;
	w->used = calloc(w->blocks, sizeof(*w->used));
	if (!w->used)
		return -ENOMEM;
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t page = (uint64_t)random() << 20 ^ (uint64_t)random();
		/* Every fourth lies beside the one before, so that parts are longer than one. */
		uint64_t block = i % 4 ? page / 512 % w->blocks : (i / 4 + 1) % w->blocks;
		volatile char *at = (char *)(uintptr_t)(w->start + block * HUGE_BYTES +
							page % 512 * PMTOP_PAGE_SIZE);

		if (i % 3)
			*at = 1;
		else
			(void)*at;
		w->used[block] = true;
	}
	return 0;
}

/* What the walk tells against what was used, block by block. */
static uint64_t check_ranges(const struct world *w, struct page_tables *tables, double *ret_ms)
{
	struct page_range ranges[PAGE_TABLES_RANGES];
	bool *told = calloc(w->blocks, sizeof(*told));
	uint64_t wrong = 0, at = w->start;
	double before = cpu_ms();

	while (told && at < w->end) {
		int n = page_tables_find(tables, getpid(), &at, w->end, ranges);

		if (n == -EAGAIN) /* what is left is sooner read */
			break;
		if (n < 0) {
			printf("the walk failed: %s\n", strerror(-n));
			exit(1);
		}
		for (int i = 0; i < n; i++)
			for (uint64_t a = ranges[i].start; a < ranges[i].end; a += HUGE_BYTES)
				told[(a - w->start) / HUGE_BYTES] = true;
	}
	*ret_ms = cpu_ms() - before;
	for (size_t i = 0; i < (at - w->start) / HUGE_BYTES; i++)
		wrong += !told || told[i] != w->used[i];
	free(told);
	return wrong;
}

static double scan(struct pagemap_scan *s, const struct world *w, struct entries *ret_entries)
{
	double before = cpu_ms();

	if (pagemap_scan(s, w->start, w->end, keep, ret_entries) < 0)
		exit(1);
	return cpu_ms() - before;
}

static bool same(const struct entries *a, const struct entries *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->runs[i].start != b->runs[i].start || a->runs[i].count != b->runs[i].count ||
		    a->runs[i].bits != b->runs[i].bits)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	uint64_t bytes = (argc > 1 ? strtoull(argv[1], NULL, 10) : 256) << 30;
	struct entries all = { 0 }, found = { 0 };
	struct pagemap_scan every = { .fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) };
	struct pagemap_scan some = every;
	struct world world = { 0 };
	struct probe probe;
	double walk_ms, every_ms, some_ms;
	uint64_t wrong, used = 0;

	probe_run(&probe);
	some.tables = page_tables_new(&probe);
	if (!some.tables) {
		printf("skipped: %s\n", probe.bpf_reason);
		return 77;
	}
	probe.has[PROBE_PAGEMAP_SCAN] = false;
	if (lay_out(&world, bytes, argc > 2 ? strtoull(argv[2], NULL, 10) : 2000) < 0)
		return 1;
	for (size_t i = 0; i < world.blocks; i++)
		used += world.used[i];
	every.probe = some.probe = &probe;
	some.pid = getpid();
	scan(&some, &world, &found); /* loads the program */
	found.count = 0;
	some.statistics = (struct scan_statistics){ 0 };
	wrong = check_ranges(&world, some.tables, &walk_ms);
	some_ms = scan(&some, &world, &found);
	every_ms = scan(&every, &world, &all);
	printf("%ju GiB, %ju of %zu blocks used, %ju told wrong in %.2f ms; %zu runs %s; words %ju in "
	       "%.2f ms, every word %ju in %.0f ms\n",
	       (uintmax_t)(bytes >> 30), (uintmax_t)used, world.blocks, (uintmax_t)wrong, walk_ms,
	       found.count, same(&all, &found) ? "the same" : "DIFFERENT",
	       (uintmax_t)some.statistics.words, some_ms, (uintmax_t)every.statistics.words,
	       every_ms);
	wrong += !same(&all, &found) || some.statistics.words > used * 512 + REST_WORDS;
	page_tables_free(some.tables);
	close(every.fd);
	free(world.used);
	free(all.runs);
	free(found.runs);
	return wrong != 0;
}
