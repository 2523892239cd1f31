/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_WORKER_H
#define PMTOP_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A thread with what it shares with its user: a lock, a condition, a mailbox for its newest result,
 * and a descriptor that tells of news.
 *
 * A thread that reads /proc or a file can be stuck in the kernel for as long as somebody holds the
 * lock that it waits for, and no signal but SIGKILL ends that. So its user waits for it for a
 * bounded time and then leaves it behind. What both used is released by the one that comes last. A
 * thread that was left behind keeps nothing from ending: exit_group(2) kills it.
 */
struct worker {
	pthread_mutex_t lock; /* guards what follows, and whatever its owner says */
	pthread_cond_t wake;
	int event; /* readable when there is news */
	bool stop; /* the thread is to end */
	bool ended, left;
	void *newest; /* the mailbox */
	void (*drop)(void *newest); /* frees a result that nobody took */
	pthread_t thread;
	atomic_int tid;
	int64_t cpu_ns, slept_from; /* worker_slept_ns() */
	void (*run)(void *context);
	void (*release)(void *context);
	void *context;
};

/* `drop` may be NULL where nothing is posted. 0 or -errno; worker_destroy() in both cases. */
int worker_init(struct worker *worker, void (*drop)(void *newest));

/* After the thread has ended, or where none was started. */
void worker_destroy(struct worker *worker);

/*
 * Starts run(context) in the thread. release(context), which calls worker_destroy() too, is called
 * once, by whoever comes last. 0, or -errno: nothing is called.
 */
int worker_start(struct worker *worker, void (*run)(void *context), void (*release)(void *context),
		 void *context);

/*
 * By the user, who must not touch anything of it afterwards: asks the thread to stop, waits a
 * moment for it, and releases all or leaves that to the thread. Whoever ends pmtop with two of them
 * still ends it within a second.
 */
void worker_end(struct worker *worker);

/*
 * The same for a thread whose work must be finished: waits for as long as it makes progress, as
 * worker_call() does. True: it has ended, and is not released yet, so that its results can be read.
 */
bool worker_finish(struct worker *worker, int64_t patience_ns);

static inline void worker_lock(struct worker *worker)
{
	pthread_mutex_lock(&worker->lock);
}

static inline void worker_unlock(struct worker *worker)
{
	pthread_mutex_unlock(&worker->lock);
}

/* To the thread: something that it may wait for has changed. The lock is held. */
static inline void worker_wake(struct worker *worker)
{
	pthread_cond_broadcast(&worker->wake);
}

/* Waits for worker_wake() with the lock held. False: `until_ns` of CLOCK_MONOTONIC has come. */
bool worker_wait(struct worker *worker, int64_t until_ns);

#define WORKER_FOREVER INT64_MAX

/*
 * For how long the thread has slept without using a processor, as far as the calls of this function
 * saw it: to be called again and again while something is waited for. The lock is held.
 */
int64_t worker_slept_ns(struct worker *worker);

/* It sleeps with a reason: counts from now on. The lock is held. */
void worker_may_sleep(struct worker *worker);

/* To the user: there is news. */
void worker_tell(struct worker *worker);

/* Puts the newest result, which it takes over, into the mailbox and tells the user. */
void worker_post(struct worker *worker, void *newest);

/* By the user: the result that was not taken yet, or NULL. Takes notice of the news. */
void *worker_take(struct worker *worker);

/*
 * One call in a thread of its own, for what may never return. The thread is given up when it has
 * slept for patience_ns without any progress: one that computes, or waits for a processor, is not
 * stuck, however slow the machine is.
 */
struct worker_call; /* one that was given up */

/*
 * 0: run(context) has returned. -ETIMEDOUT: the context is the thread's from now on, which calls
 * release(context) should it ever go on; *ret_call (may be NULL) tells when. Others: not called.
 * `at` (may be NULL) is a number of the context that says how far it has come.
 */
int worker_call(void (*run)(void *context), void (*release)(void *context), void *context,
		const atomic_int *at, int64_t patience_ns, struct worker_call **ret_call);

/* How far it had come when it was given up. */
int worker_call_at(const struct worker_call *call);

/* Whether it has gone on and ended meanwhile. */
bool worker_call_ended(struct worker_call *call);

/* Forgets about it; the thread ends by itself. */
void worker_call_forget(struct worker_call *call);

#endif
