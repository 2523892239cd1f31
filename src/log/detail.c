// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/detail.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "log/detail_old.h"
#include "model/classify.h"

/*
 * Raw: a byte of what is known; the pages that are there and those that are stale, as lists of
 * runs; the kinds of pages; for each page its kind; for each page the lower part of its word, which
 * is a frame or a slot, as the distance from that of the page before.
 */
#define KNOWN_WORDS  1
#define KNOWN_FLAGS  2
#define KNOWN_COUNTS 4
#define WHOLE	     8
#define KNOWN_ALL    15

#define LOW_BITS 55
#define LOW_MASK ((UINT64_C(1) << LOW_BITS) - 1)

/* What pages have in common; few kinds occur in a block. */
struct kind {
	uint64_t high, flags, map_count, group;
	uint8_t rule, order;
	int8_t node;
	uint8_t zero[5]; /* so that kinds can be compared as bytes */
};

/* The end of the run of pages from `place` on that are (or are not) in a set. */
static unsigned int detail_run_end(const uint64_t *set, unsigned int place, bool in)
{
	while (place < LOG_BLOCK_PAGES && log_set_has(set, place) == in)
		place++;
	return place;
}

/* Number of runs, then for each the pages before it and its length less one. */
static uint8_t *detail_put_set(uint8_t *at, const uint64_t *set)
{
	unsigned int runs = 0, place = 0;

	for (unsigned int p = detail_run_end(set, 0, false); p < LOG_BLOCK_PAGES;
	     p = detail_run_end(set, detail_run_end(set, p, true), false))
		runs++;
	at = log_put_number(at, runs);
	while (runs--) {
		unsigned int first = detail_run_end(set, place, false),
			     end = detail_run_end(set, first, true);

		at = log_put_number(at, first - place);
		at = log_put_number(at, end - first - 1);
		place = end;
	}
	return at;
}

static int detail_get_set(const uint8_t **at, const uint8_t *end, uint64_t *set)
{
	uint64_t runs, gap, length, place = 0;

	if (log_get_number(at, end, &runs) || runs > LOG_BLOCK_PAGES)
		return -EBADMSG;
	while (runs--) {
		if (log_get_number(at, end, &gap) || log_get_number(at, end, &length) ||
		    gap > LOG_BLOCK_PAGES || length >= LOG_BLOCK_PAGES ||
		    place + gap + length >= LOG_BLOCK_PAGES)
			return -EBADMSG;
		place += gap;
		for (uint64_t k = 0; k <= length; k++)
			log_set_add(set, (unsigned int)place++);
	}
	return 0;
}

static struct kind detail_kind_of(const struct log_detail *detail, const struct log_page_facts *f)
{
	struct kind kind = { 0 };

	kind.high = detail->words_known ? f->word >> LOW_BITS : 0;
	kind.flags = detail->flags_known ? f->flags : 0;
	kind.map_count = detail->counts_known ? f->map_count : 0;
	kind.group = f->group;
	kind.rule = f->rule;
	kind.order = f->order;
	kind.node = f->node;
	return kind;
}

static uint8_t *detail_put_kind(uint8_t *at, const struct kind *kind)
{
	at = log_put_number(at, kind->high);
	at = log_put_number(at, kind->flags);
	at = log_put_number(at, kind->map_count);
	at = log_put_number(at, kind->group);
	*at++ = kind->rule;
	*at++ = kind->order;
	*at++ = (uint8_t)kind->node;
	return at;
}

static int detail_get_kind(const uint8_t **at, const uint8_t *end, struct kind *ret_kind)
{
	if (log_get_number(at, end, &ret_kind->high) || ret_kind->high >> (64 - LOW_BITS) ||
	    log_get_number(at, end, &ret_kind->flags) ||
	    log_get_number(at, end, &ret_kind->map_count) ||
	    log_get_number(at, end, &ret_kind->group) || end - *at < 3)
		return -EBADMSG;
	ret_kind->rule = *(*at)++;
	ret_kind->order = *(*at)++;
	ret_kind->node = (int8_t) * (*at)++;
	if (ret_kind->rule >= RULES || ret_kind->node < PAGE_NO_NODE ||
	    (ret_kind->order > 63 && ret_kind->order != PAGE_NO_ORDER))
		return -EBADMSG;
	return 0;
}

static uint8_t *detail_put_low(uint8_t *at, const struct log_detail *detail)
{
	uint64_t next = 0;

	for (unsigned int p = 0; p < LOG_BLOCK_PAGES; p++) {
		uint64_t low = detail->pages[p].word & LOW_MASK;

		if (!log_set_has(detail->there, p))
			continue;
		at = log_put_number(at, log_zigzag(low - next));
		next = low + 1;
	}
	return at;
}

static int detail_get_low(const uint8_t **at, const uint8_t *end, struct log_detail *detail)
{
	uint64_t next = 0, distance;

	for (unsigned int p = 0; p < LOG_BLOCK_PAGES; p++) {
		if (!log_set_has(detail->there, p))
			continue;
		if (log_get_number(at, end, &distance))
			return -EBADMSG;
		next += log_unzigzag(distance);
		if (next & ~LOW_MASK)
			return -EBADMSG;
		detail->pages[p].word |= next++;
	}
	return 0;
}

