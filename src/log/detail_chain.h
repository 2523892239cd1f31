/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_DETAIL_CHAIN_H
#define PMTOP_LOG_DETAIL_CHAIN_H

#include <sqlite3.h>

#include "log/detail.h"

/* The raw facts of the pages of a block at a sample, from as many rows as it takes. */

/* A row that holds all that is true comes at least this often. */
#define LOG_DETAIL_CHAIN 32

/* Rows of a block from a sample back: ?1 the block, ?2 the sample. */
#define LOG_SELECT_DETAILS                                                                         \
	"SELECT data FROM detail INDEXED BY detail_by_place WHERE block = ?1 AND sample <= ?2 "    \
	"ORDER BY sample DESC"

/* Adds to *found what is known of the pages in `wanted`, which is used up. -EBADMSG: damaged. */
int log_detail_collect(sqlite3_stmt *select, struct log_codec *codec, uint64_t block,
		       int64_t sample, uint64_t *wanted, struct log_detail *found);

#endif
