// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* One full sample of all states against a bare pread loop over the same mappings. */

#define BUFFER (256 * 1024)

static char *reserve(uint64_t length, int advice)
{
	char *area = mmap(NULL, length, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (area == MAP_FAILED)
		return NULL;
	madvise(area, length, advice);
	return area;
}

static bool lay_dense(void)
{
	char *area = reserve(GIB / 2, MADV_NOHUGEPAGE);

	for (uint64_t at = 0; area && at < GIB / 2; at += 4096)
		area[at] = 1;
	return area;
}

static bool lay_half(void)
{
	char *area = reserve(GIB / 2, MADV_NOHUGEPAGE);

	srandom(1);
	for (uint64_t at = 0; area && at < GIB / 2; at += 4096)
		if (random() & 64)
			area[at] = 1;
	return area;
}

static bool lay_huge(void)
{
	char *area = reserve(GIB, MADV_HUGEPAGE);

	for (uint64_t at = 0; area && at < GIB; at += 4096)
		area[at] = 1;
	return area;
}

static bool lay_sparse(void)
{
	char *area = reserve(TIB, MADV_NOHUGEPAGE);

	srandom(1);
	for (int i = 0; area && i < 4096; i++)
		area[((uint64_t)random() << 12) % TIB] = 1;
	return area;
}

static bool lay_empty(void)
{
	return reserve(16 * GIB, MADV_NOHUGEPAGE);
}

static void read_bare(int pagemap, const struct snapshot *snapshot, char *buffer)
{
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct mapping *m = snapshot->mappings[i].mapping;
		uint64_t at = m->start >> PMTOP_PAGE_SHIFT << 3;
		uint64_t end = m->end >> PMTOP_PAGE_SHIFT << 3;

		if (m->kind == MAPPING_SPECIAL)
			continue;
		while (at < end) {
			size_t want = end - at < BUFFER ? (size_t)(end - at) : BUFFER;
			ssize_t got = pread(pagemap, buffer, want, (off_t)at);

			if (got <= 0)
				exit(1);
			at += (uint64_t)got;
		}
	}
}

static void bench_scan(const char *name, layout_function *layout, const struct probe *probe,
		       double bound)
{
	static char buffer[BUFFER];
	double ratios[ROUNDS], first[ROUNDS];
	struct subject subject;
	struct snapshot *last;
	char label[80];

	if (!subject_start(name, layout, probe, &subject))
		return;
	last = subject_sample(&subject, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		struct snapshot *next, *alone;
		int64_t t0 = cpu_ns(), t1, t2, t3;

		read_bare(subject.target.pagemap, last, buffer);
		t1 = cpu_ns();
		next = subject_sample(&subject, last);
		t2 = cpu_ns();
		alone = subject_sample(&subject, NULL);
		t3 = cpu_ns();
		ratios[i] = (double)(t2 - t1) / (double)(t1 - t0);
		first[i] = (double)(t3 - t2) / (double)(t1 - t0);
		snapshot_unref(alone);
		snapshot_unref(last);
		last = next;
	}
	snapshot_unref(last);
	subject_end(&subject);
	snprintf(label, sizeof(label), "sample / pread, %s", name);
	report_figure(label, median(ratios, ROUNDS), "", bound);
	snprintf(label, sizeof(label), "  the first sample, %s", name);
	report_figure(label, median(first, ROUNDS), "", bound);
}

void bench_scans(const struct probe *probe)
{
	bench_scan("dense 4 KiB pages", lay_dense, probe, 0.8);
	bench_scan("half of the pages at random", lay_half, probe, 1.1);
	bench_scan("transparent huge pages", lay_huge, probe, 0.1);
	bench_scan("1 TiB with 4096 pages", lay_sparse, probe, 0.03);
	bench_scan("empty", lay_empty, probe, 0.02);
}
