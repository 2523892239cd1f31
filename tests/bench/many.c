// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench.h"
#include "sample/live.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Very many mappings, very large ones. */

#define MAPPINGS 65000

/* Neighbours with different rights stay apart; every tenth page is touched. */
static bool lay_many(void)
{
	char *area = mmap(NULL, (size_t)MAPPINGS * 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (area == MAP_FAILED)
		return false;
	for (int i = 0; i < MAPPINGS; i += 10)
		area[(size_t)i * 4096] = 1;
	for (int i = 0; i < MAPPINGS; i += 2)
		if (mprotect(area + (size_t)i * 4096, 4096, PROT_READ))
			return i > MAPPINGS - 1000; /* vm.max_map_count is 65530 by default */
	return true;
}

static bool lay_reservation(void)
{
	char *area = mmap(NULL, 20 * TIB, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (area == MAP_FAILED)
		return false;
	madvise(area, 20 * TIB, MADV_NOHUGEPAGE);
	srandom(1);
	for (int i = 0; i < 10000; i++)
		area[((uint64_t)random() << 13) % (20 * TIB)] = 1;
	return true;
}

static void bench_mappings(const struct probe *probe)
{
	double values[ROUNDS], first[ROUNDS];
	struct subject subject;
	struct snapshot *last;

	if (!subject_start("65,000 mappings", lay_many, probe, &subject))
		return;
	last = subject_sample(&subject, NULL);
	printf("  (%zu mappings)\n", last->count);
	for (int i = 0; i < ROUNDS; i++) {
		int64_t t0 = cpu_ns(), t1, t2;
		struct snapshot *next = subject_sample(&subject, last), *alone;

		t1 = cpu_ns();
		alone = subject_sample(&subject, NULL);
		t2 = cpu_ns();
		values[i] = (double)(t1 - t0) / 1e6;
		first[i] = (double)(t2 - t1) / 1e6;
		snapshot_unref(alone);
		snapshot_unref(last);
		last = next;
	}
	snapshot_unref(last);
	subject_end(&subject);
	report_figure("65,000 mappings, one sample", median(values, ROUNDS), "ms", 30);
	report_figure("  without the one before", median(first, ROUNDS), "ms", 30);
}

/* Peak of resident memory of this program, in MiB; ru_maxrss would count what a parent had. */
static double peak_mib(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[128];
	unsigned long long kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "VmHWM:", 6))
			kib = strtoull(line + 6, NULL, 10);
	if (file)
		fclose(file);
	return (double)kib / 1024;
}

/* A program that does nothing but to sample once: this one, started anew. */
int bench_once(pid_t pid)
{
	struct snapshot *snapshot;
	struct probe probe;

	probe_run(&probe);
	if (live_snapshot(pid, &probe, &snapshot))
		return 1;
	printf("%f\n", peak_mib());
	snapshot_unref(snapshot);
	return 0;
}

static void bench_reservation(const struct probe *probe)
{
	struct subject subject;
	char command[64];
	double mib = 0;
	int64_t t0;
	FILE *once;

	if (!subject_start("20 TiB reservation", lay_reservation, probe, &subject))
		return;
	t0 = cpu_ns();
	snapshot_unref(subject_sample(&subject, NULL));
	t0 = cpu_ns() - t0;
	snprintf(command, sizeof(command), "exec /proc/%d/exe --once %d", getpid(),
		 subject.target.pid);
	once = popen(command, "re");
	if (!once || fscanf(once, "%lf", &mib) != 1 || pclose(once))
		exit(1);
	report_figure("20 TiB reservation, 10,000 pages, resident memory", mib, "MiB", 20);
	report_figure("20 TiB reservation, one sample", (double)t0 / 1e6, "ms", 100);
	subject_end(&subject);
}

void bench_many(const struct probe *probe)
{
	bench_mappings(probe);
	bench_reservation(probe);
}
