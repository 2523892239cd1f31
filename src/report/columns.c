// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/escape.h"
#include "base/units.h"

static const char *columns_report_marks(uint16_t marks, char separator, char buf[static MARKS_MAX]);

static void columns_get_start(const struct report_row *row, unsigned int which,
			      struct report_cell *cell)
{
	cell->kind = CELL_ADDRESS;
	cell->number = row->mapping->mapping->start;
}

static void columns_get_end(const struct report_row *row, unsigned int which,
			    struct report_cell *cell)
{
	cell->kind = CELL_ADDRESS;
	cell->number = row->mapping->mapping->end;
}

static void columns_get_perms(const struct report_row *row, unsigned int which,
			      struct report_cell *cell)
{
	cell->kind = CELL_TEXT;
	cell->text = row->mapping->mapping->perms;
}

static void columns_get_offset(const struct report_row *row, unsigned int which,
			       struct report_cell *cell)
{
	cell->kind = CELL_NUMBER;
	cell->number = row->mapping->mapping->offset;
}

static void columns_get_device(const struct report_row *row, unsigned int which,
			       struct report_cell *cell)
{
	const struct mapping *m = row->mapping->mapping;

	cell->kind = CELL_TEXT;
	snprintf(cell->buf, sizeof(cell->buf), "%x:%x", m->dev_major, m->dev_minor);
	cell->text = cell->buf;
}

static void columns_get_inode(const struct report_row *row, unsigned int which,
			      struct report_cell *cell)
{
	cell->kind = CELL_NUMBER;
	cell->number = row->mapping->mapping->inode;
}

static void columns_get_name(const struct report_row *row, unsigned int which,
			     struct report_cell *cell)
{
	cell->kind = CELL_NAME;
	cell->text = row->mapping->mapping->name;
	cell->length = row->mapping->mapping->name_length;
}

static void columns_get_kind(const struct report_row *row, unsigned int which,
			     struct report_cell *cell)
{
	cell->kind = CELL_TEXT;
	cell->text = mapping_kind_names[row->mapping->mapping->kind];
}

static void columns_get_pages(const struct report_row *row, unsigned int which,
			      struct report_cell *cell)
{
	cell->kind = CELL_PAGES;
	if (row->mapping) {
		cell->number = mapping_pages(row->mapping->mapping);
		return;
	}
	for (size_t i = 0; i < row->snapshot->count; i++)
		cell->number += mapping_pages(row->snapshot->mappings[i].mapping);
}

static void columns_get_state(const struct report_row *row, unsigned int which,
			      struct report_cell *cell)
{
	if (!row->counts)
		return;
	cell->kind = CELL_PAGES;
	cell->number = row->counts->state[which];
}

static void columns_get_rss(const struct report_row *row, unsigned int which,
			    struct report_cell *cell)
{
	if (!row->counts)
		return;
	cell->kind = CELL_PAGES;
	cell->number = row->snapshot ? row->snapshot->rss : page_counts_rss(row->counts);
}

static void columns_get_written(const struct report_row *row, unsigned int which,
				struct report_cell *cell)
{
	if (!row->counts || !(row->marks_known & MARK_WRITTEN))
		return;
	cell->kind = CELL_PAGES;
	cell->number = page_counts_mark(row->counts, MARK_WRITTEN);
}

static void columns_get_unplaced(const struct report_row *row, unsigned int which,
				 struct report_cell *cell)
{
	cell->kind = CELL_PAGES;
	cell->number = row->swap_unplaced;
}

/* Pages of unknown state may be in swap, unless the reason for the doubt rules it out. */
static bool columns_hides_shared_swap(const struct report_row *row)
{
	enum page_doubt doubt = pages_facts(row->mapping->pages)->doubt;

	return row->counts->state[PAGE_UNKNOWN] && !row->swap_unplaced &&
	       page_doubt_hides_swap(doubt);
}

/* In text, pages in swap whose place is unknown stand with those whose place is known. */
static void columns_get_shared_swap(const struct report_row *row, unsigned int which,
				    struct report_cell *cell)
{
	columns_get_state(row, PAGE_SHARED_SWAP, cell);
	cell->number += row->swap_unplaced;
	if (row->counts && row->mapping)
		cell->incomplete = columns_hides_shared_swap(row);
}

static void columns_get_doubt(const struct report_row *row, unsigned int which,
			      struct report_cell *cell)
{
	enum page_doubt doubt = row->counts ? pages_facts(row->mapping->pages)->doubt : DOUBT_NONE;

	if (doubt == DOUBT_NONE)
		return;
	cell->kind = CELL_TEXT;
	cell->text = page_doubt_text(doubt);
}

static void columns_get_smaps(const struct report_row *row, unsigned int which,
			      struct report_cell *cell)
{
	if (!row->verdict || !row->verdict->found)
		return;
	cell->kind = CELL_PAGES;
	cell->number = row->verdict->verdict.smaps.pages[which];
}

