/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_VIEW_MAPPINGS_H
#define PMTOP_VIEW_MAPPINGS_H

#include "ui/view.h"

/* The list of mappings of the process: one row each, with counts and a bar of its states. */
struct view *view_mappings_new(void);

#endif
