/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_VIEW_OPTIONS_H
#define PMTOP_VIEW_OPTIONS_H

#include "ui/view.h"

/* What can be changed while pmtop runs, for this run only: pmtop.conf keeps it. */
struct view *view_options_new(struct app *app);

#endif
