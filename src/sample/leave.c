// SPDX-License-Identifier: GPL-2.0-or-later
#include "sample/leave.h"

#include <errno.h>
#include <time.h>

#define LEAVE_SECONDS 1

void leave_init(struct leave *leave)
{
	pthread_condattr_t monotonic;

	leave->ended = leave->abandoned = false;
	pthread_mutex_init(&leave->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&leave->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

void leave_destroy(struct leave *leave)
{
	pthread_cond_destroy(&leave->wake);
	pthread_mutex_destroy(&leave->lock);
}

bool leave_thread(struct leave *leave, pthread_t thread)
{
	struct timespec until;
	bool ended;
	int error = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LEAVE_SECONDS;
	pthread_mutex_lock(&leave->lock);
	while (!leave->ended && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&leave->wake, &leave->lock, &until);
	ended = leave->ended;
	if (!ended) {
		/* Before the lock is given back: the thread may be gone at once. */
		pthread_detach(thread);
		leave->abandoned = true;
	}
	pthread_mutex_unlock(&leave->lock);
	if (ended)
		pthread_join(thread, NULL);
	return ended;
}

bool leave_end(struct leave *leave)
{
	bool abandoned;

	pthread_mutex_lock(&leave->lock);
	leave->ended = true;
	abandoned = leave->abandoned;
	pthread_cond_signal(&leave->wake);
	pthread_mutex_unlock(&leave->lock);
	return abandoned;
}
