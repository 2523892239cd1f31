// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "command/moment.h"
#include "fuzz.h"

/* A moment as people name it, FILE@+3s and the like. What it says of errors is not for here. */
__attribute__((constructor)) static void silence(void)
{
	stderr = fopen("/dev/null", "we"); /* descriptor 2 stays for the sanitizers */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct moment moment;

	MUST(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (!moment_parse("fuzz", text, &moment)) {
		MUST(moment.kind <= MOMENT_BOOKMARK);
		MUST(moment.kind == MOMENT_LIVE ? moment.pid > 0 : moment.path != NULL);
		moment_free(&moment);
	}
	free(text);
	return 0;
}
