// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "kernel/filesystems.h"
#include "kernel/object_open.h"

struct device {
	uint32_t major, minor;
	enum filesystem_kind kind;
};

struct filesystems {
	struct device *devices;
	size_t count, room;
	size_t builtin; /* devices that mountinfo may not name; they stay */
	bool may_read;
};

enum filesystem_kind filesystem_type_kind(const char *type)
{
	static const struct {
		const char *type;
		enum filesystem_kind kind;
	} types[] = {
		{ "tmpfs", FILESYSTEM_SHMEM },	    { "hugetlbfs", FILESYSTEM_HUGETLB },
		{ "devtmpfs", FILESYSTEM_DEVICE },  { "ext2", FILESYSTEM_LOCAL },
		{ "ext3", FILESYSTEM_LOCAL },	    { "ext4", FILESYSTEM_LOCAL },
		{ "xfs", FILESYSTEM_LOCAL },	    { "btrfs", FILESYSTEM_LOCAL },
		{ "f2fs", FILESYSTEM_LOCAL },	    { "bcachefs", FILESYSTEM_LOCAL },
		{ "erofs", FILESYSTEM_LOCAL },	    { "squashfs", FILESYSTEM_LOCAL },
		{ "iso9660", FILESYSTEM_LOCAL },    { "udf", FILESYSTEM_LOCAL },
		{ "vfat", FILESYSTEM_LOCAL },	    { "exfat", FILESYSTEM_LOCAL },
		{ "ntfs3", FILESYSTEM_LOCAL },	    { "jfs", FILESYSTEM_LOCAL },
		{ "nilfs2", FILESYSTEM_LOCAL },	    { "reiserfs", FILESYSTEM_LOCAL },
		{ "sysfs", FILESYSTEM_KERNEL },	    { "proc", FILESYSTEM_KERNEL },
		{ "debugfs", FILESYSTEM_KERNEL },   { "tracefs", FILESYSTEM_KERNEL },
		{ "selinuxfs", FILESYSTEM_KERNEL }, { "xenfs", FILESYSTEM_KERNEL },
		{ "overlay", FILESYSTEM_STACKED },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(type, types[i].type))
			return types[i].kind;
	return FILESYSTEM_OTHER;
}

static void filesystems_add(struct filesystems *f, uint32_t major, uint32_t minor,
			    enum filesystem_kind kind)
{
	if (f->count == f->room) {
		size_t room = f->room ? f->room * 2 : 64;
		struct device *grown = reallocarray(f->devices, room, sizeof(*grown));

		if (!grown)
			return;
		f->devices = grown;
		f->room = room;
	}
	f->devices[f->count++] = (struct device){ major, minor, kind };
}

/* In a chroot whose root is no mount of its own, mountinfo leaves out what "/" lies on. */
static void filesystems_add_own_root(struct filesystems *f)
{
	struct statfs fs;
	struct stat st;

	if (stat("/", &st) || statfs("/", &fs))
		return;
	switch (fs.f_type) {
	case EXT4_SUPER_MAGIC: /* ext2 and ext3 too */
	case XFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
		filesystems_add(f, major(st.st_dev), minor(st.st_dev), FILESYSTEM_LOCAL);
		break;
	default:
		break;
	}
}

struct filesystems *filesystems_new(const struct probe *probe)
{
	struct filesystems *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->may_read = true;
	/* memfd, shared anonymous memory and SysV live on a mount that mountinfo never shows. */
	filesystems_add(f, probe->shmem_dev_major, probe->shmem_dev_minor, FILESYSTEM_SHMEM);
	if (probe->hugetlb_dev_known)
		filesystems_add(f, probe->hugetlb_dev_major, probe->hugetlb_dev_minor,
				FILESYSTEM_HUGETLB);
	filesystems_add_own_root(f);
	f->builtin = f->count;
	return f;
}

void filesystems_free(struct filesystems *filesystems)
{
	free(filesystems->devices);
	free(filesystems);
}

