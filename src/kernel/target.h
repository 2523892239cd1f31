/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TARGET_H
#define PMTOP_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The process that is looked at: descriptors that stay with this very process, also when its pid is
 * used again. Owns them; reads nothing by itself and writes nothing to the process.
 */
struct target {
	pid_t pid;
	/*
	 * Through which the memory is looked at: pid, or any other thread once the first one has
	 * ended. What asks the kernel about memory by a number gives this one.
	 */
	pid_t thread;
	int proc; /* directory /proc/THREAD */
	int pidfd;
	int pagemap;
	uint64_t start_time; /* clock ticks after boot, field 22 of /proc/PID/stat */
	char comm[64];
	unsigned int execs; /* how often it was found to have become another program */
};

#define TARGET_CLOSED                                                                              \
	{                                                                                          \
		.proc = -1, .pidfd = -1, .pagemap = -1                                             \
	}

/* What /proc/PID/{stat,statm,status} say; cheap, and never blocked by the target's mmap lock. */
struct target_counters {
	uint64_t minor_faults, major_faults; /* stat */
	uint64_t size, resident, shared; /* statm, pages */
	uint64_t swap, page_tables; /* status VmSwap and VmPTE, pages */
};

/*
 * Opens a process. -ESRCH: there is none, or it has no memory (kernel thread, zombie: see
 * target_lacks_memory()); -EACCES or -EPERM: it may not be looked at.
 */
int target_open(pid_t pid, struct target *ret_target);
void target_close(struct target *target);

/*
 * After an exec: the descriptor of pagemap stays with the memory that was given up, and reads
 * nothing any more (fs/proc/task_mmu.c takes the mm when it is opened). Opens that of the memory
 * there is now. -ESRCH when there is none: the process has ended, or is about to. On failure
 * nothing has changed. Also when the thread has ended through which the process was looked at,
 * which is no exec.
 */
int target_follow_exec(struct target *target);

/* Still there; asks the pidfd, so a reused pid cannot be mistaken. */
bool target_is_alive(const struct target *target);

/* How it ended, as wait(2) gives it; -ENODATA where the kernel does not tell (before 6.13). */
int target_exit_status(const struct target *target, int *ret_status);

int target_counters(const struct target *target, struct target_counters *ret_counters);

/*
 * A thread that shows the memory of the process: the first one, or another when it has ended.
 * -ESRCH: the process has no memory, or is none.
 */
pid_t target_living_thread(pid_t pid);

/* A word for a process without memory of its own ("kernel thread", "zombie"), or NULL. */
const char *target_lacks_memory(pid_t pid);

/* Opens a file below /proc/PID for reading. */
int target_openat(const struct target *target, const char *name);

/* Reads a small file below a directory whole; the text ends with NUL. Length or -errno. */
int target_read_text(int directory, const char *name, char *buffer, size_t size);

#endif
