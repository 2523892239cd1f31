// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "fuzz.h"
#include "kernel/smaps.h"

struct seen {
	uint64_t count, sum;
};

static int take(void *context, const struct smaps_entry *entry)
{
	struct seen *seen = context;

	MUST(entry->start < entry->end);
	seen->count++;
	for (int i = 0; i < VERIFY_SUMS; i++)
		seen->sum = seen->sum * 31 + entry->sums.pages[i];
	return 0;
}

static int parse(const char *text, size_t size, size_t piece, struct seen *seen)
{
	struct smaps_parser *parser = smaps_parser_new(take, seen);
	int result = 0;

	MUST(parser);
	for (size_t at = 0; at < size && !result; at += piece)
		result =
			smaps_parser_feed(parser, text + at, size - at < piece ? size - at : piece);
	if (!result)
		result = smaps_parser_end(parser);
	smaps_parser_free(parser);
	return result;
}

/* However the text is cut, the same comes out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = { 0 }, pieces = { 0 };
	int a = parse((const char *)data, size, size ? size : 1, &whole);
	int b = parse((const char *)data, size, 7, &pieces);

	MUST(a == b);
	MUST(whole.count == pieces.count && whole.sum == pieces.sum);
	return 0;
}
