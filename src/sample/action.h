/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_ACTION_H
#define PMTOP_ACTION_H

#include <stddef.h>

#include "kernel/probe.h"
#include "kernel/probe.h"
#include "kernel/smaps.h"
#include "kernel/target.h"
#include "model/snapshot.h"
#include "sample/source.h"

/*
 * Does what the person asked for and confirmed: clearing the written marks, pushing pages out. Both
 * change the target, and are done only to the process, the program and the mapping that the person
 * was asked about: what was replaced meanwhile is left alone. One sentence for people says what
 * came of it. Returns whether it was done, if only in part.
 */
bool action_perform(const struct target *target, const struct source_request *request,
		    char *message, size_t size);

/* Compares a sample with smaps, which is read right before and right after it. */
struct action_verify {
	struct smaps_list before;
	int error;
};

void action_verify_begin(const struct target *target, struct action_verify *verify);

/*
 * The results for a snapshot (NULL: there is none), or NULL; the caller's. One sentence for people.
 * Frees what begin() has read.
 */
struct verified *action_verify_end(const struct target *target, const struct probe *probe,
				   struct action_verify *verify, const struct snapshot *snapshot,
				   char *message, size_t size);

#endif
