// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/codec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/walk_log.h"

/*
 * The first byte says what the rest is: a whole log (anything but the following; so that a log is its
 * own corpus file, 'S' of SQLite is the first byte of one), 1 a block of pages before packing, 2 raw
 * data before packing, 5 packed data. These reach what the checksums keep a mutated log from.
 */

static void fuzz_packed(struct log_codec *codec, const uint8_t *data, size_t size)
{
	struct log_raw raw = log_raw_new(7);
	struct log_block block;
	uint8_t *again = malloc(LOG_DATA_MAX);
	int length;

	if (!log_block_decode(codec, data, size, NULL, &block)) {
		struct log_block base = block, second;

		length = log_block_encode(codec, &block, &base, again);
		if (length <= 0 || log_block_decode(codec, again, (size_t)length, &base, &second))
			abort();
		log_block_decode(codec, data, size, &base, &second);
	}
	if (!log_raw_decode(codec, data, size, &raw)) {
		length = log_raw_encode(codec, &raw, again);
		if (length <= 0 || log_raw_decode(codec, again, (size_t)length, &raw))
			abort();
	}
	free(again);
	log_raw_free(&raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct log_codec *codec = log_codec_new();

	if (size && data[0] == 5) {
		fuzz_packed(codec, data + 1, size - 1);
	} else if (size && (data[0] == 1 || data[0] == 2) && size <= LOG_RAW_RAW_MAX) {
		uint8_t *packed = malloc(LOG_DATA_MAX);
		int length = log_pack(codec, data + 1, size - 1, packed);

		if (length > 0)
			fuzz_packed(codec, packed, (size_t)length);
		free(packed);
	} else {
		walk_log(data, size, NULL);
	}
	log_codec_free(codec);
	return 0;
}
