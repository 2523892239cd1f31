// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static int make(void **state)
{
	struct output *o = NULL;
	int fd = output_make();

	assert_true(fd >= 0);
	assert_int_equal(output_map(fd, &o), 0);
	close(fd);
	*state = o;
	return 0;
}

static int unmake(void **state)
{
	output_unmap(*state);
	return 0;
}

static void put(struct output *o, const char *text)
{
	output_put(o, text, strlen(text));
}

static void test_nothing(void **state)
{
	struct workload_status s;

	output_tail(*state, &s);
	assert_int_equal(s.lines, 0);
	assert_int_equal(s.output_bytes, 0);
}

static void test_lines(void **state)
{
	struct workload_status s;

	put(*state, "one\n\nthree\nfo");
	put(*state, "ur");
	output_tail(*state, &s);
	assert_int_equal(s.lines, 4);
	assert_string_equal(s.output[0], "one");
	assert_string_equal(s.output[1], "");
	assert_string_equal(s.output[2], "three");
	assert_string_equal(s.output[3], "four");
	assert_int_equal(s.output_bytes, 15);
	put(*state, "\n");
	output_tail(*state, &s);
	assert_int_equal(s.lines, 4);
	assert_string_equal(s.output[3], "four");
}

static void test_only_a_newline(void **state)
{
	struct workload_status s;

	put(*state, "\n");
	output_tail(*state, &s);
	assert_int_equal(s.lines, 1);
	assert_string_equal(s.output[0], "");
}

static void test_long_lines_and_zero_bytes(void **state)
{
	char line[WORKLOAD_COLUMNS + 50];
	struct workload_status s;

	memset(line, 'x', sizeof(line));
	output_put(*state, line, sizeof(line));
	output_put(*state, "\na\0b\n", 5);
	output_tail(*state, &s);
	assert_int_equal(s.lines, 2);
	assert_int_equal(strlen(s.output[0]), WORKLOAD_COLUMNS);
	assert_string_equal(s.output[1], "a?b");
}

/* Round the buffer many times, by pieces of every size: always the last lines, in order. */
static void test_goes_round(void **state)
{
	struct workload_status s;
	char line[64], want[64];
	unsigned n = 0;

	srand(1);
	for (int round = 0; round < 300; round++) {
		char buf[8192];
		size_t length = 0, wanted = (size_t)(rand() % 8000);

		while (length < wanted) {
			int k = snprintf(line, sizeof(line), "line %u%.*s\n", n, (int)(n % 30),
					 "..............................");

			memcpy(buf + length, line, (size_t)k);
			length += (size_t)k;
			n++;
		}
		output_put(*state, buf, length);
		output_tail(*state, &s);
		if (n < WORKLOAD_LINES)
			continue;
		assert_int_equal(s.lines, WORKLOAD_LINES);
		for (unsigned i = 0; i < s.lines; i++) {
			unsigned number = n - WORKLOAD_LINES + i;

			snprintf(want, sizeof(want), "line %u%.*s", number, (int)(number % 30),
				 "..............................");
			assert_string_equal(s.output[i], want);
		}
	}
	assert_true(s.output_bytes > 5 * OUTPUT_SIZE);
}

/* One line that is longer than all there is room for. */
static void test_no_newline_at_all(void **state)
{
	struct workload_status s;
	char block[1000];

	memset(block, 'y', sizeof(block));
	for (int i = 0; i < 200; i++)
		output_put(*state, block, sizeof(block));
	output_tail(*state, &s);
	assert_int_equal(s.lines, 1);
	assert_int_equal(strlen(s.output[0]), WORKLOAD_COLUMNS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, make, unmake),
		cmocka_unit_test_setup_teardown(test_lines, make, unmake),
		cmocka_unit_test_setup_teardown(test_only_a_newline, make, unmake),
		cmocka_unit_test_setup_teardown(test_long_lines_and_zero_bytes, make, unmake),
		cmocka_unit_test_setup_teardown(test_goes_round, make, unmake),
		cmocka_unit_test_setup_teardown(test_no_newline_at_all, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
