/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_AREAS_H
#define TESTS_AREAS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The swap areas of the machine, readable by slot. Which type an area has is learnt by content, not
 * by its line in /proc/swaps.
 */

#define AREAS 32

struct area {
	char path[256];
	int fd;
	uint64_t slots;
};

struct areas {
	int count;
	struct area area[AREAS];
	int of_type[AREAS]; /* -1: not learnt */
	void *page; /* aligned for O_DIRECT */
	int patience; /* times 50 ms, for pages that are still being written */
};

/* Opens every area in /proc/swaps. */
void areas_open(struct areas *areas);
void areas_close(struct areas *areas);

/*
 * Learns from private pages of one's own, whose type pagemap tells, which area it is. False when none
 * of them went to swap.
 */
bool areas_learn(struct areas *areas);

/*
 * True if the slot holds exactly this page. The first page of a type says which area it is. A page
 * that is still being written is waited for, but not for ever.
 */
bool areas_holds(struct areas *areas, uint8_t type, uint64_t offset, const void *page);

uint64_t areas_most_slots(const struct areas *areas);

#endif
