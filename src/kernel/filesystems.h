/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_FILESYSTEMS_H
#define PMTOP_FILESYSTEMS_H

#include <stdint.h>

#include "kernel/probe.h"
#include "kernel/target.h"

/*
 * What kind of file system lies behind a device number in /proc/PID/maps, as the target's own
 * mountinfo says. Needs no right beyond reading the target.
 */
enum filesystem_kind {
	FILESYSTEM_UNKNOWN, /* not mounted where the target can see it */
	FILESYSTEM_SHMEM, /* tmpfs, memfd, shared anonymous, SysV */
	FILESYSTEM_HUGETLB,
	FILESYSTEM_LOCAL, /* on a local disk: its page cache may be asked */
	FILESYSTEM_DEVICE, /* devtmpfs */
	FILESYSTEM_OTHER, /* network, FUSE, kernel: never asked */
};

struct filesystems;

struct filesystems *filesystems_new(const struct probe *probe);
void filesystems_free(struct filesystems *filesystems);

/* The kind of a device; reads mountinfo again (once per filesystems_refresh()) when it is new. */
enum filesystem_kind filesystems_kind(struct filesystems *filesystems, const struct target *target,
				      uint32_t major, uint32_t minor);

/* Allows one more reading of mountinfo; called once per sample. */
void filesystems_refresh(struct filesystems *filesystems);

/* What a type of mountinfo ("tmpfs") is. Pure. */
enum filesystem_kind filesystem_type_kind(const char *type);

#endif
