// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/keymap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void test_every_request_is_whole(void **state)
{
	for (int r = 1; r < REQUESTS; r++) {
		assert_non_null(requests[r].name);
		assert_true(strlen(requests[r].name) > 1);
		assert_true(strlen(requests[r].keys) > 0);
		assert_true(strlen(requests[r].help) > 4);
		assert_true(requests[r].where);
		assert_int_equal(request_parse(requests[r].name), r);
	}
	assert_int_equal(request_parse("no-such-thing"), -ENOENT);
}

static void test_defaults_do_not_clash(void **state)
{
	struct keymap *keymap = keymap_new();
	enum request a, b;
	int key;

	assert_non_null(keymap);
	assert_int_equal(keymap_check(keymap, &a, &b, &key), 0);
	keymap_free(keymap);
}

/* In each screen one can move, get help and leave, whatever else there is. */
static void test_every_screen_has_a_way_out(void **state)
{
	struct keymap *keymap = keymap_new();

	for (int screen = 1; screen < 0x100; screen <<= 1) {
		assert_int_equal(keymap_find(keymap, screen, 'q'), REQ_QUIT);
		assert_int_equal(keymap_find(keymap, screen, 3), REQ_QUIT);
		assert_int_equal(keymap_find(keymap, screen, '?'), REQ_HELP);
		assert_int_equal(keymap_find(keymap, screen, UIKEY_ESCAPE), REQ_BACK);
		assert_int_equal(keymap_find(keymap, screen, 'j'), REQ_DOWN);
		assert_int_equal(keymap_find(keymap, screen, UIKEY_UP), REQ_UP);
	}
	keymap_free(keymap);
}

static void test_bind(void **state)
{
	struct keymap *keymap = keymap_new();
	enum request clash = REQ_NONE;
	const char *bad = NULL;
	char buf[64];

	assert_int_equal(keymap_bind(keymap, "quit", "x F10", &bad, &clash), 0);
	assert_int_equal(keymap_find(keymap, SCREEN_PAGES, 'x'), REQ_QUIT);
	assert_int_equal(keymap_find(keymap, SCREEN_PAGES, 'q'), REQ_NONE);
	assert_string_equal(keymap_keys(keymap, REQ_QUIT, buf, sizeof(buf)), "x F10");
	assert_string_equal(keymap_first(keymap, REQ_QUIT, buf, sizeof(buf)), "x");

	/* A clash is refused, and nothing changes. */
	assert_int_equal(keymap_bind(keymap, "find", "x", &bad, &clash), -EEXIST);
	assert_int_equal(clash, REQ_QUIT);
	assert_int_equal(keymap_find(keymap, SCREEN_PAGES, '/'), REQ_FIND);

	assert_int_equal(keymap_bind(keymap, "find", "/ ctrl-x", &bad, &clash), -EINVAL);
	assert_string_equal(bad, "ctrl-x");
	assert_int_equal(keymap_bind(keymap, "fly", "x", &bad, &clash), -ENOENT);
	keymap_free(keymap);
}

/* Two requests may swap keys when all lines are read before the check. */
static void test_swap(void **state)
{
	struct keymap *keymap = keymap_new();
	const char *bad;
	enum request a, b;
	int key;

	assert_int_equal(keymap_bind_later(keymap, "find", "f", &bad), 0);
	assert_int_equal(keymap_check(keymap, &a, &b, &key), -EEXIST);
	assert_int_equal(a, REQ_FIND);
	assert_int_equal(b, REQ_FILTER);
	assert_int_equal(key, 'f');
	assert_int_equal(keymap_bind_later(keymap, "filter", "/", &bad), 0);
	assert_int_equal(keymap_check(keymap, &a, &b, &key), 0);
	keymap_free(keymap);
}

static void test_key_names(void **state)
{
	static const int keys[] = { 'a',      'Z',	 '?',	       ' ',
				    2,	      26,	 UIKEY_UP,     UIKEY_PAGE_DOWN,
				    UIKEY_F1, UIKEY_F12, UIKEY_ESCAPE, UIKEY_BACK_TAB,
				    0xe9,     0x20ac };
	char buf[16];

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		ui_key_name(keys[i], buf, sizeof(buf));
		assert_int_equal(ui_key_parse(buf, strlen(buf)), keys[i]);
	}
	assert_int_equal(ui_key_parse("F13", 3), -EINVAL);
	assert_int_equal(ui_key_parse("F0", 2), -EINVAL);
	assert_int_equal(ui_key_parse("^", 1), '^');
	assert_int_equal(ui_key_parse("\x01", 1), -EINVAL);
	assert_int_equal(ui_key_parse("ab", 2), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_request_is_whole),
		cmocka_unit_test(test_defaults_do_not_clash),
		cmocka_unit_test(test_every_screen_has_a_way_out),
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_key_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
