// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "kernel/pagemap.h"
#include "kernel/pagemap_read.h"

/* What one entry of the upper table maps, and the kernel reads at a time: 2 MiB. */
#define PIECE_WORDS 512u

#define PIECES_A_CALL 64

/* Pieces behind one whose words it may have got: more than one huge page can go at a time. */
#define PIECES_BEHIND 3

/* Reads in a row that give nothing before the process counts as gone. */
#define EMPTY_READS 8

/* How often a piece is read again that is still like one behind it: it may really be. */
#define AGAIN 2

struct reading {
	pagemap_preadv *reader;
	int fd;
	uint64_t page; /* of the first word */
	uint64_t *words;
	size_t count;
};

/* Words from index `at` on that lie in one piece. */
static size_t pagemap_piece_words(const struct reading *r, size_t at)
{
	size_t n = PIECE_WORDS - (r->page + at) % PIECE_WORDS;

	return n < r->count - at ? n : r->count - at;
}

static int pagemap_read_pieces(const struct reading *r)
{
	struct iovec pieces[PIECES_A_CALL];
	int empty = 0;

	for (size_t done = 0; done < r->count;) {
		int used = 0;
		ssize_t n;

		for (size_t at = done; at < r->count && used < PIECES_A_CALL; used++) {
			size_t length = pagemap_piece_words(r, at);

			pieces[used] = (struct iovec){ r->words + at, length * sizeof(*r->words) };
			at += length;
		}
		n = r->reader(r->fd, pieces, used, (off_t)((r->page + done) * sizeof(*r->words)));
		if (n < 0)
			return -errno;
		/* Some kernels give less rather than what lies behind. */
		empty = n ? 0 : empty + 1;
		if (empty == EMPTY_READS)
			return -ESRCH;
		done += (size_t)n / sizeof(*r->words);
	}
	return 0;
}

static bool pagemap_holds(uint64_t word)
{
	return word & (PM_PRESENT | PM_SWAP);
}

/* Most pieces of a large space are empty: no branch a word. */
static bool pagemap_holds_any(const uint64_t *words, size_t n)
{
	uint64_t all = 0;

	for (size_t i = 0; i < n; i++)
		all |= words[i];
	return pagemap_holds(all);
}

/*
 * Whether n words are those of another piece: half of them name the same frames and slots, or,
 * where these are hidden, all are the same. Not so where all pages are present and no more is told:
 * that is what the huge page looked like a moment before.
 */
static bool pagemap_is_copy(const uint64_t *words, const uint64_t *other, size_t n)
{
	size_t held = 0, same = 0, named = 0, first = 0;

	for (size_t i = 0; i < n; i++) {
		bool equal = words[i] == other[i];

		held += pagemap_holds(words[i]);
		same += equal;
		named += equal && pagemap_holds(words[i]) && PM_PFN(words[i]);
		first += words[i] == words[0];
	}
	if (first == n && words[0] & PM_PRESENT && !PM_PFN(words[0]))
		return false;
	return held && (same == n || named * 2 >= held);
}

/* The same, for pieces that mostly differ: two words are looked at before all are. */
static bool pagemap_may_be_copy(const uint64_t *words, const uint64_t *other, size_t n)
{
	size_t first = 0, last = n;

	while (first < n && !pagemap_holds(words[first]))
		first++;
	if (first == n)
		return false;
	do
		last--;
	while (!pagemap_holds(words[last]));
	return (words[first] == other[first] || words[last] == other[last]) &&
	       pagemap_is_copy(words, other, n);
}

/*
 * Whether the piece of n words at index `at` looks like one behind it; beyond has one more piece.
 */
static bool pagemap_looks_shifted(const struct reading *r, size_t at, size_t n,
				  const uint64_t *beyond)
{
	size_t next = at + n;

	if (!pagemap_holds_any(r->words + at, n))
		return false;
	for (int i = 0; i < PIECES_BEHIND; i++) {
		size_t length = next < r->count ? pagemap_piece_words(r, next) : n;
		const uint64_t *other = next < r->count ? r->words + next : beyond;

		if (pagemap_may_be_copy(r->words + at, other, n < length ? n : length))
			return true;
		if (other == beyond)
			break;
		next += length;
	}
	return false;
}

/* The words behind the last piece, as many as it has, if it can be a copy of them at all. */
static int pagemap_read_beyond(const struct reading *r, uint64_t *beyond)
{
	uint64_t end = r->page + r->count;
	size_t last = end % PIECE_WORDS ? end % PIECE_WORDS : PIECE_WORDS;
	struct reading one = { r->reader, r->fd, end - last + PIECE_WORDS, beyond, 0 };
	int error;

	one.count = last < r->count ? last : r->count;
	memset(beyond, 0, PIECE_WORDS * sizeof(*beyond));
	if (!pagemap_holds_any(r->words + r->count - one.count, one.count))
		return 0;
	error = pagemap_read_pieces(&one);
	return error == -ESRCH ? 0 : error; /* the end of the address space */
}

int pagemap_read_surely(pagemap_preadv *reader, int fd, uint64_t address, uint64_t *words,
			size_t count)
{
	struct reading all = { reader, fd, address >> PMTOP_PAGE_SHIFT, words, count };
	uint64_t beyond[PIECE_WORDS];
	int error = pagemap_read_pieces(&all);

	if (!error && count)
		error = pagemap_read_beyond(&all, beyond);
	for (size_t at = 0, n; !error && at < count; at += n) {
		struct reading one = { reader, fd, all.page + at, words + at, 0 };

		n = one.count = pagemap_piece_words(&all, at);
		for (int again = 0;
		     again < AGAIN && !error && pagemap_looks_shifted(&all, at, n, beyond); again++)
			error = pagemap_read_pieces(&one);
	}
	return error;
}
