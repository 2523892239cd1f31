/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_RECORDING_H
#define PMTOP_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/event.h"
#include "sample/source.h"

struct probe;

/*
 * A live source that is being recorded. The screen and the commands use this door; what a log is
 * made of stays behind it. All calls come from the thread that uses the source.
 */
struct recording;

struct recording_options {
	const char *path;
	bool replace; /* an existing log goes away */
	uint64_t max_bytes; /* 0: no limit */
	unsigned int rotate; /* logs to keep when it is full; 0: stop */
	int64_t interval_ns; /* that was asked for; noted in the log */
};

struct recording_status {
	bool runs; /* false: full or failed; message says why */
	bool full; /* by max_bytes */
	uint64_t left_out; /* samples, since the disk was too slow */
	int64_t started_ns; /* CLOCK_MONOTONIC */
	char message[sizeof(((struct error *)0)->text)]; /* may hold a file name: escape it */
	uint64_t samples; /* written until now; at the end in all that is left */
	/* What it has left, of recording_stop() only. */
	bool newest; /* FILE; false: without a sample it goes, or somebody removed or replaced it */
	unsigned int older; /* of a rotation: FILE.1 up to FILE.N */
	uint64_t bytes; /* as samples in all of these; also of a FILE that was removed */
	unsigned int unmerged; /* older ones that keep samples in a -wal beside them */
	uint64_t gone; /* samples of logs that had to go, since no more were to be kept */
};

/*
 * Starts to record a live source (sample/live.h). *error (may be NULL) says why it failed: -EEXIST
 * there is such a file, -EBUSY another recorder writes to it, others as open(2).
 */
int recording_start(const struct recording_options *options, struct source *live,
		    const struct probe *probe, struct recording **ret_recording,
		    struct error *error);

/* Notes an event of this moment (CLOCK_REALTIME, 0: now). */
void recording_event(struct recording *recording, enum event_kind kind, int64_t taken_ns,
		     const char *text);

/* Notes that the target has ended, and how, or that it cannot be read any more, and why. */
void recording_note_end(struct recording *recording, const struct source_status *status);

void recording_status(struct recording *recording, struct recording_status *ret_status);

/*
 * Writes what is waiting, closes the log and frees the recording. Before this, its source must not
 * be freed. 0, or the error that ended it early.
 */
int recording_stop(struct recording *recording, struct recording_status *ret_status);

/* A name for a new log in the current directory: pmtop-PID-DATE-TIME.pmtop. Returns buf. */
char *recording_name(pid_t pid, char *buf, size_t size);

#endif
