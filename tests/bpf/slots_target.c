// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The process that is looked at: fills an object of shared memory with a pattern per page, says
 * where it is, and does what it is told on standard input. Shares no code with pmtop.
 *
 *   slots_target KIND PAGES SKIP SEED [DIR]
 *
 * KIND: anon, memfd, holes, allocated (holes, some of them fallocated), sysv; on DIR: file, written
 * (by write instead of by memory), inside (the same, but pushed out through a mapping of the whole
 * file). SKIP: the mapping starts at this page of the object.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <signal.h>
#include <unistd.h>

#include "pattern.h"

#define PAGE 4096ul

struct object {
	const char *kind;
	uint64_t pages, skip, seed;
	const char *dir;
	int fd;
	char *memory; /* page skip of the object */
	char *whole; /* kind inside: all of it, through which it is pushed out */
	int holes, written;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void make_file(struct object *o)
{
	if (!strcmp(o->kind, "file") || o->written)
		o->fd = open(o->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	else
		o->fd = memfd_create("slots", MFD_CLOEXEC);
	/* What is to be written grows as it is: so do the folios. */
	if (o->fd < 0 || (!o->written && ftruncate(o->fd, (o->skip + o->pages) * PAGE) < 0))
		die("object");
	o->memory = mmap(NULL, o->pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, o->fd,
			 o->skip * PAGE);
}

/* By write, in pieces of 4 KiB to 256 KiB: the kernel takes folios of these sizes on tmpfs. */
static void write_pages(struct object *o)
{
	static uint64_t buffer[64][512];
	uint64_t n;

	for (uint64_t i = 0, turn = 0; i < o->skip + o->pages; i += n, turn++) {
		n = 1u << pattern_mix(turn) % 7;
		if (n > o->skip + o->pages - i)
			n = o->skip + o->pages - i;
		for (uint64_t k = 0; k < n; k++)
			pattern_fill(buffer[k], o->seed, i + k);
		if (pwrite(o->fd, buffer, n * PAGE, i * PAGE) != (ssize_t)(n * PAGE))
			die("write");
	}
	/* Mapped as well, or there is nothing for MADV_PAGEOUT to find. */
	if (!strcmp(o->kind, "inside")) {
		o->whole = mmap(NULL, (o->skip + o->pages) * PAGE, PROT_READ | PROT_WRITE,
				MAP_SHARED, o->fd, 0);
		if (o->whole == MAP_FAILED)
			die("mmap");
	}
	for (uint64_t i = 0; i < o->pages + (o->whole ? o->skip : 0); i++)
		*(volatile char *)((o->whole ? o->whole : o->memory) + i * PAGE);
}

/* Every second 1000 pages are allocated before anything is written. */
static void allocate(struct object *o)
{
	for (uint64_t i = 0; i < o->pages; i += 2000) {
		uint64_t n = o->pages - i < 1000 ? o->pages - i : 1000;

		if (fallocate(o->fd, 0, (o->skip + i) * PAGE, n * PAGE) < 0)
			die("fallocate");
	}
}

static void make(struct object *o)
{
	size_t size = o->pages * PAGE;

	o->fd = -1;
	o->written = !strcmp(o->kind, "written") || !strcmp(o->kind, "inside");
	o->holes = !strcmp(o->kind, "holes") || !strcmp(o->kind, "allocated");
	if (!strcmp(o->kind, "anon")) {
		o->memory =
			mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	} else if (!strcmp(o->kind, "sysv")) {
		int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);

		o->memory = shmat(id, NULL, 0);
		shmctl(id, IPC_RMID, NULL);
	} else {
		make_file(o);
	}
	if (o->memory == MAP_FAILED)
		die("mmap");
	if (o->written) {
		write_pages(o);
		return;
	}
	if (!strcmp(o->kind, "allocated"))
		allocate(o);
	for (uint64_t i = 0; i < o->pages; i++)
		if (!o->holes || !pattern_hole(o->seed, o->skip + i))
			pattern_fill((uint64_t *)(o->memory + i * PAGE), o->seed, o->skip + i);
}

/*
 * Pushes out all but each fifth stretch, so that both kinds are there. On tmpfs a stretch is as long
 * as the largest folio: a part of one would split it.
 */
static void push_out(struct object *o)
{
	uint64_t stretch = o->written || !strcmp(o->kind, "file") ? 512 : 64;
	uint64_t pages = o->whole ? o->skip + o->pages : o->pages;
	char *memory = o->whole ? o->whole : o->memory;

	for (int round = 0; round < 3; round++)
		for (uint64_t i = 0; i < pages; i += stretch) {
			uint64_t n = pages - i < stretch ? pages - i : stretch;

			if (i / stretch % 5 == 4)
				continue;
			if (madvise(memory + i * PAGE, n * PAGE, MADV_PAGEOUT) < 0)
				die("MADV_PAGEOUT");
		}
}

/* Reads some pages back in, which splits the large entries that they are part of. */
static void touch(struct object *o)
{
	for (uint64_t i = 5; i < o->pages; i += 97)
		*(volatile char *)(o->memory + i * PAGE);
}

/* Page by page in an order of chance, all but each 17th: no two neighbours lie side by side. */
static void scatter(struct object *o)
{
	for (uint64_t i = 0; i < o->pages; i++) {
		uint64_t page = i * 1000003 % o->pages;

		if (page % 17 && madvise(o->memory + page * PAGE, PAGE, MADV_PAGEOUT) < 0)
			die("MADV_PAGEOUT");
	}
}

static void churn_once(struct object *o, uint64_t *random)
{
	uint64_t r = *random = pattern_mix(*random);
	uint64_t first = (r >> 8) % o->pages, n = 1 + (r >> 40) % 700;

	if (first + n > o->pages)
		n = o->pages - first;
	switch (r % 8) {
	case 0:
	case 1:
	case 2:
		madvise(o->memory + first * PAGE, n * PAGE, MADV_PAGEOUT);
		break;
	case 3:
		madvise(o->memory + first * PAGE, n * PAGE, MADV_REMOVE);
		break;
	case 4:
		if (o->fd >= 0 && r >> 60 == 0) {
			if (ftruncate(o->fd, (o->skip + first) * PAGE) < 0 ||
			    ftruncate(o->fd, (o->skip + o->pages) * PAGE) < 0)
				die("ftruncate");
		}
		break;
	default:
		for (uint64_t i = first; i < first + n; i++)
			pattern_fill((uint64_t *)(o->memory + i * PAGE), o->seed, o->skip + i);
	}
}

static void churn(struct object *o)
{
	uint64_t random = o->seed;

	for (;;)
		churn_once(o, &random);
}

int main(int argc, char **argv)
{
	struct object o = { 0 };
	cpu_set_t one;
	char line[64];

	if (argc < 5)
		return 2;
	/* On one CPU: MADV_PAGEOUT passes over pages that wait in a list of another one. */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	o.kind = argv[1];
	o.pages = strtoull(argv[2], NULL, 0);
	o.skip = strtoull(argv[3], NULL, 0);
	o.seed = strtoull(argv[4], NULL, 0);
	o.dir = argc > 5 ? argv[5] : "/dev/shm";
	make(&o);
	printf("%d %lx\n", getpid(), (unsigned long)o.memory);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "out", 3))
			push_out(&o);
		else if (!strncmp(line, "touch", 5))
			touch(&o);
		else if (!strncmp(line, "scatter", 7))
			scatter(&o);
		else if (!strncmp(line, "churn", 5))
			churn(&o);
		else
			break;
		printf("done\n");
		fflush(stdout);
	}
	return 0;
}
