/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_READER_H
#define PMTOP_LOG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "log/event.h"
#include "model/snapshot.h"

/*
 * Reads a log: any sample of it as the snapshot that was recorded. A log is hostile until proven
 * otherwise: whatever it holds, a call ends in bounded time and memory, with a snapshot that is
 * possible or with -EBADMSG and a sentence. For one thread at a time.
 */
struct log_reader;

struct log_info {
	uint64_t samples; /* when it was opened; at least 1 */
	int64_t first_ns, last_ns; /* CLOCK_REALTIME of the first and last of them */
	int64_t first_clock_ns, last_clock_ns; /* CLOCK_MONOTONIC */
	int64_t pid;
	int schema;
};

/*
 * Opens a log, also one that is being recorded or was cut off. -EMEDIUMTYPE: not a log of pmtop;
 * -EPROTONOSUPPORT: written by a newer pmtop (the sentence says which is needed); -ENODATA: holds
 * no sample; -EBADMSG: damaged; others as open(2).
 */
int log_reader_open(const char *path, struct log_reader **ret_reader, struct error *error);

/* The same of a copy of the bytes of a log; for tests. */
int log_reader_open_bytes(const void *bytes, size_t size, struct log_reader **ret_reader,
			  struct error *error);

void log_reader_free(struct log_reader *reader);

const struct log_info *log_reader_info(const struct log_reader *reader);

/* A fact of the environment, or -ENOENT. Cut to fit into size bytes with the final zero. */
int log_reader_fact(struct log_reader *reader, const char *key, char *buf, size_t size);

/* Calls back with every fact, by key. */
int log_reader_facts(struct log_reader *reader,
		     void (*each)(void *context, const char *key, const char *value),
		     void *context);

/*
 * Sample number `sample` (< samples), with a reference. What did not change since the sample that
 * was loaded before is shared with it; going on by one costs what changed.
 */
int log_reader_load(struct log_reader *reader, uint64_t sample, struct snapshot **ret_snapshot,
		    struct error *error);

/* When a sample was taken, on both clocks. */
int log_reader_time(struct log_reader *reader, uint64_t sample, int64_t *ret_taken_ns,
		    int64_t *ret_clock_ns, struct error *error);

/*
 * When a sample was taken, on a clock that never runs backwards: CLOCK_REALTIME, but where that was
 * set back it goes on from where it was. Totals and series below have these times.
 */
int log_reader_steady_time(struct log_reader *reader, uint64_t sample, int64_t *ret_ns,
			   struct error *error);

/* How long after the first sample an event was, whatever happened to the clock meanwhile. */
int log_reader_event_after(struct log_reader *reader, const struct log_event *event,
			   int64_t *ret_after_ns, struct error *error);

/*
 * The newest sample that was taken `after_ns` after the first one, or before; the clock is
 * monotonic.
 */
int log_reader_at(struct log_reader *reader, int64_t after_ns, uint64_t *ret_sample,
		  struct error *error);

/*
 * The next event after (direction 1) or the last one before (-1) a sample; of several in one sample
 * one that is not of a mapping. -ENOENT: none. What belongs to a sample that is not one of info's
 * (the log is being recorded, or lies) does not count, here and in the two below.
 */
int log_reader_event(struct log_reader *reader, uint64_t sample, int direction,
		     struct log_event *ret_event, struct error *error);

/* Calls back with every event in order, until it returns not 0; returns that, 0 or -errno. */
int log_reader_events(struct log_reader *reader,
		      int (*each)(void *context, const struct log_event *event), void *context,
		      struct error *error);

/* The sample of a bookmark: the newest of this name; -ENOENT: none. */
int log_reader_bookmark(struct log_reader *reader, const char *name, uint64_t *ret_sample,
			struct error *error);

/*
 * Keeps a bookmark in the log itself, the only thing that is ever written into a log that is read:
 * the file is open for writing meanwhile and no longer. -EBUSY: it is being recorded; -ESTALE:
 * somebody removed or replaced it; -EACCES, -EROFS: it or its directory cannot be written to; other
 * errors of the disk. After an error the log is as it was.
 */
int log_reader_keep_bookmark(struct log_reader *reader, uint64_t sample, int64_t taken_ns,
			     const char *name, struct error *error);

/*
 * The nearest sample after (1) or before (-1) `sample` in which a page of [start, start + length)
 * differs from what it is in `sample`; -ENOENT: none; -EFBIG: too much changes around these pages.
 */
int log_reader_change(struct log_reader *reader, uint64_t sample, int direction, uint64_t start,
		      uint64_t length, uint64_t *ret_sample, struct error *error);

/*
 * What was recorded of the raw facts of the pages of [start, start + 4096 × count) up to a sample:
 * of each page what was read when it changed last, or was on the screen after that. -ENOENT: of
 * none.
 */
int log_reader_detail(struct log_reader *reader, uint64_t sample, uint64_t start, size_t count,
		      struct page_detail **ret_detail, struct error *error);

/* Counts at one sample; marks outside `known` are not. */
struct log_counts {
	uint64_t sample;
	int64_t taken_ns; /* log_reader_steady_time(), as below */
	struct page_counts counts;
	uint16_t known;
	uint64_t swap_unplaced;
};

/*
 * Calls back with the totals of samples [first, first + count), in order, until it returns not 0;
 * returns that, 0 or -errno.
 */
int log_reader_totals(struct log_reader *reader, uint64_t first, uint64_t count,
		      int (*each)(void *context, const struct log_counts *counts), void *context,
		      struct error *error);

/* Pages of a mapping by state at a moment. */
struct log_point {
	int64_t taken_ns;
	uint64_t state[PAGE_STATES];
};

/* What one start address, permissions, kind and name stood for, as long as they did. */
struct log_series {
	const struct mapping *mapping; /* its end may have been another in between */
	const struct log_point *points; /* ascending; one of 0 pages where it was gone */
	size_t count;
};

struct log_series_range {
	uint64_t first, last; /* samples, both included */
	int64_t repeat_ns; /* where nothing changed, a point is due again after this */
};

typedef int log_series_function(void *context, const struct log_series *series);

/*
 * Calls back with the series of every mapping, by address, until it returns not 0; returns that, 0
 * or -errno. Points are where counts changed, right before that, and every repeat_ns; none where
 * the mapping was not read.
 */
int log_reader_series(struct log_reader *reader, const struct log_series_range *range,
		      log_series_function *each, void *context, struct error *error);

#endif
