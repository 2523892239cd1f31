/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TESTS_AWAIT_H
#define PMTOP_TESTS_AWAIT_H

#include <poll.h>

#include "sample/source.h"

/* Waits a moment for a source; a new snapshot takes the place of *newest (may be NULL). */
static inline bool await_news(struct source *source, struct snapshot **newest)
{
	struct pollfd p = { .fd = source_fd(source), .events = POLLIN };
	struct snapshot *s;

	poll(&p, 1, 50);
	s = source_take(source);
	if (!s)
		return false;
	if (*newest)
		snapshot_unref(*newest);
	*newest = s;
	return true;
}

#endif
