/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_RUN_WORDS_H
#define PMTOP_RUN_WORDS_H

#include "workload/workload.h"

/* What `pmtop run` says of a workload, on the screen's way out and without one. */

/* One line on standard output. */
void run_print_status(const struct workload_status *status);

/* How it ended, on standard error, with its last lines; the exit status that tells it. */
int run_say_end(const struct workload_status *status);

/* That a limit without swap kills, where that is so. */
void run_say_swap(const struct workload_options *options);

#endif
