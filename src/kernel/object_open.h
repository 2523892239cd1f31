/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_OBJECT_OPEN_H
#define PMTOP_OBJECT_OPEN_H

#include "kernel/probe.h"
#include "kernel/target.h"
#include "model/mapping.h"

/*
 * What the target has descriptors on, looked at once for many mappings: it may have thousands of
 * both. All zero: not looked at yet. What has changed since is not found, nothing wrong is.
 */
struct object_descriptors {
	struct object_descriptor *items; /* ascending by device and inode */
	size_t count;
	bool looked;
	uint64_t looks; /* at single descriptors, ever */
};

void object_descriptors_forget(struct object_descriptors *descriptors);

/*
 * Opens the regular file or shared memory behind a mapping without disturbing it: through
 * /proc/PID/map_files, else through a descriptor that the target has open on it, else by its name
 * if that still names the same inode. A descriptor, or -EACCES when none of these works.
 */
int object_open(const struct target *target, const struct probe *probe,
		const struct mapping *mapping, struct object_descriptors *descriptors);

/* The same by O_PATH, to stat only; works without the right to follow map_files. */
int object_open_path(const struct target *target, const struct mapping *mapping);

#endif
