// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "log/reader_internal.h"

/* Candidates that a search for the next change of a page looks at before it gives up. */
#define CANDIDATES_MAX 200000

int log_reader_fact(struct log_reader *reader, const char *key, char *buf, size_t size)
{
	sqlite3_stmt *s = reader_use_text(reader, READ_FACT, key, 0);
	struct row_environment row;
	size_t length;
	int code = sqlite3_step(s) == SQLITE_ROW && !log_row_read(s, LOG_ENVIRONMENT, &row)
			   ? 0
			   : -ENOENT;

	if (!code) {
		length = (size_t)row.value.size < size ? (size_t)row.value.size : size - 1;
		memcpy(buf, row.value.at, length);
		buf[length] = '\0';
	}
	sqlite3_reset(s);
	return code;
}

int log_reader_facts(struct log_reader *reader,
		     void (*each)(void *context, const char *key, const char *value), void *context)
{
	sqlite3_stmt *s = reader_use(reader, READ_FACTS);
	struct row_environment row;
	int result;

	reader->budget.left = SQLITE_BUDGET;
	/* Texts of SQLite end with a zero. */
	while ((result = sqlite3_step(s)) == SQLITE_ROW)
		if (!log_row_read(s, LOG_ENVIRONMENT, &row))
			each(context, row.key.at, row.value.at);
	sqlite3_reset(s);
	return result == SQLITE_DONE ? 0 : -EBADMSG;
}

/* The event that a statement finds. -ENOENT: none. */
static int reader_find_get_event(struct log_reader *reader, sqlite3_stmt *s,
				 struct log_event *ret_event, struct error *error)
{
	struct row_event row;
	int result = sqlite3_step(s);

	if (result == SQLITE_DONE)
		return -ENOENT;
	if (result != SQLITE_ROW)
		return reader_failed(reader, error);
	if (log_row_read(s, LOG_EVENT, &row))
		return reader_damaged(reader, 0, "an event makes no sense", error);
	*ret_event = (struct log_event){ .sample = (uint64_t)row.sample,
					 .taken_ns = row.taken_ns,
					 .kind = event_kind_parse(row.kind.at) };
	if (row.text.at)
		strncpy(ret_event->text, row.text.at, sizeof(ret_event->text) - 1);
	return 0;
}

int log_reader_event(struct log_reader *reader, uint64_t sample, int direction,
		     struct log_event *ret_event, struct error *error)
{
	sqlite3_stmt *s = direction > 0 ? reader_use(reader, READ_EVENT_AFTER, (int64_t)sample,
						     (int64_t)reader->info.samples)
					: reader_use(reader, READ_EVENT_BEFORE, (int64_t)sample);
	int code;

	reader->budget.left = SQLITE_BUDGET;
	code = reader_find_get_event(reader, s, ret_event, error);
	sqlite3_reset(s);
	return code;
}

int log_reader_events(struct log_reader *reader,
		      int (*each)(void *context, const struct log_event *event), void *context,
		      struct error *error)
{
	sqlite3_stmt *s = reader_use(reader, READ_EVENTS, (int64_t)reader->info.samples);
	struct log_event event;
	int code;

	reader->budget.left = SQLITE_BUDGET;
	while (!(code = reader_find_get_event(reader, s, &event, error)) &&
	       !(code = each(context, &event)))
		;
	sqlite3_reset(s);
	return code == -ENOENT ? 0 : code;
}

int log_reader_bookmark(struct log_reader *reader, const char *name, uint64_t *ret_sample,
			struct error *error)
{
	sqlite3_stmt *s =
		reader_use_text(reader, READ_BOOKMARK, name, (int64_t)reader->info.samples);
	struct log_event event;
	int code;

	reader->budget.left = SQLITE_BUDGET;
	code = reader_find_get_event(reader, s, &event, error);
	sqlite3_reset(s);
	if (!code)
		*ret_sample = event.sample;
	return code;
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
	struct error *error;
};

static void cleanup_search(const struct search *search)
{
	read_layout_free(&search->here);
}

/* The next sample from `from` on at which a block has another row; UINT64_MAX: none. */
static int reader_find_next_row(const struct search *search, uint64_t block, uint64_t from,
				uint64_t *ret_next)
{
	bool forward = search->direction > 0;
	int64_t end = (int64_t)search->reader->info.samples, sample;
	sqlite3_stmt *s = forward ? reader_use(search->reader, READ_BLOCK_CHANGE_AFTER,
					       (int64_t)block, (int64_t)from, end)
				  : reader_use(search->reader, READ_BLOCK_CHANGE_BEFORE,
					       (int64_t)block, (int64_t)from);
	int result = sqlite3_step(s), code;

	*ret_next = UINT64_MAX;
	if (result == SQLITE_DONE)
		return 0;
	if (result != SQLITE_ROW)
		return reader_failed(search->reader, search->error);
	code = sqlite_column_number(s, 0, forward ? (int64_t)from + 1 : 0,
				    forward ? end - 1 : (int64_t)from, &sample);
	sqlite3_reset(s);
	if (code)
		return reader_damaged(search->reader, from, "its blocks are out of order",
				      search->error);
	*ret_next = (uint64_t)sample;
	return 0;
}

