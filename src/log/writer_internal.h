/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_WRITER_INTERNAL_H
#define PMTOP_LOG_WRITER_INTERNAL_H

#include "log/codec.h"
#include "log/file.h"
#include "log/schema.h"
#include "log/sqlite.h"
#include "log/writer.h"
#include "model/change.h"

/*
 * The inside of a writer, for writer.c, writer_mappings.c, writer_blocks.c and writer_raw.c.
 * Functions return results of SQLite where nothing else is said.
 */

enum writer_statement {
	WRITE_BEGIN,
	WRITE_COMMIT,
	WRITE_ROLLBACK,
	WRITE_MAPPING_END,
	FIND_SAMPLE,
	FIND_RAW,
	WRITER_STATEMENTS
};

/* Row of the newest sample's mapping of the same index. */
struct written_mapping {
	int64_t id, lineage;
	uint16_t fill; /* value of pages where no row of `block` says otherwise */
};

/* A block of the address space that has, or once had, a row of `block` or `raw`. */
struct written_block {
	uint64_t block;
	bool live; /* its newest row of `block` is not NULL */
	bool again; /* written more than once: worth a base */
	int64_t base_id; /* row that later ones are told from, as it is in *base */
	int base_size;
	struct log_block *base; /* NULL: no such row */
	uint64_t raw[LOG_SET_WORDS]; /* pages whose newest raw data are still true */
	unsigned int raw_rows; /* since one that has all of them */
};

struct writer_names {
	uint64_t groups[64]; /* inodes that have been named */
	unsigned int group_count;
	uint32_t swap_paths[PAGE_SWAP_TYPES]; /* a check number of the name; 0: none yet */
};

struct log_writer {
	sqlite3 *db;
	struct log_file file;
	bool alone; /* sqlite_must_not_map() */
	sqlite3_stmt *inserts[LOG_TABLES];
	sqlite3_stmt *statements[WRITER_STATEMENTS];
	struct log_codec *codec;
	bool broken;
	uint64_t max_pages; /* of the database; 0: no limit */
	int64_t samples, last_mapping, last_block, last_raw;
	struct sample *last_sample; /* that was appended; NULL: none */
	struct snapshot *last; /* of last_sample */
	struct written_mapping *mappings; /* of last */
	struct written_block *blocks; /* ascending */
	size_t block_count, block_room;
	uint64_t *changed; /* blocks in which something differs from `last`, ascending */
	size_t changed_count, changed_room;
	struct writer_names names;
	uint8_t data[LOG_DATA_MAX];
};

/* A text as a column, NULL for NULL. */
struct log_bytes writer_text(const char *text);

/* Inserts a row. */
int writer_put(struct log_writer *writer, enum log_table table, const void *row);

/* Runs a statement without rows; its parameters are numbers. */
#define writer_run(writer, which, ...)                                                             \
	writer_run_with((writer), (which),                                                         \
			sizeof((int64_t[]){ 0, ##__VA_ARGS__ }) / sizeof(int64_t) - 1,             \
			(int64_t[]){ 0, ##__VA_ARGS__ } + 1)
int writer_run_with(struct log_writer *writer, enum writer_statement which, size_t count,
		    const int64_t *numbers);

/* A row of `environment`. */
int writer_put_fact(struct log_writer *writer, const char *key, const char *value);

/* An event of a mapping (LOG_NULL: of none). */
int writer_put_event(struct log_writer *writer, int64_t sample, int64_t taken_ns,
		     enum event_kind kind, int64_t mapping, const char *text);

/* Writes what changed in the list of mappings; *ret_mappings are the rows of the new snapshot's. */
int writer_put_mappings(struct log_writer *writer, const struct change_list *list,
			struct written_mapping **ret_mappings);

/*
 * The fill of a mapping: the value of its longest run. One that it has already (or NULL) stays,
 * unless so many blocks in a row differ from it that a row for each would cost more than a new
 * fill.
 */
uint16_t writer_choose_fill(const struct snapshot_mapping *m, const uint16_t *current);

/* The blocks that have a part in the list of what changed: fills writer->changed. */
int writer_find_changes(struct log_writer *writer, const struct change_list *list,
			const struct written_mapping *mappings);

/* Writes the blocks that changed. */
int writer_put_blocks(struct log_writer *writer, const struct snapshot *snapshot,
		      const struct written_mapping *mappings);

/* What a snapshot (or NULL) holds of a block. */
void writer_gather(const struct snapshot *snapshot, uint64_t block, struct log_block *ret_block);

/* The place of a block among writer->blocks, or where it would be. */
size_t writer_block_place(const struct log_writer *writer, uint64_t block);
/* The same block, or a new one; NULL: out of memory. */
struct written_block *writer_block(struct log_writer *writer, uint64_t block);

/*
 * Writes the raw data of the pages that changed (may be NULL), and what is new in those of the
 * pages on screen.
 */
int writer_put_raw(struct log_writer *writer, const struct sample *sample);

#endif
