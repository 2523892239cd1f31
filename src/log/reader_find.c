// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "log/reader_internal.h"

/* Candidates that a search for the next change of a page looks at before it gives up. */
#define CANDIDATES_MAX 200000

int log_reader_fact(struct log_reader *reader, const char *key, char *buf, size_t size)
{
	sqlite3_stmt *s = reader_use(reader, READ_FACT);
	const char *text;
	size_t length;

	sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
	if (sqlite3_step(s) != SQLITE_ROW || !(text = (const char *)sqlite3_column_text(s, 0)))
		return -ENOENT;
	length = strlen(text);
	if (length >= size)
		length = size - 1;
	memcpy(buf, text, length);
	buf[length] = '\0';
	sqlite3_reset(s);
	return 0;
}

int log_reader_facts(struct log_reader *reader,
		     void (*each)(void *context, const char *key, const char *value), void *context)
{
	sqlite3_stmt *s = reader_use(reader, READ_FACTS);
	int result;

	reader->budget.left = DATABASE_BUDGET;
	while ((result = sqlite3_step(s)) == SQLITE_ROW) {
		const char *key = (const char *)sqlite3_column_text(s, 0);
		const char *value = (const char *)sqlite3_column_text(s, 1);

		if (key && value)
			each(context, key, value);
	}
	sqlite3_reset(s);
	return result == SQLITE_DONE ? 0 : -EBADMSG;
}

static int reader_find_get_event(sqlite3_stmt *s, struct log_event *ret_event)
{
	const char *kind = (const char *)sqlite3_column_text(s, 2);
	const char *text = (const char *)sqlite3_column_text(s, 3);
	struct log_event event = { 0 };
	int64_t sample;

	if (!kind || reader_number(s, 0, 0, INT64_MAX, &sample) ||
	    reader_number(s, 1, 0, INT64_MAX, &event.taken_ns))
		return -EBADMSG;
	event.kind = event_kind_parse(kind);
	event.sample = (uint64_t)sample;
	if (text)
		strncpy(event.text, text, sizeof(event.text) - 1);
	*ret_event = event;
	return 0;
}

int log_reader_event(struct log_reader *reader, uint64_t sample, int direction,
		     struct log_event *ret_event, struct log_error *error)
{
	sqlite3_stmt *s = reader_use(reader, direction > 0 ? READ_EVENT_AFTER : READ_EVENT_BEFORE);
	int result;

	reader->budget.left = DATABASE_BUDGET;
	sqlite3_bind_int64(s, 1, (int64_t)sample);
	if (direction > 0)
		sqlite3_bind_int64(s, 2, (int64_t)reader->info.samples);
	result = sqlite3_step(s);
	if (result == SQLITE_DONE)
		return -ENOENT;
	if (result != SQLITE_ROW)
		return reader_failed(reader, error);
	if (reader_find_get_event(s, ret_event))
		return reader_damaged(reader, sample, "an event makes no sense", error);
	sqlite3_reset(s);
	return 0;
}

int log_reader_events(struct log_reader *reader,
		      int (*each)(void *context, const struct log_event *event), void *context,
		      struct log_error *error)
{
	sqlite3_stmt *s = reader_use(reader, READ_EVENTS);
	struct log_event event;
	int result, code = 0;

	reader->budget.left = DATABASE_BUDGET;
	sqlite3_bind_int64(s, 1, (int64_t)reader->info.samples);
	while (!code && (result = sqlite3_step(s)) == SQLITE_ROW) {
		if (reader_find_get_event(s, &event))
			return reader_damaged(reader, 0, "an event makes no sense", error);
		code = each(context, &event);
	}
	sqlite3_reset(s);
	if (code || result == SQLITE_DONE)
		return code;
	return reader_failed(reader, error);
}

int log_reader_bookmark(struct log_reader *reader, const char *name, uint64_t *ret_sample,
			struct log_error *error)
{
	sqlite3_stmt *s = reader_use(reader, READ_BOOKMARK);
	int64_t sample;
	int result;

	reader->budget.left = DATABASE_BUDGET;
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, (int64_t)reader->info.samples);
	result = sqlite3_step(s);
	if (result == SQLITE_DONE)
		return -ENOENT;
	if (result != SQLITE_ROW)
		return reader_failed(reader, error);
	if (reader_number(s, 0, 0, (int64_t)reader->info.samples - 1, &sample))
		return reader_damaged(reader, 0, "a bookmark makes no sense", error);
	sqlite3_reset(s);
	*ret_sample = (uint64_t)sample;
	return 0;
}

