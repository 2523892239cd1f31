/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SUPERVISOR_H
#define PMTOP_SUPERVISOR_H

#include "workload/why.h"

#include <stdint.h>

/*
 * The supervisor: a process of its own (this program again, with the word "supervise"), parent of
 * the command and reaper of its orphans. It starts the command, drains its output, and when pmtop
 * says so, or is gone in whatever way (the socket ends), kills everything and takes away what the
 * claim lists. Nothing but these messages goes between the two.
 */

#define SUPERVISE "supervise" /* the word; then the path of the claim, then the command */

/* Its descriptors, besides /dev/null as 0, 1 and 2. */
enum {
	SUPERVISOR_SOCKET = 3, /* SOCK_SEQPACKET, a struct message each */
	SUPERVISOR_CLAIM, /* shares pmtop's lock: one of the two alive is enough */
	SUPERVISOR_OUTPUT, /* a struct output */
	SUPERVISOR_FDS
};

enum message_type {
	/* to the supervisor */
	MESSAGE_LAUNCH = 1, /* start the command: LAUNCHED or FAILED comes back */
	MESSAGE_KILL, /* kill all: EMPTY comes back */
	MESSAGE_FINISH, /* kill all, take all away: DONE comes back, and it ends */
	/* from it */
	MESSAGE_LAUNCHED, /* value: pid */
	MESSAGE_FAILED, /* value: -errno; step: enum launch_step */
	MESSAGE_EXITED, /* value: as of wait(2) */
	MESSAGE_EMPTY, /* value: 0 or -errno */
	MESSAGE_DONE, /* value: 0 or -errno with why */
};

struct message {
	int32_t type;
	int32_t value;
	int32_t step;
	struct workload_why why;
};

#endif
