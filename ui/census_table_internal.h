/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_CENSUS_TABLE_INTERNAL_H
#define PMTOP_CENSUS_TABLE_INTERNAL_H

#include "ui/census_table.h"
#include "ui/list.h"

/* Shared by census_table.c and census_table_draw.c only. */

struct table {
	struct view view;
	const struct table_kind *kind;
	struct census_feed *feed;
	size_t *rows; /* numbers of the census, as sorted and filtered */
	size_t room;
	struct list list;
	struct table_identity selected;
	bool has_selected; /* something was selected by now */
	int sort;
	bool reverse;
	char filter[128];
	uint64_t largest; /* longest bar */
	struct rect drawn; /* the rows, when last drawn */
};

static inline const struct census *census_of(const struct table *t)
{
	return census_feed_newest(t->feed);
}

/* Bytes of all parts of a row. */
uint64_t table_row_size(const struct table *t, size_t row);

void table_draw(struct view *view, struct scene *scene, struct canvas *canvas, struct rect rect,
		bool focused, struct view_cursor *ret_cursor);

#endif
