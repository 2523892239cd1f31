/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PAGEMAP_READ_H
#define PMTOP_PAGEMAP_READ_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

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
