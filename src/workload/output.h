/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_OUTPUT_H
#define PMTOP_OUTPUT_H

#include "model/workload.h"

#include <stdatomic.h>
#include <stddef.h>

/*
 * The last bytes that a command printed, in memory that two processes share: the supervisor puts
 * them in, so that the command never waits for pmtop; pmtop looks at the last lines. One writer,
 * any reader; bounded, old bytes are overwritten.
 */

#define OUTPUT_SIZE (64 * UINT64_C(1024)) /* a power of two */

struct output {
	_Atomic uint64_t written; /* bytes ever put; byte k is bytes[k % OUTPUT_SIZE] */
	char bytes[OUTPUT_SIZE];
};

/* A descriptor of shared memory of the size of a struct output, or -errno; and mapping it. */
int output_make(void);
int output_map(int fd, struct output **ret);
void output_unmap(struct output *o);

void output_put(struct output *o, const char *bytes, size_t n);

/*
 * The last lines, oldest first, raw but for NUL bytes, which become '?'. A last line without its
 * newline counts as a line. Fills output_bytes, lines and output of *ret.
 */
void output_tail(struct output *o, struct workload_status *ret);

#endif
