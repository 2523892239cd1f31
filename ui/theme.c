// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/theme.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/change.h"
#include "model/page.h"

const char *const theme_kind_names[THEME_KINDS] = {
	[THEME_DARK] = "dark",
	[THEME_LIGHT] = "light",
	[THEME_MONOCHROME] = "monochrome",
};

/* Colours of one value: of 256 (dark, light), of 16 and of 8, and attributes that go with them. */
struct value_style {
	int16_t dark, light;
	int8_t of_16, of_8;
	uint16_t attr; /* with 8 colours and in monochrome, where letters need help most */
};

#define NO_COLOUR                                                                                  \
	{                                                                                          \
		COLOUR_DEFAULT, COLOUR_DEFAULT, COLOUR_DEFAULT, COLOUR_DEFAULT, 0                  \
	}

static const struct value_style where_styles[PAGE_STATES] = {
	[PAGE_NONE] = { 237, 254, 8, COLOUR_DEFAULT, ATTR_DIM },
	[PAGE_ANON] = { 27, 21, 12, 4, 0 },
	[PAGE_FILE] = { 108, 29, 2, 2, 0 },
	/* No underline in monochrome: that says "mixed". */
	[PAGE_SHMEM] = { 183, 53, 13, 5, 0 },
	[PAGE_ZERO] = { 243, 238, 7, COLOUR_DEFAULT, ATTR_DIM },
	[PAGE_CACHED] = { 195, 38, 14, 6, ATTR_DIM },
	[PAGE_SWAP] = { 160, 88, 9, 1, ATTR_BOLD },
	[PAGE_SHARED_SWAP] = { 226, 172, 11, 3, ATTR_REVERSE },
	[PAGE_MIGRATING] = NO_COLOUR,
	[PAGE_GUARD] = NO_COLOUR,
	[PAGE_POISON] = { COLOUR_DEFAULT, COLOUR_DEFAULT, COLOUR_DEFAULT, COLOUR_DEFAULT,
			  ATTR_BOLD },
	[PAGE_UNKNOWN] = NO_COLOUR,
};

static const struct value_style written_styles[WRITTEN_VALUES] = {
	[WRITTEN_NOTHING] = { 238, 254, 8, COLOUR_DEFAULT, ATTR_DIM },
	[WRITTEN_CLEAN] = { 244, 244, 7, COLOUR_DEFAULT, 0 },
	[WRITTEN_MARKED] = { 214, 166, 3, 3, ATTR_BOLD },
	[WRITTEN_NOW] = { 230, 52, 11, 1, ATTR_REVERSE },
	[WRITTEN_REMEMBERED] = { 75, 26, 12, 4, ATTR_BOLD },
	[WRITTEN_UNKNOWN] = NO_COLOUR,
};

#define MAPPED_SOME_TIMES                                                                          \
	{                                                                                          \
		215, 130, 3, 3, 0                                                                  \
	}

static const struct value_style sharing_styles[SHARING_VALUES] = {
	[SHARING_NOTHING] = { 238, 254, 8, COLOUR_DEFAULT, ATTR_DIM },
	[SHARING_ONE] = { 33, 26, 12, 4, 0 },
	[SHARING_TWO] = MAPPED_SOME_TIMES,
	[SHARING_TWO + 1] = MAPPED_SOME_TIMES,
	[SHARING_TWO + 2] = MAPPED_SOME_TIMES,
	[SHARING_TWO + 3] = MAPPED_SOME_TIMES,
	[SHARING_TWO + 4] = MAPPED_SOME_TIMES,
	[SHARING_TWO + 5] = MAPPED_SOME_TIMES,
	[SHARING_TWO + 6] = MAPPED_SOME_TIMES,
	[SHARING_NINE] = MAPPED_SOME_TIMES,
	[SHARING_MORE] = { 231, 16, 11, 1, ATTR_BOLD },
	[SHARING_SHARED] = MAPPED_SOME_TIMES,
	[SHARING_UNKNOWN] = NO_COLOUR,
};

