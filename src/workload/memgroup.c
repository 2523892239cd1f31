// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <libcgroup.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "kernel/memcg.h"
#include "workload/cgdir.h"
#include "workload/memgroup.h"

static bool memgroup_has_memory(const char *dir, const char *file);

static void cleanup_cgroup(struct cgroup **g)
{
	if (*g)
		cgroup_free(g);
}

/* Switches the controller on for the children of the group's parent, if it is not. */
static int memgroup_v2_delegate(const struct memgroup *g, struct workload_why *why_)
{
	char parent[PATH_MAX];
	char *slash;
	int r;

	snprintf(parent, sizeof(parent), "%s", g->dir);
	slash = strrchr(parent, '/');
	*slash = '\0';
	if (memgroup_has_memory(parent, "cgroup.subtree_control"))
		return 0;
	r = cgdir_write(parent, "cgroup.subtree_control", "+memory");
	if (r == -EBUSY)
		return why(
			why_, r,
			"%s has processes of its own, so the memory controller cannot be switched "
			"on below it (a container's top group is like that); " MEMGROUP_WAY_OUT,
			parent);
	if (r < 0)
		return why(why_, r, "cannot switch the memory controller on in %s: %s", parent,
			   strerror(-r));
	return 0;
}

static int memgroup_libcgroup_errno(int error)
{
	/* Most of libcgroup's own codes stand for something that cannot happen here. */
	return error == ECGOTHER && cgroup_get_last_errno() ? -cgroup_get_last_errno() : -EIO;
}

int memgroup_make(const struct memgroup *g, struct workload_why *why_)
{
	CLEANUP(cleanup_cgroup) struct cgroup *group = NULL;
	int r = g->version == WORKLOAD_GROUP_V2 ? memgroup_v2_delegate(g, why_) : 0;

	if (r < 0)
		return r;
	/*
	 * Below a delegated group libcgroup (2.0 and 3.0) fails, since it writes to the
	 * subtree_control of every group from the top on, which are not ours.
	 */
	if (g->version == WORKLOAD_GROUP_V2 && strchr(g->name, '/')) {
		if (mkdir(g->dir, 0755) < 0)
			return why(why_, -errno, "cannot make the cgroup %s: %m", g->dir);
		return 0;
	}
	group = cgroup_new_cgroup(g->name);
	if (!group || !cgroup_add_controller(group, "memory"))
		return why(why_, -ENOMEM, "out of memory");
	r = cgroup_create_cgroup(group, 1);
	if (r) {
		int error = memgroup_libcgroup_errno(r);

		return why(why_, error, "cannot make the cgroup %s: %s", g->dir,
			   error == -EIO ? cgroup_strerror(r) : strerror(-error));
	}
	return 0;
}

