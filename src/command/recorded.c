// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/recorded.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/units.h"

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
	return buf;
}
