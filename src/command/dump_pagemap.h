/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_DUMP_PAGEMAP_H
#define PMTOP_DUMP_PAGEMAP_H

#include <sys/types.h>

#include "kernel/probe.h"

/*
 * pmtop dump --pagemap RANGE: pagemap words with the slots of shared pages, as binary. Says on
 * standard error what is wrong; an exit status.
 */

/* `range` is ADDRESS+PAGES or ADDRESS-ADDRESS; `path` as for output_open(). */
int dump_pagemap(pid_t pid, const struct probe *probe, const char *range, const char *path);

#endif
