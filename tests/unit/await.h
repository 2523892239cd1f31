/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TESTS_AWAIT_H
#define PMTOP_TESTS_AWAIT_H

#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "sample/source.h"

/*
 * Waiting for what must come, however slow the machine is: a test ends such a wait by what it sees,
 * and only what never comes takes a minute. Include it after cmocka.h.
 */
struct await {
	const char *what;
	int64_t end_ns;
};

static inline struct await await_begin(const char *what)
{
	return (struct await){ what, clock_ns(CLOCK_MONOTONIC) + INT64_C(60) * 1000000000 };
}

/* For the caller who can say what was seen instead. */
static inline bool await_is_over(const struct await *await)
{
	return clock_ns(CLOCK_MONOTONIC) > await->end_ns;
}

static inline void await_check(const struct await *await)
{
	if (await_is_over(await))
		fail_msg("in a minute there was not %s", await->what);
}

/* Some time until it is looked for again. */
static inline void await_pause(const struct await *await)
{
	await_check(await);
	usleep(1000);
}

/* Waits a moment for a source; a new sample takes the place of *newest (may be NULL). */
static inline bool await_news(const struct await *await, struct source *source,
			      struct sample **newest)
{
	struct pollfd p = { .fd = source_fd(source), .events = POLLIN };
	struct sample *s;

	await_check(await);
	poll(&p, 1, 50);
	s = source_take(source);
	if (!s)
		return false;
	sample_unref(*newest);
	*newest = s;
	return true;
}

/* The next complete sample takes the place of *newest (may be NULL). */
static inline void await_complete(const struct await *await, struct source *source,
				  struct sample **newest)
{
	while (!await_news(await, source, newest) || (*newest)->snapshot->partial)
		continue;
}

#endif
