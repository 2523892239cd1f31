// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/block.h"
#include "log/detail.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/walk_log.h"

/*
 * The first byte says what the rest is: a whole log (anything but 1 and 2; so that a log is its own
 * corpus file, 'S' of SQLite is the first byte of one), 1 a raw block of pages before compression, 2
 * raw facts. The last two reach what the checksums of zstd keep a mutated log from.
 */

static void fuzz_blob(const uint8_t *data, size_t size, bool detail)
{
	struct log_codec *codec = log_codec_new();
	size_t room = log_compress_room(size);
	uint8_t *frame = malloc(room);
	int length = log_compress(codec, data, size, frame, room);

	if (detail) {
		struct log_detail *out = malloc(sizeof(*out));

		log_detail_decode(codec, frame, (size_t)length, out);
		free(out);
	} else {
		struct log_block base, out;

		log_block_clear(&base);
		for (unsigned int i = 0; i < LOG_BLOCK_PAGES; i += 2)
			base.slot[i] = i;
		if (!log_block_decode(codec, frame, (size_t)length, NULL, &out))
			base = out;
		log_block_decode(codec, frame, (size_t)length, base.slot, &out);
	}
	free(frame);
	log_codec_free(codec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] <= 2)
		fuzz_blob(data + 1, size - 1, data[0] == 2);
	else
		walk_log(data, size, NULL);
	return 0;
}
