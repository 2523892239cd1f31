/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_COLUMNS_H
#define PMTOP_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/runs.h"
#include "report/report.h"

/*
 * The one table of what is said of a mapping, and the one of a run: each yields the keys of JSON,
 * the header and cells of CSV, and the columns of text and of the list of mappings on the screen.
 */

/* What a line is about; totals have no mapping. */
struct report_row {
	const struct snapshot_mapping *mapping;
	const struct page_counts *counts; /* NULL: not read */
	const struct snapshot *snapshot; /* of the row of totals */
	uint16_t marks_known;
	uint64_t swap_unplaced;
	const struct verify_result *verdict; /* NULL: not verified */
	const struct run *run; /* columns of runs only */
};

enum cell_kind {
	CELL_NULL, /* not known */
	CELL_NUMBER,
	CELL_PAGES, /* a number of pages: text shows its size */
	CELL_ADDRESS,
	CELL_TEXT, /* of ours */
	CELL_NAME, /* from outside: must be escaped */
	CELL_TRUE,
	CELL_FALSE,
};

struct report_cell {
	enum cell_kind kind;
	uint64_t number;
	const char *text;
	size_t length; /* of CELL_NAME */
	bool incomplete; /* more may be there that is not known */
	char buf[96]; /* room for `text`: MARKS_MAX */
};

enum column_use {
	USE_JSON = 1 << 0, /* a key of the mapping */
	USE_JSON_STATES = 1 << 1, /* a key in "states" */
	USE_CSV = 1 << 2,
	USE_VERIFY = 1 << 3, /* CSV, only with --verify */
	USE_TOTAL = 1 << 4, /* can be asked of the row of totals, which has no mapping */
	USE_SCREEN = 1 << 5, /* a column of the list of mappings, with title and width as in text */
};

struct report_column {
	const char *key;
	unsigned int use;
	const char *title; /* of the text column, NULL: not in text */
	signed char width; /* of the text column; negative: left-aligned */
	unsigned char place; /* of the column in text and on the screen, from 1 */
	unsigned char which; /* for `get`: a state, a sum */
	void (*get)(const struct report_row *row, unsigned int which, struct report_cell *ret_cell);
	unsigned char priority; /* on the screen: the highest is dropped first, 0 never */
	unsigned char sort_rank; /* on the screen: `s` sorts by the lowest first */
};

extern const struct report_column mapping_columns[];
extern const size_t mapping_column_count;
extern const struct report_column run_columns[];
extern const size_t run_column_count;

/*
 * The columns that have a place and all bits of `use`, in the order of their places; how many.
 */
#define REPORT_PLACES 16
size_t report_pick_columns(const struct report_column *columns, size_t count, unsigned int use,
			   const struct report_column *ret_picked[static REPORT_PLACES]);

/*
 * Value of a cell for people: "?" for what is not known, "-" for no pages. Returns buf, or the
 * cell's own text; a name is raw.
 */
#define CELL_TEXT_MAX 32
const char *report_cell_text(const struct report_cell *cell, char buf[static CELL_TEXT_MAX]);

/* The row of one mapping of the snapshot. */
struct report_row report_row_of(const struct snapshot *snapshot, size_t index,
				const struct report_options *options);

/* The row of the whole snapshot. */
struct report_row report_row_total(const struct snapshot *snapshot);

/* The keys of a set of marks with `separator` between them, in buf. */
#define MARKS_MAX 96

/* `taken` as ISO 8601 in UTC, to the nanosecond. */
#define TIME_MAX 40
const char *report_time(int64_t taken_ns, char buf[static TIME_MAX]);

/* Text from outside, safe for a terminal. */
void report_put_escaped(FILE *out, const char *text, size_t length);

#endif
