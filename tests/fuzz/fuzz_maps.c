// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "fuzz.h"
#include "kernel/maps.h"

/* Each line of the input is a line of /proc/PID/maps. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *end = text + size;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t length = (size_t)((newline ? newline : end) - text), name_length;
		struct mapping mapping;
		const char *name;

		if (maps_parse_line(text, length, &mapping, &name, &name_length)) {
			MUST(mapping.start < mapping.end);
			MUST(!((mapping.start | mapping.end) & (PMTOP_PAGE_SIZE - 1)));
			MUST(strlen(mapping.perms) == 4);
			MUST(name >= text && name + name_length == text + length);
		}
		text += length + 1;
	}
	return 0;
}
