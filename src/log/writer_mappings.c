// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "log/check.h"
#include "log/writer_internal.h"

/*
 * A row of `mapping` says what stays true of a mapping from its first to its last sample. When
 * anything of that changes, a new row follows, with the lineage of the old one. `layout` lists all
 * rows of one sample, now and then, so that a reader need not start at the beginning.
 */

#define NOT_FOUND SIZE_MAX

/* Looking for moved mappings compares all that went with all that came. */
#define MOVED_MOST 1024

enum continuation {
	CONTINUES, /* the same mapping, maybe of another size */
	SPLIT_OFF, /* a part of a mapping whose beginning lives on */
	MOVED, /* from another address */
};

struct match {
	size_t *from; /* per new mapping: the old one that it continues, or NOT_FOUND */
	uint8_t *how; /* per new mapping: enum continuation */
	bool *used; /* per old mapping: something continues it */
	bool *kept; /* per old mapping: its row stays in force */
};

static void writer_mappings_match_free(const struct match *match)
{
	free(match->from);
	free(match->how);
	free(match->used);
	free(match->kept);
}

static bool writer_mappings_match_new(struct match *match, size_t news, size_t olds)
{
	match->from = malloc((news + 1) * sizeof(*match->from));
	match->how = calloc(news + 1, sizeof(*match->how));
	match->used = calloc(olds + 1, sizeof(*match->used));
	match->kept = calloc(olds + 1, sizeof(*match->kept));
	for (size_t i = 0; match->from && i < news; i++)
		match->from[i] = NOT_FOUND;
	return match->from && match->how && match->used && match->kept;
}

static void writer_mappings_match_by_start(const struct snapshot *now, const struct snapshot *last,
					   struct match *match)
{
	for (size_t i = 0, j = 0; i < now->count && j < last->count;) {
		uint64_t a = now->mappings[i].mapping->start, b = last->mappings[j].mapping->start;

		if (a == b) {
			match->from[i] = j;
			match->used[j] = true;
		}
		i += a <= b;
		j += b <= a;
	}
}

/* A stack or a heap of mmap() grows downward: the same mapping with another start. */
static void writer_mappings_match_by_overlap(const struct snapshot *now,
					     const struct snapshot *last, struct match *match)
{
	for (size_t i = 0; i < now->count; i++) {
		const struct mapping *m = now->mappings[i].mapping;
		size_t j;

		if (match->from[i] != NOT_FOUND)
			continue;
		j = snapshot_find(last, m->start);
		if (j < last->count && last->mappings[j].mapping->start < m->end &&
		    last->mappings[j].mapping->kind == m->kind) {
			match->from[i] = j;
			match->how[i] = match->used[j] ? SPLIT_OFF : CONTINUES;
			match->used[j] = true;
		}
	}
}

static bool writer_mappings_has_content(const struct pages *pages)
{
	const struct page_counts *counts = pages_counts(pages);

	return pages_total(pages) - counts->state[PAGE_NONE] - counts->state[PAGE_UNKNOWN] -
		       counts->state[PAGE_FILE] - counts->state[PAGE_CACHED] >
	       0;
}

static bool writer_mappings_is_moved(const struct snapshot_mapping *a,
				     const struct snapshot_mapping *b)
{
	const struct mapping *x = a->mapping, *y = b->mapping;

	return mapping_pages(x) == mapping_pages(y) && x->inode == y->inode &&
	       x->dev_major == y->dev_major && x->dev_minor == y->dev_minor &&
	       x->offset == y->offset && x->kind == y->kind && !strcmp(x->perms, y->perms) &&
	       a->pages && b->pages && writer_mappings_has_content(a->pages) &&
	       pages_equal(a->pages, b->pages);
}

static void writer_mappings_match_moved(const struct snapshot *now, const struct snapshot *last,
					struct match *match)
{
	size_t gone = 0;

	for (size_t j = 0; j < last->count; j++)
		gone += !match->used[j];
	if (!gone || gone > MOVED_MOST)
		return;
	for (size_t i = 0; i < now->count; i++) {
		if (match->from[i] != NOT_FOUND)
			continue;
		for (size_t j = 0; j < last->count; j++) {
			if (match->used[j] ||
			    !writer_mappings_is_moved(&now->mappings[i], &last->mappings[j]))
				continue;
			match->from[i] = j;
			match->how[i] = MOVED;
			match->used[j] = true;
			break;
		}
	}
}

static const struct pages_facts *writer_mappings_facts_of(const struct snapshot_mapping *m)
{
	static const struct pages_facts nothing;

	return m->pages ? pages_facts(m->pages) : &nothing;
}

/* Whether the old row still says the truth. */
static bool writer_mappings_row_holds(const struct snapshot_mapping *old,
				      const struct snapshot_mapping *now)
{
	const struct pages_facts *a = writer_mappings_facts_of(old),
				 *b = writer_mappings_facts_of(now);

	return (old->mapping == now->mapping || mapping_equal(old->mapping, now->mapping)) &&
	       !old->pages == !now->pages && a->marks_known == b->marks_known &&
	       a->doubt == b->doubt && a->slots_known == b->slots_known &&
	       a->swap_unplaced == b->swap_unplaced;
}

