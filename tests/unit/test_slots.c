// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/slots.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "report/swaps.h"

static void test_each_slot_once(void **state)
{
	struct slot_set *set = slot_set_new();

	assert_int_equal(slot_set_add(set, 0, 1), 1);
	assert_int_equal(slot_set_add(set, 0, 1), 0);
	assert_int_equal(slot_set_add(set, 1, 1), 1);
	assert_int_equal(slot_set_add(set, 0, 0), 1);
	for (uint64_t i = 0; i < 100000; i += 7)
		assert_int_equal(slot_set_add(set, 3, i), 1);
	for (uint64_t i = 0; i < 100000; i++)
		assert_int_equal(slot_set_add(set, 3, i), i % 7 != 0);
	assert_int_equal(slot_set_count(set), 100003);
	assert_int_equal(slot_set_add(set, 99, 0), -EINVAL);
	slot_set_free(set);
}

/* What is shown of two processes, an object with a hostile name, and a rest. */
static void test_account(void **state)
{
	struct census *c = census_new();
	struct swaps_account a = { .census = c, .used_before = 1 << 20, .used_after = 1 << 20 };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	c->processes = calloc(2, sizeof(*c->processes));
	c->process_count = 2;
	for (int i = 0; i < 2; i++) {
		c->processes[i].pid = 10 + i;
		snprintf(c->processes[i].comm, sizeof(c->processes[i].comm), "work\x1b[%d", i);
		c->processes[i].private_swap = (uint64_t)(i + 1) << 18;
	}
	c->processes[1].shared_doubt = CENSUS_NO_RIGHT;
	c->objects = calloc(1, sizeof(*c->objects));
	c->object_count = 1;
	c->objects[0].name = strdup("/memfd:\n");
	c->objects[0].size = 1 << 17;
	c->objects[0].swap = 1 << 16;
	c->mappers = calloc(1, sizeof(*c->mappers));
	c->areas = calloc(1, sizeof(*c->areas));
	c->area_count = 1;
	c->areas[0].path = strdup("/swap \x9b");
	c->areas[0].size = 1 << 21;
	c->areas[0].used = 1 << 20;
	census_seal(c);
	a.private_bytes = 3 << 18;
	assert_int_equal(swaps_unexplained(&a), (1 << 20) - (3 << 18) - (1 << 16));
	report_swaps_text(out, &a);
	assert_int_equal(report_swaps_json(out, &a), 0);
	fclose(out);
	assert_null(strchr(text, '\x1b'));
	assert_null(strchr(text, '\x9b'));
	/* The larger holder first; what is not known is a question mark. */
	assert_true(strstr(text, "     11            512K      ? work\\x1b[1\n") <
		    strstr(text, "     10            256K      - work\\x1b[0\n"));
	assert_non_null(strstr(text, "     11            512K      ? work\\x1b[1\n"));
	assert_non_null(strstr(text, "  192K  not explained"));
	assert_non_null(strstr(text, "\"unexplained\": 196608"));
	assert_non_null(strstr(text, "\"shared_swap\": null"));
	free(text);
	/* More than used, when forked processes count twice. */
	a.private_bytes = 2 << 20;
	out = open_memstream(&text, &size);
	report_swaps_text(out, &a);
	fclose(out);
	assert_non_null(strstr(text, "more than used: slots that forked"));
	free(text);
	census_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_slot_once),
		cmocka_unit_test(test_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
