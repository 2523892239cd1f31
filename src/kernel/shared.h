/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SHARED_H
#define PMTOP_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/probe.h"
#include "model/census.h"

/*
 * The shared memory of the machine as seen from its processes: which objects one maps, how large
 * they are and what of them is in RAM and in swap. Each object is asked once a round, however many
 * processes map it. Looks at names and numbers only; of the process it reads /proc/PID/maps, which
 * does not wait for its mmap lock as a whole, and smaps_rollup, which does, where objects cannot be
 * opened or private copies may hide pages of them.
 */
struct shared_reader;

/* Keeps the probe. NULL when memory is out. */
struct shared_reader *shared_reader_new(const struct probe *probe);
void shared_reader_free(struct shared_reader *reader);

/* Starts a round: objects are forgotten and asked anew. */
void shared_round(struct shared_reader *reader);

/*
 * Looks at one process (private_swap must be filled) and sets its shared_swap, doubt and clock.
 * Objects that it maps join the round. 0; -ESRCH: it has ended or is another one by now; -ENOMEM.
 */
int shared_look(struct shared_reader *reader, struct census_process *process);

/* Adds SysV segments that nobody has attached, from /proc/sysvipc/shm (proc_sysvipc(5)). */
int shared_add_sysv(struct shared_reader *reader);

/* Copies the objects of the round and their mappers into the census. -ENOMEM. */
int shared_export(const struct shared_reader *reader, struct census *census);

/* One segment of /proc/sysvipc/shm. */
struct sysv_segment {
	uint64_t key, shmid, size, ram, swap, attached;
};

/* Parses one line after the heading; false when it is not one. Pure. */
bool sysv_parse_line(const char *line, struct sysv_segment *ret_segment);

#endif
