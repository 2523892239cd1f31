/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PAGEMAP_SCAN_ABI_H
#define PMTOP_PAGEMAP_SCAN_ABI_H

#include <stdint.h>
#include <sys/ioctl.h>

/*
 * The interface of the PAGEMAP_SCAN ioctl (Linux 6.7, Documentation/admin-guide/mm/pagemap.rst),
 * under names of our own: build machines may have older or newer kernel headers.
 */
struct pmscan_region {
	uint64_t start, end; /* addresses, half open */
	uint64_t categories;
};

struct pmscan_arg {
	uint64_t size, flags;
	uint64_t start, end, walk_end;
	uint64_t vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define PMSCAN_IOCTL _IOWR('f', 16, struct pmscan_arg)

#define PMSCAN_WRITTEN	  (UINT64_C(1) << 1)
#define PMSCAN_FILE	  (UINT64_C(1) << 2)
#define PMSCAN_PRESENT	  (UINT64_C(1) << 3)
#define PMSCAN_SWAPPED	  (UINT64_C(1) << 4)
#define PMSCAN_PFNZERO	  (UINT64_C(1) << 5)
#define PMSCAN_HUGE	  (UINT64_C(1) << 6)
#define PMSCAN_SOFT_DIRTY (UINT64_C(1) << 7)
#define PMSCAN_GUARD	  (UINT64_C(1) << 8) /* Linux 6.15 */

#endif
