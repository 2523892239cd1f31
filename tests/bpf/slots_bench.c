// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a walk costs: thread CPU time, medians of interleaved rounds, beside a bare pread of the
 * target's pagemap over the same pages.
 *
 *   slots_bench PID START
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernel/shmem_bpf.h"

#define ROUNDS 15
#define BUFFER (256 * 1024)

enum what { WALK, WALK_FLAGS, PREAD, WHATS };

struct subject {
	struct shmem_bpf_request request;
	struct shmem_bpf *bpf;
	int pagemap_fd;
	char *buffer;
	uint64_t runs, swapped;
};

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int count_runs(void *context, const struct xarray_run *runs, size_t count)
{
	struct subject *s = context;

	s->runs += count;
	for (size_t i = 0; i < count; i++)
		if (runs[i].kind == XARRAY_SWAP)
			s->swapped += runs[i].count;
	return 0;
}

static double run(struct subject *s, enum what what)
{
	off_t at = s->request.mapping->start / PMTOP_PAGE_SIZE * sizeof(uint64_t);
	size_t left = s->request.count * sizeof(uint64_t);
	double begin = cpu_ms();
	ssize_t n = 1;
	int r = 0;

	s->runs = s->swapped = 0;
	if (what == PREAD) {
		for (; left && n > 0; left -= n, at += n)
			n = pread(s->pagemap_fd, s->buffer, left < BUFFER ? left : BUFFER, at);
		r = n <= 0;
	} else {
		s->request.flags = what == WALK_FLAGS;
		r = shmem_bpf_walk(s->bpf, &s->request, count_runs, s, NULL);
	}
	if (r) {
		fprintf(stderr, "slots_bench: failed: %d\n", r);
		exit(1);
	}
	return cpu_ms() - begin;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

static struct mapping *mapping_at(const char *path, uint64_t start)
{
	FILE *f = fopen(path, "re");
	struct mapping like = { .kind = MAPPING_SHMEM };
	char line[512], *at;

	while (f && fgets(line, sizeof(line), f)) {
		if (strtoull(line, &at, 16) != start)
			continue;
		like.start = start;
		like.end = strtoull(at + 1, &at, 16);
		like.offset = strtoull(at + 6, &at, 16);
		like.dev_major = strtoul(at, &at, 16);
		like.dev_minor = strtoul(at + 1, &at, 16);
		like.inode = strtoull(at, &at, 10);
	}
	if (f)
		fclose(f);
	return like.start ? mapping_new(&like, "", 0) : NULL;
}

static int open_of(const char *pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int main(int argc, char **argv)
{
	struct subject s = { .buffer = malloc(BUFFER) };
	double times[WHATS][ROUNDS], load[5];
	char reason[160], path[64];
	struct mapping *m;

	if (argc < 3)
		return 2;
	for (int i = 0; i < 5; i++) {
		double begin = cpu_ms();

		shmem_bpf_close(s.bpf);
		if (shmem_bpf_open(&s.bpf, reason, sizeof(reason)) < 0) {
			fprintf(stderr, "slots_bench: %s\n", reason);
			return 77;
		}
		load[i] = cpu_ms() - begin;
	}
	snprintf(path, sizeof(path), "/proc/%s/maps", argv[1]);
	m = mapping_at(path, strtoull(argv[2], NULL, 16));
	if (!m)
		return 1;
	s.pagemap_fd = open_of(argv[1], "pagemap");
	s.request = (struct shmem_bpf_request){
		.pid = strtol(argv[1], NULL, 10),
		.proc_fd = open_of(argv[1], ""),
		.mapping = m,
		.count = mapping_pages(m),
	};
	for (int i = 0; i < ROUNDS; i++)
		for (int what = 0; what < WHATS; what++)
			times[what][i] = run(&s, what);
	run(&s, WALK);
	printf("{\"pages\":%" PRIu64 ",\"swapped\":%" PRIu64 ",\"runs\":%" PRIu64
	       ",\"walk_ms\":%.2f,\"walk_flags_ms\":%.2f,\"pread_ms\":%.2f,\"load_ms\":%.1f}\n",
	       s.request.count, s.swapped, s.runs, median(times[WALK], ROUNDS),
	       median(times[WALK_FLAGS], ROUNDS), median(times[PREAD], ROUNDS), median(load, 5));
	shmem_bpf_close(s.bpf);
	mapping_unref(m);
	free(s.buffer);
	return 0;
}
