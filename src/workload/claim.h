/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_CLAIM_H
#define PMTOP_CLAIM_H

#include "workload/why.h"

#include <limits.h>

/*
 * What a pmtop owns outside of itself, written down before it is made, so that anybody can take it
 * away after a kill -9: one file per workload in /run/pmtop (plain users: $XDG_RUNTIME_DIR/pmtop;
 * where neither can be: /tmp/pmtop-UID, or where that is somebody
 * else's /tmp/pmtop-UID-XXXXXX). Its owner and its supervisor hold a lock (flock) on it; a
 * file without a lock belongs to the dead.
 *
 * The text of the file is a line a thing: "cgroup PATH", "swap PATH"; the last part of the path
 * begins with the name of the file.
 */

struct claim {
	int fd; /* of the file, with the lock; shared with the supervisor */
	char path[PATH_MAX];
	char id[32]; /* "pmtop-PID-HEX": how everything that it owns is called */
};

#define CLAIM_NONE                                                                                 \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* Makes a new one, with the lock held. */
int claim_make(struct claim *ret, struct workload_why *why);

/* Writes down a thing that is about to be made. `kind` is a word of the list above. */
int claim_add(const struct claim *c, const char *kind, const char *path, struct workload_why *why);

/* Calls each() for every thing; an error of each() is returned at the end, the first of them. */
typedef int claim_each_fn(const char *kind, const char *path, void *data);
int claim_each(const struct claim *c, claim_each_fn *each, void *data);

/* Kills every process in the groups of the claim. 0 or -EBUSY. */
int claim_kill(const struct claim *c);

/*
 * Ends everything that it owns: processes, groups, swap; then the file. When something cannot be
 * taken away the file stays, so that the next pmtop tries again; the first such error is returned
 * with its sentence. Closes nothing.
 */
int claim_release(const struct claim *c, struct workload_why *why);

/* Releases what the dead have left. How many there were, or the first error with its sentence. */
int claim_sweep(struct workload_why *why);

#endif
