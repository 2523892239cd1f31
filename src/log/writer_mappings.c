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

/* Makes the row of one new mapping, or keeps the one that holds; says so in kept[]. */
static int writer_mappings_put_one(struct log_writer *writer, const struct change_list *list,
				   size_t i, bool *kept, struct written_mapping *row)
{
	const struct snapshot_mapping *m = &list->after->mappings[i], *old = NULL;
	const struct change_row *change = &list->rows[list->row_of_after[i]];
	bool moved = change->fate == FATE_MOVED;
	int result;

	if (change->before != CHANGE_NOTHING) {
		old = &list->before->mappings[change->before];
		*row = writer->mappings[change->before];
	}
	if (!old || moved || old->pages != m->pages)
		row->fill = writer_choose_fill(m, old && !moved ? &row->fill : NULL);
	if (old && !change->split && writer_mappings_keep_row(writer, m, old, row, &result)) {
		kept[change->before] = true;
		return result;
	}
	row->id = ++writer->last_mapping;
	if (!old || change->split)
		row->lineage = row->id;
	result = writer_mappings_put_mapping(writer, m, row);
	if (!result)
		result = writer_mappings_put_count(writer, m, row->id);
	if (result || !writer->samples || (old && mapping_equal(old->mapping, m->mapping)))
		return result;
	if (!old || change->split)
		return writer_mappings_event(writer, list->after, EVENT_APPEARED, row->id,
					     m->mapping, NULL);
	return writer_mappings_event(writer, list->after, moved ? EVENT_MOVED : EVENT_CHANGED,
				     row->id, m->mapping, old->mapping);
}

/* Ends the rows of old mappings that are not in force any more. */
static int writer_mappings_put_ends(struct log_writer *writer, const struct change_list *list,
				    const bool *kept)
{
	int result = SQLITE_OK;

	for (size_t j = 0; !result && j < list->before->count; j++)
		if (!kept[j])
			result = writer_run(writer, WRITE_MAPPING_END, writer->samples - 1,
					    writer->mappings[j].id);
	for (size_t r = 0; !result && r < list->row_count; r++) {
		size_t j = list->rows[r].before;

		if (list->rows[r].fate == FATE_GONE)
			result = writer_mappings_event(writer, list->after, EVENT_GONE,
						       writer->mappings[j].id,
						       list->before->mappings[j].mapping, NULL);
	}
	return result;
}

int writer_put_mappings(struct log_writer *writer, const struct change_list *list,
			struct written_mapping **ret_mappings)
{
	CLEANUP(cleanup_free)
	struct written_mapping *rows = calloc(list->after->count + 1, sizeof(*rows));
	CLEANUP(cleanup_free) bool *kept = calloc(list->before->count + 1, sizeof(*kept));
	int result = rows && kept ? SQLITE_OK : SQLITE_NOMEM;

	for (size_t i = 0; !result && i < list->after->count; i++)
		result = writer_mappings_put_one(writer, list, i, kept, &rows[i]);
	if (!result)
		result = writer_mappings_put_ends(writer, list, kept);
	if (!result)
		*ret_mappings = TAKE(rows);
	return result;
}
