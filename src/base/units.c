// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/units.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool units_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads the digits at *text and moves it behind them. */
static int units_parse_digits(const char **text, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *p = *text;

	if (*p == '-' && units_is_digit(p[1]))
		return -EDOM;
	if (!units_is_digit(*p))
		return -EINVAL;
	for (; units_is_digit(*p); p++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *p - '0', &value))
			return -ERANGE;
	*text = p;
	*ret_value = value;
	return 0;
}

/* The power of two that a unit stands for, or -EINVAL. */
static int units_size_shift(const char *unit)
{
	static const char letters[] = "kmgt";
	const char *found;

	if (!*unit)
		return 0;
	found = strchr(letters, *unit | 0x20);
	if (!found || (unit[1] && strcmp(unit + 1, "iB")))
		return -EINVAL;
	return 10 * (int)(found - letters + 1);
}

int units_parse_size(const char *text, uint64_t *ret_bytes)
{
	uint64_t value;
	int shift, r = units_parse_digits(&text, &value);

	if (r < 0)
		return r;
	shift = units_size_shift(text);
	if (shift < 0)
		return shift;
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	*ret_bytes = value << shift;
	return 0;
}

/* How many nanoseconds a unit stands for, or 0. */
static uint64_t units_duration_unit(const char *unit)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "", 1000000000 },   { "ms", 1000000 },      { "s", 1000000000 },
		{ "m", 60000000000 }, { "h", 3600000000000 },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (!strcmp(unit, units[i].name))
			return units[i].ns;
	return 0;
}

int units_parse_duration(const char *text, uint64_t *ret_ns)
{
	uint64_t whole = 0, fraction = 0, scale = 1, unit, value;
	int r = units_parse_digits(&text, &whole);

	if (r < 0)
		return r;
	if (*text == '.') {
		if (!units_is_digit(*++text))
			return -EINVAL;
		/* Nine digits are a nanosecond of a second; more of them change nothing. */
		for (; units_is_digit(*text); text++)
			if (scale < 1000000000) {
				fraction = fraction * 10 + (*text - '0');
				scale *= 10;
			}
	}
	unit = units_duration_unit(text);
	if (!unit)
		return -EINVAL;
	/* fraction < scale <= 10^9 and unit < 10^13: a whole product would need 74 bits. */
	fraction = fraction * (unit / scale) + fraction * (unit % scale) / scale;
	if (__builtin_mul_overflow(whole, unit, &value) ||
	    __builtin_add_overflow(value, fraction, &value))
		return -ERANGE;
	*ret_ns = value;
	return 0;
}

const char *units_size_problem(int error)
{
	if (error == -EDOM)
		return "is negative";
	if (error == -ERANGE)
		return "is larger than any size there is";
	return "is not a size; write 512K, 64M or 2G (powers of 1024)";
}

const char *units_duration_problem(int error)
{
	if (error == -EDOM)
		return "is negative";
	if (error == -ERANGE)
		return "is longer than can be counted";
	return "is not a duration; write 100ms, 20s, 5m or 1h";
}

char *units_format_size(uint64_t bytes, char buf[static UNITS_SIZE_MAX])
{
	static const char letters[] = "BKMGTPE";
	uint64_t tenths, rest;
	int unit = 0;

	while (bytes >> (10 * unit) >= 1024)
		unit++;
	if (!bytes) {
		snprintf(buf, UNITS_SIZE_MAX, "0");
		return buf;
	}
	/* By parts, since bytes * 10 may need 68 bits; the rest is under 2^60. */
	rest = bytes & ((1ULL << (10 * unit)) - 1);
	tenths = (bytes >> (10 * unit)) * 10 + (rest * 10 >> (10 * unit));
	if (tenths < 100 && tenths % 10)
		snprintf(buf, UNITS_SIZE_MAX, "%u.%u%c", (unsigned)(tenths / 10),
			 (unsigned)(tenths % 10), letters[unit]);
	else
		snprintf(buf, UNITS_SIZE_MAX, "%u%c", (unsigned)(tenths / 10) % 10000u,
			 letters[unit]);
	return buf;
}