static const struct value_style size_styles[SIZE_VALUES] = {
	[SIZE_NOTHING] = { 238, 254, 8, COLOUR_DEFAULT, ATTR_DIM },
	[SIZE_BASE] = { 244, 244, 7, COLOUR_DEFAULT, 0 },
	[SIZE_FOLIO] = { 166, 166, 3, 3, 0 },
	[SIZE_PMD] = { 33, 27, 12, 4, ATTR_BOLD },
	[SIZE_HUGETLB] = { 228, 52, 11, 1, ATTR_REVERSE },
	[SIZE_SMALL] = { 244, 244, 7, COLOUR_DEFAULT, 0 },
	[SIZE_UNKNOWN] = NO_COLOUR,
};

static const struct value_style age_styles[AGE_VALUES] = {
	[AGE_NOTHING] = { 236, 254, 8, COLOUR_DEFAULT, ATTR_DIM },
	[AGE_OLD] = { 57, 36, 12, 4, 0 },
	[AGE_MINUTES] = { 66, 99, 6, 6, 0 },
	[AGE_MINUTE] = { 100, 58, 2, 2, 0 },
	[AGE_SECONDS] = { 222, 54, 3, 3, ATTR_BOLD },
	[AGE_SECOND] = { 195, 16, 11, 1, ATTR_REVERSE },
	[AGE_UNKNOWN] = NO_COLOUR,
};

static const struct value_style difference_styles[PAGE_CHANGES] = {
	[CHANGE_SAME] = { 238, 254, 8, COLOUR_DEFAULT, ATTR_DIM },
	[CHANGE_APPEARED] = { 33, 32, 12, 4, 0 },
	[CHANGE_GONE] = { 166, 202, 9, 1, 0 },
	[CHANGE_SWAP] = { 182, 53, 13, 5, ATTR_BOLD },
	[CHANGE_WRITTEN] = { 228, 16, 11, 3, ATTR_REVERSE },
	[CHANGE_UNKNOWN] = NO_COLOUR,
};

#define THEME_LENS_STYLES(A, id, lower, ...) [LENS_##id] = lower##_styles,
static const struct value_style *const lens_styles[LENSES] = { LENS_TABLE(THEME_LENS_STYLES, ) };

/* The attributes alone must do in monochrome; with colours they only help. */
#define THEME_ROLE_STYLE(id, ...) [ROLE_##id] = { __VA_ARGS__ },
static const struct value_style role_styles[THEME_ROLES] = { THEME_ROLE_TABLE(THEME_ROLE_STYLE) };

struct theme theme_make(enum theme_kind kind, int colours)
{
	struct theme theme = { .kind = kind };

	theme_own_nothing(&theme.own);
	if (kind == THEME_MONOCHROME || colours < 8)
		theme.kind = THEME_MONOCHROME;
	else
		theme.colours = colours >= 256 ? 256 : colours >= 16 ? 16 : 8;
	return theme;
}

void theme_own_nothing(struct theme_colours_of *own)
{
	for (int lens = 0; lens < LENSES; lens++)
		for (int v = 0; v < LENS_VALUES_MAX; v++)
			own->value[lens][v] = THEME_AS_IT_IS;
}

