// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/view_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/cleanup.h"
#include "model/escape.h"
#include "model/units.h"
#include "sample/live.h"

/* A process of which there is no sample yet has no name to make a file name of. */
static void choose_path(struct view_record *record, struct source *source, const char *path)
{
	if (*path)
		snprintf(record->path, sizeof(record->path), "%s", path);
	else
		recording_name(live_pid(source), record->path, sizeof(record->path));
}

/* A file of our own naming goes into the current directory, which may be the wrong one. */
static void tell_refused(const char *path, int error, const char *why, char *message, size_t size)
{
	CLEANUP(cleanup_free) char *here = *path ? NULL : getcwd(NULL, 0);

	if (here && (error == -EACCES || error == -EPERM || error == -EROFS))
		snprintf(message, size, "cannot record in %s: %s; start pmtop where you may write",
			 here, strerror(-error));
	else
		snprintf(message, size, "cannot record: %s", why);
}

static int start(struct view_record *record, struct source *source, const char *path, char *message,
		 size_t size)
{
	struct recording_options options = record->log;
	char why[RECORDING_MESSAGE];
	int error;

	choose_path(record, source, path);
	options.path = record->path;
	error = recording_start(&options, source, record->probe, &record->recording, why);
	if (error) {
		tell_refused(path, error, why, message, size);
		return error;
	}
	record->end_noted = false;
	snprintf(message, size, "recording into %s; R stops it", record->path);
	return 1;
}

/* The cause without the name of the log in front of it. */
static const char *cause_of(const struct view_record *record, const char *message)
{
	size_t length = strlen(record->path);
	bool named = !strncmp(message, record->path, length) && message[length] == ':';

	return named ? message + length + 1 + strspn(message + length + 1, " ") : message;
}

/* What became of it; what matters most stands first, since a screen may be narrow. */
static void tell_end(struct view_record *record, const struct recording_status *status, int error)
{
	unsigned long long samples = status->samples;
	char bytes[UNITS_SIZE_MAX], *text = record->last;
	size_t size = sizeof(record->last);

	units_format_size(status->bytes, bytes);
	if (error && !status->full)
		snprintf(text, size, "the recording ended after %llu samples: %s (%s)", samples,
			 cause_of(record, status->message), record->path);
	else if (!samples) /* a log without any is taken away */
		snprintf(text, size, "nothing was recorded: no sample was taken meanwhile");
	else if (status->full)
		snprintf(text, size, "log full: %llu samples in %s (%s, --max-size)", samples,
			 record->path, bytes);
	else
		snprintf(text, size, "recorded %llu samples into %s (%s)", samples, record->path,
			 bytes);
}

static int stop(struct view_record *record, char *message, size_t size)
{
	struct recording_status status;
	int error = recording_stop(TAKE(record->recording), &status);

	tell_end(record, &status, error);
	snprintf(message, size, "%s", record->last);
	return status.full ? 0 : error;
}

int view_record_toggle(struct view_record *record, struct source *source, const char *path,
		       char *message, size_t size)
{
	return record->recording ? stop(record, message, size)
				 : start(record, source, path, message, size);
}

bool view_record_goes_on(struct view_record *record, struct source *source, char *message,
			 size_t size)
{
	struct recording_status status;
	struct source_status live;

	if (!record->recording)
		return false;
	source_status(source, &live);
	if ((live.state == SOURCE_ENDED || live.state == SOURCE_FAILED) && !record->end_noted) {
		recording_note_end(record->recording, &live);
		record->end_noted = true;
	}
	recording_status(record->recording, &status);
	if (status.runs)
		return true;
	stop(record, message, size);
	return false;
}

void view_record_say(const struct view_record *record)
{
	char text[sizeof(record->last) * 2];

	if (!*record->last)
		return;
	escape_text(record->last, strlen(record->last), text, sizeof(text));
	fprintf(stderr, "pmtop: %s\n", text);
}

void view_record_event(struct view_record *record, enum event_kind kind, int64_t taken_ns,
		       const char *text)
{
	if (record->recording)
		recording_event(record->recording, kind, taken_ns, text);
}
