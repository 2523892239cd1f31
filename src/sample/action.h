/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_ACTION_H
#define PMTOP_ACTION_H

#include <stddef.h>

#include "kernel/probe.h"
#include "kernel/target.h"
#include "model/snapshot.h"
#include "sample/source.h"

/*
 * Does what the person asked for and confirmed: clearing the written marks, pushing pages out,
 * comparing a snapshot with smaps. The first two change the target. One sentence for people says
 * what came of it. `snapshot` may be NULL when none was taken yet. Returns whether it was
 * done, if only in part.
 */
bool action_perform(const struct target *target, const struct probe *probe,
		    const struct snapshot *snapshot, const struct source_request *request,
		    char *message, size_t size);

#endif
