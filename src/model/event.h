/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_EVENT_H
#define PMTOP_EVENT_H

#include <stdbool.h>
#include <stdio.h>

/* What can happen to a process between two samples: one table for logs, screens and the manual. */

enum event_kind {
	EVENT_APPEARED,
	EVENT_CHANGED,
	EVENT_MOVED,
	EVENT_GONE, /* the last one that a mapping has, see event_is_of_mapping() */
	EVENT_LIMIT,
	EVENT_OOM,
	EVENT_EXEC,
	EVENT_ENDED,
	EVENT_BOOKMARK, /* the text is its name */
	EVENT_CLEARED,
	EVENT_PUSHED,
	EVENT_LIMIT_SET,
	EVENT_GAP,
	EVENT_STOPPED,
	EVENT_NOTE,
	EVENT_KINDS
};

#define EVENT_TEXT_MAX 256 /* bytes of a text, with the final zero */

struct event_word {
	const char *name; /* in column event.kind of a log */
	const char *meaning; /* for the manual */
};

extern const struct event_word event_words[EVENT_KINDS];

static inline bool event_is_of_mapping(enum event_kind kind)
{
	return kind <= EVENT_GONE;
}

/* The kind of this name; EVENT_NOTE for one that a newer pmtop wrote. */
enum event_kind event_kind_parse(const char *name);

/* The table as the manual prints it, in mdoc. */
void event_print_mdoc(FILE *out);

#endif
