/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_ROTATION_H
#define PMTOP_LOG_ROTATION_H

#include <stdint.h>

#include "base/error.h"

/*
 * The older logs of a recording, FILE.1 and so on: their names, and what is in them. Not of an
 * earlier recording: what there is of its logs moves on by one each time, and is not counted.
 */
struct rotation;

struct log_size {
	uint64_t samples, bytes;
};

/* For at most `keep` older logs; NULL when memory is out. */
struct rotation *rotation_new(const char *path, unsigned int keep);
void rotation_free(struct rotation *rotation);

/*
 * Whether FILE.1 up to the last one can be renamed: what has such a name is a log of pmtop into
 * which nobody records. -EINVAL, -EBUSY.
 */
int rotation_check(const struct rotation *rotation, struct error *error);

/* FILE, closed and of this size, becomes FILE.1, that FILE.2, and so on; the oldest goes. */
int rotation_push(struct rotation *rotation, const struct log_size *newest, struct error *error);

/* Samples of all logs that were pushed, also of those that are gone; and of the gone ones. */
uint64_t rotation_samples(const struct rotation *rotation);
uint64_t rotation_gone(const struct rotation *rotation);

/*
 * How many there are, from FILE.1 on without a hole (somebody may have removed some), and what they
 * hold.
 */
unsigned int rotation_count(const struct rotation *rotation, struct log_size *ret_sum);

#endif
