// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Wakes up on every processor, 5,000 times a second, until it is killed.
 *
 * The processors of a guest take turns in one thread of qemu, and a turn lasts until a timer comes:
 * 4 ms. What two programs do at the same time is then hardly ever done in the middle of each other.
 * With this beside them turns change 20 times as often, and anywhere.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define NAP_NS 200000

static void *wake(void *context)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((uintptr_t)context, &one);
	sched_setaffinity(0, sizeof(one), &one);
	prctl(PR_SET_TIMERSLACK, 1);
	for (;;)
		nanosleep(&nap, NULL);
	return NULL;
}

int main(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (long cpu = 0; cpu < processors; cpu++)
		if (pthread_create(&thread, NULL, wake, (void *)(uintptr_t)cpu))
			return 1;
	pause();
	return 0;
}
