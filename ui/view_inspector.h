/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_VIEW_INSPECTOR_H
#define PMTOP_VIEW_INSPECTOR_H

#include "ui/view.h"

/* Everything that is known of the selected page, and which rule decided its state. */
struct view *view_inspector_new(void);

#endif
