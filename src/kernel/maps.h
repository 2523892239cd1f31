/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_MAPS_H
#define PMTOP_MAPS_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/filesystems.h"
#include "kernel/probe.h"
#include "kernel/target.h"
#include "model/mapping.h"

/* The mappings of a process, from the text of /proc/PID/maps (proc_pid_maps(5)). */

struct mapping_list {
	struct mapping **items; /* ascending by address; one reference each */
	size_t count, room;
	uint64_t hash; /* of the text: equal hashes, equal lists */
};

void mapping_list_release(struct mapping_list *list);

/*
 * Parses one line without its newline. The name points into the line and is raw. Kind is left 0.
 * False when it is not a line of maps.
 */
bool maps_parse_line(const char *line, size_t length, struct mapping *ret_mapping,
		     const char **ret_name, size_t *ret_name_length);

/*
 * Reads all mappings. Those that are in `before` (may be NULL) unchanged are the same objects.
 * `list` is released first. -ESRCH when the process has ended.
 */
int maps_read(const struct target *target, const struct probe *probe,
	      struct filesystems *filesystems, const struct mapping_list *before,
	      struct mapping_list *list);

/*
 * Gives each mapping to the callback as the text has it: kind 0, without a reference, the name
 * (raw, not terminated) good during the call. Each address once, ascending. Makes no list, for
 * whoever looks at many processes. A result other than 0 ends it and is handed up. Errors as of
 * maps_read().
 */
typedef int maps_callback(void *context, const struct mapping *raw, const char *name,
			  size_t name_length);
int maps_each(const struct target *target, maps_callback *callback, void *context);

/* The hash that maps_read() would give now, without parsing: has anything changed? */
int maps_hash(const struct target *target, uint64_t *ret_hash);

#endif
