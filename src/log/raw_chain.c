// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/raw_chain.h"

#include <errno.h>

#include "base/cleanup.h"
#include "log/schema.h"
#include "log/sqlite.h"

/* Rows that are looked at in a log that has no whole ones: not ours, and no reason to take long. */
#define ROWS_MAX (LOG_RAW_CHAIN * 4)

/* What an older row says of the pages in `wanted`; takes away those that it settles. */
static void raw_chain_take(const struct log_raw *row, uint64_t *wanted, struct log_raw *found)
{
	const struct page_detail *a = row->detail, *b = found->detail;
	bool first = log_set_is_empty(found->there);

	for (unsigned int i = 0; i < LOG_BLOCK_PAGES; i++) {
		bool there = log_set_has(row->there, i);

		if (!log_set_has(wanted, i) ||
		    (!there && !log_set_has(row->stale, i) && !row->whole))
			continue;
		wanted[i / 64] &= ~(UINT64_C(1) << (i % 64));
		/* What may be known is the same in a whole log; else the newest row decides. */
		if (!there || (!first && (a->words_known != b->words_known ||
					  a->flags_known != b->flags_known ||
					  a->counts_known != b->counts_known)))
			continue;
		log_raw_copy_page(row->detail, i, found->detail, i);
		log_set_add(found->there, i);
	}
}

static int raw_chain_read(sqlite3_stmt *s, struct log_codec *codec, struct log_raw *row)
{
	struct row_block read;

	if (log_row_read(s, LOG_RAW, &read) || !read.data.at)
		return -EBADMSG;
	return log_raw_decode(codec, read.data.at, (size_t)read.data.size, row);
}

int log_raw_collect(sqlite3_stmt *select, struct log_codec *codec, uint64_t block, int64_t sample,
		    uint64_t *wanted, struct log_raw *found)
{
	CLEANUP(log_raw_free) struct log_raw row = log_raw_new(block);
	int code = row.detail ? 0 : -ENOMEM, result = SQLITE_ROW;

	sqlite3_reset(select);
	if (!code && sqlite_bind_numbers(select, 2, (const int64_t[]){ (int64_t)block, sample }))
		code = -EBADMSG;
	for (int rows = 0; !code && rows < ROWS_MAX && !log_set_is_empty(wanted); rows++) {
		result = sqlite3_step(select);
		if (result != SQLITE_ROW)
			break;
		code = raw_chain_read(select, codec, &row);
		if (!code)
			raw_chain_take(&row, wanted, found);
	}
	sqlite3_reset(select);
	return code || result == SQLITE_ROW || result == SQLITE_DONE ? code : -EBADMSG;
}
