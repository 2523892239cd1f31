// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/escape.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void test_shown(void **state)
{
	static const struct {
		const char *raw, *shown;
	} rows[] = {
		{ "", "" },
		{ "/usr/lib/libc.so.6", "/usr/lib/libc.so.6" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xf0\x9f\x90\xa7", "\xf0\x9f\x90\xa7" },
		{ "\x1b[2J", "\\x1b[2J" },
		{ "a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f" },
		{ "\xc2\x9b"
		  "2J",
		  "\\u009b2J" }, /* C1: CSI */
		{ "\x9b", "\\x9b" },
		{ "\xe2\x80\xae", "\\u202e" }, /* right-to-left override */
		{ "\xe2\x80\x8b", "\\u200b" }, /* zero width */
		{ "\xf4\x8f\xbf\xbd", "\\u10fffd" },
		{ "\xff\xfe", "\\xff\\xfe" },
		{ "\xc0\xaf", "\\xc0\\xaf" }, /* overlong */
		{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" }, /* surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* beyond 10ffff */
		{ "x\xe2\x82", "x\\xe2\\x82" }, /* cut */
		{ "\xc3"
		  "a",
		  "\\xc3"
		  "a" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char buf[64];

		assert_int_equal(escape_text(rows[i].raw, strlen(rows[i].raw), buf, sizeof(buf)),
				 strlen(rows[i].shown));
		assert_string_equal(buf, rows[i].shown);
	}
}

/* Whatever comes in, nothing that acts on a terminal comes out, and it is valid UTF-8. */
static void test_any_bytes(void **state)
{
	for (unsigned value = 0; value < 1 << 24; value += 7) {
		char raw[3] = { (char)value, (char)(value >> 8), (char)(value >> 16) };
		char buf[3 * ESCAPE_MAX];
		size_t length = escape_text(raw, sizeof(raw), buf, sizeof(buf));

		for (size_t i = 0; i < length;) {
			uint32_t character;
			int size = utf8_decode(buf + i, length - i, &character);

			assert_true(size > 0);
			assert_true(escape_is_safe(character));
			i += (size_t)size;
		}
	}
}

static void test_cut(void **state)
{
	char buf[6];

	assert_int_equal(escape_text("ab\x1b", 3, buf, 6), 2);
	assert_string_equal(buf, "ab");
	assert_int_equal(escape_text("\x1bz", 2, buf, 6), 5);
	assert_string_equal(buf, "\\x1bz");
	assert_int_equal(escape_text("\xe2\x82\xac\xe2\x82\xac", 6, buf, 6), 3);
	assert_string_equal(buf, "\xe2\x82\xac");
	assert_int_equal(escape_text("a", 1, buf, 1), 0);
}

static void test_round_trip(void **state)
{
	static const uint32_t borders[] = { 0,	    0x7f,   0x80,   0x7ff,   0x800,
					    0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff };

	for (size_t i = 0; i < sizeof(borders) / sizeof(*borders); i++) {
		char buf[4];
		uint32_t character;
		int size = utf8_encode(borders[i], buf);

		assert_int_equal(utf8_decode(buf, (size_t)size, &character), size);
		assert_int_equal(character, borders[i]);
		if (size > 1)
			assert_int_equal(utf8_decode(buf, (size_t)size - 1, &character), -EILSEQ);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
