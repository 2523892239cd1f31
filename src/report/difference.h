/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_DIFFERENCE_H
#define PMTOP_DIFFERENCE_H

#include <stdbool.h>
#include <stdio.h>

#include "model/change.h"

/* The difference of two snapshots (model/change.h) as text or JSON; names are escaped here. */

struct difference_options {
	bool pages; /* the runs of changed pages too */
	bool all; /* mappings without any change too */
	const char *before, *after; /* what the person called them; raw */
};

/* Each returns 0, or -errno when it cannot be written. JSON is one object on one line. */
int report_diff_text(FILE *out, const struct change_list *diff,
		     const struct difference_options *options);
int report_diff_json(FILE *out, const struct change_list *diff,
		     const struct difference_options *options);

#endif
