// SPDX-License-Identifier: GPL-2.0-or-later
#include "sample/recording.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/probe.h"
#include "log/recorder.h"
#include "sample/live.h"

/* The oldest pmtop that reads the schema which this one writes. */
#define NEEDS_VERSION "0.2.0"

#define FACTS_OF_KERNEL 8

struct recording {
	struct recorder *recorder;
	struct source *live;
};

/* Facts and the room for their texts. */
struct fact_list {
	struct log_fact facts[FACTS_OF_KERNEL + PROBE_FEATURES];
	char keys[PROBE_FEATURES][64];
	char values[FACTS_OF_KERNEL + PROBE_FEATURES][192];
	size_t count;
};

static void __attribute__((format(printf, 3, 4)))
recording_add_fact(struct fact_list *list, const char *key, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(list->values[list->count], sizeof(list->values[0]), format, arguments);
	va_end(arguments);
	list->facts[list->count] = (struct log_fact){ key, list->values[list->count] };
	list->count++;
}

static void recording_add_features(struct fact_list *list, const struct probe *probe)
{
	for (int f = 0; f < PROBE_FEATURES; f++) {
		snprintf(list->keys[f], sizeof(list->keys[f]), "has.%s", probe_features[f].key);
		if (probe->has[f])
			recording_add_fact(list, list->keys[f], "yes");
		else if (probe->taken_away[f])
			recording_add_fact(list, list->keys[f], "no: taken away by --without");
		else if (probe->error[f])
			recording_add_fact(list, list->keys[f], "no: %s",
					   strerror(probe->error[f]));
		else
			recording_add_fact(list, list->keys[f], "no");
	}
}

static void recording_collect_facts(const struct recording_options *options,
				    const struct probe *probe, struct fact_list *list)
{
	struct utsname host;

	recording_add_fact(list, "pmtop", "%s", PMTOP_VERSION);
	recording_add_fact(list, "needs", "%s", NEEDS_VERSION);
	recording_add_fact(list, "page_size", "%u", PMTOP_PAGE_SIZE);
	recording_add_fact(list, "interval_ns", "%lld", (long long)options->interval_ns);
	recording_add_fact(list, "euid", "%u", geteuid());
	if (!uname(&host)) {
		recording_add_fact(list, "kernel", "%s %s", host.sysname, host.release);
		recording_add_fact(list, "kernel_version", "%s", host.version);
		recording_add_fact(list, "machine", "%s", host.machine);
	}
	recording_add_features(list, probe);
}

static void recording_observe_event(void *recorder, enum event_kind kind, int64_t taken_ns,
				    const char *text)
{
	recorder_event(recorder, kind, taken_ns, text);
}

static const struct live_observer observer = { recorder_observe, recording_observe_event };

int recording_start(const struct recording_options *options, struct source *live,
		    const struct probe *probe, struct recording **ret_recording,
		    struct error *error)
{
	CLEANUP(cleanup_free) struct fact_list *list = calloc(1, sizeof(*list));
	struct recording *recording = calloc(1, sizeof(*recording));
	struct recorder_options recorder = { .log = { .path = options->path,
						      .replace = options->replace,
						      .max_bytes = options->max_bytes },
					     .rotate = options->rotate };
	int code;

	if (!list || !recording) {
		free(recording);
		return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	}
	recording_collect_facts(options, probe, list);
	recorder.log.facts = list->facts;
	recorder.log.fact_count = list->count;
	code = recorder_start(&recorder, &recording->recorder, error);
	if (code) {
		free(recording);
		return code;
	}
	recording->live = live;
	live_observe(live, &observer, recording->recorder);
	*ret_recording = recording;
	return 0;
}

void recording_event(struct recording *recording, enum event_kind kind, int64_t taken_ns,
		     const char *text)
{
	recorder_event(recording->recorder, kind, taken_ns, text);
}

static void recording_translate(const struct recorder_status *from, struct recording_status *to)
{
	*to = (struct recording_status){ 0 };
	to->runs = from->state == RECORDER_RUNS;
	to->full = from->state == RECORDER_FULL;
	to->left_out = from->left_out;
	to->started_ns = from->started_ns;
	to->samples = from->samples;
	snprintf(to->message, sizeof(to->message), "%s", from->error.text);
}

void recording_note_end(struct recording *recording, const struct source_status *status)
{
	char text[96] = "the process ended";

	if (status->state == SOURCE_FAILED) {
		snprintf(text, sizeof(text), "it cannot be read any more: %s",
			 strerror(status->error));
		recording_event(recording, EVENT_STOPPED, 0, text);
		return;
	}
	if (status->oom_killed)
		snprintf(text, sizeof(text), "killed by the OOM killer");
	else if (status->exit_known && WIFSIGNALED(status->exit_status))
		snprintf(text, sizeof(text), "killed by signal %d", WTERMSIG(status->exit_status));
	else if (status->exit_known)
		snprintf(text, sizeof(text), "exit status %d", WEXITSTATUS(status->exit_status));
	recording_event(recording, EVENT_ENDED, 0, text);
}

void recording_status(struct recording *recording, struct recording_status *ret_status)
{
	struct recorder_status status;

	recorder_status(recording->recorder, &status);
	recording_translate(&status, ret_status);
}

int recording_stop(struct recording *recording, struct recording_status *ret_status)
{
	const struct recorder_logs *logs;
	struct recorder_status status;
	int code;

	live_observe(recording->live, NULL, NULL);
	code = recorder_stop(recording->recorder, &status);
	logs = &status.logs;
	recording_translate(&status, ret_status);
	ret_status->newest = logs->newest;
	ret_status->older = logs->older;
	ret_status->samples = logs->samples;
	ret_status->bytes = logs->bytes;
	ret_status->gone = logs->gone;
	ret_status->unmerged = logs->unmerged;
	free(recording);
	return code;
}

char *recording_name(pid_t pid, char *buf, size_t size)
{
	time_t now = time(NULL);
	char date[32];
	struct tm local;

	strftime(date, sizeof(date), "%Y%m%d-%H%M%S", localtime_r(&now, &local));
	snprintf(buf, size, "pmtop-%d-%s.pmtop", pid, date);
	return buf;
}
