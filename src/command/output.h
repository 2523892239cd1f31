/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_OUTPUT_H
#define PMTOP_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Where a report goes: standard output, or a file that appears under its name only when it is
 * whole, so that whoever reads it now and then never sees half of one.
 */
struct output {
	FILE *file;
	const char *path; /* NULL: standard output */
	char *temporary; /* NULL: written in place (a device, a pipe) */
};

/*
 * path NULL or "-": standard output. A new file is for its owner alone, as logs are: a report has
 * addresses, and of root frames; `counts_only`: it has neither, and the umask decides. A file of
 * ours that is there keeps its mode. -ELOOP: a symbolic link, which is not replaced; other -errno
 * when it cannot be made.
 */
int output_open(const char *path, bool counts_only, struct output *ret_output);

/* Makes it whole. -errno when something could not be written: then the old file is untouched. */
int output_commit(struct output *output);

/*
 * The end of a report: commits it, unless `error` (of output_open() or of what was written) says
 * that it is not whole, and says on standard error what failed. An exit status.
 */
int output_finish(struct output *output, const char *word, const char *path, int error);

/* Leaves nothing behind; after a commit there is nothing to do. */
void output_discard(struct output *output);

#endif
