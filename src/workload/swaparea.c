// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cleanup.h"
#include "base/units.h"
#include "workload/swaparea.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

#define CHUNK (UINT64_C(1) << 20)

int swaparea_check(const char *dir, uint64_t size, struct workload_why *why_)
{
	char need[UNITS_SIZE_MAX], have[UNITS_SIZE_MAX];
	struct statvfs fs;

	if (size < SWAPAREA_MIN)
		return why(why_, -EINVAL, "a swap area needs at least 40K");
	/* The kernel looks at the right before it looks for the file. */
	if (swapon("", 0) < 0 && errno == EPERM)
		return why(why_, -EPERM,
			   "--make-swap needs root (CAP_SYS_ADMIN) to switch swap on");
	if (statvfs(dir, &fs) < 0)
		return why(why_, -errno, "cannot make a swap file in %s: %m", dir);
	if ((uint64_t)fs.f_bavail * fs.f_frsize < size)
		return why(why_, -ENOSPC,
			   "no room in %s for a swap file of %s: %s are free; --swap-dir DIR puts "
			   "it elsewhere",
			   dir, units_format_size(size, need),
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
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int swaparea_make_file(const char *path, uint64_t size)
{
	CLEANUP(cleanup_close) int fd = -1;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	swaparea_no_copy_on_write(fd);
	return swaparea_write_zeros(fd, size);
}

static int swaparea_run_mkswap(const char *path)
{
	static const char *const places[] = { "/usr/sbin/mkswap", "/sbin/mkswap", "mkswap" };
	const char *const argv[] = { "mkswap", "-q", path, NULL };
	posix_spawn_file_actions_t actions;
	int status, r = ENOENT;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	for (size_t i = 0; r == ENOENT && i < sizeof(places) / sizeof(*places); i++)
		r = posix_spawnp(&pid, places[i], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

int swaparea_make(const char *path, uint64_t size, struct workload_why *why_)
{
	int r = swaparea_make_file(path, size);

	if (r < 0)
		return why(why_, r, "cannot write the swap file %s: %s", path, strerror(-r));
	r = swaparea_run_mkswap(path);
	if (r == -ENOENT)
		return why(why_, r, "mkswap is not installed: install util-linux");
	if (r < 0)
		return why(why_, r, "mkswap %s failed", path);
	if (swapon(path, 0) < 0)
		return why(why_, -errno,
			   "cannot switch swap on in %s: %m (not every file system can hold swap); "
			   "--swap-dir DIR puts it elsewhere",
			   path);
	return 0;
}

int swaparea_remove(const char *path)
{
	struct stat st;

	/* Only a file that is ours: anybody may put a link into /var/tmp once ours is gone. */
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return 0;
	/* EINVAL: it is not a swap area that is on. */
	if (swapoff(path) < 0 && errno != ENOENT && errno != EINVAL)
		return -errno;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int swaparea_total(uint64_t *ret_total, uint64_t *ret_free)
{
	struct sysinfo info;

	if (sysinfo(&info) < 0)
		return -errno;
	*ret_total = (uint64_t)info.totalswap * info.mem_unit;
	*ret_free = (uint64_t)info.freeswap * info.mem_unit;
	return 0;
}
