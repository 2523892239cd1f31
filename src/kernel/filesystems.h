/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_FILESYSTEMS_H
#define PMTOP_FILESYSTEMS_H

#include <stdint.h>

#include "kernel/probe.h"
#include "kernel/target.h"
#include "model/mapping.h"

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
	FILESYSTEM_KERNEL, /* whose files may be raw page frames, as those of PCI devices are */
	FILESYSTEM_STACKED, /* overlay: mincore tells of it, cachestat answers 0 */
	FILESYSTEM_OTHER, /* network, FUSE, kernel: never asked */
};

struct filesystems;

struct filesystems *filesystems_new(const struct probe *probe);
void filesystems_free(struct filesystems *filesystems);

/*
 * The kind of a device; reads mountinfo again, once per filesystems_refresh(): what is unmounted
 * leaves its number to what is mounted next.
 */
enum filesystem_kind filesystems_kind(struct filesystems *filesystems, const struct target *target,
				      uint32_t major, uint32_t minor);

/*
 * The kind of what lies behind a mapping: by its device, else by the object itself (statfs(2)). The
 * target's mountinfo lists neither what was unmounted lazily nor what lies outside a chroot or came
 * from another mount namespace. What nobody tells is FILESYSTEM_UNKNOWN for this mapping only.
 */
enum filesystem_kind filesystems_behind(struct filesystems *filesystems,
					const struct target *target, const struct mapping *mapping);

/* The same without reading, for a device that was mapped when filesystems_kind() was asked. */
enum filesystem_kind filesystems_kind_mapped(const struct filesystems *filesystems, uint32_t major,
					     uint32_t minor);

/* Allows one more reading of mountinfo; called for each list of mappings that is read. */
void filesystems_refresh(struct filesystems *filesystems);

/* What a type of mountinfo ("tmpfs") is. Pure. */
enum filesystem_kind filesystem_type_kind(const char *type);

#endif
