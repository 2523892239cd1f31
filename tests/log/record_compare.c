// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "log/reader.h"
#include "log/recorder.h"
#include "report/report.h"
#include "sample/live.h"
#include "sample/replay.h"

/*
 * record_compare PID SAMPLES LOG: records a living process and keeps of each sample what `dump --json
 * --pages` prints; then every sample of the log must print the same, byte for byte, read in order,
 * read at random, and shown by the replay source. Status 0: all equal, 1: not, 77: no such sample.
 */

struct keeper {
	struct recorder *recorder;
	char **texts;
	size_t count, most;
};

static char *print(const struct snapshot *snapshot)
{
	const struct report_options options = { .pages = true };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out || report_json(out, snapshot, &options) || fclose(out))
		abort();
	return text;
}

/* On the sampler's thread, with each complete sample. */
static void keep(void *context, struct sample *sample)
{
	struct snapshot *snapshot = sample->snapshot;
	struct keeper *k = context;

	if (__atomic_load_n(&k->count, __ATOMIC_ACQUIRE) == k->most)
		return;
	k->texts[k->count] = print(snapshot);
	recorder_observe(k->recorder, sample);
	__atomic_store_n(&k->count, k->count + 1, __ATOMIC_RELEASE);
}

static bool equal(const struct keeper *k, uint64_t sample, const struct snapshot *snapshot,
		  const char *how)
{
	CLEANUP(cleanup_free) char *text = print(snapshot);
	size_t i = 0;

	while (text[i] && text[i] == k->texts[sample][i])
		i++;
	if (text[i] == k->texts[sample][i])
		return true;
	printf("sample %llu, %s, byte %zu:\nlive     %.200s\nreplayed %.200s\n",
	       (unsigned long long)sample, how, i, k->texts[sample] + (i > 80 ? i - 80 : 0),
	       text + (i > 80 ? i - 80 : 0));
	return false;
}

static bool load_equal(const struct keeper *k, struct log_reader *reader, uint64_t sample,
		       const char *how)
{
	struct error error = { 0 };
	struct snapshot *s;
	bool same;

	if (log_reader_load(reader, sample, &s, &error)) {
		printf("sample %llu, %s: %s\n", (unsigned long long)sample, how, error.text);
		return false;
	}
	same = equal(k, sample, s, how);
	snapshot_unref(s);
	return same;
}

static bool compare_read(const struct keeper *k, const char *path)
{
	struct error error = { 0 };
	struct log_reader *reader;
	bool same = true;

	if (log_reader_open(path, &reader, &error)) {
		printf("%s\n", error.text);
		return false;
	}
	if (log_reader_info(reader)->samples != k->count) {
		printf("%llu samples of %zu\n",
		       (unsigned long long)log_reader_info(reader)->samples, k->count);
		same = false;
	}
	for (uint64_t i = 0; same && i < k->count; i++)
		same = load_equal(k, reader, i, "in order");
	for (uint64_t i = 0; same && i < k->count; i++)
		same = load_equal(k, reader, i * 7919 % k->count, "at random");
	log_reader_free(reader);
	return same;
}

/* What the replay source shows after a seek; it is waited for no longer than a minute. */
static struct sample *seek(struct source *source, uint64_t sample, int64_t taken_ns)
{
	struct pollfd fd = { .fd = source_fd(source), .events = POLLIN };

	source->ops->seek(source, sample);
	for (int i = 0; i < 600; i++) {
		struct sample *s = source_take(source);

		if (s && s->snapshot->taken_ns == taken_ns)
			return s;
		sample_unref(s);
		poll(&fd, 1, 100);
	}
	return NULL;
}

static bool compare_replay(const struct keeper *k, const char *path, const int64_t *taken)
{
	struct error problem;
	struct source *source;
	bool same = true;

	if (replay_open(path, 0, &source, &problem)) {
		printf("%s\n", problem.text);
		return false;
	}
	source_set_paused(source, true);
	for (uint64_t i = k->count; same && i--;) {
		struct sample *s = seek(source, i, taken[i]);

		same = s && equal(k, i, s->snapshot, "by the replay");
		if (!s)
			printf("sample %llu was not shown\n", (unsigned long long)i);
		sample_unref(s);
	}
	source_free(source);
	return same;
}

static int64_t *read_times(const struct keeper *k, const char *path)
{
	int64_t *taken = calloc(k->count + 1, sizeof(*taken)), clock;
	struct log_reader *reader;

	if (log_reader_open(path, &reader, NULL))
		return taken;
	for (uint64_t i = 0; i < k->count; i++)
		log_reader_time(reader, i, &taken[i], &clock, NULL);
	log_reader_free(reader);
	return taken;
}

static void record(struct keeper *k, struct source *live)
{
	for (int i = 0; i < 600 && __atomic_load_n(&k->count, __ATOMIC_ACQUIRE) < k->most; i++) {
		struct source_status status;

		sample_unref(source_take(live));
		source_status(live, &status);
		if (status.state == SOURCE_ENDED || status.state == SOURCE_FAILED)
			break;
		usleep(100000);
	}
	live_observe(live, NULL, NULL);
}

static const struct live_observer observer = { .sample = keep };

int main(int argc, char **argv)
{
	struct live_options options = { .interval_ns = 50000000, .cpu_share = 0.5, .slots = true };
	struct recorder_options log = { .log = { .replace = true } };
	CLEANUP(cleanup_free) int64_t *taken = NULL;
	struct recorder_status status;
	struct error error = { 0 };
	struct keeper k = { 0 };
	struct source *live;
	struct probe probe;
	int code;

	if (argc != 4)
		return 2;
	options.pid = atoi(argv[1]);
	k.most = (size_t)atoi(argv[2]);
	k.texts = calloc(k.most + 1, sizeof(*k.texts));
	log.log.path = argv[3];
	probe_run(&probe);
	if (recorder_start(&log, &k.recorder, &error) || live_open(&options, &probe, &live)) {
		printf("cannot start: %s\n", error.text);
		return 1;
	}
	live_observe(live, &observer, &k);
	record(&k, live);
	source_free(live);
	code = recorder_stop(k.recorder, &status);
	if (code || status.left_out || !k.count) {
		printf("recorded %zu samples, left out %llu: %s\n", k.count,
		       (unsigned long long)status.left_out, status.error.text);
		return 1;
	}
	taken = read_times(&k, argv[3]);
	code = compare_read(&k, argv[3]) && compare_replay(&k, argv[3], taken) ? 0 : 1;
	printf("%zu samples %s, %llu bytes\n", k.count, code ? "DIFFER" : "equal byte for byte",
	       (unsigned long long)status.logs.bytes);
	for (size_t i = 0; i < k.count; i++)
		free(k.texts[i]);
	free(k.texts);
	return code;
}