/* The pages that are looked for, as places of a block: [from, to). */
static void reader_find_places(const struct search *search, uint64_t block, unsigned int *ret_from,
			       unsigned int *ret_to)
{
	uint64_t first = block << LOG_BLOCK_SHIFT, end = first + LOG_BLOCK_PAGES;

	*ret_from = search->first_page > first ? (unsigned int)(search->first_page - first) : 0;
	*ret_to = (unsigned int)((search->end_page < end ? search->end_page : end) - first);
}

/* Whether the pages looked for are the same in two pictures of a block. */
static bool reader_find_same_pages(const struct search *search, uint64_t block,
				   const struct log_block *a, const struct log_block *b)
{
	uint64_t set[LOG_SET_WORDS] = { 0 };
	unsigned int from, to;

	reader_find_places(search, block, &from, &to);
	log_block_compare(a, b, set);
	for (unsigned int word = 0; word < LOG_SET_WORDS; word++)
		set[word] &= word * 64 < to && word >= from / 64 ? plane_mask(word, from, to) : 0;
	return log_set_is_empty(set);
}

static bool reader_find_is_nearer(const struct search *search, uint64_t sample)
{
	return search->found == UINT64_MAX ||
	       (search->direction > 0 ? sample < search->found : sample > search->found);
}

/* Adds a mapping to the fill of the block, which stays true as long as its row does. */
static void reader_find_add_fill(struct search *search, const struct read_mapping *m)
{
	uint64_t base = search->fill_block << LOG_BLOCK_SHIFT, top = base + LOG_BLOCK_PAGES;
	uint64_t first = m->mapping->start >> PMTOP_PAGE_SHIFT;
	uint64_t end = m->mapping->end >> PMTOP_PAGE_SHIFT;

	if (!m->read || end <= base || first >= top)
		return;
	log_block_fill(&search->fill, (unsigned int)(first > base ? first - base : 0),
		       (unsigned int)((end < top ? end : top) - base), m->fill);
	if (m->first_sample > search->fill_from)
		search->fill_from = m->first_sample;
	if ((uint64_t)m->last_sample < search->fill_to)
		search->fill_to = (uint64_t)m->last_sample;
}

static int reader_find_read_fill(struct search *search, uint64_t block, uint64_t sample)
{
	CLEANUP(read_layout_free) struct read_layout other = { 0 };
	bool here = sample == search->sample;
	const struct read_layout *layout = here ? &search->here : &other;
	unsigned int from, to;
	int code = 0;

	if (search->fill_block == block && sample >= search->fill_from && sample <= search->fill_to)
		return 0;
	if (!here)
		code = reader_read_layout(search->reader, sample, &other, search->error);
	else if (!search->here_known)
		code = reader_read_layout(search->reader, sample, &search->here, search->error);
	if (code)
		return code;
	search->here_known |= here;
	memset(search->fill.planes, 0, sizeof(search->fill.planes));
	search->fill_block = block;
	search->fill_from = 0;
	search->fill_to = UINT64_MAX;
	for (size_t i = 0; i < layout->count; i++)
		reader_find_add_fill(search, &layout->rows[i]);
	/* Where nothing is mapped, something may be mapped in the next sample. */
	reader_find_places(search, block, &from, &to);
	for (unsigned int i = from; i < to; i++)
		if (!log_set_has(search->fill.planes[LOG_BIT_MAPPED], i))
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
		      uint64_t length, uint64_t *ret_sample, struct error *error)
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

	reader->budget.left = SQLITE_BUDGET;
	while (!code && length && search.candidates_left &&
	       block <= (search.end_page - 1) >> LOG_BLOCK_SHIFT) {
		code = reader_next_block(reader, sample, block, &block, error);
		if (code)
			break;
		if (block <= (search.end_page - 1) >> LOG_BLOCK_SHIFT)
			code = reader_find_search_block(&search, block++);
	}
	if (code && code != -ENOENT)
		return code;
	if (!search.candidates_left)
		return error_set(error, -EFBIG,
				 "%s: what is around these pages changes too often to find their "
				 "next change",
				 reader->path);
	if (search.found == UINT64_MAX)
		return -ENOENT;
	*ret_sample = search.found;
	return 0;
}
