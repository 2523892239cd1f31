// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/*
 * A main for where there is no libFuzzer: feeds each file of a folder, each of its prefixes, and
 * copies with one byte changed, always the same ones.
 */

#define LARGEST 65536
#ifndef BENT
#define BENT 2000
#endif

static void feed_copies(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	uint32_t seed = 1;

	LLVMFuzzerTestOneInput(data, size);
	for (size_t length = 0; length < size; length += 1 + size / (BENT / 4)) {
		/* A block of exactly this size, so that a read past it is seen. */
		uint8_t *cut = malloc(length ? length : 1);

		memcpy(cut, data, length);
		LLVMFuzzerTestOneInput(cut, length);
		free(cut);
	}
	for (int i = 0; i < BENT && size; i++) {
		seed = seed * 1103515245 + 12345;
		memcpy(copy, data, size);
		copy[(seed >> 8) % size] = (uint8_t)(seed >> 3);
		LLVMFuzzerTestOneInput(copy, size);
	}
	free(copy);
}

static int feed_file(const char *folder, const char *name)
{
	static uint8_t data[LARGEST];
	char path[4096];
	FILE *file;
	size_t size;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	if (!file)
		return 0;
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	feed_copies(data, size);
	return 1;
}

int main(int argc, char **argv)
{
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
	const struct dirent *entry;
	int files = 0;

	if (!folder) {
		fprintf(stderr, "no corpus\n");
		return 2;
	}
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			files += feed_file(argv[1], entry->d_name);
	closedir(folder);
	printf("%d files\n", files);
	return files ? 0 : 1;
}
