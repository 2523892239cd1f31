// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cleanup.h"
#include "base/units.h"
#include "kernel/swaps.h"
#include "workload/swaparea.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/swap.h>

#define CHUNK	   (UINT64_C(1) << 20)
#define SYNC_EVERY (UINT64_C(64) << 20) /* so that no call writes more than this */

#define ELSEWHERE "--swap-dir DIR puts it elsewhere"

/* Whether nobody but root and us can take a file out of that folder, or put one in its place. */
static bool swaparea_is_ours_alone(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) &&
	       (!(st->st_mode & 022) || st->st_mode & S_ISVTX);
}

/*
 * A descriptor (O_PATH) of the folder at an absolute path without links, reached step by step: no
 * step may be one that somebody else could exchange for another.
 */
static int swaparea_open_folder(const char *path, struct workload_why *why_)
{
	CLEANUP(cleanup_free) char *parts = strdup(path);
	CLEANUP(cleanup_close) int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *rest = NULL, *part = parts ? strtok_r(parts, "/", &rest) : NULL;
	struct stat st;
	int come = 1;

	for (;; part = strtok_r(NULL, "/", &rest)) {
		int next;

		if (!parts || fd < 0 || fstat(fd, &st) < 0)
			return why(why_, -errno, "cannot open %s for a swap file: %m", path);
		if (!swaparea_is_ours_alone(&st))
			return why(
				why_, -EPERM,
				"others could put another file in the place of a swap file in %s, as "
				"%.*s is theirs to write; " ELSEWHERE,
				path, come, path);
		if (!part)
			return TAKE_FD(fd);
		next = openat(fd, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(fd);
		fd = next;
		come = (int)(part - parts + (long)strlen(part));
	}
}

int swaparea_check(const char *dir, uint64_t size, struct workload_why *why_)
{
	CLEANUP(cleanup_free) char *real = realpath(dir, NULL);
	char need[UNITS_SIZE_MAX], have[UNITS_SIZE_MAX];
	CLEANUP(cleanup_close) int folder = -1;
	struct statvfs fs;

	if (size < SWAPAREA_MIN)
		return why(why_, -EINVAL, "a swap area needs at least 40K");
	/* The kernel looks at the right before it looks for the file. */
	if (swapon("", 0) < 0 && errno == EPERM)
		return why(why_, -EPERM, "--make-swap needs %s to switch swap on",
			   geteuid() ? "root (CAP_SYS_ADMIN)" : "CAP_SYS_ADMIN of the machine");
	if (!real)
		return why(why_, -errno, "cannot make a swap file in %s: %m", dir);
	folder = swaparea_open_folder(real, why_);
	if (folder < 0)
		return folder;
	if (fstatvfs(folder, &fs) < 0)
		return why(why_, -errno, "cannot make a swap file in %s: %m", dir);
	if ((uint64_t)fs.f_bavail * fs.f_frsize < size)
		return why(why_, -ENOSPC,
			   "no room in %s for a swap file of %s: %s are free; " ELSEWHERE, dir,
			   units_format_size(size, need),
			   units_format_size((uint64_t)fs.f_bavail * fs.f_frsize, have));
	return 0;
}

/* Btrfs takes a swap file only without copy-on-write, which must be set while it is empty. */
static void swaparea_no_copy_on_write(int fd)
{
	struct statfs fs;
	int flags;

	if (fstatfs(fd, &fs) < 0 || fs.f_type != BTRFS_SUPER_MAGIC)
		return;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return;
	flags |= FS_NOCOW_FL;
	ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/* The caller has blocked them, and reads them later. */
static bool swaparea_is_to_end(void)
{
	sigset_t set;

	return !sigpending(&set) && (sigismember(&set, SIGINT) || sigismember(&set, SIGTERM) ||
				     sigismember(&set, SIGHUP) || sigismember(&set, SIGQUIT));
}

static int swaparea_write_zeros(int fd, uint64_t size)
{
	CLEANUP(cleanup_free) char *zeros = calloc(1, CHUNK);

	if (!zeros)
		return -ENOMEM;
	while (size) {
		ssize_t n = write(fd, zeros, size < CHUNK ? size : CHUNK);

		if (n < 0)
			return -errno;
		size -= (uint64_t)n;
		if (size % SYNC_EVERY < CHUNK && fdatasync(fd) < 0)
			return -errno;
		if (swaparea_is_to_end())
			return -EINTR;
	}
	return 0;
}

/*
 * What mkswap(8) writes [include/linux/swap.h, union swap_header]: the version and the last page of
 * the area behind 1024 bytes for a boot loader, the magic at the end of the first page.
 */
static int swaparea_write_header(int fd, uint64_t size)
{
	const long page = sysconf(_SC_PAGESIZE);
	const uint32_t header[2] = { 1, (uint32_t)(size / (uint64_t)page - 1) };
	static const char magic[10] = "SWAPSPACE2";

	if (pwrite(fd, header, sizeof(header), 1024) != sizeof(header) ||
	    pwrite(fd, magic, sizeof(magic), page - (long)sizeof(magic)) != sizeof(magic))
		return -EIO;
	return fsync(fd) < 0 ? -errno : 0;
}

/* Whether the name in that folder stands for this very file, ours, which has no other name. */
static bool swaparea_is_named(int folder, const char *name, int fd)
{
	struct stat file, named;

	return !fstat(fd, &file) && !fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) &&
	       S_ISREG(file.st_mode) && file.st_uid == geteuid() && file.st_nlink == 1 &&
	       file.st_dev == named.st_dev && file.st_ino == named.st_ino;
}

/* swapon(2) and swapoff(2) take a path: this one is the file itself, whatever its name is. */
static const char *swaparea_path_of(int fd, char buf[static 32])
{
	snprintf(buf, 32, "/proc/self/fd/%d", fd);
	return buf;
}

/* The folder of the file at `path`, and its name there. */
static int swaparea_split(const char *path, const char **ret_name, struct workload_why *why_)
{
	CLEANUP(cleanup_free) char *parent = strdup(path);
	char *slash = parent ? strrchr(parent, '/') : NULL;

	if (!slash)
		return why(why_, -EINVAL, "%s is no absolute path", path);
	*ret_name = path + (slash + 1 - parent);
	slash[slash == parent] = '\0';
	return swaparea_open_folder(parent, why_);
}

int swaparea_make(const char *path, uint64_t size, struct workload_why *why_)
{
	CLEANUP(cleanup_close) int folder = -1;
	CLEANUP(cleanup_close) int fd = -1;
	char itself[32];
	const char *name;
	int r;

	folder = swaparea_split(path, &name, why_);
	if (folder < 0)
		return folder;
	fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return why(why_, -errno, "cannot make the swap file %s: %m", path);
	swaparea_no_copy_on_write(fd);
	r = swaparea_write_zeros(fd, size);
	r = r < 0 ? r : swaparea_write_header(fd, size);
	if (r == -EINTR)
		return why(why_, r, "a signal came while the swap file %s was written", path);
	if (r < 0)
		return why(why_, r, "cannot write the swap file %s: %s", path, strerror(-r));
	if (!swaparea_is_named(folder, name, fd))
		return why(why_, -ESTALE, "the swap file %s was moved while it was written", path);
	if (swapon(swaparea_path_of(fd, itself), 0) < 0)
		return why(
			why_, -errno,
			"cannot switch swap on in %s: %m (not every file system can hold swap); " ELSEWHERE,
			path);
	return 0;
}

/* It is not where it was made: gone, unless the kernel still has an area of its name. */
static int swaparea_look_for(const char *path, const char *name, struct workload_why *why_)
{
	struct census_area *areas;
	size_t count;
	int r = swaps_read(&areas, &count);

	if (r < 0)
		return why(why_, r, "whether the swap file %s is still on is unknown: %s", path,
			   strerror(-r));
	for (size_t i = 0; i < count && !r; i++) {
		const char *last = strrchr(areas[i].path, '/');

		if (last && !strncmp(last + 1, name, strlen(name)))
			r = why(why_, -ESTALE, "the swap file %s is on as %s: swapoff that", path,
				areas[i].path);
	}
	swaps_free(areas, count);
	return r;
}

int swaparea_remove(const char *path, struct workload_why *why_)
{
	CLEANUP(cleanup_close) int folder = -1;
	CLEANUP(cleanup_close) int fd = -1;
	struct workload_why unsafe;
	char itself[32];
	const char *name = strrchr(path, '/') + 1;

	folder = swaparea_split(path, &name, &unsafe);
	if (folder == -EPERM && !faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW))
		return why(
			why_, -EPERM,
			"others can write to the folder of the swap file %s, so it was left alone: "
			"look at it, swapoff and delete it",
			path);
	/* Nothing is read, and a FIFO with that name is not waited for. */
	if (folder >= 0)
		fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	/* Anybody may put something else there once ours is gone: that is left alone. */
	if (fd < 0 || !swaparea_is_named(folder, name, fd))
		return swaparea_look_for(path, name, why_);
	/* EINVAL: it is not a swap area that is on. */
	if (swapoff(swaparea_path_of(fd, itself)) < 0 && errno != EINVAL)
		return why(why_, -errno,
			   "cannot switch off the swap file %s: %m; when there is memory again: "
			   "swapoff %s, or start pmtop",
			   path, path);
	if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return why(why_, -errno, "cannot delete the swap file %s: %m", path);
	return 0;
}
