/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TABLE_H
#define PMTOP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/census.h"
#include "ui/census_feed.h"
#include "ui/theme.h"
#include "ui/view.h"

/*
 * A sortable list of something in a census: the frame of the views of processes and of shared
 * objects. Rows are followed by identity through refreshes and sorting. The first line sums up.
 */

#define TABLE_COLUMNS_MAX 12

struct table_column {
	const char *title;
	uint8_t width; /* the least; the bar and the last column take what is left */
	uint8_t priority; /* 0 is dropped last */
	bool left; /* alignment */
	bool unsorted; /* `s` passes over it */
	bool bar; /* stacked bar of parts */
};

/* What stays the same while the row's numbers change. */
struct table_identity {
	uint64_t a, b;
};

/* A part of the bar: a state and how much of it. */
struct table_part {
	uint8_t state; /* enum page_state */
	uint64_t bytes;
};
#define TABLE_PARTS_MAX 6

/* A cell. */
struct table_text {
	char text[256];
	enum theme_role role;
};

struct table_kind {
	enum ui_screen screen;
	const char *noun, *nouns; /* of one row, and of several */
	const struct table_column *columns;
	int column_count;
	int first_sort; /* column that sorts at first */

	size_t (*count)(const struct census *census);
	struct table_identity (*identity)(const struct census *census, size_t row);
	bool (*matches)(const struct census *census, size_t row, const char *text);
	/* Order of two rows by a column, the usual way round: numbers largest first. */
	int (*compare)(const struct census *census, size_t a, size_t b, int column);
	void (*text)(const struct census *census, size_t row, int column,
		     struct table_text *ret_text);
	/* Parts of the row's bar; how many. */
	size_t (*parts)(const struct census *census, size_t row, struct table_part *ret_parts);
	/* The line above the table; as much of it as there is room for, so the best comes first. */
	void (*summary)(const struct census *census, char *buf, size_t size);
	/* The process that Enter opens; 0 none. */
	pid_t (*pid)(const struct census *census, size_t row);
};

/* Takes a reference on the feed. NULL when memory is out. */
struct view *census_table_new(const struct table_kind *kind, struct census_feed *feed);

/* For `compare`: numbers largest first, texts from A. */
int table_compare_numbers(uint64_t a, uint64_t b);

/* True when `text` stands somewhere in `in`, in any case. */
bool table_contains(const char *in, const char *text);

#endif
