// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/view_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/cleanup.h"
#include "model/escape.h"
#include "sample/live.h"

/* A process of which there is no sample yet has no name to make a file name of. */
static void view_record_choose_path(struct view_record *record, struct source *source,
				    const char *path)
{
	if (*path)
		snprintf(record->path, sizeof(record->path), "%s", path);
	else
		recording_name(live_pid(source), record->path, sizeof(record->path));
}

/* A file of our own naming goes into the current directory, which may be the wrong one. */
static void view_record_tell_refused(const char *path, int error, const char *why, char *message,
				     size_t size)
{
	CLEANUP(cleanup_free) char *here = *path ? NULL : getcwd(NULL, 0);

	if (here && (error == -EACCES || error == -EPERM || error == -EROFS))
		snprintf(message, size, "cannot record in %s: %s; start pmtop where you may write",
			 here, strerror(-error));
	else
		snprintf(message, size, "cannot record: %s", why);
}

static int view_record_start(struct view_record *record, struct source *source, const char *path,
			     char *message, size_t size)
{
	struct recording_options options = record->log;
	char why[RECORDING_MESSAGE];
	int error;

	view_record_choose_path(record, source, path);
	options.path = record->path;
	error = recording_start(&options, source, record->probe, &record->recording, why);
	if (error) {
		view_record_tell_refused(path, error, why, message, size);
		return error;
	}
	snprintf(message, size, "recording into %s; R stops it", record->path);
	return 1;
}

/* No sample comes any more. */
static bool view_record_is_over(const struct source_status *live)
{
	return live->state == SOURCE_ENDED || live->state == SOURCE_FAILED;
}

static int view_record_stop(struct view_record *record, struct source *source, char *message,
			    size_t size)
{
	struct recording_status status;
	struct source_status live;
	int error;

	source_status(source, &live);
	if (view_record_is_over(&live))
		recording_note_end(record->recording, &live);
	error = recording_stop(TAKE(record->recording), &status);
	recorded_text(record->path, &status, record->last);
	snprintf(message, size, "%s", record->last);
	return error;
}

int view_record_toggle(struct view_record *record, struct source *source, const char *path,
		       char *message, size_t size)
{
	return record->recording ? view_record_stop(record, source, message, size)
				 : view_record_start(record, source, path, message, size);
}

int view_record_goes_on(struct view_record *record, struct source *source, char *message,
			size_t size)
{
	struct recording_status status;
	struct source_status live;

	if (!record->recording)
		return 0;
	source_status(source, &live);
	recording_status(record->recording, &status);
	return status.runs && !view_record_is_over(&live)
		       ? 1
		       : view_record_stop(record, source, message, size);
}

void view_record_say(const struct view_record *record, const char *program)
{
	char text[sizeof(record->last) * 2];

	if (!*record->last)
		return;
	escape_text(record->last, strlen(record->last), text, sizeof(text));
	fprintf(stderr, "%s: %s\n", program, text);
}

void view_record_event(struct view_record *record, enum event_kind kind, int64_t taken_ns,
		       const char *text)
{
	if (record->recording)
		recording_event(record->recording, kind, taken_ns, text);
}
