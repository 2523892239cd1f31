// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/block.h"
#include "log/detail.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/walk_log.h"

/*
 * The first byte says what the rest is: a whole log (anything but the following; so that a log is its
 * own corpus file, 'S' of SQLite is the first byte of one), 1 a raw block of pages before compression,
 * 2 raw facts, 3 and 4 the same as schema 1 has them, 5 a frame. These reach what the checksums keep a
 * mutated log from.
 */

static void fuzz_frame(const uint8_t *data, size_t size)
{
	struct log_codec *codec = log_codec_new();
	struct log_detail *detail = malloc(sizeof(*detail));
	struct log_block block;

	log_block_decode(codec, data, size, NULL, &block);
	log_detail_decode(codec, data, size, detail);
	free(detail);
	log_codec_free(codec);
}

static void fuzz_blob(const uint8_t *data, size_t size, bool detail, int schema)
{
	struct log_codec *codec = log_codec_new();
	size_t room = log_compress_room(size);
	uint8_t *frame = malloc(room);
	int length = log_compress(codec, data, size, frame, room);

	/* Schema 1 knows no frames but those of zstd. */
	log_codec_set_schema(codec, length > 0 && frame[0] == 0x28 ? schema : 2);

	if (detail) {
		struct log_detail *out = malloc(sizeof(*out));

		uint64_t wanted[LOG_SET_WORDS] = { 1, UINT64_MAX };
		struct log_detail *found = calloc(1, sizeof(*found));

		if (!log_detail_decode(codec, frame, (size_t)length, out))
			log_detail_take(out, wanted, found);
		free(found);
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
	if (size && data[0] == 5)
		fuzz_frame(data + 1, size - 1);
	else if (size && data[0] <= 4)
		fuzz_blob(data + 1, size - 1, data[0] == 2 || data[0] == 4, data[0] < 3 ? 2 : 1);
	else
		walk_log(data, size, NULL);
	return 0;
}
