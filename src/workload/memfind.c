// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/cleanup.h"
#include "workload/cgdir.h"
#include "workload/memgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <libcgroup.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

/* Where a memory cgroup can be made, on whatever hierarchy has the controller. */

static bool memgroup_has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; (p = strstr(p, word)); p += n)
		if ((p == text || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
			return true;
	return false;
}

bool memgroup_has_memory(const char *dir, const char *file)
{
	char buf[512];

	return cgdir_read(dir, file, buf, sizeof(buf)) > 0 && memgroup_has_word(buf, "memory");
}

static bool memgroup_may_write(const char *dir)
{
	return !faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS);
}

/* Whether a child of this v2 group can have the memory controller and take our processes. */
static bool memgroup_v2_usable(const char *dir)
{
	char path[PATH_MAX];

	if (!memgroup_may_write(dir) || !memgroup_has_memory(dir, "cgroup.controllers"))
		return false;
	/* Moving a process needs the right to write here as well (cgroup-v2, delegation). */
	if (snprintf(path, sizeof(path), "%s/cgroup.procs", dir) >= (int)sizeof(path) ||
	    faccessat(AT_FDCWD, path, W_OK, AT_EACCESS))
		return false;
	return memgroup_has_memory(dir, "cgroup.subtree_control") || memgroup_may_write(dir);
}

/*
 * The group that we are in, from the mount point; to be freed. libcgroup 2.0 finds it on v1 only.
 */
static char *memgroup_own_group(bool v2)
{
	char buf[8192], *path = NULL, *line;

	if (!v2)
		return cgroup_get_current_controller_path(getpid(), "memory", &path) ? NULL : path;
	if (cgdir_read("/proc/self", "cgroup", buf, sizeof(buf)) <= 0)
		return NULL;
	line = !strncmp(buf, "0::", 3) ? buf : strstr(buf, "\n0::");
	if (!line)
		return NULL;
	line = strstr(line, "::") + 2;
	return strndup(line, strcspn(line, "\n"));
}

/*
 * The group of the hierarchy below which ours can be made, as a path from the mount point: "" is
 * the top. -EACCES: nowhere.
 */
static int memgroup_find_parent(const char *mount, bool v2, char *ret_parent, size_t size)
{
	CLEANUP(cleanup_free) char *own = NULL;
	char dir[PATH_MAX];

	if (v2 ? memgroup_v2_usable(mount) : memgroup_may_write(mount)) {
		*ret_parent = '\0';
		return 0;
	}
	own = memgroup_own_group(v2);
	if (!own)
		return -EACCES;
	/*
	 * v1: below our own group. v2: a group with processes (ours) cannot have groups with the
	 * memory controller below it, so beside our own, or higher up.
	 */
	for (char *end = own + strlen(own); *own && end > own;) {
		if (v2)
			while (end > own && *--end != '/')
				;
		*end = '\0';
		if (snprintf(dir, sizeof(dir), "%s/%s", mount, own) >= (int)sizeof(dir))
			return -ENAMETOOLONG;
		if (v2 ? memgroup_v2_usable(dir) : memgroup_may_write(dir)) {
			const char *name = own + strspn(own, "/");

			return snprintf(ret_parent, size, "%s", name) < (int)size ? 0
										  : -ENAMETOOLONG;
		}
		if (!v2)
			break;
	}
	return -EACCES;
}

static int memgroup_no_right(const char *mount, bool v2, struct workload_why *why_)
{
	if (v2)
		return why(
			why_, -EACCES,
			"no right to make a cgroup under %s: run as root, or in a group that "
			"systemd delegates (systemd-run --user --scope -p Delegate=yes pmtop run "
			"...); " MEMGROUP_WAY_OUT,
			mount);
	return why(why_, -EACCES,
		   "no right to make a cgroup under %s: run as root, or let root give you a group "
		   "there; " MEMGROUP_WAY_OUT,
		   mount);
}

int memgroup_find(const char *id, struct memgroup *ret, struct workload_why *why_)
{
	CLEANUP(cleanup_free) char *mount = NULL;
	char parent[NAME_MAX];
	struct statfs fs;
	struct memgroup g = { 0 };
	bool v2;
	int r;

	if (cgroup_init() || cgroup_get_subsys_mount_point("memory", &mount))
		return why(
			why_, -ENODEV,
			"no memory cgroup controller is mounted (or the kernel has none, or was "
			"started with cgroup_disable=memory), so memory cannot be limited; " MEMGROUP_WAY_OUT);
	if (statfs(mount, &fs) < 0)
		return why(why_, -errno, "cannot look at %s: %m", mount);
	v2 = fs.f_type == CGROUP2_SUPER_MAGIC;
	g.version = v2 ? WORKLOAD_GROUP_V2 : WORKLOAD_GROUP_V1;
	r = memgroup_find_parent(mount, v2, parent, sizeof(parent));
	if (r < 0)
		return memgroup_no_right(mount, v2, why_);
	if (snprintf(g.name, sizeof(g.name), "%s%s%s", parent, *parent ? "/" : "", id) >=
		    (int)sizeof(g.name) ||
	    snprintf(g.dir, sizeof(g.dir), "%s/%s", mount, g.name) >= (int)sizeof(g.dir))
		return why(why_, -ENAMETOOLONG, "the path of this process's cgroup is too long");
	*ret = g;
	return 0;
}