static void columns_get_agrees(const struct report_row *row, unsigned int which,
			       struct report_cell *cell)
{
	if (!row->verdict || !row->verdict->found)
		return;
	cell->kind = verify_worst(&row->verdict->verdict) == VERIFY_AGREES ? CELL_TRUE : CELL_FALSE;
}

static void columns_get_cause(const struct report_row *row, unsigned int which,
			      struct report_cell *cell)
{
	enum verify_cause cause;

	if (!row->verdict || !row->verdict->found)
		return;
	cause = verify_worst(&row->verdict->verdict);
	if (cause == VERIFY_AGREES)
		return;
	cell->kind = CELL_TEXT;
	cell->text = verify_cause_text(cause);
}

#define EVERYWHERE (USE_JSON | USE_CSV)
#define STATE_USE  (USE_JSON_STATES | USE_CSV | USE_TOTAL)
#define STATE(key, state)                                                                          \
	{                                                                                          \
		key, STATE_USE, NULL, 0, 0, state, columns_get_state                               \
	}
#define SHOWN_STATE(key, state, title, place)                                                      \
	{                                                                                          \
		key, STATE_USE, title, 6, place, state, columns_get_state                          \
	}
#define TOTAL_ON_SCREEN (USE_TOTAL | USE_SCREEN)

/* clang-format off */
const struct report_column mapping_columns[] = {
	/* key, use, title, width, place, which, get; on the screen: priority, sort rank */
	{ "start", EVERYWHERE | USE_SCREEN, "ADDRESS", 12, 1, 0, columns_get_start, 2, 0 },
	{ "end", EVERYWHERE, NULL, 0, 0, 0, columns_get_end },
	{ "perms", EVERYWHERE | USE_SCREEN, "PERM", -4, 3, 0, columns_get_perms, 5, 7 },
	{ "offset", EVERYWHERE, NULL, 0, 0, 0, columns_get_offset },
	{ "device", USE_JSON, NULL, 0, 0, 0, columns_get_device },
	{ "inode", USE_JSON, NULL, 0, 0, 0, columns_get_inode },
	{ "name", EVERYWHERE | USE_SCREEN, "MAPPING", 0, 11, 0, columns_get_name, 0, 6 },
	{ "kind", EVERYWHERE, NULL, 0, 0, 0, columns_get_kind },
	{ "pages", EVERYWHERE | TOTAL_ON_SCREEN, "SIZE", 6, 2, 0, columns_get_pages, 3, 5 },
	{ "rss", TOTAL_ON_SCREEN, "RSS", 6, 4, 0, columns_get_rss, 4, 3 },
	STATE("none", PAGE_NONE),
	STATE("anon", PAGE_ANON),
	STATE("file", PAGE_FILE),
	STATE("shmem", PAGE_SHMEM),
	STATE("zero", PAGE_ZERO),
	SHOWN_STATE("cached", PAGE_CACHED, "CACHED", 8),
	{ "swap", STATE_USE | USE_SCREEN, "SWAP", 6, 6, PAGE_SWAP, columns_get_state, 6, 2 },
	STATE("shared_swap", PAGE_SHARED_SWAP),
	{ "total_shared_swap", TOTAL_ON_SCREEN, "SHSWAP", 6, 7, 0, columns_get_shared_swap, 1, 1 },
	STATE("migrating", PAGE_MIGRATING),
	STATE("guard", PAGE_GUARD),
	STATE("poison", PAGE_POISON),
	SHOWN_STATE("unknown", PAGE_UNKNOWN, "UNKN", 9),
	{ "written", EVERYWHERE | TOTAL_ON_SCREEN, "WRITTEN", 7, 5, 0, columns_get_written, 7, 4 },
	{ "swap_unplaced", EVERYWHERE, NULL, 0, 0, 0, columns_get_unplaced },
	{ "doubt", EVERYWHERE, NULL, 0, 0, 0, columns_get_doubt },
	{ "smaps_rss", USE_VERIFY, NULL, 0, 0, VERIFY_RSS, columns_get_smaps },
	{ "smaps_anonymous", USE_VERIFY, NULL, 0, 0, VERIFY_ANONYMOUS, columns_get_smaps },
	{ "smaps_swap", USE_VERIFY, NULL, 0, 0, VERIFY_SWAP, columns_get_smaps },
	{ "agrees", USE_VERIFY, NULL, 0, 0, 0, columns_get_agrees },
	{ "cause", USE_VERIFY, NULL, 0, 0, 0, columns_get_cause },
};
/* clang-format on */
const size_t mapping_column_count = sizeof(mapping_columns) / sizeof(*mapping_columns);

static void columns_get_run_start(const struct report_row *row, unsigned int which,
				  struct report_cell *cell)
{
	cell->kind = CELL_ADDRESS;
	cell->number = row->mapping->mapping->start + (row->run->first << PMTOP_PAGE_SHIFT);
}

static void columns_get_run_pages(const struct report_row *row, unsigned int which,
				  struct report_cell *cell)
{
	cell->kind = CELL_NUMBER;
	cell->number = row->run->count;
}

static void columns_get_run_state(const struct report_row *row, unsigned int which,
				  struct report_cell *cell)
{
	cell->kind = CELL_TEXT;
	cell->text = page_states[row->run->state].key;
}

