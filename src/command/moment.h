/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_MOMENT_H
#define PMTOP_MOMENT_H

#include <sys/types.h>

#include "kernel/probe.h"
#include "log/reader.h"

/*
 * A moment as people name it: FILE@+3s (time after the first sample), FILE@#120 (number of a
 * sample), FILE@NAME (bookmark), FILE alone, or the number of a living process. A path that holds
 * an @ wins over a moment, where there is such a file.
 */
enum moment_kind { MOMENT_LIVE, MOMENT_DEFAULT, MOMENT_AFTER, MOMENT_SAMPLE, MOMENT_BOOKMARK };

struct moment {
	enum moment_kind kind;
	char *path; /* moment_free() frees it */
	char *name; /* of MOMENT_BOOKMARK, inside path's memory */
	pid_t pid; /* of MOMENT_LIVE */
	int64_t after_ns;
	uint64_t sample;
};

/* Says on standard error what is wrong with it; returns an exit status. */
int moment_parse(const char *word, const char *text, struct moment *ret_moment);
void moment_free(const struct moment *moment);

/* The same of a log and what stands behind the @, whatever files there are. */
int moment_of(const char *word, const char *path, const char *place, struct moment *ret_moment);

/*
 * Number of the sample; `fallback` for MOMENT_DEFAULT. Says what is wrong and returns an exit
 * status.
 */
int moment_sample(const char *word, const struct moment *moment, struct log_reader *reader,
		  uint64_t fallback, uint64_t *ret_sample);

/* The snapshot at that moment; of a log alone the first or the last one. As above. */
int moment_snapshot(const char *word, const struct moment *moment, const struct probe *probe,
		    bool first, struct snapshot **ret_snapshot);

/* Says why something with a log failed; returns EXIT_ERROR or EXIT_NOT_PERMITTED. */
int moment_explain(const char *word, const struct error *error);

#endif
