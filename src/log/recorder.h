/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_RECORDER_H
#define PMTOP_LOG_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "log/writer.h"

/*
 * A writer with a thread of its own and a bounded queue before it, so that the sampler never waits
 * for a disk. What does not fit into the queue is left out, and the log says so (a gap).
 */
struct recorder;

struct recorder_options {
	struct log_writer_options log;
	unsigned int rotate; /* full logs to keep as FILE.1, FILE.2, …; 0: stop when it is full */
};

enum recorder_state {
	RECORDER_RUNS,
	RECORDER_FULL, /* reached max_bytes; what came later is left out */
	RECORDER_FAILED, /* message says why */
};

/* What a recording has left. */
struct recorder_logs {
	bool newest; /* FILE; false: without a sample it goes, or somebody removed or replaced it */
	unsigned int older; /* of a rotation: FILE.1 up to FILE.N */
	uint64_t samples, bytes; /* in all of these; samples of a FILE that was removed as well */
	unsigned int
		unmerged; /* older ones that somebody read: what is in their -wal stays there */
	uint64_t gone; /* samples of logs that had to go, since no more were to be kept */
};

struct recorder_status {
	enum recorder_state state;
	uint64_t samples; /* in all logs of a rotation, also in those that are gone */
	uint64_t left_out; /* by gaps */
	int64_t started_ns; /* CLOCK_MONOTONIC */
	struct error error; /* why it is full or failed */
	struct recorder_logs logs; /* of recorder_stop() only */
};

/* Creates the log and starts the thread. Errors as log_writer_open(). */
int recorder_start(const struct recorder_options *options, struct recorder **ret_recorder,
		   struct error *error);

/* A live_observer: queues the snapshot, never blocks. From any one thread at a time. */
void recorder_observe(void *recorder, struct sample *sample);

/* Notes an event of this moment (CLOCK_REALTIME, 0: now). From any thread. */
void recorder_event(struct recorder *recorder, enum event_kind kind, int64_t taken_ns,
		    const char *text);

/* From any thread. */
void recorder_status(struct recorder *recorder, struct recorder_status *ret_status);

/*
 * Writes what is queued, closes the log and frees the recorder; the observer must be gone. Returns
 * 0 or the error that ended the recording early (-EFBIG: it was full), with its sentence.
 */
int recorder_stop(struct recorder *recorder, struct recorder_status *ret_status);

#endif
