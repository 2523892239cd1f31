// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "base/units.h"
#include "command/view_record.h"
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
	struct error problem;
	int error;

	view_record_choose_path(record, source, path);
	options.path = record->path;
	error = recording_start(&options, source, record->probe, &record->recording, &problem);
	if (error) {
		view_record_tell_refused(path, error, problem.text, message, size);
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

static void __attribute__((format(printf, 2, 3)))
view_record_add(char *buf, const char *format, ...)
{
	size_t used = strlen(buf);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(buf + used, RECORDED_MAX - used, format, arguments);
	va_end(arguments);
}

/* The cause without the name of the log in front of it. */
static const char *view_record_cause_of(const char *path, const char *message)
{
	size_t length = strlen(path);
	bool named = !strncmp(message, path, length) && message[length] == ':';

	return named ? message + length + 1 + strspn(message + length + 1, " ") : message;
}

/* The files: those that there are, or the one that there should be. */
static void view_record_add_files(char *buf, const char *path,
				  const struct recording_status *status)
{
	if (status->newest || !status->older)
		view_record_add(buf, "%s", path);
	if (status->newest && status->older)
		view_record_add(buf, " and ");
	if (status->older)
		view_record_add(buf, "%s.1", path);
	if (status->older > 1)
		view_record_add(buf, " to %s.%u", path, status->older);
}

static void view_record_say_nothing(const char *path, const struct recording_status *status,
				    char *buf)
{
	view_record_add(buf, "nothing was recorded: ");
	if (status->full)
		view_record_add(buf, "a sample needs more room than --max-size allows (%s)", path);
	else if (!status->runs)
		view_record_add(buf, "%s (%s)", view_record_cause_of(path, status->message), path);
	else
		view_record_add(buf, "no sample was taken meanwhile");
}

char *recorded_text(const char *path, const struct recording_status *status,
		    char buf[static RECORDED_MAX])
{
	unsigned long long samples = status->samples;
	char size[UNITS_SIZE_MAX];

	*buf = '\0';
	units_format_size(status->bytes, size);
	if (!status->samples) {
		view_record_say_nothing(path, status, buf);
		return buf;
	}
	if (status->full)
		view_record_add(buf, "log full: %llu samples in ", samples);
	else if (status->runs)
		view_record_add(buf, "recorded %llu samples into ", samples);
	else
		view_record_add(buf, "the recording ended after %llu samples: %s (", samples,
				view_record_cause_of(path, status->message));
	view_record_add_files(buf, path, status);
	if (status->full || status->runs)
		view_record_add(buf, " (%s%s)", size, status->full ? ", --max-size" : "");
	else
		view_record_add(buf, ")");
	if (status->gone)
		view_record_add(buf, "; %llu older ones went with the oldest logs",
				(unsigned long long)status->gone);
	if (status->unmerged)
		view_record_add(buf,
				"; somebody read %u of them: keep the -wal beside a log with it",
				status->unmerged);
	return buf;
}
