// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* How long the end of a thread is waited for. */
#define END_NS INT64_C(300000000)

/* How often progress is looked at while patience lasts. */
#define LOOKS 4

int worker_init(struct worker *worker, void (*drop)(void *newest))
{
	pthread_condattr_t monotonic;

	*worker = (struct worker){ .drop = drop };
	pthread_mutex_init(&worker->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&worker->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	worker->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return worker->event < 0 ? -errno : 0;
}

void worker_destroy(struct worker *worker)
{
	if (worker->newest)
		worker->drop(worker->newest);
	if (worker->event >= 0)
		close(worker->event);
	pthread_cond_destroy(&worker->wake);
	pthread_mutex_destroy(&worker->lock);
}

static void *worker_main(void *worker)
{
	struct worker *w = worker;
	bool left;

	atomic_store(&w->tid, gettid());
	w->run(w->context);
	worker_lock(w);
	w->ended = true;
	left = w->left;
	worker_wake(w);
	worker_unlock(w);
	if (left)
		w->release(w->context);
	return NULL;
}

int worker_start(struct worker *worker, void (*run)(void *context), void (*release)(void *context),
		 void *context)
{
	worker->run = run;
	worker->release = release;
	worker->context = context;
	return -pthread_create(&worker->thread, NULL, worker_main, worker);
}

bool worker_wait(struct worker *worker, int64_t until_ns)
{
	struct timespec until = { until_ns / 1000000000, until_ns % 1000000000 };

	if (until_ns == WORKER_FOREVER)
		return !pthread_cond_wait(&worker->wake, &worker->lock);
	return pthread_cond_timedwait(&worker->wake, &worker->lock, &until) != ETIMEDOUT;
}

/* The lock is held, and is given back before anything can be released. */
static bool worker_part(struct worker *w)
{
	bool ended = w->ended;

	w->left = !ended;
	if (!ended)
		/* Before the lock is given back: the thread may be gone at once. */
		pthread_detach(w->thread);
	worker_unlock(w);
	if (ended)
		pthread_join(w->thread, NULL);
	return ended;
}

void worker_end(struct worker *worker)
{
	int64_t until = clock_ns(CLOCK_MONOTONIC) + END_NS;

	worker_lock(worker);
	worker->stop = true;
	worker_wake(worker);
	while (!worker->ended && worker_wait(worker, until))
		;
	if (worker_part(worker))
		worker->release(worker->context);
}

/* Whether the thread sleeps, by the letter of its state behind its name (proc_pid_stat(5)). */
static bool worker_sleeps(struct worker *w)
{
	char path[64], text[128];
	const char *state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", atomic_load(&w->tid));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	state = strrchr(text, ')');
	return !state || state[1] != ' ' || state[2] != 'R';
}

static int64_t worker_cpu_ns(const struct worker *w)
{
	struct timespec used = { 0 };
	clockid_t clock;

	if (!pthread_getcpuclockid(w->thread, &clock))
		clock_gettime(clock, &used);
	return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

int64_t worker_slept_ns(struct worker *worker)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC), used = worker_cpu_ns(worker);

	if (used != worker->cpu_ns || !worker_sleeps(worker))
		worker->slept_from = now;
	worker->cpu_ns = used;
	return now - worker->slept_from;
}

void worker_may_sleep(struct worker *worker)
{
	worker->slept_from = clock_ns(CLOCK_MONOTONIC);
}

/* The lock is held. Until it has ended, or has slept for too long. */
static void worker_wait_for_end(struct worker *w, int64_t patience_ns)
{
	worker_may_sleep(w);
	while (!w->ended && worker_slept_ns(w) < patience_ns)
		worker_wait(w, clock_ns(CLOCK_MONOTONIC) + patience_ns / LOOKS);
}

bool worker_finish(struct worker *worker, int64_t patience_ns)
{
	worker_lock(worker);
	worker->stop = true;
	worker_wake(worker);
	worker_wait_for_end(worker, patience_ns);
	return worker_part(worker);
}

void worker_tell(struct worker *worker)
{
	uint64_t one = 1;

	/* The counter cannot overflow in any lifetime; a full one is readable as well. */
	(void)!write(worker->event, &one, sizeof(one));
}

void worker_post(struct worker *worker, void *newest)
{
	void *old;

	worker_lock(worker);
	old = worker->newest;
	worker->newest = newest;
	worker_unlock(worker);
	if (old)
		worker->drop(old);
	worker_tell(worker);
}

void *worker_take(struct worker *worker)
{
	uint64_t drained;
	void *taken;

	(void)!read(worker->event, &drained, sizeof(drained));
	worker_lock(worker);
	taken = TAKE(worker->newest);
	worker_wake(worker);
	worker_unlock(worker);
	return taken;
}

struct worker_call {
	struct worker worker;
	void (*run)(void *context);
	void (*release)(void *context);
	void *context;
	atomic_uint refs; /* the thread's and the user's */
	atomic_bool ended;
	int at;
};

static void worker_call_unref(struct worker_call *call)
{
	if (atomic_fetch_sub(&call->refs, 1) != 1)
		return;
	worker_destroy(&call->worker);
	free(call);
}

static void worker_call_run(void *call)
{
	struct worker_call *c = call;

	c->run(c->context);
}

/* By the thread, which was left behind and goes on. */
static void worker_call_release(void *call)
{
	struct worker_call *c = call;

	c->release(c->context);
	atomic_store(&c->ended, true);
	worker_call_unref(c);
}

int worker_call(void (*run)(void *context), void (*release)(void *context), void *context,
		const atomic_int *at, int64_t patience_ns, struct worker_call **ret_call)
{
	struct worker_call *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->run = run;
	c->release = release;
	c->context = context;
	atomic_init(&c->refs, 1);
	r = worker_init(&c->worker, NULL);
	if (!r)
		r = worker_start(&c->worker, worker_call_run, worker_call_release, c);
	if (!r) {
		worker_lock(&c->worker);
		worker_wait_for_end(&c->worker, patience_ns);
		if (!c->worker.ended) {
			atomic_fetch_add(&c->refs, 1); /* the thread's */
			/* While the lock is held the context stays. */
			c->at = at ? atomic_load(at) : 0;
		}
		r = worker_part(&c->worker) ? 0 : -ETIMEDOUT;
	}
	if (r == -ETIMEDOUT && ret_call)
		*ret_call = c;
	else
		worker_call_unref(c);
	return r;
}

int worker_call_at(const struct worker_call *call)
{
	return call->at;
}

bool worker_call_ended(struct worker_call *call)
{
	return atomic_load(&call->ended);
}

void worker_call_forget(struct worker_call *call)
{
	if (call)
		worker_call_unref(call);
}
