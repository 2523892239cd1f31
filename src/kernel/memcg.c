// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/directory.h"
#include "kernel/memcg.h"

/* Deeper trees are not searched: nobody nests cgroups like that. */
#define DEPTH_LIMIT 16

struct memcg {
	int mount; /* directory, or -1 */
	bool v2;
	int watched; /* directory of the watched cgroup, or -1 */
};

/* proc_pid_mountinfo(5): the fifth field is the mount point, the options end the line. */
static bool memcg_is_memory_mount(char *line, bool *ret_v2, char **ret_point)
{
	char *kind = strstr(line, " - "), *point = line;

	if (!kind)
		return false;
	*kind = '\0';
	kind += 3;
	*ret_v2 = !strncmp(kind, "cgroup2 ", 8);
	if (!*ret_v2 && (strncmp(kind, "cgroup ", 7) != 0 || !strstr(kind, "memory")))
		return false;
	for (int field = 0; field < 4 && point; field++) {
		point = strchr(point, ' ');
		if (point)
			point++;
	}
	if (!point)
		return false;
	point[strcspn(point, " ")] = '\0';
	*ret_point = point;
	return true;
}

/* v1 with the memory controller wins over v2: a controller is in one hierarchy only. */
static void memcg_find_mount(struct memcg *m)
{
	CLEANUP(cleanup_fclose) FILE *file = fopen("/proc/self/mountinfo", "re");
	CLEANUP(cleanup_free) char *line = NULL;
	size_t size = 0;

	while (file && getline(&line, &size, file) > 0) {
		char *point;
		bool v2;
		int fd;

		if (!memcg_is_memory_mount(line, &v2, &point) || (m->mount >= 0 && v2))
			continue;
		fd = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (m->mount >= 0)
			close(m->mount);
		m->mount = fd;
		m->v2 = v2;
	}
}

struct memcg *memcg_new(void)
{
	struct memcg *m = malloc(sizeof(*m));

	if (!m)
		return NULL;
	m->mount = m->watched = -1;
	memcg_find_mount(m);
	return m;
}

void memcg_free(struct memcg *memcg)
{
	if (memcg->mount >= 0)
		close(memcg->mount);
	if (memcg->watched >= 0)
		close(memcg->watched);
	free(memcg);
}

/* Searches below an open directory, which it closes; the path is built up in `path`. */
static bool memcg_find_inode(int fd, uint64_t inode, char *path, size_t used, int depth)
{
	CLEANUP(cleanup_closedir) DIR *directory = fdopendir(fd);
	struct dirent *entry;

	if (!directory) {
		close(fd);
		return false;
	}
	while ((entry = readdir(directory))) {
		size_t length = strlen(entry->d_name);
		int child;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    used + length + 2 > PATH_MAX)
			continue;
		path[used] = '/';
		memcpy(path + used + 1, entry->d_name, length + 1);
		if (entry->d_ino == inode)
			return true;
		child = depth ? openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
		if (child >= 0 &&
		    memcg_find_inode(child, inode, path, used + 1 + length, depth - 1))
			return true;
	}
	return false;
}

int memcg_name(const struct memcg *memcg, uint64_t inode, char *name, size_t size)
{
	char path[PATH_MAX] = "";
	struct stat st;
	int fd;

	if (memcg->mount < 0 || fstat(memcg->mount, &st) < 0)
		return -ENOENT;
	if (st.st_ino == inode) {
		snprintf(name, size, "/");
		return 0;
	}
	fd = openat(memcg->mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !memcg_find_inode(fd, inode, path, 0, DEPTH_LIMIT))
		return -ENOENT;
	snprintf(name, size, "%s", path);
	return 0;
}

/* cgroups(7): lines "id:controllers:path"; v2 is "0::path". */
static const char *memcg_find_path(char *text, bool v2)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *controllers = strchr(line, ':'), *path;

		path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path)
			continue;
		*path++ = '\0';
		if (v2 ? !strncmp(line, "0:", 2) : strstr(controllers, "memory") != NULL)
			return path;
	}
	return NULL;
}

int memcg_watch(struct memcg *memcg, const struct target *target)
{
	char text[8192];
	const char *path;
	int n = target_read_text(target->proc, "cgroup", text, sizeof(text));

	if (n < 0)
		return n;
	path = memcg->mount >= 0 ? memcg_find_path(text, memcg->v2) : NULL;
	if (!path)
		return -ENOENT;
	while (*path == '/')
		path++;
	if (memcg->watched >= 0)
		close(memcg->watched);
	memcg->watched =
		openat(memcg->mount, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return memcg->watched < 0 ? -errno : 0;
}

/* A small file of a group, read whole and without its last newline; its length, or -errno. */
static int memcg_read_text(int directory, const char *name, char *buf, size_t size)
{
	int n = target_read_text(directory, name, buf, size);

	while (n > 0 && buf[n - 1] == '\n')
		buf[--n] = '\0';
	return n;
}

/* v1 says "no limit" with the largest multiple of a page that fits into a long. */
#define V1_NO_LIMIT (1ULL << 62)

static uint64_t memcg_read_number(int directory, const char *file)
{
	char buf[32], *end;
	uint64_t value;

	if (memcg_read_text(directory, file, buf, sizeof(buf)) <= 0)
		return WORKLOAD_UNSET;
	value = strtoull(buf, &end, 10); /* "max" has no digits: no limit */
	return end == buf ? WORKLOAD_UNSET : value;
}

/* The number behind a key at the start of a line: "oom_kill 3". */
static uint64_t memcg_find_number(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, n) && line[n] == ' ')
			return strtoull(line + n, NULL, 10);
	}
	return WORKLOAD_UNSET;
}

