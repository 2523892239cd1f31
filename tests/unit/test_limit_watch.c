// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sample/limit_watch.h"

/* From the kernel's counts to sentences: when they are said, and that each hit is counted once. */

#define S INT64_C(1000000000)

struct said {
	int count;
	long long hits; /* the sum of all that were named */
	char last[EVENT_TEXT_MAX];
};

static void keep(void *context, enum event_kind kind, const char *text)
{
	struct said *said = context;
	long long hits = 0;

	said->count++;
	if (kind == EVENT_LIMIT)
		assert_int_equal(sscanf(text, "the memory limit was hit %lld", &hits), 1);
	said->hits += hits;
	snprintf(said->last, sizeof(said->last), "%s", text);
}

static void take(struct limit_watch *w, int64_t hits, int64_t kills, int64_t now, struct said *said)
{
	limit_watch_take(w, (struct memcg_events){ hits, kills }, now, keep, said);
}

static void test_hits(void **state)
{
	struct limit_watch w = { .hit_ns = -S };
	struct said said = { 0 };

	take(&w, 0, 0, S, &said);
	assert_int_equal(said.count, 0);
	/* It begins, and goes on for half a minute, ten times a second. */
	take(&w, 1, 0, 2 * S, &said);
	assert_string_equal(said.last, "the memory limit was hit 1 times");
	for (int i = 1; i <= 300; i++)
		take(&w, 1 + i, 0, 2 * S + i * S / 10, &said);
	assert_in_range(said.count, 3, 4);
	assert_non_null(strstr(said.last, " more"));
	/* What was not said by then is, once it is quiet, and not with the next beginning. */
	take(&w, 331, 0, 33 * S, &said);
	take(&w, 331, 0, 35 * S, &said);
	assert_int_equal(said.hits, 331);
	said.count = 0;
	take(&w, 331, 0, 300 * S, &said);
	assert_int_equal(said.count, 0);
	take(&w, 332, 0, 301 * S, &said);
	assert_string_equal(said.last, "the memory limit was hit 1 times");
	assert_false(limit_watch_saw_oom(&w));
}

static void test_kills(void **state)
{
	struct limit_watch w = { .hit_ns = -S };
	struct said said = { 0 };

	take(&w, 0, 0, S, &said);
	take(&w, 0, 2, 2 * S, &said);
	assert_string_equal(said.last, "the OOM killer killed 2 of its cgroup");
	assert_true(limit_watch_saw_oom(&w));
	take(&w, 0, 2, 3 * S, &said);
	assert_int_equal(said.count, 1);
}

/* A kernel that does not count, or a process in no cgroup. */
static void test_silent(void **state)
{
	const struct memcg_events none = { -2, -2 };
	struct limit_watch w = { .first = none, .seen = none, .hits_noted = -2 };
	struct said said = { 0 };

	limit_watch_take(&w, none, S, keep, &said);
	limit_watch_look(&w, 2 * S, keep, &said);
	assert_int_equal(said.count, 0);
	assert_false(limit_watch_saw_oom(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hits),
		cmocka_unit_test(test_kills),
		cmocka_unit_test(test_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
