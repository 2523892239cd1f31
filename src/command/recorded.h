/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_RECORDED_H
#define PMTOP_RECORDED_H

#include <limits.h>

#include "sample/recording.h"

/* A name of a log, up to three times, and words between. */
#define RECORDED_MAX (3 * PATH_MAX + 512)

/*
 * What became of a recording into `path`, in one sentence, as every command says it: how many
 * samples are in which files, and why it ended early. What matters most stands first, since a
 * screen may be narrow. Raw: escape it. Returns buf.
 */
char *recorded_text(const char *path, const struct recording_status *status,
		    char buf[static RECORDED_MAX]);

#endif
