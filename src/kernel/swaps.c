// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/swaps.h"
#include "kernel/target.h"

void swaps_free(struct census_area *areas, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(areas[i].path);
	free(areas);
}

/* The byte that \ooo stands for; 0: this is no escape (a path holds no zero byte). */
static int swaps_escaped_byte(const char *at)
{
	if (at[0] != '\\' || at[1] < '0' || at[1] > '3' || at[2] < '0' || at[2] > '7' ||
	    at[3] < '0' || at[3] > '7')
		return 0;
	return (at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0');
}

/* Turns escapes back into what they stand for, in place (seq_file's mangle_path()). */
static void swaps_unescape(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++, to++) {
		int byte = swaps_escaped_byte(at);

		*to = byte ? (char)byte : *at;
		if (byte)
			at += 3;
	}
	*to = '\0';
}

/* "/swapfile  file  524284  12164  -2": sizes in KiB. */
static int swaps_parse_line(const char *line, size_t length, struct census_area *ret_area)
{
	CLEANUP(cleanup_free) char *copy = strndup(line, length);
	CLEANUP(cleanup_free) char *path = malloc(length + 1);
	struct census_area area = { 0 };
	char rest;

	if (!copy || !path)
		return -ENOMEM;
	if (strcspn(copy, " \t") > length ||
	    sscanf(copy + strcspn(copy, " \t"), " %15s %lu %lu %d %c", area.kind, &area.size,
		   &area.used, &area.priority, &rest) != 4)
		return -EPROTO;
	memcpy(path, copy, strcspn(copy, " \t"));
	path[strcspn(copy, " \t")] = '\0';
	if (!path[0] || area.size > UINT64_MAX / 1024 || area.used > area.size)
		return -EPROTO;
	swaps_unescape(path);
	area.path = TAKE(path);
	area.size *= 1024;
	area.used *= 1024;
	*ret_area = area;
	return 0;
}

int swaps_parse(const char *text, struct census_area **ret_areas, size_t *ret_count)
{
	struct census_area *areas = NULL, *grown;
	size_t count = 0;
	int r = 0;

	if (strncmp(text, "Filename", 8) != 0)
		return -EPROTO;
	text += strcspn(text, "\n");
	while (*text && *++text) {
		size_t length = strcspn(text, "\n");

		grown = reallocarray(areas, count + 1, sizeof(*areas));
		if (!grown) {
			r = -ENOMEM;
			break;
		}
		areas = grown;
		r = swaps_parse_line(text, length, &areas[count]);
		if (r < 0)
			break;
		count++;
		text += length;
	}
	if (r < 0) {
		swaps_free(areas, count);
		return r;
	}
	*ret_areas = areas;
	*ret_count = count;
	return 0;
}

int swaps_sums(uint64_t *ret_total, uint64_t *ret_free)
{
	struct sysinfo info;

	if (sysinfo(&info) < 0)
		return -errno;
	*ret_total = (uint64_t)info.totalswap * info.mem_unit;
	*ret_free = (uint64_t)info.freeswap * info.mem_unit;
	return 0;
}

int swaps_read(struct census_area **ret_areas, size_t *ret_count)
{
	/* 32 areas at most, each with a path whose every byte is escaped. */
	const size_t size = (size_t)32 * (4 * 4096 + 128);
	CLEANUP(cleanup_free) char *text = malloc(size);
	int r;

	if (!text)
		return -ENOMEM;
	r = target_read_text(AT_FDCWD, "/proc/swaps", text, size);
	/*
	 * A kernel without swap has no such file; one without areas gives an empty text or a
	 * heading. Where there is no meminfo either, /proc shows processes only.
	 */
	if (r == -ENOENT && access("/proc/meminfo", F_OK))
		return -ENODATA;
	if (r == -ENOENT || r == 0) {
		*ret_areas = NULL;
		*ret_count = 0;
		return 0;
	}
	return r < 0 ? r : swaps_parse(text, ret_areas, ret_count);
}

int swaps_cached(uint64_t *ret_bytes)
{
	char text[8192];
	const char *at;
	int r = target_read_text(AT_FDCWD, "/proc/meminfo", text, sizeof(text));

	if (r < 0)
		return r;
	at = strstr(text, "\nSwapCached:");
	if (!at)
		return -ENODATA;
	*ret_bytes = strtoull(at + strlen("\nSwapCached:"), NULL, 10) * 1024;
	return 0;
}

int swap_type_line(uint32_t seen, size_t areas, unsigned int type)
{
	size_t below, above, first, last;

	if (type >= 32 || !(seen >> type & 1))
		return -1;
	below = (size_t)__builtin_popcount(seen & ((UINT32_C(1) << type) - 1));
	above = (size_t)__builtin_popcount(seen >> type) - 1;
	/* Each type seen below has a line before this one, each one above has a line behind it. */
	first = below;
	if (areas < below + above + 1)
		return -1;
	last = areas - above - 1;
	if (last > type)
		last = type;
	return first == last ? (int)first : -1;
}
