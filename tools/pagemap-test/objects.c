// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "pagemap-test.h"

size_t object_skew(struct test *t)
{
	return t->opt.plain ? 0 : random_below(t, 100);
}

int object_memfd(const char *name, size_t bytes)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, bytes))
		die("memfd_create");
	return fd;
}

static int object_file(const char *dir, bool unlinked, size_t bytes)
{
	char path[512];
	int fd;

	if (snprintf(path, sizeof(path), "%s/pagemap-test-%d-XXXXXX", dir, getpid()) >=
	    (int)sizeof(path))
		die("path too long");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		die(path);
	if (unlinked)
		unlink(path);
	if (ftruncate(fd, bytes))
		die("ftruncate");
	return fd;
}

int object_tmpfs(const char *dir, bool unlinked, size_t bytes)
{
	struct statfs fs;

	if (statfs(dir, &fs) || fs.f_type != TMPFS_MAGIC) {
		errno = EINVAL;
		return -1;
	}
	return object_file(dir, unlinked, bytes);
}

int object_disk(const char *dir, size_t bytes)
{
	struct statfs fs;

	if (statfs(dir, &fs))
		die(dir);
	switch (fs.f_type) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
		return object_file(dir, true, bytes);
	}
	return -1;
}
