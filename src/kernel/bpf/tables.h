/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_BPF_TABLES_H
#define PMTOP_BPF_TABLES_H

#include <linux/types.h>

/*
 * What the BPF walk of a page table's upper levels and pmtop say to each other; see xarray.h for
 * why these types. x86-64, four or five levels.
 */

#define TABLES_RANGES 256 /* that one run can tell */
#define TABLES_STEPS  1024 /* of one run: the target's mmap lock is held for about 0.1 ms */
#define TABLES_TRIES  65536 /* places of physical memory that one run tries: 64 TiB */

#define TABLES_LEAF_SHIFT 21 /* an entry of the lowest level that is walked stands for 2 MiB */
#define TABLES_LAST_SHIFT 30 /* such a table stands for 1 GiB */

/* Bits of an entry (arch/x86/include/asm/pgtable_types.h). */
#define TABLES_PRESENT 0x1
#define TABLES_ERRATUM 0x60 /* accessed, dirty: some processors set them in empty entries */
#define TABLES_PSE     0x80 /* a huge page, no further table */
/* Frames up to 64 TiB: what lies above may be the mark of encrypted memory. */
#define TABLES_FRAME 0x00003ffffffff000ULL

enum tables_status {
	TABLES_NOT_RUN, /* no task, or one without memory */
	TABLES_DONE,
	TABLES_MORE, /* read again from walk.at on */
	TABLES_LEARNT, /* walk.base is the right one */
	TABLES_BROKEN, /* a table could not be read */
};

struct tables_range {
	__u64 start, end; /* addresses */
};

struct tables_walk {
	/* Wanted: addresses [at, end) of the task. at moves on as the walk does. */
	__u64 at, end;
	__u32 top; /* address bits below the highest level: 39 or 48 */
	/*
	 * Where physical address 0 is mapped. To learn it: the number of places to try, 1 GiB
	 * apart, upwards to that of the task's own table; and what the task has written at `at`.
	 */
	__u32 tries;
	__u64 base;
	__u64 magic;
	__u64 memory_end; /* physical address behind all memory */
	/* Said. */
	__u32 status; /* enum tables_status */
	__u32 count;
	struct tables_range ranges[TABLES_RANGES];
	/* The walk's own. */
	__u64 pgd;
	__u64 last, last_at; /* the lowest table met last, and an address in it */
};

#endif