static int writer_mappings_put_mapping(struct log_writer *writer, const struct snapshot_mapping *m,
				       const struct written_mapping *row)
{
	sqlite3_stmt *s = writer->statements[WRITE_MAPPING];
	const struct mapping *mapping = m->mapping;
	const struct pages_facts *facts = writer_mappings_facts_of(m);
	const int64_t numbers[] = { row->id,
				    row->lineage,
				    writer->samples,
				    (int64_t)mapping->start,
				    (int64_t)mapping->end,
				    (int64_t)mapping->offset,
				    (int64_t)mapping->inode,
				    mapping->dev_major,
				    mapping->dev_minor,
				    mapping->hugetlb_file,
				    m->pages != NULL,
				    facts->marks_known,
				    facts->doubt,
				    facts->slots_known,
				    (int64_t)facts->swap_unplaced,
				    row->fill_state,
				    row->fill_marks };

	const char *kind = mapping_kind_names[mapping->kind];
	uint32_t check = LOG_CHECK_START;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		sqlite3_bind_int64(s, (int)i + 1, numbers[i]);
		check = log_check_number(check, numbers[i]);
	}
	check = log_check_bytes(check, mapping->perms, strlen(mapping->perms));
	check = log_check_bytes(check, kind, strlen(kind));
	check = log_check_bytes(check, mapping->name, mapping->name_length);
	sqlite3_bind_text(s, 18, mapping->perms, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 19, kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 20, mapping->name, mapping->name_length, SQLITE_STATIC);
	sqlite3_bind_int64(s, 21, check);
	return writer_run(writer, WRITE_MAPPING);
}

static int writer_mappings_end_mapping(struct log_writer *writer, int64_t id)
{
	sqlite3_stmt *s = writer->statements[WRITE_MAPPING_END];

	sqlite3_bind_int64(s, 1, writer->samples - 1);
	sqlite3_bind_int64(s, 2, id);
	return writer_run(writer, WRITE_MAPPING_END);
}

static int writer_mappings_put_count(struct log_writer *writer, const struct snapshot_mapping *m,
				     int64_t id)
{
	sqlite3_stmt *s = writer->statements[WRITE_COUNT];

	sqlite3_bind_int64(s, 1, id);
	sqlite3_bind_int64(s, 2, writer->samples);
	if (m->pages)
		writer_bind_counts(s, 3, pages_counts(m->pages),
				   writer_mappings_facts_of(m)->marks_known);
	return writer_run(writer, WRITE_COUNT);
}

static int writer_mappings_mapping_event(struct log_writer *writer, const struct snapshot *snapshot,
					 enum event_kind kind, int64_t id, const struct mapping *m,
					 const struct mapping *old)
{
	char text[160];

	if (old && (old->start != m->start || old->end != m->end))
		snprintf(text, sizeof(text), "%llx-%llx from %llx-%llx %s",
			 (unsigned long long)m->start, (unsigned long long)m->end,
			 (unsigned long long)old->start, (unsigned long long)old->end, m->name);
	else if (old)
		snprintf(text, sizeof(text), "%llx-%llx %s from %s %s",
			 (unsigned long long)m->start, (unsigned long long)m->end, m->perms,
			 old->perms, m->name);
	else
		snprintf(text, sizeof(text), "%llx-%llx %s %s", (unsigned long long)m->start,
			 (unsigned long long)m->end, m->perms, m->name);
	return writer_put_event(writer, writer->samples, snapshot->taken_ns, kind, id, text);
}

/* The fill that a row inherits, or a better one where that has become a bad one. */
static void writer_mappings_choose_fill(const struct snapshot_mapping *m,
					const struct snapshot_mapping *old, uint8_t how,
					struct written_mapping *row)
{
	if (!old || how == MOVED || (old->pages != m->pages && writer_fill_is_bad(m, row)))
		writer_choose_fill(m, row);
}

static bool writer_mappings_keep_row(struct log_writer *writer, const struct snapshot_mapping *m,
				     const struct snapshot_mapping *old,
				     const struct written_mapping *row, int *ret_result)
{
	const struct written_mapping *was = &writer->mappings[old - writer->last->mappings];

	if (!writer_mappings_row_holds(old, m) || was->fill_state != row->fill_state ||
	    was->fill_marks != row->fill_marks)
		return false;
	*ret_result = SQLITE_OK;
	if (old->pages != m->pages && memcmp(pages_counts(old->pages), pages_counts(m->pages),
					     sizeof(struct page_counts)) != 0)
		*ret_result = writer_mappings_put_count(writer, m, row->id);
	return true;
}

