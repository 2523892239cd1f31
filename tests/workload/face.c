// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload/workload.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* The face of src/workload on the live kernel: what the screen and the commands call. */

#define MIB (UINT64_C(1) << 20)

/* Looks for something that must come, 10 ms apart: a machine may be slow, or stand still. */
#define PATIENCE 12000

/* This program again: takes that many bytes of private memory, says so, and stays. */
#define TAKE_WORD "take"
static char *const taker[] = { (char *)"/proc/self/exe", (char *)TAKE_WORD, (char *)"12000000",
			       NULL };
static char *const sleeper[] = { (char *)"sleep", (char *)"1000", NULL };

static void pause_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
}

static void wait_for_line(struct workload *w, const char *line)
{
	struct workload_status s;

	for (int i = 0; i < PATIENCE; i++) {
		workload_poll(w, &s);
		if (s.lines && !strcmp(s.output[s.lines - 1], line))
			return;
		if (s.state != WORKLOAD_RUNNING)
			break;
		pause_a_little();
	}
	fail_msg("the workload did not say '%s' but '%s', and is %s (%d)", line,
		 s.lines ? s.output[s.lines - 1] : "", workload_state_name(s.state), s.code);
}

/* Asks again while the kernel cannot push out enough at once, where a disk is slow. */
static void lower_limit(struct workload *w, uint64_t limit)
{
	struct workload_why why;
	int r = -EBUSY;

	for (int i = 0; r == -EBUSY && i < PATIENCE; i++) {
		r = workload_set_limit(w, limit, &why);
		if (r == -EBUSY) {
			print_message("again: %s\n", why.text);
			pause_a_little();
		}
	}
	if (r < 0)
		fail_msg("%s", why.text);
}

/* Bytes; limit 0: without a group. */
static struct workload *start(char *const *argv, uint64_t limit, uint64_t swap_limit,
			      uint64_t make_swap)
{
	struct workload_options options = WORKLOAD_OPTIONS_INIT;
	struct workload_why why;
	struct workload *w = NULL;
	int r;

	options.argv = argv;
	options.limit = limit ? limit : WORKLOAD_UNSET;
	options.swap_limit = swap_limit;
	options.make_swap = make_swap;
	options.no_cgroup = !limit;
	r = workload_start(&options, &w, &why);
	if (r < 0)
		fail_msg("%s", why.text);
	return w;
}

static void end(struct workload *w)
{
	struct workload_status s;
	struct workload_why why;

	workload_poll(w, &s);
	assert_int_equal(workload_free(w, &why), 0);
	if (s.pid)
		assert_int_equal(kill(s.pid, 0), -1);
}

static void test_limit_live(void **state)
{
	struct workload_status s;
	struct workload_why why;
	struct workload *w;

	w = start(taker, 64 * MIB, WORKLOAD_UNSET, 64 * MIB);
	wait_for_line(w, "taken");
	workload_poll(w, &s);
	assert_int_equal(s.memory.limit, 64 * MIB);
	assert_true(s.memory.usage > 11 * MIB && s.memory.usage != WORKLOAD_UNSET);
	/* Lower than what it uses: it goes to swap, nothing is killed. */
	lower_limit(w, 6 * MIB);
	workload_poll(w, &s);
	assert_int_equal(s.state, WORKLOAD_RUNNING);
	assert_int_equal(s.memory.limit, 6 * MIB);
	assert_true(s.memory.usage <= 6 * MIB);
	assert_true(s.memory.swap > 4 * MIB && s.memory.swap != WORKLOAD_UNSET);
	/* Higher, none at all, and back. */
	assert_int_equal(workload_set_limit(w, 32 * MIB, &why), 0);
	assert_int_equal(workload_set_limit(w, WORKLOAD_UNSET, &why), 0);
	workload_poll(w, &s);
	assert_true(s.memory.limit == WORKLOAD_UNSET);
	assert_int_equal(workload_set_limit(w, 32 * MIB, &why), 0);
	workload_poll(w, &s);
	assert_int_equal(s.memory.limit, 32 * MIB);
	assert_int_equal(s.memory.oom_kills, 0);
	/* Bad ones are refused as on the command line. */
	assert_int_equal(workload_set_limit(w, 0, &why), -EINVAL);
	assert_int_equal(workload_set_limit(w, 1000000 * MIB * MIB, &why), -EINVAL);
	end(w);
}

/* Both limits of v1 move together, in the order that the kernel allows. */
static void test_limit_with_swap_limit(void **state)
{
	static const uint64_t limits[] = { 8 * MIB, 64 * MIB, 4 * MIB, WORKLOAD_UNSET, 16 * MIB };
	struct workload_status s;
	struct workload_why why;
	struct workload *w;

	w = start(sleeper, 16 * MIB, 8 * MIB, 0);
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		if (workload_set_limit(w, limits[i], &why) < 0)
			fail_msg("%s", why.text);
		workload_poll(w, &s);
		assert_true(s.memory.limit == limits[i]);
		if (limits[i] != WORKLOAD_UNSET)
			assert_int_equal(s.memory.swap_limit, 8 * MIB);
	}
	end(w);
}

/* Nowhere to go, so the kernel cannot: the limit stays, the workload lives. */
static void test_limit_that_cannot_be(void **state)
{
	struct workload_status s;
	struct workload_why why;
	struct workload *w;

	w = start(taker, 64 * MIB, 0, 0);
	wait_for_line(w, "taken");
	assert_int_equal(workload_set_limit(w, 4 * MIB, &why), -EBUSY);
	assert_non_null(strstr(why.text, "the limit stays"));
	workload_poll(w, &s);
	assert_int_equal(s.state, WORKLOAD_RUNNING);
	assert_int_equal(s.memory.limit, 64 * MIB);
	end(w);
}

