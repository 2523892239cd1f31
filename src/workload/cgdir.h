/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_CGDIR_H
#define PMTOP_CGDIR_H

#include <stddef.h>

/*
 * Ending a cgroup by its directory. libcgroup cannot do this: its delete moves the processes into
 * the parent group, out of their limit, where this must kill them. Works on v1 and v2 alike and on
 * groups that the workload made inside its own.
 */

/*
 * Sends SIGKILL to every process in the group and below it, until there is none. Processes that
 * fork meanwhile do not get away: v2 has cgroup.kill (5.14), and elsewhere a process that was sent
 * the signal cannot fork any more, so that each look leaves only what was being forked during it.
 * Forks without end were gone in 4 to 50 ms (measured on v1); freezing them first took longer. 0
 * also when there is no such group; -EBUSY if some are still there after timeout_ms.
 */
int cgdir_kill(const char *dir, int timeout_ms);

/*
 * Sends a signal (0: none) to each process that a file lists by its pid; their number. 0 if there
 * is no such file. Never to pid 0, which stands for a process of another namespace, nor to 1.
 */
int cgdir_signal(const char *file, int signal);

/* Removes the group and those below it, which must be empty of processes. 0 if there is none. */
int cgdir_remove(const char *dir, int timeout_ms);

/* Reads, or writes, a small file of a group. A length without the newline, or -errno. */
int cgdir_read(const char *dir, const char *file, char *buf, size_t size);
int cgdir_write(const char *dir, const char *file, const char *value);

#endif
