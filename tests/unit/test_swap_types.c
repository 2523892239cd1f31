// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/swaps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void test_lines(void **state)
{
	static const struct {
		uint32_t seen;
		size_t areas;
		unsigned int type;
		int line;
	} rows[] = {
		{ 1 << 0, 1, 0, 0 },
		{ 1 << 3, 1, 3, 0 }, /* three areas before it were switched off */
		{ 1 << 0, 2, 0, 0 }, /* no line comes before type 0 */
		{ 1 << 1, 2, 1, -1 }, /* types 0 and 1, or 1 and 2 */
		{ 1 << 0 | 1 << 1, 2, 1, 1 },
		{ 1 << 1 | 1 << 2, 2, 1, 0 },
		{ 1 << 1 | 1 << 2, 2, 2, 1 },
		{ 1 << 1 | 1 << 2, 3, 1, -1 },
		{ 1 << 1 | 1 << 2, 3, 2, -1 },
		{ 1 << 0 | 1 << 2, 3, 2, -1 }, /* the third area may be type 1 or above 2 */
		{ 1 << 0 | 1 << 5, 2, 5, 1 },
		{ 1 << 0 | 1 << 1 | 1 << 2, 3, 1, 1 },
		{ 1 << 0 | 1 << 1, 1, 1, -1 }, /* the list changed meanwhile */
		{ 1 << 0, 0, 0, -1 },
		{ 1 << 0, 2, 1, -1 }, /* not seen */
		{ UINT32_MAX, 32, 31, 31 },
		{ 1, 1, 32, -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(swap_type_line(rows[i].seen, rows[i].areas, rows[i].type),
				 rows[i].line);
}

/* Every answer is right for every machine that fits what was seen. */
static void test_all_machines(void **state)
{
	for (uint32_t machine = 1; machine < 256; machine++)
		for (uint32_t seen = machine; seen; seen = (seen - 1) & machine)
			for (unsigned int type = 0; type < 8; type++) {
				int line, truth = __builtin_popcount(machine & ((1u << type) - 1));

				if (!(seen >> type & 1))
					continue;
				line = swap_type_line(seen, (size_t)__builtin_popcount(machine),
						      type);
				assert_true(line == -1 || line == truth);
				if (seen == machine)
					assert_int_equal(line, truth);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_all_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
