// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "areas.h"

#define PAGE 4096

void areas_open(struct areas *areas)
{
	FILE *f = fopen("/proc/swaps", "re");
	char line[512];

	memset(areas, 0, sizeof(*areas));
	areas->page = aligned_alloc(PAGE, PAGE);
	for (int i = 0; i < AREAS; i++)
		areas->of_type[i] = -1;
	while (f && areas->count < AREAS && fgets(line, sizeof(line), f)) {
		struct area *a = &areas->area[areas->count];
		char *save, *path = strtok_r(line, " \t", &save);
		char *size =
			path && strtok_r(NULL, " \t", &save) ? strtok_r(NULL, " \t", &save) : NULL;
		unsigned long long kib = size ? strtoull(size, NULL, 10) : 0;

		if (!kib)
			continue;
		snprintf(a->path, sizeof(a->path), "%s", path);
		a->fd = open(a->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
		if (a->fd < 0)
			continue;
		a->slots = kib / 4 + 1; /* the header page is not counted there */
		areas->count++;
	}
	if (f)
		fclose(f);
}

void areas_close(struct areas *areas)
{
	for (int n = 0; n < areas->count; n++)
		close(areas->area[n].fd);
	free(areas->page);
}

static bool holds(struct areas *areas, int n, uint64_t offset, const void *page)
{
	const struct area *a = &areas->area[n];

	return offset && offset < a->slots &&
	       pread(a->fd, areas->page, PAGE, offset * PAGE) == PAGE &&
	       !memcmp(areas->page, page, PAGE);
}

bool areas_holds(struct areas *areas, uint8_t type, uint64_t offset, const void *page)
{
	if (type >= AREAS)
		return false;
	for (int wait = 0; wait < 40; wait++) {
		for (int n = 0; n < areas->count; n++) {
			if (areas->of_type[type] >= 0 && areas->of_type[type] != n)
				continue;
			if (holds(areas, n, offset, page)) {
				areas->of_type[type] = n;
				return true;
			}
		}
		usleep(50000);
	}
	return false;
}

uint64_t areas_most_slots(const struct areas *areas)
{
	uint64_t most = 0;

	for (int n = 0; n < areas->count; n++)
		if (areas->area[n].slots > most)
			most = areas->area[n].slots;
	return most;
}