/* The kinds, and for each page its own. */
static uint8_t *detail_put_kinds(uint8_t *at, const struct log_detail *detail, struct kind *kinds)
{
	uint16_t kind_of_page[LOG_BLOCK_PAGES];
	unsigned int count = 0, pages = 0;

	for (unsigned int p = 0; p < LOG_BLOCK_PAGES; p++) {
		struct kind kind;
		unsigned int k = 0;

		if (!log_set_has(detail->there, p))
			continue;
		kind = detail_kind_of(detail, &detail->pages[p]);
		while (k < count && memcmp(&kinds[k], &kind, sizeof(kind)) != 0)
			k++;
		if (k == count)
			kinds[count++] = kind;
		kind_of_page[pages++] = (uint16_t)k;
	}
	at = log_put_number(at, count);
	for (unsigned int k = 0; k < count; k++)
		at = detail_put_kind(at, &kinds[k]);
	for (unsigned int i = 0; i < pages; i++) {
		*at++ = (uint8_t)kind_of_page[i];
		if (count > 256)
			*at++ = (uint8_t)(kind_of_page[i] >> 8);
	}
	return at;
}

static int detail_get_kinds(const uint8_t **at, const uint8_t *end, struct log_detail *detail,
			    struct kind *kinds)
{
	uint64_t count;

	if (log_get_number(at, end, &count) || count > LOG_BLOCK_PAGES)
		return -EBADMSG;
	for (uint64_t k = 0; k < count; k++)
		if (detail_get_kind(at, end, &kinds[k]))
			return -EBADMSG;
	for (unsigned int p = 0; p < LOG_BLOCK_PAGES; p++) {
		unsigned int k;

		if (!log_set_has(detail->there, p))
			continue;
		if (end - *at < 1 + (count > 256))
			return -EBADMSG;
		k = *(*at)++;
		if (count > 256)
			k |= (unsigned int)*(*at)++ << 8;
		if (k >= count)
			return -EBADMSG;
		detail->pages[p] = (struct log_page_facts){ .word = kinds[k].high << LOW_BITS,
							    .flags = kinds[k].flags,
							    .map_count = kinds[k].map_count,
							    .group = kinds[k].group,
							    .rule = kinds[k].rule,
							    .order = kinds[k].order,
							    .node = kinds[k].node };
	}
	return 0;
}

int log_detail_encode(struct log_codec *codec, const struct log_detail *detail, uint8_t *data)
{
	CLEANUP(cleanup_free) uint8_t *raw = malloc(LOG_DETAIL_RAW_MAX);
	CLEANUP(cleanup_free) struct kind *kinds = calloc(LOG_BLOCK_PAGES, sizeof(*kinds));
	uint8_t *at = raw;

	if (!raw || !kinds)
		return -ENOMEM;
	*at++ = (uint8_t)(detail->words_known * KNOWN_WORDS | detail->flags_known * KNOWN_FLAGS |
			  detail->counts_known * KNOWN_COUNTS | detail->whole * WHOLE);
	at = detail_put_set(at, detail->there);
	at = detail_put_set(at, detail->stale);
	at = detail_put_kinds(at, detail, kinds);
	if (detail->words_known)
		at = detail_put_low(at, detail);
	return log_compress(codec, raw, (size_t)(at - raw), data, LOG_DETAIL_DATA_MAX);
}

int log_detail_decode(struct log_codec *codec, const void *data, size_t size,
		      struct log_detail *ret_detail)
{
	CLEANUP(cleanup_free) uint8_t *raw = malloc(LOG_DETAIL_RAW_MAX);
	CLEANUP(cleanup_free) struct kind *kinds = calloc(LOG_BLOCK_PAGES, sizeof(*kinds));
	struct log_detail *d = ret_detail;
	const uint8_t *at = raw, *end;
	int n = raw && kinds ? log_decompress(codec, data, size, raw, LOG_DETAIL_RAW_MAX) : -ENOMEM;

	if (n < 0)
		return n;
	end = raw + n;
	memset(d->there, 0, sizeof(d->there));
	memset(d->stale, 0, sizeof(d->stale));
	if (log_codec_schema(codec) == 1)
		return log_detail_decode_old(raw, (size_t)n, d);
	if (at == end || *at & ~KNOWN_ALL)
		return -EBADMSG;
	d->words_known = *at & KNOWN_WORDS;
	d->flags_known = *at & KNOWN_FLAGS;
	d->counts_known = *at & KNOWN_COUNTS;
	d->whole = *at++ & WHOLE;
	if (detail_get_set(&at, end, d->there) || detail_get_set(&at, end, d->stale) ||
	    detail_get_kinds(&at, end, d, kinds) || (d->words_known && detail_get_low(&at, end, d)))
		return -EBADMSG;
	return at == end ? 0 : -EBADMSG;
}

void log_detail_take(const struct log_detail *from, uint64_t *wanted, struct log_detail *to)
{
	bool first = log_set_is_empty(to->there);

	if (first) {
		to->words_known = from->words_known;
		to->flags_known = from->flags_known;
		to->counts_known = from->counts_known;
	}
	for (unsigned int p = 0; p < LOG_BLOCK_PAGES; p++) {
		bool there = log_set_has(from->there, p);

		if (!log_set_has(wanted, p) ||
		    (!there && !log_set_has(from->stale, p) && !from->whole))
			continue;
		wanted[p / 64] &= ~(UINT64_C(1) << (p % 64));
		/* What may be known is the same in a whole log; else the newest row decides. */
		if (!there || from->words_known != to->words_known ||
		    from->flags_known != to->flags_known || from->counts_known != to->counts_known)
			continue;
		log_set_add(to->there, p);
		to->pages[p] = from->pages[p];
	}
}
