/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_EVENT_H
#define PMTOP_LOG_EVENT_H

#include <stdint.h>

/* What happened at a moment of a log, beyond what its samples show. */

enum log_event_kind {
	LOG_EVENT_APPEARED, /* a mapping */
	LOG_EVENT_CHANGED, /* a mapping: size, permissions, name */
	LOG_EVENT_MOVED, /* a mapping: to another address, with its content */
	LOG_EVENT_GONE, /* a mapping */
	LOG_EVENT_LIMIT, /* the memory limit was hit */
	LOG_EVENT_OOM, /* the OOM killer */
	LOG_EVENT_ENDED, /* the target; the text says how */
	LOG_EVENT_BOOKMARK, /* a moment that a person named; the text is the name */
	LOG_EVENT_GAP, /* samples that the recorder had to leave out; the text says how many */
	LOG_EVENT_STOPPED, /* the recording, before the target ended; the text says why */
	LOG_EVENT_NOTE, /* marks cleared, pages pushed out, interval changed, … */
	LOG_EVENT_KINDS
};

/* The words of column event.kind. */
extern const char *const log_event_names[LOG_EVENT_KINDS];

struct log_event {
	uint64_t sample; /* the newest sample at that time */
	int64_t taken_ns; /* CLOCK_REALTIME */
	enum log_event_kind kind;
	char text[256];
};

#endif
