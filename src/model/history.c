// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct history_entry {
	struct sample *sample;
	uint64_t bytes; /* beyond what is shared with the entry before */
};

/* A ring: entries[(oldest + i) % room]. */
struct history {
	uint64_t limit, bytes;
	size_t oldest, count, room;
	bool dropped;
	struct history_entry *entries;
};

struct history *history_new(uint64_t bytes)
{
	struct history *h = calloc(1, sizeof(*h));

	if (h)
		h->limit = bytes;
	return h;
}

static struct history_entry *history_entry_at(const struct history *h, size_t index)
{
	return &h->entries[(h->oldest + index) % h->room];
}

static void history_entry_release(struct history_entry *entry)
{
	sample_unref(entry->sample);
}

void history_clear(struct history *history)
{
	for (size_t i = 0; i < history->count; i++)
		history_entry_release(history_entry_at(history, i));
	history->oldest = history->count = 0;
	history->bytes = 0;
	history->dropped = false;
}

void history_free(struct history *history)
{
	if (!history)
		return;
	history_clear(history);
	free(history->entries);
	free(history);
}

static uint64_t history_entry_bytes(const struct history_entry *entry,
				    const struct history_entry *before)
{
	return sizeof(*entry) + sample_memory(entry->sample, before ? before->sample : NULL);
}

/* The entry after the oldest one inherits what both share. */
static void history_drop_oldest(struct history *h)
{
	struct history_entry *gone = history_entry_at(h, 0), *heir = history_entry_at(h, 1);

	h->bytes -= gone->bytes + heir->bytes;
	history_entry_release(gone);
	h->oldest = (h->oldest + 1) % h->room;
	h->count--;
	heir->bytes = history_entry_bytes(heir, NULL);
	h->bytes += heir->bytes;
	h->dropped = true;
}

static int history_grow(struct history *h)
{
	size_t room = h->room ? h->room * 2 : 64;
	struct history_entry *entries;

	if (h->count < h->room)
		return 0;
	entries = calloc(room, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < h->count; i++)
		entries[i] = *history_entry_at(h, i);
	free(h->entries);
	h->entries = entries;
	h->oldest = 0;
	h->room = room;
	return 0;
}

int history_push(struct history *history, struct sample *sample)
{
	const struct history_entry *last;
	struct history_entry *e;
	int r = history_grow(history);

	if (r < 0)
		return r;
	last = history->count ? history_entry_at(history, history->count - 1) : NULL;
	e = history_entry_at(history, history->count);
	e->sample = sample_ref(sample);
	e->bytes = history_entry_bytes(e, last);
	history->bytes += e->bytes;
	history->count++;
	while (history->bytes > history->limit && history->count > 1)
		history_drop_oldest(history);
	return 0;
}

size_t history_count(const struct history *history)
{
	return history->count;
}

struct sample *history_sample(const struct history *history, size_t index)
{
	return history_entry_at(history, index)->sample;
}

struct snapshot *history_snapshot(const struct history *history, size_t index)
{
	return history_sample(history, index)->snapshot;
}

/* Entries that are not after a moment, which only ever grows from one entry to the next. */
static size_t history_count_until(const struct history *h, bool by_sequence, uint64_t sequence,
				  int64_t taken_ns)
{
	size_t low = 0, high = h->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct snapshot *s = history_snapshot(h, middle);

		if (by_sequence ? s->sequence <= sequence : s->taken_ns <= taken_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int history_find(const struct history *history, uint64_t sequence, size_t *ret_index)
{
	size_t n = history_count_until(history, true, sequence, 0);

	if (!history->count)
		return -ENOENT;
	*ret_index = n ? n - 1 : 0;
	return 0;
}

int history_find_time(const struct history *history, int64_t taken_ns, size_t *ret_index)
{
	size_t n = history_count_until(history, false, 0, taken_ns);

	if (!history->count)
		return -ENOENT;
	*ret_index = n ? n - 1 : 0;
	return 0;
}

int64_t history_reach(const struct history *history)
{
	return history->count ? history_snapshot(history, 0)->taken_ns : 0;
}

uint64_t history_memory(const struct history *history)
{
	return history->bytes;
}

bool history_has_dropped(const struct history *history)
{
	return history->dropped;
}

/* One page in one snapshot. */
struct sight {
	const struct pages *pages;
	uint64_t start;
	bool mapped;
	uint8_t state;
};

static struct sight history_look(const struct snapshot *snapshot, uint64_t address,
				 const struct sight *newer)
{
	size_t i = snapshot_find(snapshot, address);
	struct sight s = { .state = PAGE_UNKNOWN };

	if (i >= snapshot->count || snapshot->mappings[i].mapping->start > address)
		return s;
	s.mapped = true;
	s.pages = snapshot->mappings[i].pages;
	s.start = snapshot->mappings[i].mapping->start;
	if (newer && s.pages == newer->pages && s.start == newer->start)
		s.state = newer->state;
	else if (s.pages)
		s.state = (uint8_t)pages_state(s.pages, (address - s.start) >> PMTOP_PAGE_SHIFT);
	return s;
}

size_t history_page(const struct history *history, size_t index, uint64_t address,
		    struct page_event *ret_events, size_t max)
{
	struct sight newer, older;
	size_t n = 0;

	if (index >= history->count)
		return 0;
	newer = history_look(history_snapshot(history, index), address, NULL);
	for (size_t i = index; i > 0 && n < max; i--) {
		older = history_look(history_snapshot(history, i - 1), address, &newer);
		if (older.mapped != newer.mapped || older.state != newer.state)
			ret_events[n++] = (struct page_event){
				.taken_ns = history_snapshot(history, i)->taken_ns,
				.before = older.state,
				.after = newer.state,
				.before_mapped = older.mapped,
				.after_mapped = newer.mapped,
			};
		newer = older;
	}
	return n;
}
