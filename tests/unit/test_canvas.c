// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/canvas.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct rect line = { 0, 0, 40, 1 };

static char *row(const struct canvas *canvas, int y)
{
	static char buf[1024];
	struct rect rect = canvas_rect(canvas);
	size_t at = 0;

	for (int x = 0; x < rect.width; x++) {
		uint32_t c = canvas_cell(canvas, x, y)->glyph;

		if (c)
			buf[at++] = c < 0x80 ? (char)c : '@';
	}
	while (at && buf[at - 1] == ' ')
		at--;
	buf[at] = '\0';
	return buf;
}

static void expect(bool utf8, const char *text, size_t length, const char *shown)
{
	struct canvas *canvas = canvas_new(40, 1, utf8);

	canvas_bytes(canvas, line, 0, 0, STYLE_DEFAULT, text, length);
	assert_string_equal(row(canvas, 0), shown);
	for (int x = 0; x < 40; x++) {
		uint32_t c = canvas_cell(canvas, x, 0)->glyph;

		assert_true(!c || (c >= 0x20 && c < 0x7f) || c >= 0xa0);
	}
	canvas_free(canvas);
}

#define EXPECT(utf8, text, shown) expect(utf8, text, sizeof(text) - 1, shown)

static void test_escapes(void **state)
{
	EXPECT(true, "plain", "plain");
	EXPECT(true, "a\033[2Jb", "a\\x1b[2Jb");
	EXPECT(true, "a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f");
	EXPECT(true, "nul\0!", "nul\\x00!");
	EXPECT(true,
	       "\xc2\x9b"
	       "31m",
	       "\\u009b31m"); /* C1: the 8-bit CSI */
	EXPECT(true,
	       "\xe2\x80\xae"
	       "evil",
	       "\\u202eevil"); /* right-to-left override */
	EXPECT(true, "\xff\xc0\x80\xed\xa0\x80", "\\xff\\xc0\\x80\\xed\\xa0\\x80");
	EXPECT(true, "cut \xe4\xb8", "cut \\xe4\\xb8");
	EXPECT(true, "\xc3\xa9", "@");
	EXPECT(false, "\xc3\xa9", "\\u00e9");
	EXPECT(false, "a \xe2\x80\xba b", "a > b");
}

static void test_wide(void **state)
{
	struct canvas *canvas = canvas_new(5, 1, true);
	struct rect rect = canvas_rect(canvas);

	/* Two of them fit; the third would be cut in half and is not drawn. */
	assert_int_equal(canvas_text(canvas, rect, 0, 0, STYLE_DEFAULT, "中中中"), 6);
	assert_int_equal(canvas_cell(canvas, 0, 0)->glyph, 0x4e2d);
	assert_int_equal(canvas_cell(canvas, 1, 0)->glyph, 0);
	assert_int_equal(canvas_cell(canvas, 4, 0)->glyph, ' ');
	assert_int_equal(canvas_overlaps(canvas), 0);
	canvas_free(canvas);
}

static void test_clip_and_overlap(void **state)
{
	struct canvas *canvas = canvas_new(10, 3, true);
	struct rect rect = { 2, 1, 4, 1 };

	canvas_text(canvas, rect, -2, 0, STYLE_DEFAULT, "abcdefghij");
	assert_string_equal(row(canvas, 1), "  cdef");
	assert_string_equal(row(canvas, 0), "");
	canvas_text(canvas, rect, 0, 1, STYLE_DEFAULT, "below");
	assert_string_equal(row(canvas, 2), "");
	assert_int_equal(canvas_overlaps(canvas), 0);
	canvas_put(canvas, rect, 0, 0, STYLE_DEFAULT, 'X');
	assert_int_equal(canvas_overlaps(canvas), 1);
	canvas_free(canvas);
}

static void test_fit(void **state)
{
	struct canvas *canvas = canvas_new(20, 6, true);
	struct rect rect = canvas_rect(canvas);

	canvas_fit(canvas, rect, 0, 0, 6, STYLE_DEFAULT, "abcdef", false);
	canvas_fit(canvas, rect, 0, 1, 5, STYLE_DEFAULT, "abcdef", false);
	canvas_fit(canvas, rect, 0, 2, 5, STYLE_DEFAULT, "/usr/lib/x.so", true);
	canvas_fit(canvas, rect, 0, 3, 1, STYLE_DEFAULT, "abcdef", true);
	canvas_right(canvas, rect, 2, 4, 6, STYLE_DEFAULT, "12K");
	canvas_right(canvas, rect, 0, 5, 3, STYLE_DEFAULT, "12345");
	assert_string_equal(row(canvas, 0), "abcdef");
	assert_string_equal(row(canvas, 1), "abcd@");
	assert_string_equal(row(canvas, 2), "@x.so");
	assert_string_equal(row(canvas, 3), "@");
	assert_string_equal(row(canvas, 4), "     12K");
	assert_string_equal(row(canvas, 5), "@45");
	assert_int_equal(canvas_overlaps(canvas), 0);
	canvas_free(canvas);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_clip_and_overlap),
		cmocka_unit_test(test_fit),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
