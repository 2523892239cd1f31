// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/pagemap.h"

/*
 * A pagemap that leaves words out as old kernels do: each 2 MiB of a process is a piece, and a piece
 * that is to be left out gives nothing, so that the words behind it come in its place.
 */

#define PIECE  512u
#define PIECES 8u
#define READ   ((PIECES - 1) * PIECE) /* of these, one piece is left to look at behind them */
#define FIRST  (UINT64_C(0x7f0000000000) >> PMTOP_PAGE_SHIFT) /* begins a piece */

/* One process at a time, since a pagemap_preadv has no context but its descriptor. */
static struct process {
	uint64_t words[PIECES * PIECE];
	unsigned int left_out[PIECES]; /* how many reads of it come to nothing yet */
	bool bounded; /* gives less rather than the words behind */
	bool gone;
	unsigned int moves; /* a piece of which some pages move once it was read, 0: none */
	unsigned int reads;
} process;

static void move_some(uint64_t piece)
{
	if (!process.moves || piece != process.moves)
		return;
	process.moves = 0;
	for (size_t i = PIECE / 3; i < PIECE / 2; i++)
		if (process.words[piece * PIECE + i])
			process.words[piece * PIECE + i] += 0x100000;
}

/* What the kernel does for one piece of the vector: walks on until the buffer is full. */
static size_t read_one(uint64_t *to, size_t count, uint64_t page)
{
	uint64_t at = page - FIRST, end = process.bounded ? at + count : PIECES * PIECE;
	size_t got = 0;

	process.reads++;
	while (got < count && at < end && at < PIECES * PIECE) {
		uint64_t piece = at / PIECE, next = (piece + 1) * PIECE;

		if (process.left_out[piece]) {
			process.left_out[piece]--;
			at = next;
			continue;
		}
		for (; got < count && at < next; at++)
			to[got++] = process.words[at];
		move_some(piece);
	}
	return got;
}

static ssize_t fake_preadv(int fd, const struct iovec *pieces, int count, off_t offset)
{
	ssize_t done = 0;

	assert_int_equal(fd, 7);
	for (int i = 0; i < count && !process.gone; i++) {
		size_t wanted = pieces[i].iov_len / 8;
		size_t got = read_one(pieces[i].iov_base, wanted,
				      ((uint64_t)offset + (uint64_t)done) / 8);

		done += (ssize_t)(got * 8);
		if (got != wanted)
			break;
	}
	return done;
}

/* Every third page of every piece is present, each in a frame of its own; one piece is none. */
static int set_up(void **state)
{
	(void)state;
	memset(&process, 0, sizeof(process));
	for (size_t i = 0; i < PIECES * PIECE; i++)
		if (i % 3 == 0 && i / PIECE != 5)
			process.words[i] = PM_PRESENT | PM_EXCLUSIVE | (0x1000 + i);
	return 0;
}

static void read_range(uint64_t first, size_t count)
{
	uint64_t *words = calloc(count, sizeof(*words));

	assert_non_null(words);
	assert_int_equal(pagemap_read_surely(fake_preadv, 7, (FIRST + first) << PMTOP_PAGE_SHIFT,
					     words, count),
			 0);
	assert_memory_equal(words, process.words + first, count * sizeof(*words));
	free(words);
}

/* What a bare read makes of it: the test would prove nothing otherwise. */
static void assert_bare_read_is_wrong(uint64_t first, size_t count)
{
	uint64_t *words = calloc(count, sizeof(*words));
	struct iovec all = { words, count * sizeof(*words) };
	unsigned int left_out[PIECES];

	memcpy(left_out, process.left_out, sizeof(left_out));
	assert_int_equal(fake_preadv(7, &all, 1, (off_t)((FIRST + first) * 8)), count * 8);
	assert_memory_not_equal(words, process.words + first, count * sizeof(*words));
	memcpy(process.left_out, left_out, sizeof(left_out));
	free(words);
}

static void test_nothing_left_out(void **state)
{
	(void)state;
	read_range(0, READ);
	assert_int_equal(process.reads, PIECES); /* the last one for comparison */
	read_range(100, 1000);
	read_range(5 * PIECE + 3, 1);
	read_range(3, 1);
}

