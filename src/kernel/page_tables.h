/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PAGE_TABLES_H
#define PMTOP_PAGE_TABLES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/probe.h"

/*
 * Which parts of a process have page-table entries at all, read from the upper levels of its page
 * table by a BPF program. For kernels without PAGEMAP_SCAN, where a read of pagemap fills in a word
 * for every page of a reservation that nobody has touched (0.8 s a TiB). smaps cannot stand in: its
 * sums leave out zero pages and markers. x86-64; needs what the walk of the xarray needs, and leave
 * to read /proc/iomem.
 *
 * Owns the loaded program; one thread at a time. The target's mmap lock is held for reading for
 * about 0.1 ms at a time.
 */
struct page_tables;

/* Loads nothing yet. NULL where the probe says that it cannot be, or when memory is out. */
struct page_tables *page_tables_new(const struct probe *probe);
void page_tables_free(struct page_tables *tables); /* may be NULL */

/* A part whose pages may have entries; between two parts none has. */
struct page_range {
	uint64_t start, end; /* addresses */
};

#define PAGE_TABLES_RANGES 256

/*
 * Looks at [*at, end) of the process, moves *at on behind what was looked at, and tells how many
 * ranges lie in that, ascending. It asks for no right: the caller has opened the process's pagemap.
 * -EAGAIN: so little that loading the program is not worth it yet; others: it does not work here,
 * or not for this process.
 */
int page_tables_find(struct page_tables *tables, pid_t pid, uint64_t *at, uint64_t end,
		     struct page_range ranges[PAGE_TABLES_RANGES]);

#endif
