/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_APP_OPTIONS_H
#define PMTOP_APP_OPTIONS_H

#include "ui/app.h"

/* What the options screen shows and changes of the app. NULL when out of memory. */
struct view *app_options_new(struct app *app);

#endif
