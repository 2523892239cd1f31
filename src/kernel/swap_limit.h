/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SWAP_LIMIT_H
#define PMTOP_SWAP_LIMIT_H

#include <stddef.h>
#include <stdint.h>

/*
 * How many swap areas this kernel can have. Types from there on are no areas but what the kernel
 * leaves in page tables instead of a page (MAX_SWAPFILES in include/linux/swap.h: 32 less those
 * that the configuration needs, 22 to 31). No file tells it but the kernel's own type information:
 * `swap_info` is an array of that many pointers.
 */

/* From /sys/kernel/btf/vmlinux, about 5 ms; -errno where that cannot be read or does not tell. */
int swap_limit_read(void);

/* The same from BTF in memory. Pure. */
int swap_limit_parse(const unsigned char *btf, size_t size);

#endif
