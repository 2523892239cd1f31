/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_WRITER_INTERNAL_H
#define PMTOP_LOG_WRITER_INTERNAL_H

#include <sqlite3.h>
#include <sys/types.h>

#include "log/beside.h"
#include "log/block.h"
#include "log/database.h"
#include "log/detail.h"
#include "log/writer.h"

/* Shared by writer.c, writer_mappings.c and writer_blocks.c; nobody else includes this. */

enum writer_statement {
	WRITE_BEGIN,
	WRITE_COMMIT,
	WRITE_ROLLBACK,
	WRITE_FACT,
	WRITE_SAMPLE,
	WRITE_PHASE,
	WRITE_TOTAL,
	WRITE_MAPPING,
	WRITE_MAPPING_END,
	WRITE_COUNT,
	WRITE_LAYOUT,
	WRITE_BLOCK,
	WRITE_DETAIL,
	WRITE_LEFT_OUT,
	WRITE_EVENT,
	FIND_SAMPLE,
	FIND_DETAILS,
	WRITER_STATEMENTS
};

/* Row of the newest sample's mapping of the same index. */
struct written_mapping {
	int64_t id, lineage;
	/* What pages hold where no row of `block` says otherwise. */
	uint8_t fill_state;
	uint16_t fill_marks;
};

/* A block of the address space that has, or once had, a row. */
struct written_block {
	uint64_t block; /* first: writer_blocks_from() */
	bool live; /* its newest row is not NULL */
	bool again; /* written more than once: keep slots to encode against */
	int64_t key; /* row that later rows are encoded against, with key_slots */
	int key_size;
	uint64_t *key_slots; /* NULL: no such row */
};

struct writer_blocks {
	struct written_block *known; /* ascending */
	size_t known_count;
	struct written_block *fresh; /* new in this sample, ascending */
	size_t fresh_count, fresh_room;
	uint64_t *dirty;
	size_t dirty_count, dirty_room;
};

/* A block about whose pages raw facts were written. */
struct written_detail {
	uint64_t block; /* first: writer_blocks_from() */
	uint64_t there[LOG_SET_WORDS]; /* pages whose newest facts are still true */
	unsigned int rows; /* since one that has all of them */
};

struct writer_details {
	struct written_detail *blocks; /* ascending */
	size_t count, room;
};

struct writer_names {
	uint64_t groups[64]; /* inodes that have been named */
	unsigned int group_count;
	uint32_t swap_paths[PAGE_SWAP_TYPES]; /* a check number of the name; 0: none yet */
};

/* What samples have in common; the newest row of `phase`. */
struct written_phase {
	int64_t sample, taken_ns, clock_ns, sequence;
	int64_t known[5], last_mapping, last_block;
	char comm[64];
};

/* A file that SQLite has beside the log, and holds open; inode 0: none. */
struct writer_beside {
	dev_t device;
	ino_t inode;
};

struct log_writer {
	sqlite3 *db;
	int lock_fd; /* flock()ed as long as this recorder lives */
	char *path;
	bool alone; /* database_must_not_map() */
	struct writer_beside beside[BESIDE_FILES];
	sqlite3_stmt *statements[WRITER_STATEMENTS];
	struct log_codec *codec;
	struct database_budget budget;
	bool broken;
	uint64_t max_pages; /* of the database; 0: no limit */
	int64_t page_size, pages;
	int64_t samples, last_mapping, last_block, last_detail;
	struct written_phase phase;
	struct snapshot *last;
	struct written_mapping *mappings; /* of last */
	size_t changes_since_layout;
	struct writer_blocks blocks;
	struct writer_details details;
	struct writer_names names;
	struct log_block scratch[2];
};

/* Creates the file; its descriptor, which holds the lock, or -errno with a sentence. */
int writer_create_file(const struct log_writer_options *options, struct log_error *error);

/* Takes away a log that nobody can read, with all that SQLite has beside it. */
void writer_remove(const char *path);

/*
 * An empty FILE-shm, for whoever reads a log that was cut off where there is no room to make one;
 * SQLite itself uses none while the log is ours alone.
 */
void writer_make_shm(const char *path);
void writer_remove_shm(const char *path);

