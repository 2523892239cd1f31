// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "fuzz.h"

/* Sizes and durations as a person types them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char shown[UNITS_SIZE_MAX];
	uint64_t value = 77, again;
	int result;

	MUST(text);
	memcpy(text, data, size);
	text[size] = '\0';
	result = units_parse_size(text, &value);
	MUST(result == 0 || (value == 77 && *units_size_problem(result)));
	if (!result && value < 1024 << 10) {
		/* What is shown is never more than there is, and can be typed again. */
		units_format_size(value, shown);
		if (!strchr(shown, '.') && !strchr(shown, 'B'))
			MUST(!units_parse_size(shown, &again) && again <= value);
	}
	value = 77;
	result = units_parse_duration(text, &value);
	MUST(result == 0 || (value == 77 && *units_duration_problem(result)));
	free(text);
	return 0;
}
