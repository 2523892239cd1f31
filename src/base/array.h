/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_ARRAY_H
#define PMTOP_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* A growing array: a pointer, how many elements it holds, and for how many there is room. */

#define ARRAY_FIRST_ROOM 64

/* The elements with room for twice as many, or NULL (out of memory); the old array stays valid. */
static inline void *array_grow(void *items, size_t *room, size_t size)
{
	size_t wanted = *room ? *room * 2 : ARRAY_FIRST_ROOM;
	void *more = reallocarray(items, wanted, size);

	if (more)
		*room = wanted;
	return more;
}

/* True once there is room for element number `count`. Grows `items` and `room` when it must. */
/* NOLINTBEGIN(bugprone-macro-parentheses): the pointer is assigned to */
#define ARRAY_RESERVE(items, count, room)                                                          \
	({                                                                                         \
		bool array_ok = (count) < (room);                                                  \
		if (!array_ok) {                                                                   \
			void *array_more = array_grow((items), &(room), sizeof(*(items)));         \
			array_ok = array_more != NULL;                                             \
			if (array_ok)                                                              \
				(items) = array_more;                                              \
		}                                                                                  \
		array_ok;                                                                          \
	})
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
