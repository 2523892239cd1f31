/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LEAVE_H
#define PMTOP_LEAVE_H

#include <pthread.h>
#include <stdbool.h>

/*
 * How the user's thread parts from one that reads /proc, and may be stuck in the kernel for as long
 * as a target holds its mmap lock. Whoever leaves waits a second at most, whatever becomes of the
 * clock of the day; what both used is freed by the one of them that comes last.
 */
struct leave {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool ended, abandoned;
};

void leave_init(struct leave *leave);
void leave_destroy(struct leave *leave);

/*
 * For the user's thread, after it has told the other one to stop. True: that has ended, and what it
 * used can be freed. False: nothing of it may be touched any more.
 */
bool leave_thread(struct leave *leave, pthread_t thread);

/* The last but one thing that the other thread does. True: nobody waits, so it frees everything. */
bool leave_end(struct leave *leave);

#endif
