/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_RAW_CHAIN_H
#define PMTOP_LOG_RAW_CHAIN_H

#include <sqlite3.h>

#include "log/codec.h"

/*
 * The raw data of the pages of a block at a sample, from as many rows as it takes: writer and
 * reader both ask for them. Only src/log includes this.
 */

/* A row that holds all that is true comes at least this often. */
#define LOG_RAW_CHAIN 32

/* The rest of the SELECT that log_raw_collect() wants. */
#define LOG_RAW_NEWEST                                                                             \
	"INDEXED BY raw_by_place WHERE block = ?1 AND sample <= ?2 ORDER BY sample DESC"

/* Adds to *found what is known of the pages in `wanted`, which is used up. -EBADMSG: damaged. */
int log_raw_collect(sqlite3_stmt *select, struct log_codec *codec, uint64_t block, int64_t sample,
		    uint64_t *wanted, struct log_raw *found);

#endif
