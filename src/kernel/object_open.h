/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_OBJECT_OPEN_H
#define PMTOP_OBJECT_OPEN_H

#include <stdbool.h>

#include "kernel/object_cache.h"
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

/*
 * Descriptors of regular files that one sample after the other asks about: opening and checking one
 * takes four system calls, asking it takes one. Files only: shared memory that its owner deleted
 * would live on with the descriptor, while a file that is mapped stays in use for as long as it is
 * mapped. So a file is let go at the end of the first sample in which no mapping asked for it. Held
 * with its inode, so device and inode number cannot become another file's meanwhile.
 */

#define OBJECT_FILES 32

struct object_file {
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	char *name; /* btrfs has an inode of each number in each subvolume */
	bool used;
	struct object_cache cache;
};

struct object_files {
	struct object_file items[OBJECT_FILES];
	unsigned int count;
};

/* The file that the mapping shows, if it is kept; NULL otherwise. */
struct object_cache *object_files_find(struct object_files *files, const struct mapping *mapping);

/*
 * Takes over the open object of this mapping. NULL, and it stays the caller's: there is no room, or
 * it has no name any more.
 */
struct object_cache *object_files_keep(struct object_files *files, const struct mapping *mapping,
				       const struct object_cache *cache);

/* Starts a sample: nothing has been asked for in it yet. */
void object_files_begin(struct object_files *files);

/* Closes what was not asked for since the sample began, or all. */
void object_files_let_go(struct object_files *files, bool all);

#endif
