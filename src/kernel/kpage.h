/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_KPAGE_H
#define PMTOP_KPAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * /proc/kpageflags and /proc/kpagecount: facts about page frames, indexed by pfn
 * (Documentation/admin-guide/mm/pagemap.rst). Root only.
 */

#define KPF_ANON       (UINT64_C(1) << 12)
#define KPF_HEAD       (UINT64_C(1) << 15)
#define KPF_TAIL       (UINT64_C(1) << 16)
#define KPF_HUGE       (UINT64_C(1) << 17) /* of the hugetlb pool */
#define KPF_SWAPCACHE  (UINT64_C(1) << 13)
#define KPF_SWAPBACKED (UINT64_C(1) << 14)
#define KPF_KSM	       (UINT64_C(1) << 21)
#define KPF_HWPOISON   (UINT64_C(1) << 19)
#define KPF_THP	       (UINT64_C(1) << 22)
#define KPF_ZERO_PAGE  (UINT64_C(1) << 24)

struct kpage;

/* Opens what may be opened. NULL when memory is out. */
struct kpage *kpage_new(void);
void kpage_free(struct kpage *kpage);

/*
 * For each word of a pagemap that is present, the flags (or map count) of its frame; 0 for others.
 * Neighbouring frames are read together. -EACCES when the file may not be read.
 */
int kpage_flags(struct kpage *kpage, const uint64_t *words, size_t count, uint64_t *ret_flags);
int kpage_counts(struct kpage *kpage, const uint64_t *words, size_t count, uint64_t *ret_counts);

/*
 * Gives the pages of large folios the swap-backed flag of their folio. Kernel 6.1 keeps it with the
 * first page only, and a page without it would pass for lazily freed; so also where it is not
 * known.
 */
void kpage_complete_tails(struct kpage *kpage, const uint64_t *words, size_t count,
			  uint64_t *flags);

/* Inode of the memory cgroup that each present page is charged to (/proc/kpagecgroup). */
int kpage_groups(struct kpage *kpage, const uint64_t *words, size_t count, uint64_t *ret_inodes);

/*
 * Order of the folio that each present page is part of (2^order pages), from the head and tail
 * flags around its frame; 0xff where that is not known. Reads 4 KiB for each 2 MiB of frames, so it
 * stops to answer after some hundred of them.
 */
int kpage_orders(struct kpage *kpage, const uint64_t *words, const uint64_t *flags, size_t count,
		 uint8_t *ret_orders);

/*
 * True when the frame is marked as broken memory. The entry that the kernel leaves in page tables
 * looks like that of a page on the move (both hold the pfn; their type numbers differ by kernel and
 * configuration). False as well when the file may not be read.
 */
bool kpage_is_poisoned(struct kpage *kpage, uint64_t pfn);

#endif
