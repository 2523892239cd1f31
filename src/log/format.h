/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_FORMAT_H
#define PMTOP_LOG_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "model/pages.h"

/*
 * The format of a log.
 *
 * A log is an SQLite database that holds the samples of one process, numbered from 0. The tables
 * are described in log/schema.c, one descriptor a table; pmtop-log(5) tells the same to people who
 * read logs in other languages, with a decoder (data/read-log.py).
 *
 *   environment    key, value: what stays true for the whole log
 *   sample         one row a sample: clocks, what could be known, the newest rows of other tables
 *   total          counts of the process; a row where one changed, which holds until the next
 *   mapping        one row for each time during which nothing about a mapping changed, from
 *                  first_sample to last_sample (2^63-1: still in force)
 *   mapping_count  counts of a row of `mapping`; a row where one changed; all NULL: not read
 *   block          the pages of 2 MiB of the address space; a row where one of them changed
 *   raw            raw kernel data about pages of a block; a row where some was read or went stale
 *   raw_left_out   how many changed pages of a sample were not asked for their raw data
 *   event          what happened
 *
 * A page at a sample is found so. Its mapping is the row of `mapping` that covers address and
 * sample. The newest row of its block that is not newer than the sample holds it; where there is no
 * such row, or its data is NULL, the page has the value that the mapping's `fill` names. Without
 * the fill, a reservation of 8 TiB would cost four million rows.
 *
 * A value is the number that the model has for a page: enum page_state in bits 0 to 3, the bits of
 * enum page_mark from bit 4 on. In a block two bits more are used: LOG_BIT_SLOT, the page has a
 * swap slot, and LOG_BIT_MAPPED, it belonged to a mapping whose pages were read.
 *
 * block.data, unpacked (all numbers little-endian):
 *   u16 base      bits that all 512 pages have
 *   u16 varied    bits that some have and others do not; base and varied share none
 *   per bit of `varied`, from the lowest on, 64 bytes: bit i of byte k is page 8k + i
 *   per page with LOG_BIT_SLOT, in order, a number in base 128: 0 the slot of the same page in the
 *   row `base`, an older one of this block that has no base itself; else 1 more than the distance,
 *   zigzag, of its slot from the slot after that of the page before it with one (for the first:
 *   from 0). A slot is type << 58 | offset.
 *
 * raw.data, unpacked:
 *   u8 what is known: 1 pagemap words, 2 page flags, 4 map counts; 8 no older row counts
 *   64 bytes      the pages that have raw data in this row, a bit each as above
 *   64 bytes      the pages whose older raw data are true no more
 *   eight columns (enum raw_column in codec.c), each with a number per page of the first set: the
 *   distance from the page before it in the set (for the first: from 0; for the low bits of the
 *   pagemap word, a frame or slot: from the one after that)
 * The raw data of a page are those of the newest row that names it in one of the two sets.
 *
 * A distance is a number of 64 bits with wrap-around, coded zigzag (0, -1, 1, -2, …) and then in
 * base 128, the low seven bits first, with the top bit set in each byte but the last. Both kinds of
 * data are packed as one zstd frame with checksum.
 *
 * Invariants, which the reader does not trust but checks:
 *   - Samples are numbered without a hole; ids ascend with the sample that they were written for.
 *     Rows of `mapping` and `block` that are new in sample n are those above last_mapping and
 *     last_block of sample n-1.
 *   - Rows of `mapping` that are in force at one sample do not overlap.
 *   - A row of `block` names every page that is mapped (and was read) when it is written. A page
 *     that is mapped later is not taken from an older row unless that says what the page is.
 *   - The counts of all pages are the row of `total`. So a lost or bent row of `block` is noticed.
 *   - The check numbers of `sample` and `mapping` are FNV-1a over the other columns (but for
 *     last_sample, which is written later): numbers as eight bytes little end first, texts as they
 *     are. They find flipped bits, which SQLite does not; they are no defence against intent.
 *
 * Crash safety: a sample is one transaction in a WAL, and SQLite's own recovery does the rest. The
 * only row that is ever changed is one of `mapping`, whose last_sample is set in the transaction of
 * the sample that follows. A recorder that is killed leaves FILE-wal beside the file, which holds
 * the newest samples.
 *
 * Hostile input: tables and indexes must be exactly those of this schema, text for text; views and
 * triggers are never run. Each statement has a budget of virtual machine steps (sqlite.h), each
 * value a largest size, each number its bounds (schema.c); a frame unpacks into a buffer of fixed
 * size; a sample may have no more than READER_MAPPINGS_MAX, _BLOCKS_MAX and _SLOTS_MAX.
 */

#define LOG_APPLICATION_ID 0x706d7470 /* "pmtp" */
#define LOG_SCHEMA_VERSION 1

#define LOG_BLOCK_SHIFT	     9
#define LOG_BLOCK_PAGES	     512u
#define LOG_BLOCK_NUMBER_MAX ((int64_t)(UINT64_MAX >> (LOG_BLOCK_SHIFT + 12)))

#define LOG_PLANES     16
#define LOG_BIT_SLOT   14
#define LOG_BIT_MAPPED 15
_Static_assert(PAGE_PLANES <= LOG_BIT_SLOT, "the bits of a value leave room for those of the log");

#define LOG_NUMBER_MAX 10 /* bytes of a number in base 128 */
#define LOG_SET_BYTES  (LOG_BLOCK_PAGES / 8)

/* A swap slot in one word. */
#define LOG_SLOT_SHIFT	  58
#define LOG_SLOT_OFFSET	  ((UINT64_C(1) << LOG_SLOT_SHIFT) - 1)
#define LOG_SLOT_TYPE_MAX 62

/* Largest data before and after packing. */
#define LOG_COLUMN_MAX	  (LOG_BLOCK_PAGES * LOG_NUMBER_MAX)
#define LOG_BLOCK_RAW_MAX (4 + LOG_PLANES * LOG_SET_BYTES + LOG_COLUMN_MAX)
#define LOG_RAW_COLUMNS	  8
#define LOG_RAW_RAW_MAX	  (1 + 2 * LOG_SET_BYTES + LOG_RAW_COLUMNS * LOG_COLUMN_MAX)
#define LOG_DATA_MAX	  (LOG_RAW_RAW_MAX + LOG_RAW_RAW_MAX / 128 + 128)

#define LOG_COMM_MAX 63
#define LOG_NAME_MAX 8192

#define LOG_CHECK_START UINT32_C(2166136261)

static inline uint32_t log_check_bytes(uint32_t check, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	while (length--)
		check = (check ^ *at++) * UINT32_C(16777619);
	return check;
}

static inline uint32_t log_check_number(uint32_t check, int64_t number)
{
	for (int i = 0; i < 8; i++)
		check = (check ^ (uint8_t)((uint64_t)number >> 8 * i)) * UINT32_C(16777619);
	return check;
}

#endif
