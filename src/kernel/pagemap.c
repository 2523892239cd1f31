// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "kernel/pagemap.h"
#include "kernel/pagemap_scan_abi.h"

/*
 * One call of the ioctl holds the target's mmap lock for reading until it returns. How much it may
 * walk and match is tuned so that a call takes about CALL_NS: few pages where each has an entry
 * (64 MiB of small pages), many where one entry stands for 512.
 */
#define CALL_NS	      100000
#define PAGES_MINIMUM 16384u
#define PAGES_MAXIMUM (UINT64_C(1) << 28)
#define CHUNK_FIRST   (UINT64_C(1) << 30)
#define CHUNK_MINIMUM (UINT64_C(1) << 29)
#define CHUNK_MAXIMUM (UINT64_C(1) << 46)
#define PAUSE_NS      20000

/*
 * On a slow or busy machine every call takes longer than that, whatever it walks. Steps that found
 * little may therefore take this part of the time that the scan has taken so far: they grow, and
 * their number goes with the logarithm of the time, not with the size of what is empty.
 */
#define PATIENCE 128

/* The kernel gathers at most 512 regions before it copies out; more in one call gains nothing, and
 * walk_end is wrong after a second gathering (measured on 6.18). */
#define REGIONS 512

#define READ_WORDS 16384u

uint16_t pagemap_scan_known(const struct pagemap_scan *scan)
{
	const struct probe *p = scan->probe;
	uint16_t known = SEEN_PRESENT | SEEN_SWAPPED | SEEN_WP;

	if (p->has[PROBE_SOFT_DIRTY])
		known |= SEEN_WRITTEN;
	if (!p->has[PROBE_PAGEMAP_SCAN])
		return known | SEEN_FILE | SEEN_GUARD | SEEN_EXCLUSIVE |
		       (p->has[PROBE_PFN] ? SEEN_ZERO : 0);
	known |= SEEN_ZERO | SEEN_HUGE;
	if (p->has[PROBE_SCAN_GUARD])
		known |= SEEN_GUARD;
	if (scan->file)
		known |= SEEN_FILE;
	return known;
}

static uint16_t pagemap_category_bits(uint64_t categories)
{
	uint16_t bits = 0;

	if (categories & PMSCAN_PRESENT)
		bits |= SEEN_PRESENT;
	if (categories & PMSCAN_SWAPPED)
		bits |= SEEN_SWAPPED;
	if (categories & PMSCAN_FILE)
		bits |= SEEN_FILE;
	if (categories & PMSCAN_PFNZERO)
		bits |= SEEN_ZERO;
	if (categories & PMSCAN_HUGE)
		bits |= SEEN_HUGE;
	if (categories & PMSCAN_SOFT_DIRTY)
		bits |= SEEN_WRITTEN;
	if (categories & PMSCAN_GUARD)
		bits |= SEEN_GUARD;
	/* "Written" means "not write-protected by userfaultfd", with PROBE_SCAN_WP everywhere. */
	if (!(categories & PMSCAN_WRITTEN) && !(categories & PMSCAN_GUARD))
		bits |= SEEN_WP;
	return bits;
}

static uint64_t pagemap_adapt(uint64_t value, int64_t took_ns, int64_t limit_ns, uint64_t minimum,
			      uint64_t maximum)
{
	if (took_ns > limit_ns)
		return value / 2 > minimum ? value / 2 : minimum;
	if (took_ns < limit_ns / 4 || limit_ns > CALL_NS)
		return value * 4 < maximum ? value * 4 : maximum;
	return value;
}

/* Larger steps where little is found or one entry stands for many pages, smaller ones elsewhere. */
static void pagemap_adapt_call(struct pagemap_scan *scan, const struct pmscan_arg *arg,
			       uint64_t matched, int64_t took_ns, int64_t spent_ns)
{
	int64_t limit = spent_ns / PATIENCE > CALL_NS ? spent_ns / PATIENCE : CALL_NS;

	if (took_ns > limit || arg->walk_end == arg->end)
		scan->chunk =
			pagemap_adapt(scan->chunk, took_ns, limit, CHUNK_MINIMUM, CHUNK_MAXIMUM);
	if (took_ns > CALL_NS || matched == scan->pages)
		scan->pages =
			pagemap_adapt(scan->pages, took_ns, CALL_NS, PAGES_MINIMUM, PAGES_MAXIMUM);
}

static int pagemap_call_kernel(const struct pagemap_scan *scan, struct pmscan_arg *arg,
			       int64_t *ret_ns)
{
	int64_t before = clock_ns(CLOCK_MONOTONIC);
	int n = ioctl(scan->fd, PMSCAN_IOCTL, arg);

	*ret_ns = clock_ns(CLOCK_MONOTONIC) - before;
	return n < 0 ? -errno : n;
}

