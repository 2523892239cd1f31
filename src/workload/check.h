/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_CHECK_H
#define PMTOP_CHECK_H

#include "workload/why.h"

#include <stdint.h>

/* Whether what a person asks of a workload makes sense on this machine. */

#define WORKLOAD_SWAP_DIR "/var/tmp" /* where a temporary swap file goes */

/* A limit of memory: WORKLOAD_UNSET, or from one page to all of the RAM. `name` is for people. */
int workload_check_bytes(const char *name, uint64_t bytes, struct workload_why *why);

#endif
