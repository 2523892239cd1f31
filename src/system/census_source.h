/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_CENSUS_SOURCE_H
#define PMTOP_CENSUS_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/probe.h"
#include "model/census.h"

/*
 * A thread that counts processes, shared memory and swap areas at intervals. The list of processes
 * is read each time; their shared memory, which costs more, is looked at in turn within a small
 * share of a core, and what is older stays with its age. Like a source it has a descriptor to poll,
 * hands out the newest census, and never blocks its caller.
 */
struct census_source;

/* The probe is copied. 0 or -errno. */
int census_open(const struct probe *probe, int64_t interval_ns, struct census_source **ret_source);

/* Readable when census_take() may give something. */
int census_fd(const struct census_source *source);

/*
 * The newest census that was not taken yet, with a reference for the caller; or NULL. Until it is
 * taken the next one is not made: while another screen is shown nothing is read.
 */
struct census *census_take(struct census_source *source);

/* Does not wait long: a thread that is stuck in the kernel frees all when it goes on. */
void census_close(struct census_source *source);

/* One complete census without a thread. 0 or -errno. */
int census_once(const struct probe *probe, struct census **ret_census);

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
