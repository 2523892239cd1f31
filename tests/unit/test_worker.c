// SPDX-License-Identifier: GPL-2.0-or-later
/* Threads that end, that are stuck, and that only take long; and a sampler that is stuck. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "sample/live.h"
#include "sample/live_internal.h"
#include "tests/unit/await.h"

struct other {
	struct worker worker;
	int held; /* it goes on when there is a byte to read */
	pthread_t user;
	atomic_int by_user, by_thread; /* who released it */
};

static void other_run(void *context)
{
	struct other *other = context;
	char byte;

	(void)!read(other->held, &byte, 1);
}

static void other_release(void *context)
{
	struct other *other = context;

	worker_destroy(&other->worker);
	if (pthread_equal(pthread_self(), other->user))
		atomic_fetch_add(&other->by_user, 1);
	else
		atomic_fetch_add(&other->by_thread, 1);
}

/* Leaves a thread that goes on before or after that. Both must never be the last, nor none. */
static bool leave_one(bool before)
{
	struct other other = { .user = pthread_self() };
	struct await await = await_begin("an end of the thread");
	bool by_user;
	int held[2];

	assert_int_equal(pipe2(held, O_CLOEXEC), 0);
	other.held = held[0];
	assert_int_equal(worker_init(&other.worker, NULL), 0);
	assert_int_equal(worker_start(&other.worker, other_run, other_release, &other), 0);
	if (before)
		assert_int_equal(write(held[1], "", 1), 1);
	worker_end(&other.worker);
	by_user = atomic_load(&other.by_user);
	if (!before)
		assert_int_equal(write(held[1], "", 1), 1);
	while (!atomic_load(&other.by_user) && !atomic_load(&other.by_thread))
		await_pause(&await);
	assert_int_equal(atomic_load(&other.by_user) + atomic_load(&other.by_thread), 1);
	assert_int_equal(atomic_load(&other.by_user), by_user);
	close(held[0]);
	close(held[1]);
	return by_user;
}

static void test_one_that_ends(void **state)
{
	struct await await = await_begin("a thread that ended while it was waited for");

	while (!leave_one(true))
		await_pause(&await);
}

static void test_one_that_is_stuck(void **state)
{
	assert_false(leave_one(false));
}

static void drop_number(void *number)
{
	++*(int *)number;
}

static void test_newest_wins(void **state)
{
	int dropped[3] = { 0 };
	struct worker worker;
	struct pollfd news;

	assert_int_equal(worker_init(&worker, drop_number), 0);
	news = (struct pollfd){ .fd = worker.event, .events = POLLIN };
	assert_int_equal(poll(&news, 1, 0), 0);
	worker_post(&worker, &dropped[0]);
	worker_post(&worker, &dropped[1]);
	assert_int_equal(poll(&news, 1, 0), 1);
	assert_ptr_equal(worker_take(&worker), &dropped[1]);
	assert_null(worker_take(&worker));
	assert_int_equal(poll(&news, 1, 0), 0);
	worker_post(&worker, &dropped[2]);
	worker_destroy(&worker);
	assert_int_equal(dropped[0], 1);
	assert_int_equal(dropped[1], 0);
	assert_int_equal(dropped[2], 1);
}

#define PATIENCE_NS INT64_C(200000000)

/* What a call works on: its own, so that it can be left to it. */
struct work {
	int held;
	int64_t compute_ns;
	int *released;
};

static void work_run(void *context)
{
	struct work *work = context;
	int64_t until = clock_ns(CLOCK_THREAD_CPUTIME_ID) + work->compute_ns;
	char byte;

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < until)
		;
	if (work->held >= 0)
		(void)!read(work->held, &byte, 1);
}

static void work_release(void *context)
{
	struct work *work = context;

	++*work->released;
}

static void test_call_that_computes(void **state)
{
	int released = 0;
	struct work work = { .held = -1, .compute_ns = 3 * PATIENCE_NS, .released = &released };

	assert_int_equal(worker_call(work_run, work_release, &work, NULL, PATIENCE_NS, NULL), 0);
	assert_int_equal(released, 0);
}

static void test_call_that_is_stuck(void **state)
{
	struct await await = await_begin("an end of the call");
	struct worker_call *call = NULL;
	int pipes[2], released = 0;
	struct work work = { .released = &released };

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	work.held = pipes[0];
	assert_int_equal(worker_call(work_run, work_release, &work, NULL, PATIENCE_NS, &call),
			 -ETIMEDOUT);
	assert_false(worker_call_ended(call));
	assert_int_equal(write(pipes[1], "", 1), 1);
	while (!worker_call_ended(call))
		await_pause(&await);
	assert_int_equal(released, 1);
	worker_call_forget(call);
	close(pipes[0]);
	close(pipes[1]);
}

/* Pipes that stay open: nothing says when the sampler does not use them any more. */
static int reached[2], held[2];

static void get_stuck(int number)
{
	char byte;

	(void)!write(reached[1], "", 1);
	(void)!read(held[0], &byte, 1);
}

/* Holds the sampler where it waits for its turn: anywhere else it may have the lock. */
static void hold(struct live *live)
{
	struct await await = await_begin("a sampler that waits for its turn");
	char byte;

	for (;; await_pause(&await)) {
		assert_int_equal(pthread_kill(live->worker.thread, SIGUSR1), 0);
		assert_int_equal(read(reached[0], &byte, 1), 1);
		if (!pthread_mutex_trylock(&live->worker.lock)) {
			pthread_mutex_unlock(&live->worker.lock);
			return;
		}
		assert_int_equal(write(held[1], "", 1), 1);
	}
}

/* As one is that reads a target which holds its mmap lock. What it used is freed when it goes on. */
static void test_stuck_sampler(void **state)
{
	struct live_options options = { .pid = getpid(),
					.interval_ns = INT64_C(3600) * 1000000000 };
	const struct sigaction stick = { .sa_handler = get_stuck, .sa_flags = SA_RESTART };
	struct await await = await_begin("a snapshot");
	struct sample *s = NULL;
	struct source *source;
	struct probe probe;
	int event;

	assert_int_equal(pipe2(reached, O_CLOEXEC) | pipe2(held, O_CLOEXEC), 0);
	assert_int_equal(sigaction(SIGUSR1, &stick, NULL), 0);
	probe_run(&probe);
	assert_int_equal(live_open(&options, &probe, &source), 0);
	await_complete(&await, source, &s);
	sample_unref(s);
	event = source_fd(source);
	hold((struct live *)source);
	source_free(source);
	assert_int_not_equal(fcntl(event, F_GETFD), -1);
	assert_int_equal(write(held[1], "", 1), 1);
	await = await_begin("an end of the sampler");
	while (fcntl(event, F_GETFD) != -1)
		await_pause(&await);
	assert_int_equal(errno, EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_that_ends),
		cmocka_unit_test(test_one_that_is_stuck),
		cmocka_unit_test(test_newest_wins),
		cmocka_unit_test(test_call_that_computes),
		cmocka_unit_test(test_call_that_is_stuck),
		cmocka_unit_test(test_stuck_sampler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
