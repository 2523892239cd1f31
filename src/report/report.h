/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_REPORT_H
#define PMTOP_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "model/snapshot.h"
#include "model/verify.h"

/*
 * One snapshot as a stream of text, JSON or CSV. Each is written as it is walked, so that a report
 * of any size needs no memory. Names are escaped here: what comes out never acts on a terminal.
 */

struct report_options {
	bool pages; /* the runs of each mapping too */
	const struct verify_result *verdicts; /* one a mapping; NULL: not verified */
	/* CSV of many snapshots: fields in front of each record, and no header but the first. */
	const char *lead, *lead_header;
	bool no_header;
};

/*
 * Each writes to `out` and returns 0, or -errno when it cannot be written (-ENOMEM included).
 * JSON is one object on one line, as `dump --json` in pmtop(1) describes it.
 */
int report_json(FILE *out, const struct snapshot *snapshot, const struct report_options *options);
int report_csv(FILE *out, const struct snapshot *snapshot, const struct report_options *options);
int report_text(FILE *out, const struct snapshot *snapshot, const struct report_options *options);

#endif
