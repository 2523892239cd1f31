// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* What a kept snapshot costs. */

#define LENGTH (512 * MIB)

/* The worst there is: no two neighbours are alike. */
static bool lay_mixed(void)
{
	char *area = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	volatile char seen = 0;

	if (area == MAP_FAILED)
		return false;
	madvise(area, LENGTH, MADV_NOHUGEPAGE);
	srandom(1);
	for (uint64_t at = 0; at < LENGTH; at += 4096) {
		if (random() & 64)
			area[at] = 1;
		else
			seen += area[at]; /* the zero page */
	}
	(void)seen;
	return true;
}

void bench_memory(const struct probe *probe)
{
	struct subject subject;
	struct snapshot *first, *second;
	double populated;

	if (!subject_start("memory of a snapshot", lay_mixed, probe, &subject))
		return;
	first = subject_sample(&subject, NULL);
	second = subject_sample(&subject, first);
	populated = (double)LENGTH / 4096;
	report_figure("bytes a populated page, one snapshot",
		      (double)snapshot_memory(first, NULL) / populated, "bytes", 1);
	report_figure("bytes a populated page, unchanged snapshot after it",
		      (double)snapshot_memory(second, first) / populated, "bytes", 0.01);
	snapshot_unref(second);
	snapshot_unref(first);
	subject_end(&subject);
}
