/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_THEME_H
#define PMTOP_THEME_H

#include <stdbool.h>

#include "model/lens.h"
#include "ui/canvas.h"

/* Which colours and attributes stand for what, fitted to what the terminal can show. */
struct theme;

/* What is no page. */
enum theme_role {
	ROLE_TEXT,
	ROLE_ADDRESS,
	ROLE_TITLE,
	ROLE_HEADER, /* of columns */
	ROLE_DIM, /* what matters least */
	ROLE_KEY, /* in the footer and the help */
	ROLE_GOOD,
	ROLE_WARNING,
	ROLE_ERROR,
	THEME_ROLES
};

struct style theme_role(const struct theme *theme, enum theme_role role);

/* A value of a lens; those of LENS_WHERE are page states. */
struct style theme_value(const struct theme *theme, enum lens lens, unsigned value);

/* Whether two colours in one cell can be told apart (256 colours and more). */
bool theme_half_blocks(const struct theme *theme);

#endif
