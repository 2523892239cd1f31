// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "log/writer_internal.h"

/*
 * A row of `mapping` says what stays true of a mapping from its first to its last sample. When
 * anything of that changes, a new row follows, with the lineage of the old one.
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
				       const struct written_mapping *written)
{
	const struct mapping *mapping = m->mapping;
	const struct pages_facts *facts = writer_mappings_facts_of(m);
	const struct row_mapping row = {
		.mapping = written->id,
		.lineage = written->lineage,
		.first_sample = writer->samples,
		.last_sample = LOG_TO_THE_END,
		.start = (int64_t)mapping->start,
		.end = (int64_t)mapping->end,
		.offset = (int64_t)mapping->offset,
		.inode = (int64_t)mapping->inode,
		.dev_major = mapping->dev_major,
		.dev_minor = mapping->dev_minor,
		.perms = writer_text(mapping->perms),
		.kind = writer_text(mapping_kind_names[mapping->kind]),
		.hugetlb_file = mapping->hugetlb_file,
		.name = { mapping->name, mapping->name_length },
		.read = m->pages != NULL,
		.marks_known = facts->marks_known,
		.doubt = facts->doubt,
		.slots_known = facts->slots_known,
		.swap_unplaced = (int64_t)facts->swap_unplaced,
		.fill = written->fill,
	};

	return writer_put(writer, LOG_MAPPING, &row);
}

static int writer_mappings_put_count(struct log_writer *writer, const struct snapshot_mapping *m,
				     int64_t id)
{
	struct row_mapping_count row = { .mapping = id, .sample = writer->samples };

	if (m->pages)
		row.counted = (struct log_counted){ *pages_counts(m->pages),
						    pages_facts(m->pages)->marks_known, true };
	return writer_put(writer, LOG_MAPPING_COUNT, &row);
}

static int writer_mappings_event(struct log_writer *writer, const struct snapshot *snapshot,
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

static bool writer_mappings_keep_row(struct log_writer *writer, const struct snapshot_mapping *m,
				     const struct snapshot_mapping *old,
				     const struct written_mapping *row, int *ret_result)
{
	const struct written_mapping *was = &writer->mappings[old - writer->last->mappings];

	if (!writer_mappings_row_holds(old, m) || was->fill != row->fill)
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
	if (!old || match->how[i] == MOVED || old->pages != m->pages)
		row->fill =
			writer_choose_fill(m, old && match->how[i] != MOVED ? &row->fill : NULL);
	if (old && writer_mappings_keep_row(writer, m, old, row, &result)) {
		match->kept[j] = true;
		return result;
	}
	row->id = ++writer->last_mapping;
	if (!old || match->how[i] == SPLIT_OFF)
		row->lineage = row->id;
	result = writer_mappings_put_mapping(writer, m, row);
	if (!result)
		result = writer_mappings_put_count(writer, m, row->id);
	if (result || !writer->last || (old && mapping_equal(old->mapping, m->mapping)))
		return result;
	if (!old || match->how[i] == SPLIT_OFF)
		return writer_mappings_event(writer, snapshot, EVENT_APPEARED, row->id, m->mapping,
					     NULL);
	return writer_mappings_event(writer, snapshot,
				     match->how[i] == MOVED ? EVENT_MOVED : EVENT_CHANGED, row->id,
				     m->mapping, old->mapping);
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
		result = writer_run(writer, WRITE_MAPPING_END, writer->samples - 1,
				    writer->mappings[j].id);
		if (!result && !match->used[j])
			result = writer_mappings_event(writer, snapshot, EVENT_GONE,
						       writer->mappings[j].id,
						       last->mappings[j].mapping, NULL);
	}
	return result;
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
	if (!result)
		*ret_mappings = TAKE(rows);
	return result;
}
