// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/directory.h"
#include "kernel/target.h"
#include "model/mapping.h"

int target_openat(const struct target *target, const char *name)
{
	int fd = openat(target->proc, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int target_read_text(int directory, const char *name, char *buffer, size_t size)
{
	CLEANUP(cleanup_close) int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, buffer + length, size - 1 - length);
		if (n < 0)
			return -errno;
		length += (size_t)n;
	} while (n > 0 && length < size - 1);
	buffer[length] = '\0';
	return (int)length;
}

/* The text of /proc/PID/stat from field 3 on: comm may hold spaces and parentheses itself. */
static char *target_stat_after_comm(char *text)
{
	char *close = strrchr(text, ')');

	return close && close[1] == ' ' ? close + 2 : NULL;
}

/* The n-th word (from 0) of a line of words, as a number. */
static uint64_t target_word_number(const char *text, unsigned int n)
{
	while (n-- && text) {
		text = strchr(text, ' ');
		if (text)
			text++;
	}
	return text ? strtoull(text, NULL, 10) : 0;
}

/* Fields 1, 2 and 22 of proc_pid_stat(5). */
static int target_read_identity(struct target *t)
{
	char text[1024], *rest;
	int n = target_read_text(t->proc, "stat", text, sizeof(text));

	if (n < 0)
		return n;
	rest = target_stat_after_comm(text);
	if (!rest)
		return -EPROTO;
	t->start_time = target_word_number(rest, 19);
	n = target_read_text(t->proc, "comm", t->comm, sizeof(t->comm));
	if (n < 0)
		return n;
	if (n > 0 && t->comm[n - 1] == '\n')
		t->comm[n - 1] = '\0';
	return 0;
}

/* What has ended has a size of 0. Unlike its mappings anybody may know this. */
static bool target_has_memory(int proc)
{
	char text[256];

	return target_read_text(proc, "statm", text, sizeof(text)) > 0 && strtoull(text, NULL, 10);
}

/*
 * A process whose first thread has ended while others live shows no memory under /proc/PID, but all
 * of it under /proc/TID of any other thread. The directory of such a thread, or -ESRCH.
 */
static int target_open_other_thread(int proc, pid_t *ret_thread)
{
	CLEANUP(cleanup_closedir) DIR *directory = NULL;
	int fd = openat(proc, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;

	if (fd < 0)
		return -ESRCH;
	directory = fdopendir(fd);
	if (!directory) {
		close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(directory))) {
		char path[32];
		int thread;

		snprintf(path, sizeof(path), "/proc/%.16s", entry->d_name);
		thread = entry->d_name[0] == '.' ? -1
						 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (thread < 0)
			continue;
		if (target_has_memory(thread)) {
			*ret_thread = (pid_t)strtol(entry->d_name, NULL, 10);
			return thread;
		}
		close(thread);
	}
	return -ESRCH;
}

static bool target_is_zombie(const struct target *t)
{
	char text[1024], *rest;

	if (target_read_text(t->proc, "stat", text, sizeof(text)) < 0)
		return false;
	rest = target_stat_after_comm(text);
	return rest && *rest == 'Z';
}

pid_t target_living_thread(pid_t pid)
{
	CLEANUP(cleanup_close) int proc = -1, other = -1;
	char path[32];
	pid_t thread = pid;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return -ESRCH;
	if (target_has_memory(proc))
		return pid;
	other = target_open_other_thread(proc, &thread);
	return other < 0 ? other : thread;
}

static int target_open_pagemap(struct target *t)
{
	if (target_is_zombie(t)) {
		int proc = target_open_other_thread(t->proc, &t->thread);

		if (proc < 0)
			return proc;
		close(t->proc);
		t->proc = proc;
	}
	t->pagemap = target_openat(t, "pagemap");
	return t->pagemap < 0 ? t->pagemap : 0;
}

int target_open(pid_t pid, struct target *ret_target)
{
	struct target t = TARGET_CLOSED;
	char path[32];
	int error;

	t.pid = t.thread = pid;
	t.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (t.pidfd < 0) {
		/* A thread id or nonsense is no process; an old kernel can do without. */
		if (errno == ESRCH || errno == EINVAL || errno == ENOENT)
			return -ESRCH;
	}
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	t.proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	error = t.proc < 0 ? -errno : target_read_identity(&t);
	/* It lives, but /proc does not show it: hidepid, another PID namespace's, or no /proc. */
	if (t.proc < 0 && error == -ENOENT && t.pidfd >= 0 && target_is_alive(&t))
		error = -EACCES;
	if (!error)
		error = target_open_pagemap(&t);
	/* Between pidfd and directory the pid may have been used again: then the first is dead. */
	if (!error && !target_is_alive(&t))
		error = -ESRCH;
	if (error) {
		target_close(&t);
		return error == -ENOENT ? -ESRCH : error;
	}
	*ret_target = t;
	return 0;
}

