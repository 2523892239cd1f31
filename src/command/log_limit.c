// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/log_limit.h"

#include "base/units.h"
#include "command/command.h"
#include "command/options.h"

#define MAX_SIZE_LEAST (UINT64_C(128) << 10)
#define ROTATE_MOST    999

int option_max_size(const struct option_place *place, const char *text)
{
	int status = option_size(place, text);

	if (status == EXIT_DONE && *(uint64_t *)place->field < MAX_SIZE_LEAST)
		status = options_refuse_value(place, text, "is less than 128K, the least");
	return status;
}

int option_rotate(const struct option_place *place, const char *text)
{
	unsigned int logs = 0, digits = 0;

	for (; text[digits] >= '0' && text[digits] <= '9' && logs <= ROTATE_MOST; digits++)
		logs = logs * 10 + (unsigned int)(text[digits] - '0');
	if (!digits || text[digits] || !logs || logs > ROTATE_MOST)
		return options_refuse_value(place, text,
					    "is not a number from 1 to " UNITS_TEXT(ROTATE_MOST));
	*(unsigned int *)place->field = logs;
	return EXIT_DONE;
}

int log_limit_check(const char *word, const struct recording_options *log)
{
	if (!log->rotate || log->max_bytes)
		return EXIT_DONE;
	fprintf(stderr, "pmtop%s%s: --rotate needs --max-size\n", *word ? " " : "", word);
	return EXIT_USAGE;
}
