/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_REPORT_SWAPS_H
#define PMTOP_REPORT_SWAPS_H

#include <stdio.h>

#include "model/census.h"
#include "model/snapshot.h"

/* Who holds the swap of the machine, as text and as JSON (pmtop(1), swaps). */

struct swaps_account {
	const struct census *census;
	uint64_t used_before, used_after; /* of all areas, before and after the count */
	bool used_unknown;
	/* Bytes of private slots, each once; or the sum of VmSwap where slots cannot be seen. */
	uint64_t private_bytes;
	bool slots_seen;
	uint64_t shared_slots; /* bytes that more than one process holds after a fork */
};

/* Used that nobody was found to hold; negative when it changed meanwhile or slots count twice. */
int64_t swaps_unexplained(const struct swaps_account *account);

void report_swaps_text(FILE *out, const struct swaps_account *account);

/* 0 or -ENOMEM. */
int report_swaps_json(FILE *out, const struct swaps_account *account);

/* The slots of one process, a run of neighbouring ones a line. */
void report_slots_text(FILE *out, const struct snapshot *snapshot);

#endif
