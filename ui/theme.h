/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_THEME_H
#define PMTOP_THEME_H

#include <stdbool.h>
#include <stddef.h>

#include "model/lens.h"
#include "ui/canvas.h"

/*
 * Colours: which style each answer of each lens and each part of the screen has, fitted to what the
 * terminal can show. Letters carry the meaning; a theme only makes them faster to read. The tables
 * are measured by a test: two answers of a lens differ by at least 17 (CIEDE2000) in normal vision,
 * protanopia, deuteranopia and tritanopia, and all but the quietest one have a contrast of at least
 * 2.5.
 *
 * Nothing here talks to a terminal, and nothing redefines its colours.
 */

enum theme_kind { THEME_DARK, THEME_LIGHT, THEME_MONOCHROME, THEME_KINDS };

extern const char *const theme_kind_names[THEME_KINDS]; /* "dark", … as in pmtop.conf */

/*
 * Colours of one's own: of 256, or COLOUR_DEFAULT, or THEME_AS_IT_IS. Used with 256 colours only.
 */
#define THEME_AS_IT_IS (-2)
struct theme_colours_of {
	int16_t value[LENSES][LENS_VALUES_MAX];
};

struct theme {
	enum theme_kind kind;
	int colours; /* that styles use: 0, 8, 16 or 256 */
	struct theme_colours_of own;
};

/* Nothing of one's own. */
void theme_own_nothing(struct theme_colours_of *own);

/*
 * Finds the value that "LENS.VALUE" names, both by their names with dashes for blanks
 * ("where.shared-swap", "page-size.huge"); -ENOENT.
 */
int theme_find_value(const char *name, enum lens *ret_lens, unsigned *ret_value);

/* What a part of the screen is, for its style. */
/* id, colour of 256 on dark and on light, of 16, of 8, attributes: all that monochrome has. */
/* clang-format off */
#define THEME_DEFAULT COLOUR_DEFAULT, COLOUR_DEFAULT, COLOUR_DEFAULT, COLOUR_DEFAULT
#define THEME_ROLE_TABLE(X) \
	X(TEXT, THEME_DEFAULT, 0) \
	X(ADDRESS, 248, 240, COLOUR_DEFAULT, COLOUR_DEFAULT, 0) \
	X(TITLE, THEME_DEFAULT, ATTR_BOLD) \
	X(HEADER, THEME_DEFAULT, ATTR_UNDERLINE) \
	X(DIM, 245, 242, COLOUR_DEFAULT, COLOUR_DEFAULT, ATTR_DIM) \
	X(KEY, THEME_DEFAULT, ATTR_BOLD) \
	X(GOOD, 114, 28, 2, 2, 0) \
	X(WARNING, 214, 130, 3, 3, ATTR_BOLD) \
	X(ERROR, 203, 124, 9, 1, ATTR_BOLD)
/* clang-format on */
#define THEME_ROLE(id, ...) ROLE_##id,
enum theme_role { THEME_ROLE_TABLE(THEME_ROLE) THEME_ROLES };

/*
 * A theme for a terminal with so many colours; fewer than 8, or the monochrome kind, make it
 * monochrome; numbers between are rounded down to 8, 16 or 256.
 */
struct theme theme_make(enum theme_kind kind, int colours);

/* "dark", "light", "monochrome"; -EINVAL. "auto" is the caller's. */
int theme_parse(const char *word, enum theme_kind *ret_kind);

/*
 * How many colours to use: of the terminal's `colours`, none with --color=never, or with
 * --color=auto when NO_COLOR is set and not empty (https://no-color.org). `mode` is "auto",
 * "always", "never"; no_color is the value of the variable or NULL. -EINVAL: no such mode.
 */
int theme_colours(const char *mode, const char *no_color, int colours);

/* Dark or light by COLORFGBG ("15;0", "0;default;15"); -EINVAL where it does not say. */
int theme_from_colorfgbg(const char *value, enum theme_kind *ret_kind);

/*
 * Dark or light by a terminal's answer to OSC 11: ESC ] 11 ; rgb:RRRR/GGGG/BBBB, ended by BEL or
 * ESC \, with 1 to 4 hexadecimal digits each. -EINVAL: it is no such answer, or not complete.
 */
int theme_from_osc11(const char *answer, size_t length, enum theme_kind *ret_kind);

/* Half blocks carry colour alone, so they need 256 of them. */
bool theme_half_blocks(const struct theme *theme);

struct style theme_role(const struct theme *theme, enum theme_role role);

/* Style of an answer: value < lens_value_count(lens). */
struct style theme_value(const struct theme *theme, enum lens lens, unsigned value);

#endif
