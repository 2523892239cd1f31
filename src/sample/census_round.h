/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_CENSUS_ROUND_H
#define PMTOP_CENSUS_ROUND_H

#include "kernel/probe.h"
#include "model/census.h"

/* The making of one census after the other, for census_source.c and tests; without a thread. */
struct census_maker;

int census_maker_new(const struct probe *probe, struct census_maker **ret_maker);
void census_maker_free(struct census_maker *maker);

/*
 * A new list of processes, with what is known of them from before. Then their shared memory is
 * looked at, going on where the last call stopped, until all had their turn or `budget_ns` of CPU
 * are spent (0: just the list; negative: no bound). 0 or -errno.
 */
int census_make(struct census_maker *maker, int64_t budget_ns, struct census **ret_census);

#endif
