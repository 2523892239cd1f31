/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_VIEW_OBJECTS_H
#define PMTOP_VIEW_OBJECTS_H

#include "ui/census_feed.h"
#include "ui/view.h"

/*
 * The shared memory of the machine: each object once, with its size, what is swapped, and its
 * mappers.
 */
struct view *view_objects_new(struct census_feed *feed);

#endif
