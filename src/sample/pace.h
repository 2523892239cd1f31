/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PACE_H
#define PMTOP_PACE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * When the sampler's next turn is, so that it keeps to its share of a core. Arithmetic only: all
 * times are nanoseconds of the monotonic clock, CPU time is that of the thread.
 */

/* What a turn came to. */
enum pace_turn {
	PACE_FULL, /* a full sample */
	PACE_REPEAT, /* a cheap look showed that nothing changed: the last sample again */
	PACE_TOO_EARLY, /* it showed that something did, but a full sample has to wait */
};

struct pace {
	double share; /* of a core, above 0 */
	int64_t due_ns; /* the next turn */
	int64_t full_at; /* when the last full sample began */
	int64_t full_due; /* the next one not before */
	int64_t interval_ns; /* in force now */
};

static inline bool pace_is_too_early(const struct pace *pace, int64_t now_ns)
{
	return now_ns < pace->full_due;
}

/*
 * After a turn that began then and took that much CPU: sets when the next one is due. After a dear
 * sample the next full one waits, but not the looks that may show that none is needed: where
 * nothing changes, the pace is the one that was asked for. Turns begin a little late each time;
 * these delays do not add up, unless a whole interval was lost.
 */
void pace_next(struct pace *pace, enum pace_turn turn, int64_t asked_ns, int64_t began_ns,
	       int64_t cpu_ns);

#endif
