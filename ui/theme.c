// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/theme.h"

struct style theme_role(const struct theme *theme, enum theme_role role)
{
	struct style style = STYLE_DEFAULT;

	style.attr = role == ROLE_TITLE || role == ROLE_ERROR ? ATTR_BOLD
		     : role == ROLE_HEADER		      ? ATTR_UNDERLINE
		     : role == ROLE_DIM			      ? ATTR_DIM
							      : 0;
	return style;
}

struct style theme_value(const struct theme *theme, enum lens lens, unsigned value)
{
	static const int16_t where[] = { 237, 27, 108, 183, 243, 195, 160, 226 };
	struct style style = STYLE_DEFAULT;

	if (lens == LENS_WHERE && value < sizeof(where) / sizeof(*where))
		style.fg = where[value];
	return style;
}

bool theme_half_blocks(const struct theme *theme)
{
	return false;
}
