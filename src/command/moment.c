// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/moment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "base/units.h"
#include "command/command.h"
#include "command/options.h"
#include "sample/live.h"

DEFINE_CLEANUP(cleanup_reader, struct log_reader *, log_reader_free)

int moment_explain(const char *word, const struct error *error)
{
	char text[sizeof(error->text) * 2];

	escape_text(error->text, strlen(error->text), text, sizeof(text));
	fprintf(stderr, "pmtop %s: %s\n", word, text);
	return error->code == -EACCES || error->code == -EPERM ? EXIT_NOT_PERMITTED : EXIT_ERROR;
}

static int moment_refuse(const char *word, const char *text, const char *problem)
{
	char shown[128];

	escape_text(text, strlen(text), shown, sizeof(shown));
	fprintf(stderr, "pmtop %s: '%s' %s\n", word, shown, problem);
	return EXIT_USAGE;
}

static int moment_parse_number(const char *text, uint64_t *ret_number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*ret_number = strtoull(text, &end, 10);
	return *end || errno ? -EINVAL : 0;
}

/* What stands behind the @. */
static int moment_parse_place(const char *word, const char *text, struct moment *moment)
{
	uint64_t ns;

	if (*text == '#') {
		moment->kind = MOMENT_SAMPLE;
		if (moment_parse_number(text + 1, &moment->sample))
			return moment_refuse(word, text,
					     "is not the number of a sample, like #120");
	} else if (*text == '+') {
		int error = units_parse_duration(text + 1, &ns);

		if (error < 0 || ns > INT64_MAX)
			return moment_refuse(word, text + 1,
					     units_duration_problem(error < 0 ? error : -ERANGE));
		moment->kind = MOMENT_AFTER;
		moment->after_ns = (int64_t)ns;
	} else if (*text) {
		moment->kind = MOMENT_BOOKMARK;
		moment->name = (char *)text;
	} else {
		return moment_refuse(word, moment->path,
				     "ends in @: write FILE@+3s, FILE@#120 or FILE@BOOKMARK");
	}
	return EXIT_DONE;
}

int moment_of(const char *word, const char *path, const char *place, struct moment *ret_moment)
{
	struct moment moment = { .kind = MOMENT_DEFAULT };
	char *at;
	int status;

	if (asprintf(&moment.path, "%s@%s", path, place) < 0)
		return moment_refuse(word, path, strerror(ENOMEM));
	at = moment.path + strlen(path);
	*at = '\0';
	status = moment_parse_place(word, at + 1, &moment);
	if (status == EXIT_DONE)
		*ret_moment = moment;
	else
		moment_free(&moment);
	return status;
}

int moment_parse(const char *word, const char *text, struct moment *ret_moment)
{
	struct moment moment = { .kind = MOMENT_DEFAULT };
	CLEANUP(cleanup_free) char *copy = NULL;
	uint64_t number;
	char *at;

	if (!moment_parse_number(text, &number)) {
		int status = options_pid(word, text, &moment.pid);

		moment.kind = MOMENT_LIVE;
		if (status == EXIT_DONE)
			*ret_moment = moment;
		return status;
	}
	copy = strdup(text);
	if (!copy)
		return moment_refuse(word, text, strerror(ENOMEM));
	at = access(text, F_OK) ? strrchr(copy, '@') : NULL;
	if (at) {
		*at = '\0';
		return moment_of(word, copy, at + 1, ret_moment);
	}
	moment.path = TAKE(copy);
	*ret_moment = moment;
	return EXIT_DONE;
}

void moment_free(const struct moment *moment)
{
	free(moment->path);
}

int moment_sample(const char *word, const struct moment *moment, struct log_reader *reader,
		  uint64_t fallback, uint64_t *ret_sample)
{
	const struct log_info *info = log_reader_info(reader);
	struct error error = { 0 };
	int code = 0;

	switch (moment->kind) {
	case MOMENT_SAMPLE:
		if (moment->sample >= info->samples) {
			code = error_set(&error, -ERANGE, "%s: has samples #0 to #%llu",
					 moment->path, (unsigned long long)info->samples - 1);
			break;
		}
		*ret_sample = moment->sample;
		break;
	case MOMENT_AFTER:
		if (moment->after_ns > info->last_clock_ns - info->first_clock_ns) {
			code = error_set(&error, -ERANGE, "%s: is only %.1f s long", moment->path,
					 (double)(info->last_clock_ns - info->first_clock_ns) /
						 1e9);
			break;
		}
		code = log_reader_at(reader, moment->after_ns, ret_sample, &error);
		break;
	case MOMENT_BOOKMARK:
		code = log_reader_bookmark(reader, moment->name, ret_sample, &error);
		if (code == -ENOENT)
			error_set(&error, code, "%s: has no bookmark '%s'", moment->path,
				  moment->name);
		break;
	default:
		*ret_sample = fallback;
	}
	return code ? moment_explain(word, &error) : EXIT_DONE;
}

int moment_snapshot(const char *word, const struct moment *moment, const struct probe *probe,
		    bool first, struct snapshot **ret_snapshot)
{
	CLEANUP(cleanup_reader) struct log_reader *reader = NULL;
	struct error error = { 0 };
	uint64_t sample = 0;
	int status;

	if (moment->kind == MOMENT_LIVE) {
		int code = live_snapshot(moment->pid, probe, ret_snapshot);

		return code < 0 ? options_explain_target(word, moment->pid, code) : EXIT_DONE;
	}
	if (log_reader_open(moment->path, &reader, &error))
		return moment_explain(word, &error);
	status = moment_sample(word, moment, reader,
			       first ? 0 : log_reader_info(reader)->samples - 1, &sample);
	if (status == EXIT_DONE && log_reader_load(reader, sample, ret_snapshot, &error))
		status = moment_explain(word, &error);
	return status;
}
