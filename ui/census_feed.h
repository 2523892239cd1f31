/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_CENSUS_FEED_H
#define PMTOP_CENSUS_FEED_H

#include <stdbool.h>

#include "model/census.h"
#include "system/census_source.h"

/* The newest census, for all views that show one. Reference counted; one thread. */
struct census_feed;

/* Owns the source (NULL: none, as in tests) from here on. NULL when out of memory. */
struct census_feed *census_feed_new(struct census_source *source);
struct census_feed *census_feed_ref(struct census_feed *feed);
void census_feed_unref(struct census_feed *feed);

/* Takes what the source has; true when there is a new census. */
bool census_feed_take(struct census_feed *feed);

/* Gives it one by hand (takes a reference). */
void census_feed_set(struct census_feed *feed, struct census *census);

/* Borrowed; NULL while there is none. */
const struct census *census_feed_newest(const struct census_feed *feed);

/* The descriptor to poll, or -1. */
int census_feed_fd(const struct census_feed *feed);

#endif
