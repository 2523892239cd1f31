/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LAUNCH_H
#define PMTOP_LAUNCH_H

#include <sys/types.h>

/*
 * Starting a command so that it has nothing of pmtop's: a session of its own, /dev/null as
 * standard input, a pipe as output and error, no other descriptor, no signal blocked or ignored.
 * It enters its cgroup before it becomes the command, so that its first page counts.
 */

struct launch {
	char *const *argv;
	const char *group; /* directory of the cgroup to enter; NULL: none */
};

enum launch_step {
	LAUNCH_ENTER = 1, /* could not enter a cgroup */
	LAUNCH_EXEC, /* could not execute the command */
	LAUNCH_OTHER, /* no process, no pipe */
};

/*
 * The pid of the command, which is a child of the caller and is killed when the calling thread
 * ends; or -errno, and *ret_step says where. *ret_output is the end of the pipe to read from.
 */
pid_t launch_command(const struct launch *l, int *ret_output, enum launch_step *ret_step);

#endif
