// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload/memgroup.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* A folder with the files that the kernel would show. */

static int make(void **state)
{
	struct memgroup *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	strcpy(g->dir, "/tmp/pmtop-unit-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	*state = g;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int unmake(void **state)
{
	struct memgroup *g = *state;

	nftw(g->dir, remove_one, 4, FTW_DEPTH | FTW_PHYS);
	free(g);
	return 0;
}

static void file(const struct memgroup *g, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%.200s/%s", g->dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void test_v1(void **state)
{
	struct memgroup *g = *state;
	struct workload_memory m;

	g->version = WORKLOAD_GROUP_V1;
	file(g, "memory.limit_in_bytes", "524288\n");
	file(g, "memory.memsw.limit_in_bytes", "1572864\n");
	file(g, "memory.soft_limit_in_bytes", "9223372036854771712\n");
	file(g, "memory.usage_in_bytes", "520192\n");
	file(g, "memory.max_usage_in_bytes", "524288\n");
	file(g, "memory.failcnt", "201\n");
	file(g, "memory.swappiness", "60\n");
	file(g, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
	file(g, "memory.stat", "cache 4096\nswap 1\ntotal_cache 4096\ntotal_swap 811008\n");
	memgroup_read(g, &m);
	assert_int_equal(m.limit, 524288);
	assert_int_equal(m.swap_limit, 1048576);
	assert_true(m.high == WORKLOAD_UNSET);
	assert_int_equal(m.usage, 520192);
	assert_int_equal(m.peak, 524288);
	assert_int_equal(m.swap, 811008);
	assert_int_equal(m.limit_hits, 201);
	assert_true(m.high_hits == WORKLOAD_UNSET);
	assert_int_equal(m.oom_kills, 3);
	assert_int_equal(m.swappiness, 60);
	assert_false(m.has_pressure);
}

static void test_v1_without_limits(void **state)
{
	struct memgroup *g = *state;
	struct workload_memory m;

	g->version = WORKLOAD_GROUP_V1;
	file(g, "memory.limit_in_bytes", "9223372036854771712\n");
	file(g, "memory.memsw.limit_in_bytes", "9223372036854771712\n");
	memgroup_read(g, &m);
	assert_true(m.limit == WORKLOAD_UNSET);
	assert_true(m.swap_limit == WORKLOAD_UNSET);
	assert_true(m.swap == WORKLOAD_UNSET);
	assert_true(m.oom_kills == WORKLOAD_UNSET);
	assert_int_equal(m.swappiness, -1);
}

static void test_v2(void **state)
{
	struct memgroup *g = *state;
	struct workload_memory m;

	g->version = WORKLOAD_GROUP_V2;
	file(g, "memory.max", "524288\n");
	file(g, "memory.swap.max", "max\n");
	file(g, "memory.high", "0\n");
	file(g, "memory.current", "462848\n");
	file(g, "memory.swap.current", "0\n");
	file(g, "memory.events", "low 0\nhigh 7\nmax 88\noom 2\noom_kill 1\noom_group_kill 0\n");
	file(g, "memory.pressure",
	     "some avg10=12.50 avg60=1.00 avg300=0.10 total=9\n"
	     "full avg10=3.25 avg60=0.00 avg300=0.00 total=1\n");
	memgroup_read(g, &m);
	assert_int_equal(m.limit, 524288);
	assert_true(m.swap_limit == WORKLOAD_UNSET);
	assert_int_equal(m.high, 0);
	assert_int_equal(m.usage, 462848);
	assert_true(m.peak == WORKLOAD_UNSET);
	assert_int_equal(m.swap, 0);
	assert_int_equal(m.high_hits, 7);
	assert_int_equal(m.limit_hits, 88);
	assert_int_equal(m.oom_kills, 1);
	assert_true(m.has_pressure);
	assert_true(m.pressure_some > 12.4 && m.pressure_some < 12.6);
	assert_true(m.pressure_full > 3.2 && m.pressure_full < 3.3);
}

static void test_nothing_is_known(void **state)
{
	struct memgroup *g = *state;
	struct workload_memory m;

	for (int version = WORKLOAD_NO_GROUP; version <= WORKLOAD_GROUP_V2; version++) {
		g->version = version;
		memgroup_read(g, &m);
		assert_true(m.usage == WORKLOAD_UNSET);
		assert_true(m.limit_hits == WORKLOAD_UNSET);
		assert_false(m.has_pressure);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_v1, make, unmake),
		cmocka_unit_test_setup_teardown(test_v1_without_limits, make, unmake),
		cmocka_unit_test_setup_teardown(test_v2, make, unmake),
		cmocka_unit_test_setup_teardown(test_nothing_is_known, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