static uint64_t memcg_v1_limit(int directory, const char *file)
{
	uint64_t value = memcg_read_number(directory, file);

	return value >= V1_NO_LIMIT ? WORKLOAD_UNSET : value;
}

static void memcg_read_v1(int directory, struct workload_memory *m)
{
	char buf[8192];
	uint64_t memsw = memcg_v1_limit(directory, "memory.memsw.limit_in_bytes"), swappiness;

	m->limit = memcg_v1_limit(directory, "memory.limit_in_bytes");
	if (memsw != WORKLOAD_UNSET && memsw >= m->limit)
		m->swap_limit = memsw - m->limit;
	m->high = memcg_v1_limit(directory, "memory.soft_limit_in_bytes");
	m->usage = memcg_read_number(directory, "memory.usage_in_bytes");
	m->peak = memcg_read_number(directory, "memory.max_usage_in_bytes");
	if (memcg_read_text(directory, "memory.stat", buf, sizeof(buf)) > 0)
		m->swap = memcg_find_number(buf, "total_swap");
	swappiness = memcg_read_number(directory, "memory.swappiness");
	if (swappiness != WORKLOAD_UNSET)
		m->swappiness = (int)swappiness;
}

/* "some avg10=1.23 avg60=..." */
static void memcg_read_pressure(int directory, struct workload_memory *m)
{
	char buf[512];
	const char *some, *full;

	if (memcg_read_text(directory, "memory.pressure", buf, sizeof(buf)) <= 0)
		return;
	some = strstr(buf, "some avg10=");
	full = strstr(buf, "full avg10=");
	if (!some || !full)
		return;
	m->has_pressure = true;
	m->pressure_some = strtod(some + strlen("some avg10="), NULL);
	m->pressure_full = strtod(full + strlen("full avg10="), NULL);
}

static void memcg_read_v2(int directory, struct workload_memory *m)
{
	m->limit = memcg_read_number(directory, "memory.max");
	m->swap_limit = memcg_read_number(directory, "memory.swap.max");
	m->high = memcg_read_number(directory, "memory.high");
	m->usage = memcg_read_number(directory, "memory.current");
	m->peak = memcg_read_number(directory, "memory.peak"); /* since 5.19 */
	m->swap = memcg_read_number(directory, "memory.swap.current");
	memcg_read_pressure(directory, m);
}

/* How often the limit was hit and the OOM killer struck. */
static void memcg_read_events(int directory, enum workload_group version, struct workload_memory *m)
{
	char buf[1024];

	if (version == WORKLOAD_GROUP_V2) {
		if (memcg_read_text(directory, "memory.events", buf, sizeof(buf)) <= 0)
			return;
		m->limit_hits = memcg_find_number(buf, "max");
		m->high_hits = memcg_find_number(buf, "high");
		m->oom_kills = memcg_find_number(buf, "oom_kill");
		return;
	}
	m->limit_hits = memcg_read_number(directory, "memory.failcnt");
	if (memcg_read_text(directory, "memory.oom_control", buf, sizeof(buf)) > 0)
		m->oom_kills = memcg_find_number(buf, "oom_kill"); /* since 4.13 */
}

static const struct workload_memory memcg_nothing_known = {
	.limit = WORKLOAD_UNSET,
	.swap_limit = WORKLOAD_UNSET,
	.high = WORKLOAD_UNSET,
	.usage = WORKLOAD_UNSET,
	.peak = WORKLOAD_UNSET,
	.swap = WORKLOAD_UNSET,
	.limit_hits = WORKLOAD_UNSET,
	.high_hits = WORKLOAD_UNSET,
	.oom_kills = WORKLOAD_UNSET,
	.swappiness = -1,
};

void memcg_read(int directory, enum workload_group version, struct workload_memory *ret)
{
	*ret = memcg_nothing_known;
	if (directory < 0 || version == WORKLOAD_NO_GROUP)
		return;
	if (version == WORKLOAD_GROUP_V1)
		memcg_read_v1(directory, ret);
	else
		memcg_read_v2(directory, ret);
	memcg_read_events(directory, version, ret);
}

struct memcg_events memcg_events(const struct memcg *memcg)
{
	struct workload_memory m = memcg_nothing_known;

	if (memcg->watched >= 0)
		memcg_read_events(memcg->watched, memcg->v2 ? WORKLOAD_GROUP_V2 : WORKLOAD_GROUP_V1,
				  &m);
	return (struct memcg_events){ (int64_t)m.limit_hits, (int64_t)m.oom_kills };
}
