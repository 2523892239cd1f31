// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "log/detail_old.h"
#include "model/classify.h"

/*
 * First page and count (two bytes each, little end first), a byte of what is known (1 words, 2
 * flags, 4 map counts), the known columns of eight bytes a page, and a byte a page: its rule. Only
 * the newest row of a block counted.
 */
static uint64_t detail_old_get_word(const uint8_t *column, unsigned int i)
{
	uint64_t word;

	memcpy(&word, column + (size_t)i * 8, 8);
	return le64toh(word);
}

int log_detail_decode_old(const uint8_t *raw, size_t size, struct log_detail *ret_detail)
{
	struct log_detail *d = ret_detail;
	const uint8_t *column = raw + 5, *rules;
	unsigned int first, count, columns;

	if (size < 5)
		return -EBADMSG;
	first = raw[0] | (unsigned int)raw[1] << 8;
	count = raw[2] | (unsigned int)raw[3] << 8;
	columns = (unsigned int)__builtin_popcount(raw[4]);
	if (raw[4] > 7 || first > LOG_BLOCK_PAGES || count > LOG_BLOCK_PAGES - first ||
	    size != 5 + (size_t)count * (8 * columns + 1))
		return -EBADMSG;
	d->words_known = raw[4] & 1;
	d->flags_known = raw[4] & 2;
	d->counts_known = raw[4] & 4;
	d->whole = true;
	rules = raw + size - count;
	for (unsigned int i = 0; i < count; i++) {
		struct log_page_facts *f = &d->pages[first + i];
		const uint8_t *at = column;

		*f = (struct log_page_facts){ .rule = rules[i],
					      .node = PAGE_NO_NODE,
					      .order = PAGE_NO_ORDER };
		if (f->rule >= RULES)
			return -EBADMSG;
		log_set_add(d->there, first + i);
		if (d->words_known) {
			f->word = detail_old_get_word(at, i);
			at += (size_t)count * 8;
		}
		if (d->flags_known) {
			f->flags = detail_old_get_word(at, i);
			at += (size_t)count * 8;
		}
		if (d->counts_known)
			f->map_count = detail_old_get_word(at, i);
	}
	return 0;
}
