/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_READER_INTERNAL_H
#define PMTOP_LOG_READER_INTERNAL_H

#include <sys/types.h>

#include "log/codec.h"
#include "log/reader.h"
#include "log/schema.h"
#include "log/sqlite.h"

/* The inside of a reader, for reader*.c and bookmark.c. */

enum reader_statement {
	READ_SAMPLE,
	READ_CLOCKS,
	READ_TOTAL,
	READ_TOTALS_FROM,
	READ_MAPPINGS_AT,
	READ_MAPPINGS_AFTER,
	READ_NEXT_BLOCK,
	READ_BLOCK_AT,
	READ_BLOCK,
	READ_BLOCKS_BETWEEN,
	READ_BLOCK_CHANGE_AFTER,
	READ_BLOCK_CHANGE_BEFORE,
	READ_RAW,
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
	int64_t id, last_sample;
	uint64_t first_sample;
	struct mapping *mapping;
	bool read;
	struct pages_facts facts;
	uint16_t fill;
};

/* The mappings of one sample, by address. */
struct read_layout {
	struct read_mapping *rows;
	size_t count, room;
};

/* From this sample on, what is to be added to taken_ns. */
struct clock_step {
	uint64_t sample;
	int64_t add_ns;
};

/* A row of `sample`; comm is a copy. */
struct read_sample {
	struct row_sample row;
	char comm[LOG_COMM_MAX + 1];
};

struct log_reader {
	sqlite3 *db;
	char *path; /* as it was given, for sentences */
	char *file; /* without symlinks, since SQLite keeps a WAL beside it; NULL: in memory */
	dev_t device;
	ino_t inode; /* 0: a log in memory */
	bool foreign; /* somebody else owns it: what SQLite keeps beside it is not trusted */
	int lock_fd; /* of bookmark.c; -1 until the first one */
	sqlite3_stmt *statements[READER_STATEMENTS];
	struct log_codec *codec;
	struct pages_builder *builder;
	struct sqlite_budget budget;
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
	/* Where the clock was set back, once somebody asked for times that never run backwards. */
	struct clock_step *clock_steps; /* ascending */
	size_t clock_step_count, clock_step_room;
	bool clock_steps_known;
	uint64_t blocks_left, slots_left;
};

/*
 * A statement with its parameters, which are numbers, ready to be stepped. NULL when they cannot be
 * bound: a step of that fails.
 */
#define reader_use(reader, which, ...)                                                             \
	reader_use_with((reader), (which),                                                         \
			sizeof((int64_t[]){ 0, ##__VA_ARGS__ }) / sizeof(int64_t) - 1,             \
			(int64_t[]){ 0, ##__VA_ARGS__ } + 1)
sqlite3_stmt *reader_use_with(struct log_reader *reader, enum reader_statement which, size_t count,
			      const int64_t *numbers);
/* The same with a text and, maybe, a number after it. */
sqlite3_stmt *reader_use_text(struct log_reader *reader, enum reader_statement which,
			      const char *text, int64_t number);

/* Says that a sample is damaged and how; returns -EBADMSG. */
int reader_damaged(const struct log_reader *reader, uint64_t sample, const char *how,
		   struct error *error);

/* After a step that gave neither a row nor the end. */
int reader_failed(const struct log_reader *reader, struct error *error);

int reader_read_sample(struct log_reader *reader, uint64_t sample, struct read_sample *ret_row,
		       struct error *error);

/* The mappings of a sample. */
int reader_read_layout(struct log_reader *reader, uint64_t sample, struct read_layout *ret_layout,
		       struct error *error);
/* The row that a SELECT of `mapping` stands on; -EBADMSG, -ENOMEM. */
int reader_get_mapping_row(sqlite3_stmt *statement, struct read_mapping *ret_row);
void read_layout_free(const struct read_layout *layout);

/* The next block from `block` on that ever had a row; -ENOENT: none. */
int reader_next_block(struct log_reader *reader, uint64_t sample, uint64_t block,
		      uint64_t *ret_block, struct error *error);

/* Decodes a block at a sample into reader->decoded; decoded_is_fill: no row, or a NULL one. */
int reader_decode_block(struct log_reader *reader, uint64_t block, uint64_t sample,
			struct error *error);

#endif
