/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_VIEW_RECORD_H
#define PMTOP_VIEW_RECORD_H

#include <limits.h>

#include "kernel/probe.h"
#include "sample/recording.h"
#include "sample/source.h"

/* A name of a log, up to three times, and words between. */
#define RECORDED_MAX (3 * PATH_MAX + 512)

/* R and m of the screen: what app_hooks (ui/app.h) ask of whoever opened the source. */
struct view_record {
	const struct probe *probe;
	struct recording_options log; /* but for its path */
	struct recording *recording; /* NULL: none is under way */
	char path[PATH_MAX];
	char last[RECORDED_MAX]; /* what became of the newest recording that ended, or "" */
};

/*
 * Starts (returns 1) or stops (0) recording; path "" makes a name in the current directory. The
 * message says what happened, or why not (-errno).
 */
int view_record_toggle(struct view_record *record, struct source *source, const char *path,
		       char *message, size_t size);

/*
 * Whether it still goes on (1). It ends with its process (0), or since the log is full or cannot be
 * written (-errno); the message says, once, what became of it.
 */
int view_record_goes_on(struct view_record *record, struct source *source, char *message,
			size_t size);

/*
 * Says on standard error what became of the newest recording, when the screen is gone; `program` is
 * who says it.
 */
void view_record_say(const struct view_record *record, const char *program);

/* What the source does not know of happened; see app_hooks. */
void view_record_event(struct view_record *record, enum event_kind kind, int64_t taken_ns,
		       const char *text);

/*
 * What became of a recording into `path`, in one sentence, as every command says it: how many
 * samples are in which files, and why it ended early. What matters most stands first, since a
 * screen may be narrow. Raw: escape it. Returns buf.
 */
char *recorded_text(const char *path, const struct recording_status *status,
		    char buf[static RECORDED_MAX]);

#endif
