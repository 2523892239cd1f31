/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_EVENT_H
#define PMTOP_LOG_EVENT_H

#include <stdint.h>

#include "model/event.h"

/* What happened at a moment of a log, beyond what its samples show. */
struct log_event {
	uint64_t sample; /* the newest sample at that time */
	int64_t taken_ns; /* CLOCK_REALTIME */
	enum event_kind kind;
	char text[EVENT_TEXT_MAX];
};

#endif