/* Makes the row of one new mapping, or keeps the one that holds. */
static int writer_mappings_put_one(struct log_writer *writer, const struct snapshot *snapshot,
				   size_t i, struct match *match, struct written_mapping *row)
{
	const struct snapshot_mapping *m = &snapshot->mappings[i], *old = NULL;
	size_t j = match->from[i];
	int result;

	if (j != NOT_FOUND) {
		old = &writer->last->mappings[j];
		*row = writer->mappings[j];
	}
	writer_mappings_choose_fill(m, old, match->how[i], row);
	if (old && writer_mappings_keep_row(writer, m, old, row, &result)) {
		match->kept[j] = true;
		return result;
	}
	row->id = ++writer->last_mapping;
	if (!old || match->how[i] == SPLIT_OFF)
		row->lineage = row->id;
	writer->changes_since_layout++;
	result = writer_mappings_put_mapping(writer, m, row);
	if (!result)
		result = writer_mappings_put_count(writer, m, row->id);
	if (result || !writer->last || (old && mapping_equal(old->mapping, m->mapping)))
		return result;
	if (!old || match->how[i] == SPLIT_OFF)
		return writer_mappings_mapping_event(writer, snapshot, EVENT_APPEARED, row->id,
						     m->mapping, NULL);
	return writer_mappings_mapping_event(writer, snapshot,
					     match->how[i] == MOVED ? EVENT_MOVED : EVENT_CHANGED,
					     row->id, m->mapping, old->mapping);
}

/* Ends the rows of old mappings that are not in force any more. */
static int writer_mappings_put_ends(struct log_writer *writer, const struct snapshot *snapshot,
				    const struct match *match)
{
	const struct snapshot *last = writer->last;
	int result = SQLITE_OK;

	for (size_t j = 0; !result && last && j < last->count; j++) {
		if (match->kept[j])
			continue;
		writer->changes_since_layout++;
		result = writer_mappings_end_mapping(writer, writer->mappings[j].id);
		if (!result && !match->used[j])
			result = writer_mappings_mapping_event(writer, snapshot, EVENT_GONE,
							       writer->mappings[j].id,
							       last->mappings[j].mapping, NULL);
	}
	return result;
}

static int writer_mappings_compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* The ids of all mappings of this sample, ascending, as distances. */
static int writer_mappings_put_layout(struct log_writer *writer,
				      const struct written_mapping *mappings, size_t count)
{
	sqlite3_stmt *s = writer->statements[WRITE_LAYOUT];
	size_t room = log_compress_room(count * LOG_NUMBER_MAX);
	CLEANUP(cleanup_free) int64_t *ids = malloc((count + 1) * sizeof(*ids));
	CLEANUP(cleanup_free) uint8_t *raw = malloc(count * LOG_NUMBER_MAX + 1);
	CLEANUP(cleanup_free) uint8_t *data = malloc(room);
	uint8_t *at = raw;
	int size;

	if (!ids || !raw || !data)
		return SQLITE_NOMEM;
	for (size_t i = 0; i < count; i++)
		ids[i] = mappings[i].id;
	qsort(ids, count, sizeof(*ids), writer_mappings_compare_ids);
	for (size_t i = 0; i < count; i++)
		at = log_put_number(at, (uint64_t)(ids[i] - (i ? ids[i - 1] : 0)));
	size = log_compress(writer->codec, raw, (size_t)(at - raw), data, room);
	if (size < 0)
		return SQLITE_INTERNAL;
	sqlite3_bind_int64(s, 1, writer->samples);
	sqlite3_bind_blob(s, 2, data, size, SQLITE_STATIC);
	writer->changes_since_layout = 0;
	return writer_run(writer, WRITE_LAYOUT);
}

int writer_put_mappings(struct log_writer *writer, const struct snapshot *snapshot,
			struct written_mapping **ret_mappings)
{
	CLEANUP(writer_mappings_match_free) struct match match = { 0 };
	CLEANUP(cleanup_free)
	struct written_mapping *rows = calloc(snapshot->count + 1, sizeof(*rows));
	int result = SQLITE_OK;

	if (!rows || !writer_mappings_match_new(&match, snapshot->count,
						writer->last ? writer->last->count : 0))
		return SQLITE_NOMEM;
	if (writer->last) {
		writer_mappings_match_by_start(snapshot, writer->last, &match);
		writer_mappings_match_by_overlap(snapshot, writer->last, &match);
		writer_mappings_match_moved(snapshot, writer->last, &match);
	}
	for (size_t i = 0; !result && i < snapshot->count; i++)
		result = writer_mappings_put_one(writer, snapshot, i, &match, &rows[i]);
	if (!result)
		result = writer_mappings_put_ends(writer, snapshot, &match);
	if (!result && (!writer->last || (writer->changes_since_layout > 32 &&
					  writer->changes_since_layout > snapshot->count / 2)))
		result = writer_mappings_put_layout(writer, rows, snapshot->count);
	if (!result)
		*ret_mappings = TAKE(rows);
	return result;
}
