/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_WORKLOAD_FACTS_H
#define PMTOP_WORKLOAD_FACTS_H

#include "base/units.h"
#include "model/workload.h"
#include "ui/lines.h"
#include "ui/view.h"

/* What the panel says of a workload, as lines to read. */

struct workload_facts {
	struct lines *lines; /* to add to */
	char *const *argv; /* the command */
	const struct workload_status *status;
};

/* All of it: command, state, limit, usage, machine, output. */
void workload_facts_add(const struct workload_facts *facts, const struct scene *scene);

/* How it ended, in a sentence; "" while it runs, and when the person stopped it. */
void workload_end_text(const struct workload_status *status, char *buf, size_t size);

/* A size, or the word for WORKLOAD_UNSET. */
const char *workload_size(uint64_t bytes, const char *unset, char buf[static UNITS_SIZE_MAX]);

#endif
