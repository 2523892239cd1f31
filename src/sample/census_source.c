// SPDX-License-Identifier: GPL-2.0-or-later
#include "sample/census_source.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "model/cleanup.h"
#include "sample/census_round.h"
#include "sample/leave.h"

/* Of the interval, for looking at shared memory: 5 % of a core. */
#define BUDGET_DIVISOR 20
/* Until each process had its turn once, the screen is filled in faster. */
#define FIRST_BUDGET_NS	  (50 * INT64_C(1000000))
#define FIRST_INTERVAL_NS (150 * INT64_C(1000000))

struct census_source {
	pthread_t thread;
	struct leave leave;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct census_maker *maker; /* the thread's */
	int event;
	int64_t interval_ns;
	bool stop;
	struct census *newest;
};

static void collector_publish(struct census_source *s, struct census *census)
{
	uint64_t one = 1;

	pthread_mutex_lock(&s->lock);
	census_unref(s->newest);
	s->newest = census;
	pthread_mutex_unlock(&s->lock);
	(void)!write(s->event, &one, sizeof(one));
}

static void collector_add_time(struct timespec *t, int64_t ns)
{
	t->tv_nsec += ns % 1000000000;
	t->tv_sec += ns / 1000000000 + t->tv_nsec / 1000000000;
	t->tv_nsec %= 1000000000;
}

/*
 * Sleeps for the interval, and until the last census was taken: nobody may be looking. False:
 * leave.
 */
static bool collector_rest(struct census_source *s, int64_t interval_ns)
{
	struct timespec until;
	bool go_on;

	clock_gettime(CLOCK_MONOTONIC, &until);
	collector_add_time(&until, interval_ns);
	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		if (s->newest)
			pthread_cond_wait(&s->wake, &s->lock);
		else if (pthread_cond_timedwait(&s->wake, &s->lock, &until) == ETIMEDOUT)
			break;
	}
	go_on = !s->stop;
	pthread_mutex_unlock(&s->lock);
	return go_on;
}

static void collector_count(struct census_source *s)
{
	int64_t budget_ns = 0; /* first of all the list alone */
	struct census *census;

	for (;;) {
		bool complete = false;

		if (census_make(s->maker, budget_ns, &census) == 0) {
			complete = census->complete;
			collector_publish(s, census);
		}
		if (!collector_rest(s, !budget_ns ? 0
				       : complete ? s->interval_ns
						  : FIRST_INTERVAL_NS))
			return;
		budget_ns = complete ? s->interval_ns / BUDGET_DIVISOR : FIRST_BUDGET_NS;
	}
}

static void collector_release(struct census_source *s)
{
	census_unref(s->newest);
	census_maker_free(s->maker);
	if (s->event >= 0)
		close(s->event);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->wake);
	leave_destroy(&s->leave);
	free(s);
}

static void *collector_census_thread(void *context)
{
	struct census_source *s = context;

	collector_count(s);
	if (leave_end(&s->leave))
		collector_release(s);
	return NULL;
}

int census_open(const struct probe *probe, int64_t interval_ns, struct census_source **ret_source)
{
	struct census_source *s = calloc(1, sizeof(*s));
	pthread_condattr_t monotonic;
	int r;

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	leave_init(&s->leave);
	s->interval_ns = interval_ns;
	s->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = s->event < 0 ? -errno : census_maker_new(probe, &s->maker);
	if (!r)
		r = -pthread_create(&s->thread, NULL, collector_census_thread, s);
	if (r < 0) {
		collector_release(s);
		return r;
	}
	*ret_source = s;
	return 0;
}

int census_fd(const struct census_source *source)
{
	return source->event;
}

struct census *census_take(struct census_source *source)
{
	struct census *taken;
	uint64_t drained;

	(void)!read(source->event, &drained, sizeof(drained));
	pthread_mutex_lock(&source->lock);
	taken = TAKE(source->newest);
	pthread_cond_signal(&source->wake);
	pthread_mutex_unlock(&source->lock);
	return taken;
}

void census_close(struct census_source *source)
{
	if (!source)
		return;
	pthread_mutex_lock(&source->lock);
	source->stop = true;
	pthread_cond_signal(&source->wake);
	pthread_mutex_unlock(&source->lock);
	if (leave_thread(&source->leave, source->thread))
		collector_release(source);
}

int census_once(const struct probe *probe, struct census **ret_census)
{
	struct census_maker *maker;
	int r = census_maker_new(probe, &maker);

	if (r < 0)
		return r;
	r = census_make(maker, -1, ret_census);
	census_maker_free(maker);
	return r;
}
