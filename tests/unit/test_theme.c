// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/theme.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "model/page.h"

/*
 * The palettes are measured here: CIEDE2000 (Sharma, Wu and Dalal 2005) between all answers of a lens,
 * as seen with normal vision and with full protanopia, deuteranopia and tritanopia (Machado, Oliveira
 * and Fernandes 2009, applied to linear sRGB).
 */

#define PI 3.14159265358979323846

struct rgb {
	double c[3]; /* linear, 0 to 1 */
};

struct lab {
	double l, a, b;
};

static double linear(int byte)
{
	double c = byte / 255.0;

	return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

/* xterm's colour cube and grey ramp. */
static struct rgb xterm(int n)
{
	static const int levels[6] = { 0, 95, 135, 175, 215, 255 };
	struct rgb rgb;

	assert_in_range(n, 16, 255);
	for (int i = 2, k = n - 16; i >= 0; i--, k /= 6)
		rgb.c[i] = linear(n >= 232 ? 8 + 10 * (n - 232) : levels[k % 6]);
	return rgb;
}

static double luminance(struct rgb v)
{
	return 0.2126 * v.c[0] + 0.7152 * v.c[1] + 0.0722 * v.c[2];
}

/* As WCAG has it. */
static double contrast(int colour, bool on_white)
{
	double y = luminance(xterm(colour));

	return on_white ? 1.05 / (y + 0.05) : (y + 0.05) / 0.05;
}

enum vision { NORMAL, PROTANOPIA, DEUTERANOPIA, TRITANOPIA, VISIONS };

static struct rgb see(struct rgb in, enum vision vision)
{
	static const double matrix[VISIONS][3][3] = {
		{ { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } },
		{ { 0.152286, 1.052583, -0.204868 },
		  { 0.114503, 0.786281, 0.099216 },
		  { -0.003882, -0.048116, 1.051998 } },
		{ { 0.367322, 0.860646, -0.227968 },
		  { 0.280085, 0.672501, 0.047413 },
		  { -0.011820, 0.042940, 0.968881 } },
		{ { 1.255528, -0.076749, -0.178779 },
		  { -0.078411, 0.930809, 0.147602 },
		  { 0.004733, 0.691367, 0.303900 } },
	};
	struct rgb out;

	for (int i = 0; i < 3; i++) {
		const double *m = matrix[vision][i];

		out.c[i] = fmin(1, fmax(0, m[0] * in.c[0] + m[1] * in.c[1] + m[2] * in.c[2]));
	}
	return out;
}

static double lab_curve(double t)
{
	return t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116;
}

/* Linear sRGB to CIELAB under D65. */
static struct lab to_lab(struct rgb v)
{
	double x = 0.4124564 * v.c[0] + 0.3575761 * v.c[1] + 0.1804375 * v.c[2];
	double y = 0.2126729 * v.c[0] + 0.7151522 * v.c[1] + 0.0721750 * v.c[2];
	double z = 0.0193339 * v.c[0] + 0.1191920 * v.c[1] + 0.9503041 * v.c[2];

	x = lab_curve(x / 0.95047);
	y = lab_curve(y);
	z = lab_curve(z / 1.08883);
	return (struct lab){ 116 * y - 16, 500 * (x - y), 200 * (y - z) };
}

static double degrees(double a, double b)
{
	double h = a == 0 && b == 0 ? 0 : atan2(b, a) * 180 / PI;

	return h < 0 ? h + 360 : h;
}

static double cosine(double angle)
{
	return cos(angle * PI / 180);
}

static double mean_hue(double h1, double h2, bool grey)
{
	if (grey)
		return h1 + h2;
	if (fabs(h1 - h2) <= 180)
		return (h1 + h2) / 2;
	return (h1 + h2 + (h1 + h2 < 360 ? 360 : -360)) / 2;
}

static double ciede2000(struct lab x, struct lab y)
{
	double mean = (hypot(x.a, x.b) + hypot(y.a, y.b)) / 2;
	double g = 0.5 * (1 - sqrt(pow(mean, 7) / (pow(mean, 7) + pow(25, 7))));
	double a1 = (1 + g) * x.a, a2 = (1 + g) * y.a;
	double c1 = hypot(a1, x.b), c2 = hypot(a2, y.b), c = (c1 + c2) / 2;
	double h1 = degrees(a1, x.b), h2 = degrees(a2, y.b), turn = h2 - h1;
	double l = (x.l + y.l) / 2, hue = mean_hue(h1, h2, c1 * c2 == 0);
	double t = 1 - 0.17 * cosine(hue - 30) + 0.24 * cosine(2 * hue) +
		   0.32 * cosine(3 * hue + 6) - 0.20 * cosine(4 * hue - 63);
	double sl = 1 + 0.015 * (l - 50) * (l - 50) / sqrt(20 + (l - 50) * (l - 50));
	double spread = 30 * exp(-((hue - 275) / 25) * ((hue - 275) / 25));
	double rotation =
		-sin(2 * spread * PI / 180) * 2 * sqrt(pow(c, 7) / (pow(c, 7) + pow(25, 7)));
	double dl, dc, dh;

	if (c1 * c2 == 0)
		turn = 0;
	else if (turn > 180)
		turn -= 360;
	else if (turn < -180)
		turn += 360;
	dl = (y.l - x.l) / sl;
	dc = (c2 - c1) / (1 + 0.045 * c);
	dh = 2 * sqrt(c1 * c2) * sin(turn / 2 * PI / 180) / (1 + 0.015 * c * t);
	return sqrt(dl * dl + dc * dc + dh * dh + rotation * dc * dh);
}

/* Pairs with the differences that the authors of the formula published. */
static void test_the_measure_itself(void **state)
{
	static const struct {
		struct lab x, y;
		double difference;
	} rows[] = {
		{ { 50, 2.6772, -79.7751 }, { 50, 0, -82.7485 }, 2.0425 },
		{ { 50, -1.3802, -84.2814 }, { 50, 0, -82.7485 }, 1.0000 },
		{ { 50, 0, 0 }, { 50, -1, 2 }, 2.3669 },
		{ { 50, 2.5, 0 }, { 50, 0, -2.5 }, 4.3065 },
		{ { 50, 2.5, 0 }, { 73, 25, -18 }, 27.1492 },
		{ { 50, 2.5, 0 }, { 61, -5, 29 }, 22.8977 },
		{ { 2.0776, 0.0795, -1.1350 }, { 0.9033, -0.0636, -0.5514 }, 0.9082 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_true(fabs(ciede2000(rows[i].x, rows[i].y) - rows[i].difference) < 5e-5);
}

/* The different colours of a lens; -1 (the default colour) is the terminal's own. */
static size_t palette(const struct theme *theme, enum lens lens, int *colours)
{
	size_t n = 0;

	for (unsigned v = 0; v < lens_value_count(lens); v++) {
		int colour = theme_value(theme, lens, v).fg;
		bool known = colour == COLOUR_DEFAULT;

		for (size_t i = 0; i < n; i++)
			known = known || colours[i] == colour;
		if (!known)
			colours[n++] = colour;
	}
	return n;
}

static double worst_pair(const int *colours, size_t n)
{
	double worst = 1000;

	for (int vision = 0; vision < VISIONS; vision++)
		for (size_t i = 0; i < n; i++)
			for (size_t k = 0; k < i; k++) {
				struct lab a = to_lab(see(xterm(colours[i]), vision));
				struct lab b = to_lab(see(xterm(colours[k]), vision));

				worst = fmin(worst, ciede2000(a, b));
			}
	return worst;
}

static void test_palettes(void **state)
{
	static const size_t sizes[LENSES] = { 8, 5, 4, 5, 6, 5 };
	int colours[LENS_VALUES_MAX];

	for (int kind = THEME_DARK; kind <= THEME_LIGHT; kind++) {
		struct theme theme = theme_make(kind, 256);

		for (int lens = 0; lens < LENSES; lens++) {
			size_t n = palette(&theme, lens, colours);
			double worst = worst_pair(colours, n);

			assert_int_equal(n, sizes[lens]);
			if (worst < 17)
				fail_msg("%s, lens %s: two colours differ by %.1f only",
					 theme_kind_names[kind], lens_name(lens), worst);
			/* The first value of each lens is its quiet one. */
			for (size_t i = 1; i < n; i++)
				if (contrast(colours[i], kind == THEME_LIGHT) < 2.5)
					fail_msg("%s, lens %s: colour %d has a contrast of %.1f",
						 theme_kind_names[kind], lens_name(lens),
						 colours[i],
						 contrast(colours[i], kind == THEME_LIGHT));
		}
	}
}

/* What the project promises for the five states that it exists for. */
static void test_first_lens_is_as_measured(void **state)
{
	struct theme dark = theme_make(THEME_DARK, 256), light = theme_make(THEME_LIGHT, 256);
	int colours[LENS_VALUES_MAX];

	assert_true(worst_pair(colours, palette(&dark, LENS_WHERE, colours)) >= 19.0);
	assert_true(worst_pair(colours, palette(&light, LENS_WHERE, colours)) >= 17.0);
	assert_int_equal(theme_value(&dark, LENS_WHERE, PAGE_SHARED_SWAP).fg, 226);
	assert_int_equal(theme_value(&light, LENS_WHERE, PAGE_SHARED_SWAP).fg, 172);
}

static void test_depths(void **state)
{
	for (int kind = 0; kind < THEME_KINDS; kind++)
		for (int colours = 0; colours <= 256; colours += 4) {
			struct theme theme = theme_make(kind, colours);
			int limit = kind == THEME_MONOCHROME || colours < 8 ? 0
				    : colours < 16			    ? 8
				    : colours < 256			    ? 16
									    : 256;

			assert_int_equal(theme.colours, limit);
			assert_int_equal(theme_half_blocks(&theme), limit == 256);
			for (int lens = 0; lens < LENSES; lens++)
				for (unsigned v = 0; v < lens_value_count(lens); v++) {
					struct style s = theme_value(&theme, lens, v);

					assert_in_range(s.fg + 1, 0, limit);
					assert_int_equal(s.bg, COLOUR_DEFAULT);
					/* Taken: it says that a tile is mixed. */
					assert_false(s.attr & ATTR_UNDERLINE);
				}
			for (int role = 0; role < THEME_ROLES; role++)
				assert_in_range(theme_role(&theme, role).fg + 1, 0, limit);
		}
}

static void test_monochrome(void **state)
{
	struct theme theme = theme_make(THEME_LIGHT, 2);

	assert_int_equal(theme.kind, THEME_MONOCHROME);
	assert_int_equal(theme_value(&theme, LENS_WHERE, PAGE_NONE).attr, ATTR_DIM);
	assert_int_equal(theme_value(&theme, LENS_WHERE, PAGE_ANON).attr, 0);
	assert_int_equal(theme_value(&theme, LENS_WHERE, PAGE_SWAP).attr, ATTR_BOLD);
	assert_int_equal(theme_value(&theme, LENS_WHERE, PAGE_SHARED_SWAP).attr, ATTR_REVERSE);
}

static void test_who_decides_on_colours(void **state)
{
	assert_int_equal(theme_colours("auto", NULL, 256), 256);
	assert_int_equal(theme_colours("auto", "", 256), 256);
	assert_int_equal(theme_colours("auto", "1", 256), 0);
	assert_int_equal(theme_colours("auto", "0", 8), 0);
	assert_int_equal(theme_colours("always", "1", 16), 16);
	assert_int_equal(theme_colours("never", NULL, 256), 0);
	assert_int_equal(theme_colours("sometimes", NULL, 256), -EINVAL);
}

static void test_background(void **state)
{
	static const struct {
		const char *text;
		int result; /* theme kind, or -EINVAL */
	} fgbg[] = {
		{ "15;0", THEME_DARK },	   { "0;15", THEME_LIGHT }, { "0;default;15", THEME_LIGHT },
		{ "0;7", THEME_LIGHT },	   { "7;8", THEME_DARK },   { "15;default", -EINVAL },
		{ "15", -EINVAL },	   { "", -EINVAL },	    { "15;0x", -EINVAL },
		{ "15;99", -EINVAL },	   { "15;-1", -EINVAL },
	}, osc[] = {
		{ "\033]11;rgb:0000/0000/0000\a", THEME_DARK },
		{ "\033]11;rgb:ffff/ffff/ffff\033\\", THEME_LIGHT },
		{ "\033]11;rgb:fd/f6/e3\a", THEME_LIGHT },
		{ "\033]11;rgb:0/2b/36a\a", THEME_DARK },
		{ "\033]11;rgb:ffff/ffff/ffff", -EINVAL },
		{ "\033]11;rgb:ffff/ffff/ffff\033", -EINVAL },
		{ "\033]11;rgb:fffff/ffff/ffff\a", -EINVAL },
		{ "\033]11;rgb:ffff/ffff\a", -EINVAL },
		{ "\033]11;rgb:/ffff/ffff\a", -EINVAL },
		{ "\033]10;rgb:0000/0000/0000\a", -EINVAL },
		{ "q", -EINVAL },
	};
	enum theme_kind kind;

	for (size_t i = 0; i < sizeof(fgbg) / sizeof(*fgbg); i++) {
		int r = theme_from_colorfgbg(fgbg[i].text, &kind);

		assert_int_equal(r < 0 ? r : (int)kind, fgbg[i].result);
	}
	assert_int_equal(theme_from_colorfgbg(NULL, &kind), -EINVAL);
	for (size_t i = 0; i < sizeof(osc) / sizeof(*osc); i++) {
		int r = theme_from_osc11(osc[i].text, strlen(osc[i].text), &kind);

		assert_int_equal(r < 0 ? r : (int)kind, osc[i].result);
	}
}

static void test_names(void **state)
{
	enum theme_kind kind = THEME_DARK;

	assert_int_equal(theme_parse("light", &kind), 0);
	assert_int_equal(kind, THEME_LIGHT);
	assert_int_equal(theme_parse("Light", &kind), -EINVAL);
	assert_int_equal(theme_parse("monochrome", &kind), 0);
	assert_int_equal(kind, THEME_MONOCHROME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_measure_itself),
		cmocka_unit_test(test_palettes),
		cmocka_unit_test(test_first_lens_is_as_measured),
		cmocka_unit_test(test_depths),
		cmocka_unit_test(test_monochrome),
		cmocka_unit_test(test_who_decides_on_colours),
		cmocka_unit_test(test_background),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
