/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LINK_H
#define PMTOP_LINK_H

#include "workload/claim.h"
#include "workload/supervisor.h"

#include <sys/types.h>

/* pmtop's end of the line to its supervisor: starting it, and the messages. */

struct link {
	int socket; /* -1: it is gone */
	pid_t supervisor; /* 0: none, or waited for */
};

#define LINK_NONE                                                                                  \
	{                                                                                          \
		.socket = -1                                                                       \
	}

/* Starts this program again as the supervisor; it shares the claim's lock and the output. */
int link_start(const struct claim *claim, int output, char *const *command, struct link *ret,
	       struct workload_why *why);

/* Sends a message. -EPIPE: the supervisor is gone. */
int link_send(struct link *link, int type);

/* Takes one message. Its type, 0 if none came in time (-1: wait for ever), -EPIPE: it is gone. */
int link_take(struct link *link, int timeout_ms, struct message *ret);

/* Waits for the supervisor, which ends when its socket does. */
void link_close(struct link *link);

#endif
