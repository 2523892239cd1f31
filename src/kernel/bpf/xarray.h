/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_BPF_XARRAY_H
#define PMTOP_BPF_XARRAY_H

#include <linux/types.h>

/*
 * What the BPF walk of a shmem xarray and pmtop say to each other. Both sides include this: the
 * kernel side has no libc, hence the types.
 *
 * pmtop writes what it wants into struct xarray_walk and reads the iterator; the program leaves at
 * most XARRAY_RECORDS records, stops there, and says where to go on.
 */

#define XARRAY_SLOTS   64 /* XA_CHUNK_SIZE, but for kernels with BASE_SMALL: these are refused */
#define XARRAY_RECORDS 256 /* 64 MiB of single pages in one run */

/* Entries of a node, by their two low bits (lib/xarray.c, include/linux/xarray.h). */
#define XARRAY_IS_VALUE(e)    ((e)&1)
#define XARRAY_IS_INTERNAL(e) (((e)&3) == 2)
#define XARRAY_IS_NODE(e)     (XARRAY_IS_INTERNAL(e) && (e) > 4096)
#define XARRAY_IS_SIBLING(e)  (XARRAY_IS_INTERNAL(e) && (e) >> 2 < XARRAY_SLOTS - 1)

/*
 * One node as it lay in memory. Slot s covers the pages of the file from
 * base + (s << shift) on; only slots from <= s < to count.
 */
struct xarray_record {
	__u64 base;
	__u8 shift, from, to, unused[5];
	/* Flags of the folio in slot s as bit s; only when asked for. */
	__u64 uptodate, dirty, writeback;
	__u64 slots[XARRAY_SLOTS];
};

enum xarray_status {
	XARRAY_NOT_RUN, /* the program did not come to a decision: end of the mappings */
	XARRAY_DONE, /* all that this mapping holds of what was wanted */
	XARRAY_MORE, /* records are full: read again */
	XARRAY_NO_MAPPING, /* no mapping at this address; vm_start is that of the next one */
	XARRAY_NOT_SHMEM, /* a mapping of something else */
	XARRAY_LAYOUT, /* this kernel's xarray is not what the program knows */
	XARRAY_BROKEN, /* the tree made no sense: it changed under the walk */
};

struct xarray_walk {
	/* Wanted: addresses [addr, end) of the task. addr moves on as the walk does. */
	__u64 addr, end;
	__u32 max_records; /* 1 … XARRAY_RECORDS */
	__u32 want_flags;
	/* Said. */
	__u32 status; /* enum xarray_status */
	__u32 records;
	__u64 vm_start, vm_end, vm_pgoff; /* the mapping; pgoff in pages */
	__u64 inode, size, swapped; /* of the file: number, bytes, swap entries */
	__u32 device; /* kernel's own dev_t: major << 20 | minor */
	__u32 page_struct_size;
	__u64 first; /* page of the file that belongs to the first wanted address */
	__u64 stop; /* page of the file behind the last one that was walked */
	/* The walk's own. In memory: on the stack the verifier follows each value apart. */
	__u64 index, last, head;
	__u64 parent, parent_base;
};

#endif
