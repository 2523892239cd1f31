/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_VIEW_PROCESSES_H
#define PMTOP_VIEW_PROCESSES_H

#include "ui/census_feed.h"
#include "ui/view.h"

/* The list of processes, by total swap: private pages and those of shared memory that it maps. */
struct view *view_processes_new(struct census_feed *feed);

#endif
