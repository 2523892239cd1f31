/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_RUN_VIEW_H
#define PMTOP_RUN_VIEW_H

#include "command/run_options.h"

/* Starts the workload and shows it on the screen, with its panel. Returns the exit status. */
int run_view(const struct run_options *options);

#endif
