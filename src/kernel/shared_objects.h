/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SHARED_OBJECTS_H
#define PMTOP_SHARED_OBJECTS_H

#include "kernel/shared.h"
#include "model/mapping.h"

/* The table of shared memory objects of one round, by device and inode; for shared.c only. */

struct shared_object {
	uint32_t dev_major, dev_minor;
	uint64_t inode;
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
