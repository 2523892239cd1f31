// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "areas.h"

#define PAGE 4096

void areas_open(struct areas *areas)
{
	FILE *f = fopen("/proc/swaps", "re");
	char line[512];

	memset(areas, 0, sizeof(*areas));
	areas->page = aligned_alloc(PAGE, PAGE);
	areas->patience = 1200;
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

/* Each type is one area and each area is one type. */
static bool may_be(const struct areas *areas, uint8_t type, int n)
{
	if (areas->of_type[type] >= 0)
		return areas->of_type[type] == n;
	for (int t = 0; t < AREAS; t++)
		if (areas->of_type[t] == n)
			return false;
	return true;
}

bool areas_learn(struct areas *areas)
{
	const size_t pages = 64;
	uint64_t words[64] = { 0 };
	char *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), learnt = 0;
	char content[PAGE];

	for (size_t i = 0; i < pages; i++)
		memset(memory + i * PAGE, (int)i + 1, PAGE);
	for (int round = 0; round < 3; round++)
		madvise(memory, pages * PAGE, MADV_PAGEOUT);
	if (pread(fd, words, sizeof(words), (off_t)((uintptr_t)memory / PAGE * 8)) !=
	    (ssize_t)sizeof(words))
		return false;
	for (size_t i = 0; i < pages; i++) {
		memset(content, (int)i + 1, PAGE);
		if (words[i] >> 62 == 1)
			learnt += areas_holds(areas, words[i] & 31,
					      (words[i] & ((UINT64_C(1) << 55) - 1)) >> 5, content);
	}
	munmap(memory, pages * PAGE);
	close(fd);
	return learnt;
}

bool areas_holds(struct areas *areas, uint8_t type, uint64_t offset, const void *page)
{
	if (type >= AREAS)
		return false;
	for (;;) {
		for (int n = 0; n < areas->count; n++) {
			if (!may_be(areas, type, n))
				continue;
			if (holds(areas, n, offset, page)) {
				areas->of_type[type] = n;
				return true;
			}
		}
		if (areas->patience-- <= 0)
			return false;
		usleep(50000);
	}
}

uint64_t areas_most_slots(const struct areas *areas)
{
	uint64_t most = 0;

	for (int n = 0; n < areas->count; n++)
		if (areas->area[n].slots > most)
			most = areas->area[n].slots;
	return most;
}