static void test_push_out(void **state)
{
	struct workload_status before, after;
	struct workload_why why;
	struct workload *w;

	w = start(taker, 64 * MIB, WORKLOAD_UNSET, 64 * MIB);
	wait_for_line(w, "taken");
	workload_poll(w, &before);
	/* All that can go at once goes, which is less where a disk is slow. */
	for (int i = 0; i < PATIENCE; i++) {
		if (workload_push_out(w, &why) < 0)
			fail_msg("%s", why.text);
		workload_poll(w, &after);
		if (after.memory.usage < before.memory.usage / 2 && after.memory.swap > 8 * MIB)
			break;
		pause_a_little();
	}
	assert_int_equal(after.state, WORKLOAD_RUNNING);
	assert_true(after.memory.usage < before.memory.usage / 2);
	assert_true(after.memory.swap > 8 * MIB);
	assert_int_equal(after.memory.limit, 64 * MIB);
	assert_int_equal(after.memory.oom_kills, 0);
	end(w);
}

static void test_stop_and_restart(void **state)
{
	struct workload_status first, second;
	struct workload_why why;
	struct workload *w;

	w = start(sleeper, 16 * MIB, WORKLOAD_UNSET, 0);
	workload_poll(w, &first);
	assert_int_equal(first.state, WORKLOAD_RUNNING);
	assert_int_equal(workload_stop(w, &why), 0);
	workload_poll(w, &second);
	assert_int_equal(second.state, WORKLOAD_STOPPED);
	assert_int_equal(kill(first.pid, 0), -1);
	/* The group is still there, and its limit can be raised before the next start. */
	assert_int_equal(workload_set_limit(w, 32 * MIB, &why), 0);
	assert_int_equal(workload_restart(w, &why), 0);
	workload_poll(w, &second);
	assert_int_equal(second.state, WORKLOAD_RUNNING);
	assert_int_not_equal(second.pid, first.pid);
	assert_int_equal(second.memory.limit, 32 * MIB);
	/* And while it runs. */
	assert_int_equal(workload_restart(w, &why), 0);
	workload_poll(w, &first);
	assert_int_equal(first.state, WORKLOAD_RUNNING);
	assert_int_equal(kill(second.pid, 0), -1);
	end(w);
}

/* An OOM kill of one start is not counted for the next one. */
static void test_oom_then_raise(void **state)
{
	struct workload_status s;
	struct workload_why why;
	struct workload *w;

	w = start(taker, 3 * MIB, 0, 0);
	do {
		struct pollfd fd = { .fd = workload_fd(w), .events = POLLIN };

		assert_int_equal(poll(&fd, 1, PATIENCE * 10), 1);
		workload_poll(w, &s);
	} while (s.state == WORKLOAD_RUNNING);
	assert_int_equal(s.state, WORKLOAD_OOM);
	assert_true(s.memory.oom_kills >= 1);
	assert_int_equal(s.memory.limit, 3 * MIB);
	assert_true(s.memory.usage <= 3 * MIB);
	assert_int_equal(workload_set_limit(w, 64 * MIB, &why), 0);
	assert_int_equal(workload_restart(w, &why), 0);
	wait_for_line(w, "taken");
	workload_poll(w, &s);
	assert_int_equal(kill(s.pid, SIGKILL), 0);
	do {
		pause_a_little();
		workload_poll(w, &s);
	} while (s.state == WORKLOAD_RUNNING);
	assert_int_equal(s.state, WORKLOAD_KILLED);
	end(w);
}

static void test_without_a_group(void **state)
{
	struct workload_status s;
	struct workload_why why;
	struct workload *w;

	w = start(sleeper, 0, WORKLOAD_UNSET, 0);
	workload_poll(w, &s);
	assert_int_equal(s.group, WORKLOAD_NO_GROUP);
	assert_int_equal(workload_set_limit(w, MIB, &why), -ENOTSUP);
	assert_int_equal(workload_push_out(w, &why), -ENOTSUP);
	assert_int_equal(workload_restart(w, &why), 0);
	end(w);
}

static void test_two_at_once(void **state)
{
	struct workload *a, *b;
	struct workload_why why;
	struct workload_status s;

	a = start(sleeper, 16 * MIB, WORKLOAD_UNSET, 0);
	b = start(sleeper, 16 * MIB, WORKLOAD_UNSET, 0);
	end(a);
	/* A sweep in between does not touch the one that lives. */
	assert_true(workload_sweep(&why) >= 0);
	workload_poll(b, &s);
	assert_int_equal(s.state, WORKLOAD_RUNNING);
	end(b);
}

static int take(size_t size)
{
	volatile char *memory = malloc(size);

	if (!memory)
		return 1;
	for (size_t i = 0; i < size; i += 4096)
		memory[i] = 1;
	puts("taken");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit_live),
		cmocka_unit_test(test_limit_with_swap_limit),
		cmocka_unit_test(test_limit_that_cannot_be),
		cmocka_unit_test(test_push_out),
		cmocka_unit_test(test_stop_and_restart),
		cmocka_unit_test(test_oom_then_raise),
		cmocka_unit_test(test_without_a_group),
		cmocka_unit_test(test_two_at_once),
	};

	/* The supervisor of a workload is the same program again. */
	if (argc > 1 && !strcmp(argv[1], "supervise"))
		return workload_supervise(argc - 1, argv + 1);
	if (argc > 2 && !strcmp(argv[1], TAKE_WORD))
		return take(strtoul(argv[2], NULL, 10));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
