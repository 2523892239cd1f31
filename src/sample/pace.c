// SPDX-License-Identifier: GPL-2.0-or-later
#include "sample/pace.h"

/* While a full sample is still being paid off, looks may take a tenth of the share. */
#define LOOKS_IN_DEBT 10

static int64_t pace_most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* An interval after the turn was due, if it began less than that late. */
static int64_t pace_by_the_clock(const struct pace *pace, int64_t began_ns, int64_t interval_ns)
{
	int64_t next = pace->due_ns + interval_ns;

	return next > began_ns && next <= began_ns + interval_ns ? next : began_ns + interval_ns;
}

void pace_next(struct pace *pace, enum pace_turn turn, int64_t asked_ns, int64_t began_ns,
	       int64_t cpu_ns)
{
	int64_t pays = (int64_t)((double)cpu_ns / pace->share);

	if (turn == PACE_FULL) {
		pace->full_at = began_ns;
		pace->full_due = pace_by_the_clock(pace, began_ns, pace_most(asked_ns, pays));
		pace->interval_ns = pace_most(asked_ns, pays);
		pace->due_ns = pace_by_the_clock(pace, began_ns, asked_ns);
	} else if (turn == PACE_TOO_EARLY) {
		pace->full_due += pays;
		pace->interval_ns = pace->full_due - pace->full_at;
		pace->due_ns = pace->full_due;
	} else {
		if (pace_is_too_early(pace, began_ns)) {
			pace->full_due += pays;
			pays *= LOOKS_IN_DEBT;
		}
		pace->interval_ns = pace_most(asked_ns, pays);
		pace->due_ns = pace_by_the_clock(pace, began_ns, pace->interval_ns);
	}
}