static void columns_get_run_marks(const struct report_row *row, unsigned int which,
				  struct report_cell *cell)
{
	cell->kind = CELL_TEXT;
	cell->text = columns_report_marks(row->run->marks, ' ', cell->buf);
}

static void columns_get_slot_type(const struct report_row *row, unsigned int which,
				  struct report_cell *cell)
{
	if (!row->run->has_slot)
		return;
	cell->kind = CELL_NUMBER;
	cell->number = row->run->slot_type;
}

static void columns_get_slot_offset(const struct report_row *row, unsigned int which,
				    struct report_cell *cell)
{
	if (!row->run->has_slot)
		return;
	cell->kind = CELL_NUMBER;
	cell->number = row->run->slot_offset;
}

/* clang-format off */
const struct report_column run_columns[] = {
	{ "mapping", USE_CSV, NULL, 0, 0, 0, columns_get_start },
	{ "start", USE_CSV, "", 12, 1, 0, columns_get_run_start },
	{ "pages", USE_CSV, "PAGES", 8, 2, 0, columns_get_run_pages },
	{ "state", USE_CSV, "STATE", -12, 3, 0, columns_get_run_state },
	{ "swap_type", USE_CSV, "SWAP", 4, 4, 0, columns_get_slot_type },
	{ "swap_offset", USE_CSV, "OFFSET", 9, 5, 0, columns_get_slot_offset },
	{ "marks", USE_CSV, "MARKS", 0, 6, 0, columns_get_run_marks },
};
/* clang-format on */
const size_t run_column_count = sizeof(run_columns) / sizeof(*run_columns);

size_t report_pick_columns(const struct report_column *columns, size_t count, unsigned int use,
			   const struct report_column *ret_picked[static REPORT_PLACES])
{
	size_t picked = 0;

	for (unsigned int place = 1; place < REPORT_PLACES; place++)
		for (size_t i = 0; i < count; i++)
			if (columns[i].title && columns[i].place == place &&
			    (columns[i].use & use) == use)
				ret_picked[picked++] = &columns[i];
	return picked;
}

const char *report_cell_text(const struct report_cell *cell, char buf[static CELL_TEXT_MAX])
{
	switch (cell->kind) {
	case CELL_NULL:
		return "?";
	case CELL_PAGES:
		return cell->number ? units_format_size(cell->number << PMTOP_PAGE_SHIFT, buf)
				    : "-";
	case CELL_NUMBER:
		snprintf(buf, CELL_TEXT_MAX, "%" PRIu64, cell->number);
		return buf;
	case CELL_ADDRESS:
		snprintf(buf, CELL_TEXT_MAX, "%" PRIx64, cell->number);
		return buf;
	case CELL_TEXT:
	case CELL_NAME:
		return cell->text;
	case CELL_TRUE:
		return "yes";
	case CELL_FALSE:
		return "no";
	}
	return "";
}

struct report_row report_row_of(const struct snapshot *snapshot, size_t index,
				const struct report_options *options)
{
	const struct snapshot_mapping *mapping = &snapshot->mappings[index];
	struct report_row row = { .mapping = mapping };

	if (mapping->pages) {
		const struct pages_facts *facts = pages_facts(mapping->pages);

		row.counts = pages_counts(mapping->pages);
		row.marks_known = facts->marks_known;
		row.swap_unplaced = facts->swap_unplaced;
	}
	if (options->verdicts)
		row.verdict = &options->verdicts[index];
	return row;
}

struct report_row report_row_total(const struct snapshot *snapshot)
{
	return (struct report_row){
		.counts = &snapshot->totals,
		.snapshot = snapshot,
		.marks_known = snapshot->known.written ? MARK_WRITTEN : 0,
		.swap_unplaced = snapshot->swap_unplaced,
	};
}

static const char *columns_report_marks(uint16_t marks, char separator, char buf[static MARKS_MAX])
{
	size_t used = 0;

	for (int k = 0; k < PAGE_MARKS; k++) {
		size_t length = strlen(page_marks[k].key);

		if (!(marks & 1 << k))
			continue;
		if (used)
			buf[used++] = separator;
		memcpy(buf + used, page_marks[k].key, length);
		used += length;
	}
	buf[used] = '\0';
	return buf;
}

const char *report_time(int64_t taken_ns, char buf[static TIME_MAX])
{
	time_t seconds = (time_t)(taken_ns / 1000000000);
	long rest = (long)(taken_ns % 1000000000);
	struct tm tm;
	size_t used;

	if (rest < 0) { /* before 1970: a broken clock must not make a broken time */
		rest += 1000000000;
		seconds--;
	}
	gmtime_r(&seconds, &tm);
	used = strftime(buf, TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + used, TIME_MAX - used, ".%09ldZ", rest);
	return buf;
}

void report_put_escaped(FILE *out, const char *text, size_t length)
{
	char buf[ESCAPE_MAX];

	for (size_t i = 0; i < length;) {
		i += escape_next(text + i, length - i, buf);
		fputs(buf, out);
	}
}
