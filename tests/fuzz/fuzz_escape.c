// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "base/escape.h"
#include "fuzz.h"

/* Any text from outside: what is shown is valid, safe UTF-8, and everything is shown. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	size_t room = size * ESCAPE_MAX + 1, used, shown = 0;
	char *out = malloc(room);

	MUST(out);
	used = escape_text(text, size, out, room);
	MUST(strlen(out) == used);
	for (size_t i = 0; i < used;) {
		uint32_t character;
		int length = utf8_decode(out + i, used - i, &character);

		MUST(length > 0 && escape_is_safe(character));
		i += (size_t)length;
	}
	for (size_t i = 0; i < size; shown++) {
		char one[ESCAPE_MAX];

		i += escape_next(text + i, size - i, one);
		MUST(i <= size);
	}
	MUST(shown <= used);
	free(out);
	return 0;
}
