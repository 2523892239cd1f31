/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_OPENMETRICS_H
#define PMTOP_OPENMETRICS_H

#include <stdint.h>
#include <stdio.h>

#include "model/snapshot.h"

/*
 * Counts as OpenMetrics text. One snapshot without a time is also valid Prometheus text, as
 * node_exporter's textfile collector wants it; many snapshots have times and are written family by
 * family and series by series, since the format allows no other order.
 */

/* The series of a process; each is a gauge of pages. */
enum openmetrics_family {
	METRIC_PAGES, /* per state */
	METRIC_MARKED, /* per mark */
	METRIC_UNPLACED, /* in swap, but nothing tells which */
	METRIC_FAMILIES
};

/* Whose numbers they are. The name is raw: it is escaped here. */
struct openmetrics_process {
	int64_t pid;
	const char *comm;
};

/* HELP, TYPE and UNIT of a family: in front of its series. */
void openmetrics_put_family(FILE *out, enum openmetrics_family family);

/* How many series a family has: its states, its marks, or one. */
unsigned int openmetrics_series(enum openmetrics_family family);

/*
 * One point of series number `series`. taken_ns 0: without a time. Marks outside `marks_known` have
 * no point.
 */
void openmetrics_put_point(FILE *out, enum openmetrics_family family, unsigned int series,
			   const struct openmetrics_process *process,
			   const struct page_counts *counts, uint16_t marks_known,
			   uint64_t swap_unplaced, int64_t taken_ns);

/* The same for the pages of mappings by state, a family of its own. */
void openmetrics_put_mapping_family(FILE *out);
void openmetrics_put_mapping_point(FILE *out, const struct openmetrics_process *process,
				   const struct mapping *mapping, enum page_state state,
				   uint64_t pages, int64_t taken_ns);

/* The last line of OpenMetrics. */
void openmetrics_put_end(FILE *out);

/*
 * One snapshot with its totals and, unless only those are asked for, each mapping's pages by state
 * where there are any. 0 or -EIO. What `dump --prometheus` prints.
 */
int report_openmetrics(FILE *out, const struct snapshot *snapshot, bool only_totals);

#endif
