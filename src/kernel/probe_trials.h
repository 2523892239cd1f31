/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PROBE_TRIALS_H
#define PMTOP_PROBE_TRIALS_H

#include "kernel/probe.h"

/* One trial for each feature, in the order of enum probe_feature: 0 or why not, as -errno. */
extern int (*const probe_trials[PROBE_FEATURES])(struct probe *probe);

#endif