void target_close(struct target *target)
{
	int *fds[] = { &target->proc, &target->pidfd, &target->pagemap };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

/* A process that is ending has given up its memory, and its files are root's from then on. */
static bool target_is_ending(const struct target *t)
{
	struct target_counters counters;

	return target_counters(t, &counters) < 0 || !counters.size;
}

int target_follow_exec(struct target *target)
{
	struct target now;
	int error = target_open(target->pid, &now);

	if (error)
		return target_is_ending(target) ? -ESRCH : error;
	/* The pidfd that was opened first answers for the pid: it is still the same process. */
	if (!target_is_alive(target) || now.start_time != target->start_time ||
	    !target_has_memory(now.proc)) {
		target_close(&now);
		return -ESRCH;
	}
	/* Who execs is the first thread afterwards. */
	now.execs = target->execs + (now.thread == now.pid);
	target_close(target);
	*target = now;
	return 0;
}

bool target_is_alive(const struct target *target)
{
	struct pollfd p = { .fd = target->pidfd, .events = POLLIN };

	/* A pidfd is readable once the process has ended. */
	return target->pidfd < 0 || poll(&p, 1, 0) == 0;
}

/* linux/pidfd.h of 6.15, by hand: build machines have older headers. */
struct pidfd_info_v1 {
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};
#define PIDFD_INFO_ASK_EXIT (UINT64_C(1) << 3)
#define PIDFD_GET_INFO_V1   _IOWR(0xFF, 11, struct pidfd_info_v1)

int target_exit_status(const struct target *target, int *ret_status)
{
	struct pidfd_info_v1 info = { .mask = PIDFD_INFO_ASK_EXIT };

	if (target->pidfd < 0 || ioctl(target->pidfd, PIDFD_GET_INFO_V1, &info) < 0 ||
	    !(info.mask & PIDFD_INFO_ASK_EXIT))
		return -ENODATA;
	*ret_status = info.exit_code;
	return 0;
}

/* Whether a line of /proc/PID/status has the key; the number of kB behind it, in pages. */
static bool target_take_kib(const char *line, const char *key, uint64_t *pages)
{
	if (strncmp(line, key, strlen(key)))
		return false;
	*pages = strtoull(line + strlen(key), NULL, 10) / (PMTOP_PAGE_SIZE / 1024);
	return true;
}

/*
 * By lines: before these stand the groups of the user, who may be in many thousands. Done for each
 * sample and each look between, so most are read at once, and not to the end.
 */
static int target_read_status(const struct target *target, struct target_counters *counters)
{
	char buffer[8192];
	CLEANUP(cleanup_free) char *line = NULL;
	CLEANUP(cleanup_fclose) FILE *file = NULL;
	int fd = target_openat(target, "status"), wanted = 2;
	size_t size = 0;

	if (fd < 0)
		return fd;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	while (wanted && getline(&line, &size, file) > 0)
		wanted -= target_take_kib(line, "VmPTE:", &counters->page_tables) ||
			  target_take_kib(line, "VmSwap:", &counters->swap);
	return ferror(file) ? -ESRCH : 0;
}

int target_counters(const struct target *target, struct target_counters *ret_counters)
{
	struct target_counters c = { 0 };
	char text[1024], *rest;
	int n = target_read_text(target->proc, "stat", text, sizeof(text));

	if (n < 0)
		return n;
	rest = target_stat_after_comm(text);
	if (!rest)
		return -EPROTO;
	c.minor_faults = target_word_number(rest, 7);
	c.major_faults = target_word_number(rest, 9);
	n = target_read_text(target->proc, "statm", text, sizeof(text));
	if (n < 0)
		return n;
	c.size = target_word_number(text, 0);
	c.resident = target_word_number(text, 1);
	c.shared = target_word_number(text, 2);
	n = target_read_status(target, &c);
	if (n < 0)
		return n;
	*ret_counters = c;
	return 0;
}

const char *target_lacks_memory(pid_t pid)
{
	char path[32], text[1024], *rest;
	CLEANUP(cleanup_close) int proc = -1;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0 || target_read_text(proc, "stat", text, sizeof(text)) < 0)
		return NULL;
	rest = target_stat_after_comm(text);
	if (!rest)
		return NULL;
	if (*rest == 'Z' || *rest == 'X')
		return "zombie";
	/* PF_KTHREAD in field 9 [include/linux/sched.h]. */
	return target_word_number(rest, 6) & 0x00200000 ? "kernel thread" : NULL;
}
