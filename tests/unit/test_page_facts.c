// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ui/page_facts.h"

static void test_vm_flags_in_words(void **state)
{
	char text[200], small[12];

	vm_flags_text("rd wr sh mr mw me ms sd ", text, sizeof(text));
	assert_string_equal(text, "readable, writable, shared, soft-dirty");
	vm_flags_text("rd ex mr mw me sd", text, sizeof(text));
	assert_string_equal(text, "readable, executable, soft-dirty");
	vm_flags_text("rd wr ur dp", text, sizeof(text));
	assert_string_equal(text, "readable, writable, userfaultfd access protection, droppable");
	vm_flags_text("", text, sizeof(text));
	assert_string_equal(text, "");
	vm_flags_text("x", text, sizeof(text));
	assert_string_equal(text, "");
	vm_flags_text("zz qq", text, sizeof(text));
	assert_string_equal(text, "");
	/* Cut, never beyond its end. */
	vm_flags_text("rd wr ex sh", small, sizeof(small));
	assert_string_equal(small, "readable, w");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_vm_flags_in_words) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