/* Hands the regions of one call on as runs of entries; how many pages they were. */
static int pagemap_deliver(const struct pmscan_region *regions, int count, entry_sink *sink,
			   void *context, uint64_t *ret_matched)
{
	uint64_t last_categories = 0;
	uint16_t last_bits = pagemap_category_bits(0);

	for (int i = 0; i < count; i++) {
		const struct pmscan_region *r = &regions[i];
		struct entry_run run = { r->start, (r->end - r->start) >> PMTOP_PAGE_SHIFT, 0 };
		int error;

		*ret_matched += run.count;
		if (r->categories != last_categories) {
			last_categories = r->categories;
			last_bits = pagemap_category_bits(last_categories);
		}
		run.bits = last_bits;
		error = sink(context, &run);
		if (error)
			return error;
	}
	return 0;
}

/* Where the next step ends; its start moves over what is not mapped. */
static uint64_t pagemap_step_end(const struct pagemap_scan *scan, uint64_t *start, uint64_t end,
				 void *context)
{
	uint64_t to;

	if (!scan->step)
		return end - *start > scan->chunk ? *start + scan->chunk : end;
	to = scan->step(context, start, scan->chunk);
	if (!to)
		*start = end;
	return to < end ? to : end;
}

/* What is asked for; where and how much is for each call. */
static struct pmscan_arg pagemap_scan_question(const struct pagemap_scan *scan,
					       struct pmscan_region *regions)
{
	struct pmscan_arg arg = {
		.size = sizeof(arg),
		.vec = (uintptr_t)regions,
		.category_anyof_mask = PMSCAN_PRESENT | PMSCAN_SWAPPED,
		.return_mask = PMSCAN_PRESENT | PMSCAN_SWAPPED | PMSCAN_PFNZERO | PMSCAN_HUGE |
			       PMSCAN_WRITTEN,
	};

	if (scan->file)
		arg.return_mask |= PMSCAN_FILE;
	if (scan->probe->has[PROBE_SCAN_GUARD])
		arg.return_mask |= PMSCAN_GUARD;
	if (scan->probe->has[PROBE_SOFT_DIRTY])
		arg.return_mask |= PMSCAN_SOFT_DIRTY;
	return arg;
}

/* Walks from arg->start to arg->end, or to where the regions or the pages are full. */
static int pagemap_scan_once(struct pagemap_scan *scan, struct pmscan_arg *arg, entry_sink *sink,
			     void *context, uint64_t *ret_matched, int64_t *ret_ns)
{
	uint64_t pages = (arg->end - arg->start) >> PMTOP_PAGE_SHIFT;
	int n;

	arg->max_pages = scan->pages;
	/* The kernel makes room for so many; one more than can be found, so none is missed. */
	arg->vec_len = pages < REGIONS ? pages + 1 : REGIONS;
	n = (scan->call ? scan->call : pagemap_call_kernel)(scan, arg, ret_ns);
	if (n < 0)
		return n;
	scan->statistics.calls++;
	scan->statistics.regions += (uint64_t)n;
	*ret_matched = 0;
	n = pagemap_deliver((const struct pmscan_region *)(uintptr_t)arg->vec, n, sink, context,
			    ret_matched);
	if (n)
		return n;
	/* A kernel that does not get on would never end. */
	return arg->walk_end > arg->start ? 0 : -EIO;
}

static int pagemap_scan_by_ioctl(struct pagemap_scan *scan, uint64_t start, uint64_t end,
				 entry_sink *sink, void *context)
{
	struct pmscan_region regions[REGIONS];
	struct pmscan_arg arg = pagemap_scan_question(scan, regions);
	int64_t held = 0, spent = 0;

	if (!scan->chunk) {
		scan->chunk = CHUNK_FIRST;
		scan->pages = PAGES_MINIMUM;
	}
	while (start < end) {
		uint64_t matched;
		int64_t took;
		int error;

		arg.end = pagemap_step_end(scan, &start, end, context);
		if (start >= end)
			break;
		arg.start = start;
		error = pagemap_scan_once(scan, &arg, sink, context, &matched, &took);
		if (error)
			return error;
		start = arg.walk_end;
		spent += took;
		pagemap_adapt_call(scan, &arg, matched, took, spent);
		/* A call that ended early, full of regions, held the lock for a short time only. */
		held += took;
		if (scan->pause && start < end && held >= CALL_NS / 2) {
			nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
			held = 0;
		}
	}
	return 0;
}

int pagemap_read(const struct probe *probe, int fd, uint64_t address, uint64_t *words, size_t count)
{
	size_t bytes = count * sizeof(*words), done = 0;

	/* Who has the ioctl is past the fault that pagemap_read.h tells of. */
	if (!probe->has[PROBE_PAGEMAP_SCAN])
		return pagemap_read_surely(preadv, fd, address, words, count);

	while (done < bytes) {
		ssize_t n = pread(fd, (char *)words + done, bytes - done,
				  (off_t)((address >> PMTOP_PAGE_SHIFT) * sizeof(*words) + done));

		if (n < 0)
			return -errno;
		if (n == 0) /* the process has no memory any more, or beyond its space */
			return -ESRCH;
		done += (size_t)n;
	}
	return 0;
}

