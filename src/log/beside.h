/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_BESIDE_H
#define PMTOP_LOG_BESIDE_H

#include <limits.h>

/*
 * The files that SQLite keeps beside a log while somebody writes to it, or still reads it: their
 * names, and what becomes of both together. Only src/log includes this.
 */

enum beside { BESIDE_WAL, BESIDE_SHM, BESIDE_FILES };

/* What their names end in. */
extern const char *const beside_suffixes[BESIDE_FILES];

#define BESIDE_MAX (PATH_MAX + 8)

/* The name of one of them. Returns buf. */
char *beside_path(const char *log, enum beside which, char buf[static BESIDE_MAX]);

/* Takes away what there is of them. */
void beside_remove(const char *log);

/*
 * Where somebody reads a log, they stay, and may hold samples that could not be moved into it: then
 * they go with the log. What is left there of another log goes away.
 */
void beside_rename(const char *from, const char *to);

#endif
