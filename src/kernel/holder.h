/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_HOLDER_H
#define PMTOP_HOLDER_H

#include <stdint.h>
#include <sys/types.h>

/*
 * What a process waits for that does not answer: a thread in a page fault that is not served (by a
 * dead FUSE or NFS server, or a swap area that cannot follow) keeps the memory lock, and all who
 * ask for the memory wait behind it.
 */

#define HOLDER_TEXT 96

/*
 * Says which thread of it waits, and in which function of the kernel: "a page fault of thread 7
 * waits in request_wait_answer"; "" where /proc does not tell. Reads state, wchan and syscall of its
 * threads (proc(5)), which need no memory lock, and gives up after patience_ns even so. Prints
 * numbers and names of the kernel only.
 */
void holder_describe(pid_t pid, int64_t patience_ns, char ret_text[static HOLDER_TEXT]);

#endif
