/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_MAPPINGS_INTERNAL_H
#define PMTOP_MAPPINGS_INTERNAL_H

#include "ui/list.h"
#include "ui/view.h"

/* Shared by view_mappings.c (rows, order, requests) and mappings_draw.c only. */

enum column {
	COLUMN_ADDRESS,
	COLUMN_SIZE,
	COLUMN_PERMS,
	COLUMN_RSS,
	COLUMN_WRITTEN,
	COLUMN_SWAP,
	COLUMN_SHARED_SWAP,
	COLUMN_PAGES,
	COLUMN_NAME,
	COLUMNS
};

struct row {
	uint32_t mapping;
	bool gap; /* the hole before that mapping */
};

struct mappings_view {
	struct view view;
	struct row *rows;
	size_t capacity;
	struct list list; /* of rows */
	enum column sort;
	bool reverse;
	uint64_t unchosen; /* the mapping that a sort selected for being the first */
	char filter[128];
	size_t matching; /* mappings that the filter leaves */
	struct rect drawn; /* the rows, when last drawn */
};

void mappings_draw(struct view *view, struct scene *scene, struct canvas *canvas, struct rect rect,
		   bool focused, struct view_cursor *ret_cursor);

#endif
