/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_BENCH_H
#define PMTOP_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/probe.h"
#include "kernel/target.h"
#include "sample/pass.h"

/*
 * What the benchmarks share: a child that lays out memory and stops, CPU time of this thread, and a
 * table of figures with their bounds. Nothing here is timed by the wall clock.
 */

#define ROUNDS 11
#define MIB    (UINT64_C(1) << 20)
#define GIB    (UINT64_C(1) << 30)
#define TIB    (UINT64_C(1) << 40)

/* Lays out the memory to look at; runs in the child. False: this machine cannot do it. */
typedef bool layout_function(void);

/* A stopped child, opened for samples. */
struct subject {
	struct target target;
	struct pass *pass;
};

/* False, and it says so, when the child could not make its layout. */
bool subject_start(const char *name, layout_function *layout, const struct probe *probe,
		   struct subject *ret_subject);
void subject_end(struct subject *subject);

/* Nanoseconds of CPU that this thread has used. */
int64_t cpu_ns(void);

/* One sample after `before` (may be NULL); ends the program when it fails. */
struct snapshot *subject_sample(struct subject *subject, const struct snapshot *before);

double median(double *values, size_t count);

/* A line of the table; counts what is over its bound. */
void report_figure(const char *what, double value, const char *unit, double bound);
int figures_over(void);

/* What the program does as `bench --once PID`; an exit status. */
int bench_once(pid_t pid);

/* The groups. */
void bench_scans(const struct probe *probe);
void bench_many(const struct probe *probe);
void bench_shared(const struct probe *probe);
void bench_memory(const struct probe *probe);
void bench_frame(const struct probe *probe);

#endif