/* -ESTALE when the path does not lead to the file any more. */
int writer_check_file(const struct log_writer *writer, struct log_error *error);

/*
 * Remembers what SQLite has beside the log, to take away no more than that when somebody removed or
 * replaced the log; not when it only has another name now: then some of it is in there.
 */
void writer_know_beside(struct log_writer *writer);
void writer_remove_orphans(const struct log_writer *writer);

/* Runs a bound statement that returns no rows, and resets it. Returns a result of SQLite. */
int writer_run(struct log_writer *writer, enum writer_statement which);

/* A row of `environment`; and all of them that are known when a log is made. */
int writer_put_fact(struct log_writer *writer, const char *key, const char *value);
int writer_put_facts(struct log_writer *writer, const struct log_writer_options *options);
/* Whose log it is: with the first snapshot. */
int writer_put_identity(struct log_writer *writer, const struct snapshot *snapshot);

/* Binds the 21 counts of LOG_COUNT_COLUMNS from position `at`; marks outside `known` as NULL. */
void writer_bind_counts(sqlite3_stmt *statement, int at, const struct page_counts *counts,
			uint16_t known);

/* Writes what changed in the list of mappings; *ret_mappings are the rows of the new snapshot's. */
int writer_put_mappings(struct log_writer *writer, const struct snapshot *snapshot,
			struct written_mapping **ret_mappings);

/*
 * The value to fill a mapping with: the most frequent one among its whole blocks. `wide`: a value
 * that differs from *fill in so many blocks at a stretch that the fill must change.
 */
void writer_choose_fill(const struct snapshot_mapping *m, struct written_mapping *ret_fill);
bool writer_fill_is_bad(const struct snapshot_mapping *m, const struct written_mapping *fill);

/* Collects the blocks whose picture may have changed, ascending. */
int writer_find_dirty(struct log_writer *writer, const struct snapshot *snapshot,
		      const struct written_mapping *mappings);

/*
 * The row of a sample. Most samples differ from the one before in nothing but their time: they cost
 * some 20 bytes.
 */
int writer_put_sample(struct log_writer *writer, const struct snapshot *snapshot);
int writer_put_total(struct log_writer *writer, const struct snapshot *snapshot);

/* Adds the blocks with raw facts in which something is not mapped any more. */
int writer_find_gone(struct log_writer *writer, const struct snapshot *snapshot);

/*
 * Index of the first of `count` structs of `size` bytes at or above `block`: each begins with the
 * number of its block, and these ascend.
 */
size_t writer_blocks_from(const void *first, size_t count, size_t size, uint64_t block);

/* The same of the blocks that have raw facts, and of those that have or had a row. */
static inline size_t writer_detailed_from(const struct writer_details *details, uint64_t block)
{
	return writer_blocks_from(details->blocks, details->count, sizeof(*details->blocks), block);
}

static inline size_t writer_known_from(const struct writer_blocks *blocks, uint64_t block)
{
	return writer_blocks_from(blocks->known, blocks->known_count, sizeof(*blocks->known),
				  block);
}

/* Writes the blocks that changed. Returns results of SQLite, as the two above. */
int writer_put_blocks(struct log_writer *writer, const struct snapshot *snapshot,
		      const struct written_mapping *mappings);
void writer_blocks_free(struct writer_blocks *blocks);

/* Adds the pages of a block that are not as they were in the sample before to a set. */
void writer_changed_pages(struct log_writer *writer, const struct snapshot *snapshot,
			  uint64_t block, uint64_t *set);

/*
 * Writes the raw facts of the pages that changed (may be NULL), and what is new in those of the
 * pages on screen. After writer_put_blocks(), whose list of blocks it uses.
 */
int writer_put_detail(struct log_writer *writer, const struct snapshot *snapshot,
		      const struct page_detail *changed);
void writer_details_free(struct writer_details *details);

/* Writes names of cgroups and swap areas that were not written before; detail may be NULL. */
int writer_put_names(struct log_writer *writer, const struct page_detail *detail);

/* An event of a mapping (id 0: none) at sample `sample`. */
int writer_put_event(struct log_writer *writer, int64_t sample, int64_t taken_ns,
		     enum event_kind kind, int64_t mapping, const char *text);

#endif
