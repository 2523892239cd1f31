// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>

#include "log/schema.h"

/* Counts are NULL where they cannot be known: never 0 for "cannot tell". */
#define COUNTS                                                                                     \
	"none INTEGER, anon INTEGER, file INTEGER, shmem INTEGER, zero INTEGER, cached INTEGER, "  \
	"swap INTEGER, shared_swap INTEGER, migrating INTEGER, guard INTEGER, poison INTEGER, "    \
	"unknown INTEGER, written INTEGER, exclusive INTEGER, uffd_wp INTEGER, huge INTEGER, "     \
	"hugetlb INTEGER, ksm INTEGER, lazyfree INTEGER, allocated INTEGER, swap_cached INTEGER"

#define TABLE(name, columns)                                                                       \
	{                                                                                          \
		"table", #name, "CREATE TABLE " #name "(" columns ")"                              \
	}
#define TABLE_BY_KEY(name, columns)                                                                \
	{                                                                                          \
		"table", #name, "CREATE TABLE " #name "(" columns ") WITHOUT ROWID"                \
	}
#define INDEX(name, unique, columns)                                                               \
	{                                                                                          \
		"index", #name, "CREATE " unique "INDEX " #name " ON " columns                     \
	}
#define VIEW(name, select)                                                                         \
	{                                                                                          \
		"view", #name, "CREATE VIEW " #name " AS " select                                  \
	}

#define ENVIRONMENT TABLE_BY_KEY(environment, "key TEXT PRIMARY KEY, value TEXT NOT NULL")
#define TOTAL	    TABLE(total, "sample INTEGER PRIMARY KEY, " COUNTS ", swap_unplaced INTEGER NOT NULL")
#define MAPPING                                                                                    \
	TABLE(mapping,                                                                             \
	      "mapping INTEGER PRIMARY KEY, lineage INTEGER NOT NULL, "                            \
	      "first_sample INTEGER NOT NULL, last_sample INTEGER, "                               \
	      "start INTEGER NOT NULL, end INTEGER NOT NULL, offset INTEGER NOT NULL, "            \
	      "inode INTEGER NOT NULL, dev_major INTEGER NOT NULL, "                               \
	      "dev_minor INTEGER NOT NULL, perms TEXT NOT NULL, kind TEXT NOT NULL, "              \
	      "hugetlb_file INTEGER NOT NULL, name TEXT NOT NULL, read INTEGER NOT NULL, "         \
	      "marks_known INTEGER NOT NULL, doubt INTEGER NOT NULL, "                             \
	      "slots_known INTEGER NOT NULL, swap_unplaced INTEGER NOT NULL, "                     \
	      "fill_state INTEGER NOT NULL, fill_marks INTEGER NOT NULL, "                         \
	      "\"check\" INTEGER NOT NULL")
#define MAPPING_COUNT                                                                              \
	TABLE_BY_KEY(mapping_count,                                                                \
		     "mapping INTEGER, sample INTEGER, " COUNTS ", PRIMARY KEY (mapping, sample)")
#define LAYOUT TABLE(layout, "sample INTEGER PRIMARY KEY, mappings BLOB NOT NULL")
#define BLOCK                                                                                      \
	TABLE(block, "id INTEGER PRIMARY KEY, sample INTEGER NOT NULL, block INTEGER NOT NULL, "   \
		     "base INTEGER, data BLOB"),                                                   \
		INDEX(block_by_place, "UNIQUE ", "block(block, sample)")
#define DETAIL                                                                                     \
	TABLE(detail, "id INTEGER PRIMARY KEY, sample INTEGER NOT NULL, block INTEGER NOT NULL, "  \
		      "data BLOB NOT NULL"),                                                       \
		INDEX(detail_by_place, "UNIQUE ", "detail(block, sample)")
#define EVENT                                                                                      \
	TABLE(event, "event INTEGER PRIMARY KEY, sample INTEGER NOT NULL, "                        \
		     "taken_ns INTEGER NOT NULL, kind TEXT NOT NULL, mapping INTEGER, text TEXT"), \
		INDEX(event_by_sample, "", "event(sample)"),                                       \
		INDEX(event_by_kind, "", "event(kind, text)")

/* Between the tables of samples and that of events the schemas are the same. */
#define PAGES TOTAL, MAPPING, MAPPING_COUNT, LAYOUT, BLOCK, DETAIL

/* What a phase tells of its samples; schema 1 told it of each sample. */
#define MOMENT                                                                                     \
	"sample INTEGER PRIMARY KEY, taken_ns INTEGER NOT NULL, clock_ns INTEGER NOT NULL, "       \
	"sequence INTEGER NOT NULL, comm TEXT NOT NULL, known_written INTEGER NOT NULL, "          \
	"known_shared_swap INTEGER NOT NULL, known_private_slots INTEGER NOT NULL, "               \
	"known_shared_slots INTEGER NOT NULL, known_swap_exact INTEGER NOT NULL, "
#define NEWEST_ROWS "last_mapping INTEGER NOT NULL, last_block INTEGER NOT NULL"

const struct log_table log_schema[] = {
	ENVIRONMENT,
	TABLE(sample, "sample INTEGER PRIMARY KEY, after_ns INTEGER NOT NULL, "
		      "drift_ns INTEGER NOT NULL, skipped INTEGER NOT NULL, "
		      "\"check\" INTEGER NOT NULL"),
	TABLE(phase, MOMENT NEWEST_ROWS),
	PAGES,
	TABLE(detail_left_out, "sample INTEGER PRIMARY KEY, pages INTEGER NOT NULL"),
	EVENT,
	VIEW(sample_in_full, LOG_SELECT_SAMPLES),
	VIEW(mapping_at_sample,
	     "SELECT s.sample, s.taken_ns / 1e9 AS time, m.lineage, printf('%x', m.start) AS "
	     "address, (m.end - m.start) / 4096 AS pages, m.perms, m.kind, m.name, c.* "
	     "FROM mapping m JOIN sample_in_full s ON s.sample BETWEEN m.first_sample AND "
	     "coalesce(m.last_sample, 9223372036854775807) JOIN mapping_count c ON "
	     "c.mapping = m.mapping AND c.sample = (SELECT max(n.sample) FROM mapping_count n "
	     "WHERE n.mapping = m.mapping AND n.sample <= s.sample)"),
	VIEW(total_at_sample,
	     "SELECT s.sample AS at, s.taken_ns / 1e9 AS time, t.* FROM sample_in_full s JOIN total "
	     "t ON t.sample = (SELECT max(n.sample) FROM total n WHERE n.sample <= s.sample)"),
	{ NULL, NULL, NULL },
};

/* Each sample had all that phase holds now, and the views are those of schema 1. */
static const struct log_table schema_1[] = {
	ENVIRONMENT,
	TABLE(sample, MOMENT "skipped INTEGER NOT NULL, " NEWEST_ROWS
			     ", last_detail INTEGER NOT NULL, \"check\" INTEGER NOT NULL"),
	PAGES,
	EVENT,
	{ NULL, NULL, NULL },
};

const struct log_table *log_schema_of(int version)
{
	return version == 1 ? schema_1 : log_schema;
}
