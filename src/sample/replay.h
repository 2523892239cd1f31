/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_REPLAY_H
#define PMTOP_REPLAY_H

#include "base/error.h"
#include "sample/source.h"

/*
 * The replayed source: a thread that reads a log. It starts to play at the first sample. Playing
 * keeps the pace of the recording, times the speed; where the recording paused for long, it does
 * not wait as long. Events that it passes come as messages.
 */

/*
 * Opens a log (errors as log_reader_open() in log/reader.h) and shows sample number `first`, or the
 * last one if there are not so many. *error (may be NULL) says what is wrong;
 * it may hold a file name: escape it.
 */
int replay_open(const char *path, uint64_t first, struct source **ret_source, struct error *error);

#endif
