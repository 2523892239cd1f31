// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sample/pace.h"

/* How the sampler keeps to its share, turn by turn, on a clock of the test's own. */

#define MS   INT64_C(1000000)
#define LATE (2 * MS) /* that every turn begins */

/* Turns of these costs until `end_ns`, with something changing or not; the CPU that they took. */
static int64_t run(struct pace *pace, int64_t end_ns, int64_t look_ns, int64_t full_ns,
		   bool changes, int *ret_full, int *ret_turns)
{
	int64_t now = 0, cpu = 0;

	*ret_full = *ret_turns = 0;
	while (now < end_ns) {
		enum pace_turn turn = PACE_REPEAT;
		int64_t cost = look_ns;

		if (changes || !*ret_turns)
			turn = pace_is_too_early(pace, now) ? PACE_TOO_EARLY : PACE_FULL;
		if (turn == PACE_FULL)
			cost += full_ns;
		cpu += cost;
		*ret_full += turn == PACE_FULL;
		(*ret_turns)++;
		pace_next(pace, turn, 100 * MS, now, cost);
		now = pace->due_ns + LATE;
	}
	return cpu;
}

static void test_cheap_target_keeps_the_asked_pace(void **state)
{
	struct pace pace = { .share = 0.1 };
	int full, turns;

	run(&pace, 10000 * MS, MS / 20, 5 * MS, true, &full, &turns);
	assert_int_equal(full, 100); /* the delays did not add up */
	assert_int_equal(pace.interval_ns, 100 * MS);
}

static void test_dear_samples_are_stretched(void **state)
{
	struct pace pace = { .share = 0.1 };
	int full, turns;
	int64_t cpu = run(&pace, 100000 * MS, MS / 20, 200 * MS, true, &full, &turns);

	assert_in_range(cpu, 9500 * MS, 10500 * MS);
	assert_in_range(full, 45, 50);
	assert_true(pace.interval_ns > 1900 * MS);
}

/* A dear first sample of a process that then stands still: looks come at the asked pace. */
static void test_looks_keep_the_pace(void **state)
{
	struct pace pace = { .share = 0.1 };
	int full, turns;

	run(&pace, 10000 * MS, MS / 20, 400 * MS, false, &full, &turns);
	assert_int_equal(full, 1);
	assert_int_equal(turns, 100);
	assert_int_equal(pace.interval_ns, 100 * MS);
}

/* Looks count as well: thousands of shared mappings are dear to look at. */
static void test_dear_looks_are_stretched(void **state)
{
	struct pace pace = { .share = 0.1 };
	int full, turns;
	int64_t cpu = run(&pace, 100000 * MS, 30 * MS, 100 * MS, false, &full, &turns);

	assert_true(cpu <= 10500 * MS);
	assert_true(turns > 250); /* and are not given up */
	assert_int_equal(pace.interval_ns, 300 * MS);
	pace = (struct pace){ .share = 0.1 };
	cpu = run(&pace, 100000 * MS, 30 * MS, 100 * MS, true, &full, &turns);
	assert_true(cpu <= 11000 * MS);
	assert_true(full > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cheap_target_keeps_the_asked_pace),
		cmocka_unit_test(test_dear_samples_are_stretched),
		cmocka_unit_test(test_looks_keep_the_pace),
		cmocka_unit_test(test_dear_looks_are_stretched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
