// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/detail_chain.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* Rows that are looked at in a log that has no whole ones: not ours, and no reason to take long. */
#define ROWS_MAX (LOG_DETAIL_CHAIN * 4)

static int detail_chain_detail_take_row(sqlite3_stmt *s, struct log_codec *codec, uint64_t *wanted,
					struct log_detail *row, struct log_detail *found)
{
	int code;

	if (sqlite3_column_type(s, 0) != SQLITE_BLOB)
		return -EBADMSG;
	code = log_detail_decode(codec, sqlite3_column_blob(s, 0),
				 (size_t)sqlite3_column_bytes(s, 0), row);
	if (!code)
		log_detail_take(row, wanted, found);
	return code;
}

int log_detail_collect(sqlite3_stmt *select, struct log_codec *codec, uint64_t block,
		       int64_t sample, uint64_t *wanted, struct log_detail *found)
{
	CLEANUP(cleanup_free) struct log_detail *row = malloc(sizeof(*row));
	int code = row ? 0 : -ENOMEM, result = SQLITE_ROW;

	sqlite3_reset(select);
	sqlite3_bind_int64(select, 1, (int64_t)block);
	sqlite3_bind_int64(select, 2, sample);
	for (int rows = 0; !code && rows < ROWS_MAX && !log_set_is_empty(wanted); rows++) {
		result = sqlite3_step(select);
		if (result != SQLITE_ROW)
			break;
		code = detail_chain_detail_take_row(select, codec, wanted, row, found);
	}
	sqlite3_reset(select);
	return code || result == SQLITE_ROW || result == SQLITE_DONE ? code : -EBADMSG;
}
