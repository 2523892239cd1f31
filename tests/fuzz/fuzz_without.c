// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "fuzz.h"
#include "kernel/probe.h"

/* The list of --without. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct probe probe = { 0 };
	const char *bad = NULL;
	int result;

	MUST(text);
	memcpy(text, data, size);
	text[size] = '\0';
	for (int f = 0; f < PROBE_FEATURES; f++)
		probe.has[f] = true;
	result = probe_take_away(&probe, text, &bad);
	MUST(result >= 0 || (bad >= text && bad <= text + strlen(text)));
	for (int f = 0; f < PROBE_FEATURES; f++)
		MUST(probe.has[f] != probe.taken_away[f]);
	free(text);
	return 0;
}
