// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/units.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define UNTOUCHED 77

struct row {
	const char *text;
	int result;
	uint64_t value;
};

static void test_sizes(void **state)
{
	static const struct row rows[] = {
		{ "0", 0, 0 },
		{ "1", 0, 1 },
		{ "4096", 0, 4096 },
		{ "512K", 0, 524288 },
		{ "512k", 0, 524288 },
		{ "512KiB", 0, 524288 },
		{ "3M", 0, 3145728 },
		{ "2G", 0, 2147483648 },
		{ "1T", 0, 1099511627776 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "16777215T", 0, 16777215ULL << 40 },
		{ "18446744073709551616", -ERANGE, UNTOUCHED },
		{ "16777216T", -ERANGE, UNTOUCHED },
		{ "99999999999999999999999G", -ERANGE, UNTOUCHED },
		{ "-1", -EDOM, UNTOUCHED },
		{ "-5M", -EDOM, UNTOUCHED },
		{ "-", -EINVAL, UNTOUCHED },
		{ "", -EINVAL, UNTOUCHED },
		{ "K", -EINVAL, UNTOUCHED },
		{ "12Q", -EINVAL, UNTOUCHED },
		{ "12KB", -EINVAL, UNTOUCHED },
		{ "12KK", -EINVAL, UNTOUCHED },
		{ "12 K", -EINVAL, UNTOUCHED },
		{ " 12K", -EINVAL, UNTOUCHED },
		{ "+12K", -EINVAL, UNTOUCHED },
		{ "1.5G", -EINVAL, UNTOUCHED },
		{ "0x10", -EINVAL, UNTOUCHED },
		{ "12\x8b", -EINVAL, UNTOUCHED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t value = UNTOUCHED;

		assert_int_equal(units_parse_size(rows[i].text, &value), rows[i].result);
		assert_int_equal(value, rows[i].value);
	}
}

static void test_durations(void **state)
{
	static const struct row rows[] = {
		{ "0", 0, 0 },
		{ "100ms", 0, 100000000 },
		{ "20s", 0, 20000000000 },
		{ "20", 0, 20000000000 },
		{ "5m", 0, 300000000000 },
		{ "1h", 0, 3600000000000 },
		{ "0.5s", 0, 500000000 },
		{ "1.25ms", 0, 1250000 },
		{ "1.5h", 0, 5400000000000 },
		{ "0.0000000019s", 0, 1 },
		{ "0.999999999h", 0, 3599999996400 },
		{ "5124095.576030431h", 0, 18446744073709551600U },
		{ "1.", -EINVAL, UNTOUCHED },
		{ ".5", -EINVAL, UNTOUCHED },
		{ "1.5.5s", -EINVAL, UNTOUCHED },
		{ "5d", -EINVAL, UNTOUCHED },
		{ "ms", -EINVAL, UNTOUCHED },
		{ "5S", -EINVAL, UNTOUCHED },
		{ "", -EINVAL, UNTOUCHED },
		{ "-1s", -EDOM, UNTOUCHED },
		{ "18446744073709551615h", -ERANGE, UNTOUCHED },
		{ "18446744073.709551616s", -ERANGE, UNTOUCHED },
		{ "18446744073.709551615s", 0, UINT64_MAX },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t value = UNTOUCHED;

		assert_int_equal(units_parse_duration(rows[i].text, &value), rows[i].result);
		assert_int_equal(value, rows[i].value);
	}
}

static void test_problems_differ(void **state)
{
	assert_string_equal(units_size_problem(-EDOM), "is negative");
	assert_string_not_equal(units_size_problem(-EINVAL), units_size_problem(-ERANGE));
	assert_string_not_equal(units_duration_problem(-EINVAL), units_duration_problem(-ERANGE));
}

static void test_format(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 1, "1B" },
		{ 1023, "1023B" },
		{ 1024, "1K" },
		{ 1536, "1.5K" },
		{ 524288, "512K" },
		{ 1048575, "1023K" },
		{ 1048576, "1M" },
		{ 2147483648, "2G" },
		{ UINT64_MAX, "15E" },
		{ 2199023255551, "1.9T" },
		{ (5ULL << 60) + (9ULL << 60) / 10, "5.8E" },
	};
	char buf[UNITS_SIZE_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(units_format_size(rows[i].bytes, buf), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_problems_differ),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
