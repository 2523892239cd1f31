/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PAGEMAP_H
#define PMTOP_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "kernel/page_tables.h"
#include "kernel/probe.h"
#include "model/classify.h"

/*
 * Page-table entries of a process, by the PAGEMAP_SCAN ioctl or by reading /proc/PID/pagemap.
 * Documentation/admin-guide/mm/pagemap.rst describes both.
 */

/* Bits of a word of /proc/PID/pagemap. */
#define PM_SOFT_DIRTY	(UINT64_C(1) << 55)
#define PM_EXCLUSIVE	(UINT64_C(1) << 56)
#define PM_UFFD_WP	(UINT64_C(1) << 57)
#define PM_GUARD	(UINT64_C(1) << 58)
#define PM_FILE		(UINT64_C(1) << 61)
#define PM_SWAP		(UINT64_C(1) << 62)
#define PM_PRESENT	(UINT64_C(1) << 63)
#define PM_PFN(word)	((word) & ((UINT64_C(1) << 55) - 1))
#define PM_TYPE(word)	((uint32_t)((word)&0x1f))
#define PM_OFFSET(word) (PM_PFN(word) >> 5)

/* Entries that are neither empty nor different from each other, in address order. */
struct entry_run {
	uint64_t start; /* address */
	uint64_t count; /* pages */
	/*
	 * SEEN_…; by a scan without PROBE_SCAN_WP, SEEN_WP is also on pages that nobody protects.
	 */
	uint16_t bits;
};

typedef int entry_sink(void *context, const struct entry_run *run);

/* What scanning costs the target and pmtop; for the benchmark and the tests. */
struct scan_statistics {
	uint64_t calls, regions, words;
};

struct pagemap_scan;
struct pmscan_arg;

/* One call of the ioctl: how many regions, or -errno; *ret_ns: how long it took. */
typedef int pagemap_scan_call(const struct pagemap_scan *scan, struct pmscan_arg *arg,
			      int64_t *ret_ns);

/*
 * The next part of a scan: moves *start over what is not mapped, and returns the address before
 * which `bytes` of mapped memory lie, as far as they are known, or 0 when nothing is left. Holes
 * are then no part of a step, whatever their size.
 */
typedef uint64_t pagemap_scan_step(void *context, uint64_t *start, uint64_t bytes);

struct pagemap_scan {
	int fd;
	const struct probe *probe;
	bool file; /* tell file pages from private ones: dearer, for private file mappings */
	bool pause; /* let go of the target's mmap lock for a while between chunks */
	/* Where to look without PAGEMAP_SCAN; NULL: everywhere. */
	struct page_tables *tables;
	pid_t pid;
	pagemap_scan_step *step; /* NULL: all of the range is mapped; gets the sink's context */
	pagemap_scan_call *call; /* NULL: the kernel; others in tests */
	struct scan_statistics statistics;
	uint64_t chunk, pages; /* bytes that the next call may walk, pages it may match: adapt */
};

/*
 * Gives every run of non-empty entries in [start, end) to the sink, ascending, never twice. Stops
 * at the first sink result that is not 0 and returns it. -ESRCH: the process has ended.
 */
int pagemap_scan(struct pagemap_scan *scan, uint64_t start, uint64_t end, entry_sink *sink,
		 void *context);

/* Which SEEN_ bits a scan can tell; the others are not in `known` of the evidence. */
uint16_t pagemap_scan_known(const struct pagemap_scan *scan);

/*
 * Reads `count` words from the page at `address` on, and makes sure that they are those of these
 * pages where the kernel may give others (see pagemap_read.h). -ESRCH when the process has ended.
 */
int pagemap_read(const struct probe *probe, int fd, uint64_t address, uint64_t *words,
		 size_t count);

/* The evidence in one word. Pure but for what the probe learnt. */
struct evidence pagemap_evidence(const struct probe *probe, uint64_t word);

/*
 * Words of /proc/PID/pagemap from kernels that may leave some out.
 *
 * Where a huge page goes away between two looks of the kernel at its entry, kernels before 6.5 give
 * no word for its 2 MiB, fill the buffer with the words of the pages behind it, and report success
 * (pagemap_pmd_range() and pmd_trans_unstable() in fs/proc/task_mmu.c; on 6.1 111 of 38,066 reads
 * beside a thread that drops one were shifted that way, on 6.12 and 6.18 none). Later ones look
 * again (ACTION_AGAIN).
 */

/* preadv(2), or what stands for it in a test. */
typedef ssize_t pagemap_preadv(int fd, const struct iovec *pieces, int count, off_t offset);

/*
 * Reads `count` words from the page at `address` on. Each 2 MiB are read as a piece of their own,
 * so that what is left out moves nothing else; a piece that repeats the words of one behind it is
 * read again. -ESRCH when the process has no memory any more, or where no user address is.
 */
int pagemap_read_surely(pagemap_preadv *reader, int fd, uint64_t address, uint64_t *words,
			size_t count);

#endif
