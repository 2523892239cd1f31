// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/shared.h"
#include "kernel/swaps.h"

/* /proc/swaps and lines of /proc/sysvipc/shm: what is taken is consistent. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct census_area *areas = NULL;
	struct sysv_segment segment;
	size_t count = 0;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	(void)sysv_parse_line(text, &segment);
	if (!swaps_parse(text, &areas, &count)) {
		for (size_t i = 0; i < count; i++)
			MUST(areas[i].used <= areas[i].size && areas[i].path[0]);
		swaps_free(areas, count);
	}
	free(text);
	return 0;
}
