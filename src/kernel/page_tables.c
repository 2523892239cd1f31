// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/page_tables.h"

#if defined(PMTOP_HAVE_BPF) && defined(__x86_64__)

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "kernel/bpf/tables.h"
#include "kernel/bpf_task.h"
#include "model/mapping.h"
#include "tables.skel.h"

/* Loading takes some 30 ms, as long as reading the words of this many bytes. */
#define WORTH_LOADING (UINT64_C(32) << 30)

/* One run takes 20 us, as long as this. */
#define WORTH_RUNNING (UINT64_C(64) << 20)

#define HUGE_BYTES (UINT64_C(1) << TABLES_LEAF_SHIFT)
#define GIB	   (UINT64_C(1) << 30)

struct page_tables {
	struct tables_bpf *skeleton;
	struct tables_walk *walk;
	bool tried; /* loading it */
	struct bpf_link *link; /* to the task `pid` */
	pid_t pid;
};

static void page_tables_unbind(struct page_tables *t)
{
	if (t->link)
		bpf_link__destroy(t->link);
	t->link = NULL;
}

static int page_tables_bind_task(struct page_tables *t, pid_t pid)
{
	if (t->link && t->pid == pid)
		return 0;
	page_tables_unbind(t);
	t->link = bpf_task_attach(t->skeleton->progs.walk_tables, pid);
	if (!t->link)
		return -errno;
	t->pid = pid;
	return 0;
}

/* One run of the program; its status, or -errno. */
static int page_tables_run(struct page_tables *t, pid_t pid, uint64_t at, uint64_t end)
{
	struct tables_walk *walk = t->walk;
	int error = page_tables_bind_task(t, pid);
	char unused[64];
	ssize_t n;

	if (error)
		return error;
	CLEANUP(cleanup_close) int iterator = bpf_iter_create(bpf_link__fd(t->link));

	if (iterator < 0)
		return -errno;
	walk->at = at;
	walk->end = end;
	walk->count = 0;
	walk->status = TABLES_NOT_RUN;
	/* The program ends each read with EAGAIN, once it has run. */
	do
		n = read(iterator, unused, sizeof(unused));
	while (n < 0 && walk->status == TABLES_NOT_RUN && !walk->tries && errno == EINTR);
	return (int)walk->status;
}

/* The physical address behind all memory; 0 where that is hidden. */
static uint64_t page_tables_memory_end(void)
{
	CLEANUP(cleanup_fclose) FILE *file = fopen("/proc/iomem", "re");
	uint64_t end = 0, last;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, "System RAM") && sscanf(line, " %*x-%" SCNx64, &last) == 1 &&
		    last > end)
			end = last;
	return end ? end + 1 : 0;
}

/* Where the kernel has mapped all physical memory: the place from which a page of ours is found. */
static int page_tables_learn(struct page_tables *t)
{
	uint64_t end = page_tables_memory_end(), tries = end / GIB + 2;
	char *page = mmap(NULL, PMTOP_PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int status = -EOPNOTSUPP;

	if (page == MAP_FAILED)
		return -errno;
	t->walk->memory_end = end;
	if (end > 1 && tries <= TABLES_TRIES &&
	    getrandom(page, sizeof(t->walk->magic), 0) == sizeof(t->walk->magic)) {
		memcpy(&t->walk->magic, page, sizeof(t->walk->magic));
		for (t->walk->top = 39; status != TABLES_LEARNT && t->walk->top <= 48;
		     t->walk->top += 9) {
			t->walk->tries = (uint32_t)tries;
			status = page_tables_run(t, gettid(), (uintptr_t)page, (uintptr_t)page + 1);
		}
		t->walk->top -= 9;
		t->walk->tries = 0;
	}
	munmap(page, PMTOP_PAGE_SIZE);
	return status == TABLES_LEARNT ? 0 : status < 0 ? status : -EOPNOTSUPP;
}

/* Whether the walk tells of our own memory what we know: of three huge pages' room, one is used. */
static int page_tables_prove(struct page_tables *t)
{
	char *map = mmap(NULL, 4 * HUGE_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t start = ((uintptr_t)map + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
	const struct tables_range *range = &t->walk->ranges[0];
	int error = 0;

	if (map == MAP_FAILED)
		return -errno;
	for (int used = 0; used < 3 && !error; used++) {
		uint64_t here = start + (uint64_t)used * HUGE_BYTES;

		madvise(map, 4 * HUGE_BYTES, MADV_NOHUGEPAGE);
		*(volatile char *)(uintptr_t)here = 1;
		error = page_tables_run(t, gettid(), start, start + 3 * HUGE_BYTES);
		if (error == TABLES_DONE && t->walk->count == 1 && range->start == start &&
		    range->end == here + HUGE_BYTES)
			error = 0;
		else if (error >= 0)
			error = -EOPNOTSUPP;
	}
	munmap(map, 4 * HUGE_BYTES);
	page_tables_unbind(t);
	return error;
}

static int page_tables_say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static int page_tables_load(struct page_tables *t)
{
	int error;

	t->tried = true;
	libbpf_set_print(page_tables_say_nothing);
	t->skeleton = tables_bpf__open_and_load();
	if (!t->skeleton)
		return -errno;
	t->walk = &t->skeleton->bss->walk;
	error = page_tables_learn(t);
	if (!error)
		error = page_tables_prove(t);
	if (error) {
		page_tables_unbind(t);
		tables_bpf__destroy(t->skeleton);
		t->skeleton = NULL;
	}
	return error;
}

struct page_tables *page_tables_new(const struct probe *probe)
{
	return probe->has[PROBE_BPF] ? calloc(1, sizeof(struct page_tables)) : NULL;
}

void page_tables_free(struct page_tables *tables)
{
	if (!tables)
		return;
	page_tables_unbind(tables);
	if (tables->skeleton)
		tables_bpf__destroy(tables->skeleton);
	free(tables);
}

int page_tables_find(struct page_tables *tables, pid_t pid, uint64_t *at, uint64_t end,
		     struct page_range ranges[PAGE_TABLES_RANGES])
{
	const struct tables_walk *walk;
	int status;

	if (!tables->skeleton) {
		if (end - *at < WORTH_LOADING)
			return -EAGAIN;
		if (tables->tried || page_tables_load(tables) < 0)
			return -EOPNOTSUPP;
	}
	if (end - *at < WORTH_RUNNING)
		return -EAGAIN;
	walk = tables->walk;
	status = page_tables_run(tables, pid, *at, end);
	if (status < 0)
		return status;
	if ((status != TABLES_DONE && status != TABLES_MORE) || walk->at <= *at ||
	    walk->count > PAGE_TABLES_RANGES)
		return -EIO;
	for (uint32_t i = 0; i < walk->count; i++)
		ranges[i] = (struct page_range){ walk->ranges[i].start, walk->ranges[i].end };
	*at = walk->at;
	return (int)walk->count;
}

#else

#include <errno.h>

struct page_tables *page_tables_new(const struct probe *probe)
{
	return NULL;
}

void page_tables_free(struct page_tables *tables)
{
}

int page_tables_find(struct page_tables *tables, pid_t pid, uint64_t *at, uint64_t end,
		     struct page_range ranges[PAGE_TABLES_RANGES])
{
	return -ENOSYS;
}

#endif
