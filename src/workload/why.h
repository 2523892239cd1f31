/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_WHY_H
#define PMTOP_WHY_H

/*
 * Why something about a workload failed, as a sentence for people that also says the way out, and
 * the exit status of timeout(1) that fits. A function that takes one fills it whenever it returns
 * an error, and only then.
 */
struct workload_why {
	int status; /* 125 pmtop failed, 126 not executable, 127 not found */
	char text[400];
};

enum {
	RUN_FAILED = 125,
	RUN_NOT_EXECUTABLE = 126,
	RUN_NOT_FOUND = 127,
};

/* Fills *why with status 125 and returns error (a negative errno). */
__attribute__((format(printf, 3, 4))) int why(struct workload_why *why, int error,
					      const char *format, ...);

#endif