/*
 * Looking for a change: one block after the other is asked for the sample at which it changes next,
 * and only a nearer one than found so far counts.
 */
struct search {
	struct log_reader *reader;
	uint64_t sample;
	int direction;
	uint64_t first_page, end_page;
	uint64_t found; /* UINT64_MAX: nothing yet */
	unsigned int candidates_left;
	/* The pages of a block where it has no row, from one sample to another. */
	struct log_block fill;
	uint64_t fill_block, fill_from, fill_to;
	struct read_layout here; /* the mappings of `sample`, which each block asks for */
	bool here_known;
	struct log_error *error;
};

static void cleanup_search(const struct search *search)
{
	read_layout_free(&search->here);
}

/* The next sample from `from` on at which a block has another row; UINT64_MAX: none. */
static int reader_find_next_row(const struct search *search, uint64_t block, uint64_t from,
				uint64_t *ret_next)
{
	sqlite3_stmt *s =
		reader_use(search->reader, search->direction > 0 ? READ_BLOCK_CHANGE_AFTER
								 : READ_BLOCK_CHANGE_BEFORE);
	int64_t sample;
	int result;

	*ret_next = UINT64_MAX;
	sqlite3_bind_int64(s, 1, (int64_t)block);
	sqlite3_bind_int64(s, 2, (int64_t)from);
	if (search->direction > 0)
		sqlite3_bind_int64(s, 3, (int64_t)search->reader->info.samples);
	result = sqlite3_step(s);
	if (result == SQLITE_DONE)
		return 0;
	if (result != SQLITE_ROW)
		return reader_failed(search->reader, search->error);
	if (reader_number(s, 0, search->direction > 0 ? (int64_t)from + 1 : 0,
			  search->direction > 0 ? (int64_t)search->reader->info.samples - 1
						: (int64_t)from,
			  &sample))
		return reader_damaged(search->reader, from, "its blocks are out of order",
				      search->error);
	sqlite3_reset(s);
	*ret_next = (uint64_t)sample;
	return 0;
}

static bool reader_find_is_wanted(const struct search *search, uint64_t page)
{
	return page >= search->first_page && page < search->end_page;
}

/* Whether the pages looked for are the same in two pictures of a block. */
static bool reader_find_same_pages(const struct search *search, uint64_t block,
				   const struct log_block *a, const struct log_block *b)
{
	uint64_t base = block << LOG_BLOCK_SHIFT;

	for (unsigned int i = 0; i < LOG_BLOCK_PAGES; i++)
		if (reader_find_is_wanted(search, base + i) &&
		    (a->state[i] != b->state[i] || a->marks[i] != b->marks[i] ||
		     a->slot[i] != b->slot[i]))
			return false;
	return true;
}

static bool reader_find_is_nearer(const struct search *search, uint64_t sample)
{
	return search->found == UINT64_MAX ||
	       (search->direction > 0 ? sample < search->found : sample > search->found);
}

/* Adds a mapping to the fill of the block, which stays true as long as its row does. */
static void reader_find_add_fill(struct search *search, const struct read_mapping *m)
{
	uint64_t base = search->fill_block << LOG_BLOCK_SHIFT;
	uint64_t first = m->mapping->start >> PMTOP_PAGE_SHIFT;
	uint64_t end = m->mapping->end >> PMTOP_PAGE_SHIFT;

	if (!m->read || end <= base || first >= base + LOG_BLOCK_PAGES)
		return;
	for (unsigned int i = 0; i < LOG_BLOCK_PAGES; i++)
		if (base + i >= first && base + i < end) {
			search->fill.state[i] = m->fill_state;
			search->fill.marks[i] = m->fill_marks;
		}
	if (m->first_sample > search->fill_from)
		search->fill_from = m->first_sample;
	if ((uint64_t)m->last_sample < search->fill_to)
		search->fill_to = (uint64_t)m->last_sample;
}

static int reader_find_read_mappings(const struct search *search, uint64_t sample,
				     struct read_layout *ret_layout)
{
	struct read_sample row;
	int code = reader_read_sample(search->reader, sample, &row, search->error);

	return code ? code
		    : reader_read_layout(search->reader, sample, &row, NULL, 0, ret_layout,
					 search->error);
}

