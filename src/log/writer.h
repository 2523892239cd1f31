/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_WRITER_H
#define PMTOP_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "log/event.h"
#include "model/sample.h"

/*
 * Writes snapshots of one process into a new log, each in one transaction: after a crash a log
 * holds every sample that was appended, whole. For one thread at a time; the recorder is its
 * thread.
 */
struct log_writer;

/*
 * What the kernel and the rights allowed, and whatever else stays true for a whole log. When it was
 * created, and whose it is, the writer says itself.
 */
struct log_fact {
	const char *key, *value;
};

struct log_writer_options {
	const char *path;
	bool replace; /* an older log of this name goes away, unless somebody records into it */
	uint64_t max_bytes; /* size of the closed file; 0: no limit */
	const struct log_fact *facts;
	size_t fact_count;
};

/*
 * Creates the log, with mode 0600. -EEXIST: there is a file and replace is not set; -EBUSY: another
 * recorder writes to it; others as open(2).
 */
int log_writer_open(const struct log_writer_options *options, struct log_writer **ret_writer,
		    struct error *error);

/*
 * Appends a complete sample, with the raw data that it carries. -EFBIG: it would not fit into
 * max_bytes; -ESTALE: somebody removed or replaced the file; -EINVAL: another process than before;
 * -ENOSPC and other errors of the disk. After an error the log holds everything up to the sample
 * before, takes no more samples, and can only be closed.
 */
int log_writer_append(struct log_writer *writer, struct sample *sample, struct error *error);

/*
 * Notes an event at the sample that was the newest one at taken_ns (CLOCK_REALTIME), or at the
 * nearest one that there is. The text may be NULL. A log that is full for samples has room for some
 * events; -EFBIG: for no more.
 */
int log_writer_event(struct log_writer *writer, enum event_kind kind, int64_t taken_ns,
		     const char *text, struct error *error);

/* Samples written, and the size that the file will have when it is closed. */
uint64_t log_writer_samples(const struct log_writer *writer);
uint64_t log_writer_bytes(const struct log_writer *writer);

/*
 * Closes, and makes the log one file again; frees the writer in any case. An error says that the
 * FILE-wal beside it is still needed (SQLite reads both); -EBUSY: since somebody is reading it.
 */
int log_writer_close(struct log_writer *writer, struct error *error);

#endif
