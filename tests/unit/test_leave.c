// SPDX-License-Identifier: GPL-2.0-or-later
/* Parting from a thread: with one that ends, one that is stuck, and a sampler that is stuck. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

#include "sample/live.h"
#include "sample/live_internal.h"
#include "tests/unit/await.h"

struct other {
	struct leave leave;
	int held; /* it goes on when there is a byte to read */
	atomic_int last; /* what leave_end() told it: 1 that it is the last one, 0 not; -1 before */
};

static void *other_thread(void *context)
{
	struct other *other = context;
	char byte;

	(void)!read(other->held, &byte, 1);
	atomic_store(&other->last, leave_end(&other->leave));
	return NULL;
}

/* Leaves a thread that goes on before or after that. Both must never be the last, nor none. */
static bool leave_one(bool before)
{
	struct other other = { .last = -1 };
	struct await await = await_begin("an end of the thread");
	pthread_t thread;
	bool is_last;
	int held[2];

	assert_int_equal(pipe2(held, O_CLOEXEC), 0);
	other.held = held[0];
	leave_init(&other.leave);
	assert_int_equal(pthread_create(&thread, NULL, other_thread, &other), 0);
	if (before)
		assert_int_equal(write(held[1], "", 1), 1);
	is_last = leave_thread(&other.leave, thread);
	if (!before)
		assert_int_equal(write(held[1], "", 1), 1);
	while (atomic_load(&other.last) < 0)
		await_pause(&await);
	assert_int_equal(atomic_load(&other.last), !is_last);
	close(held[0]);
	close(held[1]);
	leave_destroy(&other.leave);
	return is_last;
}

static void test_one_that_ends(void **state)
{
	struct await await = await_begin("a thread that ended within a second");

	while (!leave_one(true))
		await_pause(&await);
}

static void test_one_that_is_stuck(void **state)
{
	assert_false(leave_one(false));
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
		assert_int_equal(pthread_kill(live->thread, SIGUSR1), 0);
		assert_int_equal(read(reached[0], &byte, 1), 1);
		if (!pthread_mutex_trylock(&live->lock)) {
			pthread_mutex_unlock(&live->lock);
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
	struct snapshot *s = NULL;
	struct source *source;
	struct probe probe;
	int event;

	assert_int_equal(pipe2(reached, O_CLOEXEC) | pipe2(held, O_CLOEXEC), 0);
	assert_int_equal(sigaction(SIGUSR1, &stick, NULL), 0);
	probe_run(&probe);
	assert_int_equal(live_open(&options, &probe, &source), 0);
	await_complete(&await, source, &s);
	snapshot_unref(s);
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
		cmocka_unit_test(test_stuck_sampler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
