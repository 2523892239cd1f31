/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_READER_INTERNAL_H
#define PMTOP_LOG_READER_INTERNAL_H

#include <sqlite3.h>
#include <sys/types.h>

#include "log/block.h"
#include "log/database.h"
#include "log/reader.h"

/* Shared by reader*.c; nobody else includes this. */

enum reader_statement {
	READ_SAMPLE,
	READ_TOTAL,
	READ_TOTALS_FROM,
	READ_LAYOUT,
	READ_MAPPING,
	READ_MAPPINGS_AFTER,
	READ_NEXT_BLOCK,
	READ_BLOCK_AT,
	READ_BLOCK_ROW_AT,
	READ_BLOCK,
	READ_BLOCKS_BETWEEN,
	READ_BLOCK_CHANGE_AFTER,
	READ_BLOCK_CHANGE_BEFORE,
	READ_DETAILS,
	READ_EVENT_AFTER,
	READ_EVENT_BEFORE,
	READ_EVENTS,
	READ_BOOKMARK,
	READ_FACT,
	READ_FACTS,
	READ_ALL_MAPPINGS,
	READ_COUNTS,
	READER_STATEMENTS
};

/* What a log may ask of us at most for one sample, whatever it says. */
#define READER_MAPPINGS_MAX (1u << 20)
#define READER_BLOCKS_MAX   (1u << 20) /* 2 TiB in blocks of their own */
#define READER_SLOTS_MAX    (1u << 24)

/* A row of `mapping` that is in force. */
struct read_mapping {
	int64_t id, last_sample; /* INT64_MAX: to the end of the log */
	uint64_t first_sample;
	struct mapping *mapping;
	bool read;
	struct pages_facts facts;
	uint8_t fill_state;
	uint16_t fill_marks;
};

/* The mappings of one sample, by address. */
struct read_layout {
	struct read_mapping *rows;
	size_t count;
};

struct read_sample {
	int64_t taken_ns, clock_ns, sequence;
	char comm[64];
	struct snapshot_known known;
	bool skipped;
	int64_t last_mapping, last_block;
};

struct log_reader {
	sqlite3 *db;
	char *path; /* as it was given, for sentences */
	char *file; /* without symlinks, since SQLite keeps a WAL beside it; NULL: in memory */
	dev_t device;
	ino_t inode; /* 0: a log in memory */
	int lock_fd; /* of bookmark.c; -1 until the first one */
	sqlite3_stmt *statements[READER_STATEMENTS];
	struct log_codec *codec;
	struct pages_builder *builder;
	struct database_budget budget;
	struct log_info info;
	uint64_t start_time;
	/* The newest sample that was loaded; snapshot NULL: none. */
	uint64_t current;
	struct snapshot *snapshot;
	struct read_layout layout;
	struct read_sample row;
	/* The block decoded last; at sample UINT64_MAX: none. */
	uint64_t decoded_block, decoded_sample;
	bool decoded_is_fill;
	struct log_block decoded;
	uint64_t blocks_left, slots_left;
};

sqlite3_stmt *reader_use(struct log_reader *reader, enum reader_statement which);

/* A column that must be a number from low to high; -EBADMSG otherwise. */
int reader_number(sqlite3_stmt *statement, int column, int64_t low, int64_t high,
		  int64_t *ret_number);

/* Says that a sample is damaged and how; returns -EBADMSG. */
int reader_damaged(const struct log_reader *reader, uint64_t sample, const char *how,
		   struct log_error *error);

/* After a step that gave neither a row nor the end. */
int reader_failed(const struct log_reader *reader, struct log_error *error);

int reader_read_sample(struct log_reader *reader, uint64_t sample, struct read_sample *ret_row,
		       struct log_error *error);

/* The mappings of a sample; with the layout of an earlier sample at hand (or NULL), from there. */
int reader_read_layout(struct log_reader *reader, uint64_t sample, const struct read_sample *row,
		       const struct read_layout *from, int64_t from_last_mapping,
		       struct read_layout *ret_layout, struct log_error *error);
/* The row that a SELECT * FROM mapping stands on; -EBADMSG, -ENOMEM. */
int reader_get_mapping_row(sqlite3_stmt *statement, struct read_mapping *ret_row);
void read_layout_free(const struct read_layout *layout);

/* Blocks that changed between two samples, ascending. */
struct read_changes {
	uint64_t *blocks;
	size_t count, room;
	bool known; /* false: too many, or not asked */
};

/*
 * What changed between the sample that was loaded before and this one, in either direction: a block
 * without a row between them is the same in both. -EBADMSG: damaged; -ENOMEM.
 */
int reader_find_changes(struct log_reader *reader, uint64_t sample, const struct read_sample *row,
			struct read_changes *changes);
void read_changes_free(const struct read_changes *changes);

/*
 * The pages of a mapping at a sample. With the pages of the same row at an earlier sample (may be
 * NULL), and what changed since then, only that is read.
 */
int reader_read_pages(struct log_reader *reader, uint64_t sample, const struct read_mapping *row,
		      struct pages *before, const struct read_changes *changes,
		      struct pages **ret_pages, struct log_error *error);

/* Decodes a block at a sample into reader->decoded; decoded_is_fill: no row, or a NULL one. */
int reader_decode_block(struct log_reader *reader, uint64_t block, uint64_t sample,
			struct log_error *error);

/* Counts of a row, from column `at` in the order of LOG_COUNT_COLUMNS. */
int reader_counts(sqlite3_stmt *statement, int at, struct page_counts *ret_counts,
		  uint16_t *ret_known);

#endif
