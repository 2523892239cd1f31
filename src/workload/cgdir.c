// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cleanup.h"
#include "base/directory.h"
#include "workload/cgdir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#define PAUSE_US 2000 /* between two looks at a group that is not empty yet */

static int cgdir_path_of(const char *dir, const char *file, char path[static PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/%s", dir, file) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int cgdir_read(const char *dir, const char *file, char *buf, size_t size)
{
	CLEANUP(cleanup_close) int fd = -1;
	char path[PATH_MAX];
	ssize_t n;
	int r = cgdir_path_of(dir, file, path);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		return -errno;
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return (int)n;
}

int cgdir_write(const char *dir, const char *file, const char *value)
{
	CLEANUP(cleanup_close) int fd = -1;
	char path[PATH_MAX];
	int r = cgdir_path_of(dir, file, path);

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

/* Outside of the kernel's own file systems anybody can have written what cgroup.procs says. */
static bool cgdir_is_group(const char *dir)
{
	struct statfs fs;

	return !statfs(dir, &fs) &&
	       (fs.f_type == CGROUP_SUPER_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC);
}

/* What to do with one group; the groups below it have been visited already. */
typedef int visit_fn(const char *dir, void *data);

static int cgdir_visit_tree(const char *dir, visit_fn *visit, void *data)
{
	CLEANUP(cleanup_closedir) DIR *stream = opendir(dir);
	struct dirent *entry;
	char path[PATH_MAX];
	int r, sum = 0;

	if (!stream)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(stream))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		r = cgdir_path_of(dir, entry->d_name, path);
		r = r < 0 ? r : cgdir_visit_tree(path, visit, data);
		if (r < 0)
			return r;
		sum += r;
	}
	r = visit(dir, data);
	return r < 0 ? r : sum + r;
}

int cgdir_signal(const char *file, int signal)
{
	CLEANUP(cleanup_fclose) FILE *f = fopen(file, "re");
	CLEANUP(cleanup_free) char *word = NULL;
	size_t room = 0;
	int count = 0;

	if (!f)
		return errno == ENOENT ? 0 : -errno;
	/* A group has one on a line; /proc/.../children has spaces between them, and no newline. */
	while (getline(&word, &room, f) > 0)
		for (char *p = word, *end; *p; p = end) {
			long pid = strtol(p, &end, 10);

			if (end == p)
				break;
			if (pid > 1 && signal)
				kill((pid_t)pid, signal);
			count++;
		}
	return count;
}

static int cgdir_signal_group(const char *dir, void *data)
{
	char path[PATH_MAX];
	int r = cgdir_path_of(dir, "cgroup.procs", path);

	return r < 0 ? r : cgdir_signal(path, *(const int *)data);
}

/* How many processes are in the group and below it; 0 if there is no such group. */
static int cgdir_count(const char *dir)
{
	int none = 0;

	return cgdir_visit_tree(dir, cgdir_signal_group, &none);
}

static void cgdir_pause_us(long us)
{
	const struct timespec t = { .tv_nsec = us * 1000 };

	nanosleep(&t, NULL);
}

int cgdir_kill(const char *dir, int timeout_ms)
{
	int sigkill = SIGKILL, left;

	if (!cgdir_is_group(dir))
		return 0;
	for (long us = 0;; us += PAUSE_US) {
		/* cgroup.kill is one atomic act of the kernel's; -ENOENT: v1, or before 5.14. */
		if (cgdir_write(dir, "cgroup.kill", "1") < 0)
			left = cgdir_visit_tree(dir, cgdir_signal_group, &sigkill);
		else
			left = cgdir_count(dir);
		if (left <= 0)
			return left;
		if (us / 1000 >= timeout_ms)
			return -EBUSY;
		cgdir_pause_us(PAUSE_US);
	}
}

static int cgdir_remove_one(const char *dir, void *data)
{
	return rmdir(dir) < 0 && errno != ENOENT ? -errno : 0;
}

int cgdir_remove(const char *dir, int timeout_ms)
{
	if (!cgdir_is_group(dir))
		return 0;
	/* The kernel finishes off dead processes after cgroup.procs is empty: EBUSY for a while. */
	for (long us = 0;; us += PAUSE_US) {
		int r = cgdir_visit_tree(dir, cgdir_remove_one, NULL);

		if (r != -EBUSY || us / 1000 >= timeout_ms)
			return r;
		cgdir_pause_us(PAUSE_US);
	}
}