/* A name as it stands in a file: dashes for blanks. */
static bool theme_is_named(const char *name, const char *word, size_t length)
{
	if (strlen(name) != length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (word[i] != (name[i] == ' ' ? '-' : name[i]))
			return false;
	return true;
}

int theme_find_value(const char *name, enum lens *ret_lens, unsigned *ret_value)
{
	const char *dot = strchr(name, '.');

	for (int lens = 0; dot && lens < LENSES; lens++) {
		if (!theme_is_named(lens_name((enum lens)lens), name, (size_t)(dot - name)))
			continue;
		for (unsigned v = 0; v < lens_value_count((enum lens)lens); v++)
			if (theme_is_named(lens_value((enum lens)lens, v).name, dot + 1,
					   strlen(dot + 1))) {
				*ret_lens = (enum lens)lens;
				*ret_value = v;
				return 0;
			}
	}
	return -ENOENT;
}

bool theme_half_blocks(const struct theme *theme)
{
	return theme->colours == 256;
}

static struct style theme_fit(const struct theme *theme, const struct value_style *v)
{
	struct style style = STYLE_DEFAULT;

	switch (theme->colours) {
	case 256:
		style.fg = theme->kind == THEME_LIGHT ? v->light : v->dark;
		break;
	case 16:
		style.fg = v->of_16;
		/* Bright colours are lost on a light background. */
		if (theme->kind == THEME_LIGHT && style.fg > 8)
			style.fg = (int16_t)(style.fg - 8);
		break;
	case 8:
		style.fg = v->of_8;
		break;
	default:
		style.attr = v->attr;
	}
	if (theme->colours == 8 && v->attr & (ATTR_DIM | ATTR_BOLD))
		style.attr = v->attr;
	return style;
}

struct style theme_role(const struct theme *theme, enum theme_role role)
{
	const struct value_style *v = &role_styles[role];
	struct style style = theme_fit(theme, v);

	/* Dim text gets unreadable where it is dimmed twice. */
	if (style.fg == COLOUR_DEFAULT || !(v->attr & ATTR_DIM))
		style.attr = v->attr;
	return style;
}

struct style theme_value(const struct theme *theme, enum lens lens, unsigned value)
{
	struct style style = theme_fit(theme, &lens_styles[lens][value]);

	if (theme->colours == 256 && theme->own.value[lens][value] != THEME_AS_IT_IS)
		style.fg = theme->own.value[lens][value];
	if (lens == LENS_WHERE && value == PAGE_POISON)
		style.attr |= ATTR_BOLD;
	return style;
}

int theme_parse(const char *word, enum theme_kind *ret_kind)
{
	for (int k = 0; k < THEME_KINDS; k++)
		if (!strcmp(word, theme_kind_names[k])) {
			*ret_kind = (enum theme_kind)k;
			return 0;
		}
	return -EINVAL;
}

int theme_colours(const char *mode, const char *no_color, int colours)
{
	if (!strcmp(mode, "never"))
		return 0;
	if (!strcmp(mode, "always"))
		return colours;
	if (strcmp(mode, "auto") != 0)
		return -EINVAL;
	return no_color && *no_color ? 0 : colours;
}

int theme_from_colorfgbg(const char *value, enum theme_kind *ret_kind)
{
	const char *last = value ? strrchr(value, ';') : NULL;
	char *end;
	long background;

	if (!last || last[1] < '0' || last[1] > '9')
		return -EINVAL;
	background = strtol(last + 1, &end, 10);
	if (*end || background > 15)
		return -EINVAL;
	/* Of the 16 ANSI colours, light grey and those above dark grey are light. */
	*ret_kind = background == 7 || background > 8 ? THEME_LIGHT : THEME_DARK;
	return 0;
}

/* A component of 1 to 4 hexadecimal digits as a fraction of its largest value; or -1. */
static double theme_parse_component(const char **at, const char *end)
{
	unsigned value = 0, full = 0;
	int digits = 0;

	for (; *at < end; (*at)++, digits++) {
		char c = **at;
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			digit = (unsigned)(c - 'A' + 10);
		else
			break;
		value = value * 16 + digit;
		full = full * 16 + 15;
		if (digits == 4)
			return -1;
	}
	return digits ? (double)value / full : -1;
}

int theme_from_osc11(const char *answer, size_t length, enum theme_kind *ret_kind)
{
	static const char head[] = "\033]11;rgb:";
	static const double weight[3] = { 0.2126, 0.7152, 0.0722 };
	const char *at = answer + sizeof(head) - 1, *end = answer + length;
	double light = 0;

	if (length < sizeof(head) - 1 || memcmp(answer, head, sizeof(head) - 1) != 0)
		return -EINVAL;
	for (int i = 0; i < 3; i++) {
		double c = theme_parse_component(&at, end);

		if (c < 0 || at >= end || (i < 2 && *at++ != '/'))
			return -EINVAL;
		light += weight[i] * c;
	}
	if (*at != '\a' && !(*at == '\033' && at + 1 < end && at[1] == '\\'))
		return -EINVAL;
	*ret_kind = light > 0.5 ? THEME_LIGHT : THEME_DARK;
	return 0;
}