struct evidence pagemap_evidence(const struct probe *probe, uint64_t word)
{
	struct evidence e = { .known = SEEN_PRESENT | SEEN_SWAPPED | SEEN_FILE | SEEN_GUARD |
				       SEEN_WP | SEEN_EXCLUSIVE };

	if (probe->has[PROBE_SOFT_DIRTY]) {
		e.known |= SEEN_WRITTEN;
		if (word & PM_SOFT_DIRTY)
			e.bits |= SEEN_WRITTEN;
	}
	if (word & PM_UFFD_WP)
		e.bits |= SEEN_WP;
	if (word & PM_PRESENT) {
		e.bits |= SEEN_PRESENT;
		if (word & PM_FILE)
			e.bits |= SEEN_FILE;
		if (word & PM_EXCLUSIVE)
			e.bits |= SEEN_EXCLUSIVE;
		if (probe->has[PROBE_PFN] && probe->zero_pfn != UINT64_MAX) {
			e.known |= SEEN_ZERO;
			if (PM_PFN(word) == probe->zero_pfn)
				e.bits |= SEEN_ZERO;
		}
	} else if (word & PM_SWAP) {
		e.bits |= SEEN_SWAPPED;
		if (word & PM_GUARD)
			e.bits |= SEEN_GUARD;
		e.swap_type = (uint8_t)probe_swap_type(probe, PM_TYPE(word), PM_OFFSET(word));
	}
	return e;
}

/* What of a word decides its evidence bits: the flags, and whether it maps the zero page. */
static uint64_t pagemap_word_key(const struct probe *probe, uint64_t word)
{
	if (!(word & (PM_PRESENT | PM_SWAP)))
		return 0;
	return (word & ~((UINT64_C(1) << 55) - 1)) |
	       (word & PM_PRESENT && PM_PFN(word) == probe->zero_pfn);
}

/* A scan by words, and the run of alike entries that it is in. */
struct word_scan {
	struct pagemap_scan *scan;
	entry_sink *sink;
	void *context;
	struct entry_run run;
	uint64_t key;
};

static int pagemap_end_run(struct word_scan *w)
{
	int error = w->run.bits ? w->sink(w->context, &w->run) : 0;

	w->run = (struct entry_run){ 0 };
	return error;
}

static int pagemap_take_words(struct word_scan *w, uint64_t start, const uint64_t *words,
			      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t key = pagemap_word_key(w->scan->probe, words[i]);
		int error;

		if (w->run.count && key == w->key) {
			w->run.count++;
			continue;
		}
		error = pagemap_end_run(w);
		if (error)
			return error;
		w->run = (struct entry_run){ start + i * PMTOP_PAGE_SIZE, 1, 0 };
		if (key)
			w->run.bits = pagemap_evidence(w->scan->probe, words[i]).bits;
		w->key = key;
	}
	return 0;
}

static int pagemap_read_range(struct word_scan *w, uint64_t start, uint64_t end)
{
	uint64_t words[READ_WORDS];

	while (start < end) {
		size_t count = READ_WORDS;
		int error;

		if ((end - start) >> PMTOP_PAGE_SHIFT < count)
			count = (size_t)((end - start) >> PMTOP_PAGE_SHIFT);
		error = pagemap_read(w->scan->probe, w->scan->fd, start, words, count);
		if (!error)
			error = pagemap_take_words(w, start, words, count);
		if (error)
			return error;
		w->scan->statistics.calls++;
		w->scan->statistics.words += count;
		start += count * PMTOP_PAGE_SIZE;
	}
	return 0;
}

/* Words only where the page table has entries, if that can be found out; else all. */
static int pagemap_scan_by_read(struct pagemap_scan *scan, uint64_t start, uint64_t end,
				entry_sink *sink, void *context)
{
	struct word_scan w = { .scan = scan, .sink = sink, .context = context };
	struct page_range ranges[PAGE_TABLES_RANGES];

	while (start < end) {
		int n = scan->tables
				? page_tables_find(scan->tables, scan->pid, &start, end, ranges)
				: -EAGAIN;

		if (n < 0) {
			ranges[0] = (struct page_range){ start, end };
			start = end;
			n = 1;
		}
		for (int i = 0; i < n; i++) {
			int error = pagemap_read_range(&w, ranges[i].start, ranges[i].end);

			if (!error)
				error = pagemap_end_run(&w);
			if (error)
				return error;
		}
	}
	return 0;
}

int pagemap_scan(struct pagemap_scan *scan, uint64_t start, uint64_t end, entry_sink *sink,
		 void *context)
{
	if (scan->probe->has[PROBE_PAGEMAP_SCAN])
		return pagemap_scan_by_ioctl(scan, start, end, sink, context);
	return pagemap_scan_by_read(scan, start, end, sink, context);
}

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
