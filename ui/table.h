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
 * A sortable list of rows with columns: the frame of the views of processes, of shared objects and
 * of mappings. A kind describes the columns and reads the rows. The rows of a census are of the
 * newest one of a feed; those of mappings are of the scene's snapshot. The selection follows a
 * row's identity through refreshes and sorting.
 */

#define TABLE_COLUMNS_MAX 16

struct table_column {
	const char *title;
	uint8_t width; /* the least; the bar and the last column take what is left */
	uint8_t priority; /* the highest is dropped first, 0 never */
	bool left; /* alignment */
	bool unsorted; /* `s` passes over it */
	bool bar; /* drawn by the kind: stacked parts, or tiles */
	uint8_t sort_rank; /* `s` goes by rank, and by place where ranks are equal */
	uint8_t id; /* what the kind's functions get; the place, where columns are a constant */
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
	bool left; /* also where the column is aligned to the right */
	const char *borrowed; /* in place of text, where it is not NULL */
	const struct canvas *canvas; /* where it will be drawn, */
	int width; /* and how wide */
};

/* `data` is a struct census or, of a kind without a feed, a struct scene with a snapshot. */
struct table_kind {
	enum ui_screen screen;
	const char *noun; /* of one row */
	const char *nouns; /* of several; NULL: the title tells of the filter only */
	const char *waiting; /* while there is no data */
	const struct table_column *columns;
	int column_count;
	/* Writes at most TABLE_COLUMNS_MAX columns instead; how many. */
	int (*make_columns)(struct table_column *ret_columns);
	int first_sort; /* column that sorts at first */
	bool in_order; /* the rows come in the order of the first column, which is not marked */
	uint8_t bar_share; /* per cent of the room to spare that the bar takes */

	size_t (*count)(const void *data);
	struct table_identity (*identity)(const void *data, size_t row);
	bool (*matches)(const void *data, size_t row, const char *text);
	/* Order of two rows by a column, the usual way round: numbers largest first. */
	int (*compare)(const void *data, size_t a, size_t b, int column);
	void (*text)(const void *data, size_t row, int column, struct table_text *ret_text);

	/* The rest may be NULL. */

	/* Parts of the row's bar; how many. NULL: draw_bar() draws it. */
	size_t (*parts)(const void *data, size_t row, struct table_part *ret_parts);
	void (*draw_bar)(const void *data, size_t row, struct canvas *canvas, struct rect rect);
	/* The line above the table; as much of it as there is room for, so the best comes first. */
	void (*summary)(const void *data, char *buf, size_t size);
	/* The process that Enter opens; 0 none. */
	pid_t (*pid)(const void *data, size_t row);
	/* A gap before the row, which gets a line of its own while the rows are in order. */
	bool (*gap)(const void *data, size_t row, char *buf, size_t size);
	/* Nothing is known in the whole column: it goes first when room is short. */
	bool (*unknown)(const void *data, int column);
	/* Where the scene holds the selection: which one it is, and another one is selected. The
	 * nearest by `a` stands for one that is gone. */
	struct table_identity (*selected)(const struct scene *scene);
	void (*select)(struct scene *scene, size_t row);
};

/* Takes a reference on the feed (NULL for rows of the scene). NULL when out of memory. */
struct view *table_new(const struct table_kind *kind, struct census_feed *feed);

/* For `compare`: numbers largest first, texts from A. */
int table_compare_numbers(uint64_t a, uint64_t b);

/* True when `text` stands somewhere in `in`, in any case. */
bool table_contains(const char *in, const char *text);

#endif