static void test_one_left_out(void **state)
{
	(void)state;
	for (unsigned int piece = 0; piece < PIECES - 1; piece++) {
		/* No word of a piece that is followed by an empty one can be told from its own. */
		if (piece == 4)
			continue;
		set_up(NULL);
		process.left_out[piece] = 1;
		assert_bare_read_is_wrong(0, READ);
		read_range(0, READ);
		assert_int_equal(process.left_out[piece], 0);
	}
}

/* The last piece of a request, whole or not, gets words from beyond the request. */
static void test_last_left_out(void **state)
{
	static const struct {
		unsigned int first, count;
	} ranges[] = { { 0, 512 }, { 100, 200 }, { 100, 412 }, { 0, 1 }, { 3, 1500 }, { 509, 4 } };

	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		unsigned int last = (ranges[i].first + ranges[i].count - 1) / PIECE;

		set_up(NULL);
		/* Other pages than those of the piece behind, whatever the offset. */
		for (size_t k = 0; k < PIECE; k++) {
			process.words[last * PIECE + k] = PM_SWAP | (k + 1) << 5;
			process.words[(last + 1) * PIECE + k] = PM_PRESENT | (0x9000 + k);
		}
		process.left_out[last] = 1;
		assert_bare_read_is_wrong(ranges[i].first, ranges[i].count);
		read_range(ranges[i].first, ranges[i].count);
		assert_int_equal(process.left_out[last], 0);
	}
}

static void test_several_left_out(void **state)
{
	(void)state;
	process.left_out[1] = 1;
	process.left_out[2] = 1;
	read_range(0, READ);
	set_up(NULL);
	process.left_out[0] = 2; /* again when it is looked at again */
	process.left_out[6] = 1;
	read_range(0, READ);
}

/* The words behind are not the same any more when they are read for themselves. */
static void test_left_out_beside_a_restless_one(void **state)
{
	(void)state;
	process.left_out[2] = 1;
	process.moves = 3;
	read_range(0, READ);
	assert_int_equal(process.moves, 0);
}

/* Where frames are hidden, words say so little that only whole pieces can be compared. */
static void test_hidden_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < PIECES * PIECE; i++)
		process.words[i] = (i / 7 + i / PIECE) % 2 ? PM_PRESENT : PM_SWAP;
	process.left_out[2] = 1;
	assert_bare_read_is_wrong(0, 4 * PIECE);
	read_range(0, READ);

	/* All present is what a huge page was a moment before: not read again. */
	for (size_t i = 0; i < PIECES * PIECE; i++)
		process.words[i] = PM_PRESENT;
	process.reads = 0;
	read_range(0, READ);
	assert_int_equal(process.reads, PIECES); /* the last one for comparison */
}

/* Pieces that are really alike (one file, mapped twice) are read again, and believed then. */
static void test_twins(void **state)
{
	(void)state;
	memcpy(process.words + PIECE, process.words, PIECE * sizeof(process.words[0]));
	read_range(0, READ);
	assert_int_equal(process.reads, PIECES + 2);
}

static void test_less_than_asked(void **state)
{
	uint64_t word;

	(void)state;
	process.bounded = true;
	process.left_out[0] = 1;
	process.left_out[3] = 3;
	read_range(0, READ);
	process.gone = true;
	assert_int_equal(pagemap_read_surely(fake_preadv, 7, FIRST << PMTOP_PAGE_SHIFT, &word, 1),
			 -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_left_out, set_up),
		cmocka_unit_test_setup(test_one_left_out, set_up),
		cmocka_unit_test_setup(test_last_left_out, set_up),
		cmocka_unit_test_setup(test_several_left_out, set_up),
		cmocka_unit_test_setup(test_left_out_beside_a_restless_one, set_up),
		cmocka_unit_test_setup(test_hidden_frames, set_up),
		cmocka_unit_test_setup(test_twins, set_up),
		cmocka_unit_test_setup(test_less_than_asked, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
