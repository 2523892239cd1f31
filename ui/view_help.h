/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_VIEW_HELP_H
#define PMTOP_VIEW_HELP_H

#include "ui/view.h"

/*
 * Help and legend: the keys of one screen first, made from the live keymap, then what letters and
 * colours mean, then the keys of the other screens. Made anew whenever it is drawn.
 */
struct view *view_help_new(enum ui_screen screen);

#endif
