// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "kernel/target.h"

#define GROUPS 5000

/* What /proc/PID may say, in a directory of our own. */

static FILE *create(const char *directory, const char *name)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	return file;
}

/* A user in thousands of groups: they stand before what is wanted, in a line of 50 KB. */
static void test_counters_of_who_is_in_many_groups(void **state)
{
	char directory[] = "/tmp/pmtop-test-target-XXXXXX";
	struct target target = TARGET_CLOSED;
	struct target_counters counters;
	FILE *file;

	assert_non_null(mkdtemp(directory));
	file = create(directory, "stat");
	fputs("1 (a b) S 0 1 1 0 -1 0 77 0 88 0 0 0\n", file);
	fclose(file);
	file = create(directory, "statm");
	fputs("10 20 30 0 0 0 0\n", file);
	fclose(file);
	file = create(directory, "status");
	fputs("Name:\ta b\nGroups:\t", file);
	for (unsigned int i = 0; i < GROUPS; i++)
		fprintf(file, "%u ", 4000000000u + i);
	fputs("\nVmPTE:\t      64 kB\nVmSwap:\t    4096 kB\nThreads:\t1\n", file);
	fclose(file);
	target.proc = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(target_counters(&target, &counters), 0);
	assert_int_equal(counters.minor_faults, 77);
	assert_int_equal(counters.major_faults, 88);
	assert_int_equal(counters.size, 10);
	assert_int_equal(counters.resident, 20);
	assert_int_equal(counters.shared, 30);
	assert_int_equal(counters.page_tables, 16);
	assert_int_equal(counters.swap, 1024);
	assert_int_equal(unlinkat(target.proc, "stat", 0), 0);
	assert_int_equal(unlinkat(target.proc, "statm", 0), 0);
	assert_int_equal(unlinkat(target.proc, "status", 0), 0);
	target_close(&target);
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters_of_who_is_in_many_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