void filesystems_refresh(struct filesystems *filesystems)
{
	filesystems->may_read = true;
}

/* proc_pid_mountinfo(5): field 3 is major:minor, the type follows the lone "-". */
static void filesystems_read_mountinfo(struct filesystems *f, const struct target *target)
{
	CLEANUP(cleanup_free) char *line = NULL;
	CLEANUP(cleanup_fclose) FILE *file = NULL;
	size_t size = 0;
	int fd = target_openat(target, "mountinfo");

	f->may_read = false;
	if (fd < 0)
		return;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return;
	}
	f->count = f->builtin;
	while (getline(&line, &size, file) > 0) {
		char *separator = strstr(line, " - "), *type, *end, *colon;
		char *device = strchr(line, ' ');

		device = device ? strchr(device + 1, ' ') : NULL;
		if (!separator || !device)
			continue;
		type = separator + 3;
		end = strchr(type, ' ');
		if (end)
			*end = '\0';
		colon = strchr(device, ':');
		if (colon)
			filesystems_add(f, (uint32_t)strtoul(device + 1, NULL, 10),
					(uint32_t)strtoul(colon + 1, NULL, 10),
					filesystem_type_kind(type));
	}
}

/* Among the first `count` devices. */
static bool filesystems_look_up(const struct filesystems *f, size_t count, uint32_t major,
				uint32_t minor, enum filesystem_kind *ret_kind)
{
	for (size_t i = 0; i < count; i++)
		if (f->devices[i].major == major && f->devices[i].minor == minor) {
			*ret_kind = f->devices[i].kind;
			return true;
		}
	return false;
}

enum filesystem_kind filesystems_kind_mapped(const struct filesystems *filesystems, uint32_t major,
					     uint32_t minor)
{
	enum filesystem_kind kind;

	return filesystems_look_up(filesystems, filesystems->count, major, minor, &kind)
		       ? kind
		       : FILESYSTEM_UNKNOWN;
}

enum filesystem_kind filesystems_kind(struct filesystems *filesystems, const struct target *target,
				      uint32_t major, uint32_t minor)
{
	enum filesystem_kind kind;

	if (filesystems_look_up(filesystems, filesystems->builtin, major, minor, &kind))
		return kind;
	if (filesystems->may_read)
		filesystems_read_mountinfo(filesystems, target);
	return filesystems_kind_mapped(filesystems, major, minor);
}

/*
 * Only memory is told from the rest: of others nothing more is asked. What a name leads to may be
 * another file by now, hence the look at the inode.
 */
static bool filesystems_ask_object(const struct target *target, const struct mapping *m,
				   enum filesystem_kind *ret_kind)
{
	CLEANUP(cleanup_close) int fd = object_open_path(target, m);
	struct statfs fs;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || st.st_ino != m->inode || major(st.st_dev) != m->dev_major ||
	    minor(st.st_dev) != m->dev_minor || fstatfs(fd, &fs))
		return false;
	switch ((uint64_t)fs.f_type) {
	case TMPFS_MAGIC:
		*ret_kind = FILESYSTEM_SHMEM;
		return true;
	case HUGETLBFS_MAGIC:
		*ret_kind = FILESYSTEM_HUGETLB;
		return true;
	default:
		return false;
	}
}

enum filesystem_kind filesystems_behind(struct filesystems *filesystems,
					const struct target *target, const struct mapping *mapping)
{
	const struct mapping *m = mapping;
	enum filesystem_kind kind =
		filesystems_kind(filesystems, target, m->dev_major, m->dev_minor);

	/* Device 0:0 is nobody's, and pseudo files of the kernel have no path. */
	if (kind == FILESYSTEM_UNKNOWN && m->name[0] == '/' &&
	    filesystems_ask_object(target, m, &kind))
		filesystems_add(filesystems, m->dev_major, m->dev_minor, kind);
	return kind;
}