static int reader_find_read_fill(struct search *search, uint64_t block, uint64_t sample)
{
	CLEANUP(read_layout_free) struct read_layout other = { 0 };
	bool here = sample == search->sample;
	const struct read_layout *layout = here ? &search->here : &other;
	uint64_t base = block << LOG_BLOCK_SHIFT;
	int code = 0;

	if (search->fill_block == block && sample >= search->fill_from && sample <= search->fill_to)
		return 0;
	if (!here)
		code = reader_find_read_mappings(search, sample, &other);
	else if (!search->here_known)
		code = reader_find_read_mappings(search, sample, &search->here);
	if (code)
		return code;
	search->here_known |= here;
	log_block_clear(&search->fill);
	search->fill_block = block;
	search->fill_from = 0;
	search->fill_to = UINT64_MAX;
	for (size_t i = 0; i < layout->count; i++)
		reader_find_add_fill(search, &layout->rows[i]);
	/* Where nothing is mapped, something may be mapped in the next sample. */
	for (unsigned int i = 0; i < LOG_BLOCK_PAGES; i++)
		if (reader_find_is_wanted(search, base + i) && search->fill.state[i] == LOG_NO_PAGE)
			search->fill_from = search->fill_to = sample;
	return 0;
}

static int reader_find_decode(struct search *search, uint64_t block, uint64_t sample,
			      struct log_block *ret_block)
{
	struct log_reader *reader = search->reader;
	int code = reader_decode_block(reader, block, sample, search->error);

	if (!code && reader->decoded_is_fill)
		code = reader_find_read_fill(search, block, sample);
	if (code)
		return code;
	*ret_block = reader->decoded_is_fill ? search->fill : reader->decoded;
	return 0;
}

static int reader_find_search_block(struct search *search, uint64_t block)
{
	struct log_block here, there;
	uint64_t from = search->sample, next;
	int code = reader_find_decode(search, block, from, &here);

	for (; !code && search->candidates_left; search->candidates_left--) {
		uint64_t shows;

		code = reader_find_next_row(search, block, from, &next);
		if (code || next == UINT64_MAX)
			break;
		/* Backward, what was before that row is what differs. */
		shows = search->direction > 0 ? next : next - 1;
		if (!next && search->direction < 0)
			break;
		if (!reader_find_is_nearer(search, shows))
			break;
		code = reader_find_decode(search, block, shows, &there);
		if (!code && !reader_find_same_pages(search, block, &here, &there)) {
			search->found = shows;
			break;
		}
		from = shows;
	}
	return code;
}

int log_reader_change(struct log_reader *reader, uint64_t sample, int direction, uint64_t start,
		      uint64_t length, uint64_t *ret_sample, struct log_error *error)
{
	CLEANUP(cleanup_search)
	struct search search = {
		.reader = reader,
		.sample = sample,
		.direction = direction,
		.first_page = start >> PMTOP_PAGE_SHIFT,
		.end_page = (start + length - 1) / PMTOP_PAGE_SIZE + 1,
		.found = UINT64_MAX,
		.candidates_left = CANDIDATES_MAX,
		.fill_block = UINT64_MAX,
		.error = error,
	};
	uint64_t block = search.first_page >> LOG_BLOCK_SHIFT;
	int code = 0;

	reader->budget.left = DATABASE_BUDGET;
	while (!code && length && search.candidates_left &&
	       block <= (search.end_page - 1) >> LOG_BLOCK_SHIFT) {
		sqlite3_stmt *s = reader_use(reader, READ_NEXT_BLOCK);
		int64_t next;
		int result;

		sqlite3_bind_int64(s, 1, (int64_t)block);
		result = sqlite3_step(s);
		if (result == SQLITE_DONE)
			break;
		if (result != SQLITE_ROW)
			return reader_failed(reader, error);
		if (reader_number(s, 0, (int64_t)block, INT64_MAX, &next))
			return reader_damaged(reader, sample, "its blocks are out of order", error);
		sqlite3_reset(s);
		block = (uint64_t)next;
		if (block <= (search.end_page - 1) >> LOG_BLOCK_SHIFT)
			code = reader_find_search_block(&search, block++);
	}
	if (code)
		return code;
	if (!search.candidates_left)
		return log_fail(error, -EFBIG,
				"%s: what is around these pages changes too often to find their "
				"next change",
				reader->path);
	if (search.found == UINT64_MAX)
		return -ENOENT;
	*ret_sample = search.found;
	return 0;
}
