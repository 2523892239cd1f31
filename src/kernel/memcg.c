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

/* The number behind a word at the beginning of a line; the text begins with a newline. */
static int64_t memcg_number_of(const char *text, const char *word)
{
	const char *line = strstr(text, word);

	return line ? (int64_t)strtoll(line + strlen(word), NULL, 10) : -ENODATA;
}

/* A file of the watched cgroup, behind a newline so that every line is found alike. */
static int memcg_read_lines(const struct memcg *memcg, const char *name, char *text, size_t size)
{
	text[0] = '\n';
	return target_read_text(memcg->watched, name, text + 1, size - 1);
}

struct memcg_events memcg_events(const struct memcg *memcg)
{
	struct memcg_events events = { -ENOENT, -ENOENT };
	char text[4096];
	int n;

	if (memcg->watched < 0)
		return events;
	n = memcg_read_lines(memcg, memcg->v2 ? "memory.events" : "memory.failcnt", text,
			     sizeof(text));
	/* "oom_kill_disable" of v1 begins like "oom_kill". */
	events.limit_hits = n < 0 ? n : memcg_number_of(text, memcg->v2 ? "\nmax " : "\n");
	if (!memcg->v2)
		n = memcg_read_lines(memcg, "memory.oom_control", text, sizeof(text));
	events.oom_kills = n < 0 ? n : memcg_number_of(text, "\noom_kill ");
	return events;
}
