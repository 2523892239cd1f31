/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_ADVICE_H
#define PMTOP_ADVICE_H

#include <sys/types.h>

#include "kernel/probe.h"

/*
 * The one place that turns what failed and who asks into a way out that is true for this person:
 * what a plain user lacks root has, what a root without capabilities lacks only a better root has,
 * and no right helps where a file system is not mounted.
 */

#define ADVICE_MAX 200

/* How to get a feature that is not there. */
const char *advice_feature(const struct probe *probe, enum probe_feature feature,
			   char buf[static ADVICE_MAX]);

/* Why a process that there is may not be looked at, and who may. */
const char *advice_target(pid_t pid, char buf[static ADVICE_MAX]);

#endif
