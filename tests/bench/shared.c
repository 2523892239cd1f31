// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Shared memory, mostly in swap: milliseconds for 1 Mi pages, measured on fewer. */

#define LENGTH GIB
#define SCALE  ((double)MIB / ((double)LENGTH / 4096))

static uint64_t free_swap(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	unsigned long long kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "SwapFree:", 9))
			kib = strtoull(line + 9, NULL, 10);
	if (file)
		fclose(file);
	return kib * 1024;
}

static char *map_shared(void)
{
	char *area;

	if (free_swap() < LENGTH + LENGTH / 4)
		return NULL;
	area = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return area == MAP_FAILED ? NULL : area;
}

static bool lay_contiguous(void)
{
	char *area = map_shared();

	for (uint64_t at = 0; area && at < LENGTH; at += 4096)
		area[at] = (char)(at >> 12 | 1);
	/* One sixteenth stays in RAM. */
	return area && !madvise(area, LENGTH - LENGTH / 16, MADV_PAGEOUT);
}

/* Holes, swapped and resident pages in turns of a few pages. */
static bool lay_fragmented(void)
{
	char *area = map_shared();
	volatile char seen = 0;

	srandom(1);
	for (uint64_t at = 0; area && at < LENGTH; at += 4096)
		if (random() & 192) /* a quarter are holes */
			area[at] = (char)(at >> 12 | 1);
	if (!area || madvise(area, LENGTH, MADV_PAGEOUT))
		return false;
	for (uint64_t at = 0; at < LENGTH; at += 4096)
		if (!(random() & 7 << 5)) /* one in eight is back */
			seen += area[at];
	(void)seen;
	return true;
}

static void bench_object(const char *name, layout_function *layout, const struct probe *probe,
			 double bound)
{
	double values[ROUNDS];
	struct subject subject;
	struct snapshot *last;
	uint64_t swapped;

	if (!subject_start(name, layout, probe, &subject))
		return;
	last = subject_sample(&subject, NULL);
	swapped = last->totals.state[PAGE_SHARED_SWAP];
	for (int i = 0; i < ROUNDS; i++) {
		int64_t t0 = cpu_ns();
		struct snapshot *next = subject_sample(&subject, last);

		values[i] = (double)(cpu_ns() - t0) / 1e6 * SCALE;
		snapshot_unref(last);
		last = next;
	}
	printf("  (%llu pages in swap, %llu cached, %llu shmem, %llu unknown)\n",
	       (unsigned long long)swapped, (unsigned long long)last->totals.state[PAGE_CACHED],
	       (unsigned long long)last->totals.state[PAGE_SHMEM],
	       (unsigned long long)last->totals.state[PAGE_UNKNOWN]);
	snapshot_unref(last);
	subject_end(&subject);
	report_figure(name, median(values, ROUNDS), "ms/Mi", bound);
}

void bench_shared(const struct probe *probe)
{
	struct probe without = *probe;

	without.has[PROBE_BPF] = false;
	bench_object("shared swap, cachestat, contiguous", lay_contiguous, &without, 60);
	bench_object("shared swap, cachestat, fragmented", lay_fragmented, &without, 300);
	if (!probe->has[PROBE_BPF]) {
		printf("%-52s skipped: %s\n", "shared swap, BPF", probe->bpf_reason);
		return;
	}
	bench_object("shared swap, BPF, contiguous", lay_contiguous, probe, 10);
	bench_object("shared swap, BPF, fragmented", lay_fragmented, probe, 10);
}
