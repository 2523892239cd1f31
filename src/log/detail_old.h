/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_DETAIL_OLD_H
#define PMTOP_LOG_DETAIL_OLD_H

#include "log/detail.h"

/*
 * Raw facts as schema 1 kept them, after decompression; sets are empty before. -EBADMSG: damaged.
 */
int log_detail_decode_old(const uint8_t *raw, size_t size, struct log_detail *ret_detail);

#endif
