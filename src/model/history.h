/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_HISTORY_H
#define PMTOP_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/sample.h"

/*
 * The samples of the last while, bounded in bytes: the oldest go first, the
 * newest always stays. Since snapshots share what did not change, the bound is reached late for a
 * process that is quiet. One thread.
 */

#define HISTORY_DEFAULT_BYTES (UINT64_C(64) << 20)

struct history;

/* NULL when memory is out. */
struct history *history_new(uint64_t bytes);
void history_free(struct history *history);

/* Forgets everything (another process is opened). */
void history_clear(struct history *history);

/* Appends a sample (takes its own reference) and drops what no longer fits. -ENOMEM. */
int history_push(struct history *history, struct sample *sample);

/* Samples kept; number 0 is the oldest. Both return a borrowed pointer. */
size_t history_count(const struct history *history);
struct sample *history_sample(const struct history *history, size_t index);
struct snapshot *history_snapshot(const struct history *history, size_t index);

/* The snapshot with this sequence number, or the nearest one kept; -ENOENT when there is none. */
int history_find(const struct history *history, uint64_t sequence, size_t *ret_index);

/* The last snapshot taken at or before this CLOCK_REALTIME time, else the oldest; -ENOENT. */
int history_find_time(const struct history *history, int64_t taken_ns, size_t *ret_index);

/* How far back it reaches: CLOCK_REALTIME of the oldest snapshot, 0 when there is none. */
int64_t history_reach(const struct history *history);

/* Bytes held, and whether older snapshots had to go. */
uint64_t history_memory(const struct history *history);
bool history_has_dropped(const struct history *history);

/* A change of state of one page. */
struct page_event {
	int64_t taken_ns; /* CLOCK_REALTIME of the first sample that showed it */
	uint8_t before, after; /* enum page_state */
	bool before_mapped, after_mapped; /* false: no mapping there, the state says nothing */
};

/*
 * What happened to the page at an address up to snapshot number `index`, newest first. Returns how
 * many events were written, at most `max`.
 */
size_t history_page(const struct history *history, size_t index, uint64_t address,
		    struct page_event *ret_events, size_t max);

#endif
