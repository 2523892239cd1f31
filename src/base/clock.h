/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_CLOCK_H
#define PMTOP_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of a clock (clock_gettime(2)). */
static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#endif
