/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SHARED_H
#define PMTOP_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/probe.h"
#include "model/census.h"
#include "model/mapping.h"

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

/* The table of shared memory objects of one round, by device and inode; for shared.c only. */

struct shared_object {
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	uint64_t ipc; /* IPC namespace of a SysV segment */
	char *name;
	uint64_t pages, cached, swapped;
	uint64_t part_first, part_count, part_swapped; /* the part that was asked last */
	uint8_t doubt; /* enum census_doubt */
	bool sysv;
	pid_t *mappers; /* ascending when processes are looked at in that order */
	size_t mapper_count, mapper_room;
};

struct shared_objects {
	struct shared_object *items;
	size_t count, room;
	uint64_t ipc; /* namespace in which the segments that are added next are */
	uint32_t *index; /* hash table of item number + 1; a power of 2 of places */
	size_t index_room;
};

void shared_objects_clear(struct shared_objects *objects);

/*
 * The object that the mapping shows, made when it is new, with the process as one of its mappers.
 * The pointer is good until the next call. -ENOMEM.
 */
int shared_objects_add(struct shared_objects *objects, const struct mapping *mapping, pid_t pid,
		       struct shared_object **ret_object);

/*
 * Marks the segment's object, or adds it when nobody that was looked at has it attached. -ENOMEM.
 */
int shared_objects_add_sysv(struct shared_objects *objects, const struct probe *probe,
			    const struct sysv_segment *segment);

int shared_objects_export(const struct shared_objects *objects, struct census *census);

#endif