/* Writes one value through libcgroup; 0 or the kernel's -errno. */
static int memgroup_set_text(const struct memgroup *g, const char *name, const char *value)
{
	CLEANUP(cleanup_cgroup) struct cgroup *group = cgroup_new_cgroup(g->name);
	struct cgroup_controller *memory;
	char path[PATH_MAX];
	int r;

	/* libcgroup has one code for a missing file and one for all that a write can answer. */
	if (snprintf(path, sizeof(path), "%s/%s", g->dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (faccessat(AT_FDCWD, path, F_OK, 0))
		return -errno;
	memory = group ? cgroup_add_controller(group, "memory") : NULL;
	if (!memory || cgroup_add_value_string(memory, name, value))
		return -ENOMEM;
	r = cgroup_modify_cgroup(group);
	return r ? memgroup_libcgroup_errno(r) : 0;
}

static int memgroup_set_bytes(const struct memgroup *g, const char *name, uint64_t bytes)
{
	char value[32];

	snprintf(value, sizeof(value), "%llu", (unsigned long long)bytes);
	if (bytes == WORKLOAD_UNSET)
		snprintf(value, sizeof(value), "%s",
			 g->version == WORKLOAD_GROUP_V2 ? "max" : "-1");
	return memgroup_set_text(g, name, value);
}

static const char *memgroup_limit_file(const struct memgroup *g)
{
	return g->version == WORKLOAD_GROUP_V2 ? "memory.max" : "memory.limit_in_bytes";
}

static const char *memgroup_high_file(const struct memgroup *g)
{
	return g->version == WORKLOAD_GROUP_V2 ? "memory.high" : "memory.soft_limit_in_bytes";
}

static int memgroup_no_limit(int error, const struct memgroup *g, const char *what, uint64_t bytes,
			     struct workload_why *why_)
{
	char size[UNITS_SIZE_MAX];

	return why(why_, error, "cannot set the %s to %s in %s: %s", what,
		   bytes == WORKLOAD_UNSET ? "none" : units_format_size(bytes, size), g->dir,
		   strerror(-error));
}

/* v1 limits memory and swap together, and never below the limit of memory alone. */
static uint64_t memgroup_memsw_limit(uint64_t limit, uint64_t swap_limit)
{
	uint64_t sum;

	if (limit == WORKLOAD_UNSET || swap_limit == WORKLOAD_UNSET ||
	    __builtin_add_overflow(limit, swap_limit, &sum))
		return WORKLOAD_UNSET;
	return sum;
}

static int memgroup_limit_swap(const struct memgroup *g, const struct memgroup_limits *limits,
			       struct workload_why *why_)
{
	int r;

	if (limits->swap_limit == WORKLOAD_UNSET)
		return 0;
	if (g->version == WORKLOAD_GROUP_V2) {
		r = memgroup_set_bytes(g, "memory.swap.max", limits->swap_limit);
	} else if (limits->limit == WORKLOAD_UNSET) {
		return why(why_, -EINVAL,
			   "--swap-limit needs --limit: cgroup v1 limits memory and swap together");
	} else {
		r = memgroup_set_bytes(g, "memory.memsw.limit_in_bytes",
				       memgroup_memsw_limit(limits->limit, limits->swap_limit));
	}
	if (r == -ENOENT)
		return why(why_, r,
			   "this kernel does not account swap to cgroups (built without it, or "
			   "started with swapaccount=0): --swap-limit is not possible");
	return r < 0 ? memgroup_no_limit(r, g, "swap limit", limits->swap_limit, why_) : 0;
}

int memgroup_limit(const struct memgroup *g, const struct memgroup_limits *limits,
		   struct workload_why *why_)
{
	char value[16];
	int r;

	if (limits->limit != WORKLOAD_UNSET) {
		r = memgroup_set_bytes(g, memgroup_limit_file(g), limits->limit);
		if (r < 0)
			return memgroup_no_limit(r, g, "limit", limits->limit, why_);
	}
	r = memgroup_limit_swap(g, limits, why_);
	if (r < 0)
		return r;
	if (limits->high != WORKLOAD_UNSET) {
		r = memgroup_set_bytes(g, memgroup_high_file(g), limits->high);
		if (r < 0)
			return memgroup_no_limit(r, g, "high mark", limits->high, why_);
	}
	if (limits->swappiness < 0)
		return 0;
	if (g->version == WORKLOAD_GROUP_V2)
		return why(why_, -ENOTSUP,
			   "cgroup v2 has no swappiness of its own: leave --swappiness out; the "
			   "machine's vm.swappiness holds");
	snprintf(value, sizeof(value), "%d", limits->swappiness);
	r = memgroup_set_text(g, "memory.swappiness", value);
	return r < 0 ? why(why_, r, "cannot set the swappiness to %d in %s: %s", limits->swappiness,
			   g->dir, strerror(-r))
		     : 0;
}

/* Reclaims `bytes`, or what can be had of them, without changing a limit for good. */
static int memgroup_v2_reclaim(const struct memgroup *g, uint64_t bytes)
{
	char value[32];
	int r;

	snprintf(value, sizeof(value), "%llu", (unsigned long long)bytes);
	r = cgdir_write(g->dir, "memory.reclaim", value);
	if (r == -EAGAIN) /* less than asked for: that is all there is */
		return 0;
	if (r != -ENOENT)
		return r;
	/* Before 5.19: memory.high reclaims when it is written, and never kills. */
	if (cgdir_read(g->dir, "memory.high", value, sizeof(value)) < 0)
		return -ENOTSUP;
	r = cgdir_write(g->dir, "memory.high", "0");
	cgdir_write(g->dir, "memory.high", value);
	return r;
}

int memgroup_push_out(const struct memgroup *g, struct workload_why *why_)
{
	struct workload_memory m;
	int r;

	memgroup_read(g, &m);
	if (g->version == WORKLOAD_GROUP_V2)
		r = memgroup_v2_reclaim(g, m.usage == WORKLOAD_UNSET ? 1ULL << 40 : m.usage);
	else
		r = cgdir_write(g->dir, "memory.force_empty", "0");
	/* EBUSY, EAGAIN: not all of it could go, which is as it should be for a running program. */
	if (r < 0 && r != -EBUSY && r != -EAGAIN)
		return why(why_, r, "cannot push out what %s holds: %s", g->dir, strerror(-r));
	return 0;
}

/*
 * v1's two limits, in the order that the kernel allows. Lowering memory + swap can fail after
 * lowering memory alone went well, by swapping; then that is taken back.
 */
static int memgroup_set_both(const struct memgroup *g, uint64_t limit, uint64_t memsw,
			     uint64_t before)
{
	int r;

	/* UNSET is the largest number there is, so it compares as "no limit". */
	if (limit > before) {
		r = memgroup_set_bytes(g, "memory.memsw.limit_in_bytes", memsw);
		return r < 0 ? r : memgroup_set_bytes(g, "memory.limit_in_bytes", limit);
	}
	r = memgroup_set_bytes(g, "memory.limit_in_bytes", limit);
	if (r < 0)
		return r;
	r = memgroup_set_bytes(g, "memory.memsw.limit_in_bytes", memsw);
	if (r < 0)
		memgroup_set_bytes(g, "memory.limit_in_bytes", before);
	return r;
}

int memgroup_set_limit(const struct memgroup *g, uint64_t limit, uint64_t swap_limit,
		       struct workload_why *why_)
{
	char used[UNITS_SIZE_MAX], size[UNITS_SIZE_MAX];
	struct workload_memory m;
	int r = 0;

	memgroup_read(g, &m);
	if (g->version == WORKLOAD_GROUP_V2) {
		/* v2 would rather kill than refuse, so reclaim first and look. */
		if (limit < m.usage && m.usage != WORKLOAD_UNSET) {
			memgroup_v2_reclaim(g, m.usage - limit);
			memgroup_read(g, &m);
			r = limit < m.usage ? -EBUSY : 0;
		}
		r = r < 0 ? r : memgroup_set_bytes(g, "memory.max", limit);
	} else if (swap_limit == WORKLOAD_UNSET) {
		r = memgroup_set_bytes(g, "memory.limit_in_bytes", limit);
	} else {
		r = memgroup_set_both(g, limit, memgroup_memsw_limit(limit, swap_limit), m.limit);
	}
	if (r != -EBUSY)
		return r < 0 ? memgroup_no_limit(r, g, "limit", limit, why_) : 0;
	memgroup_read(g, &m);
	return why(why_, r,
		   "the limit stays: the workload has %s in RAM and the kernel could not push out "
		   "enough of it for a limit of %s",
		   units_format_size(m.usage, used), units_format_size(limit, size));
}

void memgroup_read(const struct memgroup *g, struct workload_memory *ret)
{
	CLEANUP(cleanup_close) int fd = open(g->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	memcg_read(fd, g->version, ret);
}

/* Where a memory cgroup can be made, on whatever hierarchy has the controller. */

static bool memgroup_has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; (p = strstr(p, word)); p += n)
		if ((p == text || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
			return true;
	return false;
}

/* Whether a v2 file with a list of controllers names memory. */
static bool memgroup_has_memory(const char *dir, const char *file)
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
