// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/recorder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/worker.h"
#include "log/rotation.h"

/* A disk that lets its thread sleep for this long does not answer. */
#define PATIENCE_NS INT64_C(600000000)

/* Samples that may wait: six seconds at ten a second. */
#define QUEUE_SAMPLES 64

/* Beyond them, room for events. */
#define QUEUE_ROOM (QUEUE_SAMPLES + 64)

struct item {
	struct sample *sample; /* NULL: an event */
	uint64_t left_out; /* samples that did not fit in before this one */
	enum event_kind kind;
	int64_t taken_ns;
	char *text;
};

struct recorder {
	struct recorder_options options; /* path and facts are copies */
	struct log_writer *writer; /* the thread's */
	struct rotation *rotation; /* the thread's */
	struct log_size newest; /* FILE, also when it is closed; the thread's */
	unsigned int busy; /* logs that were rotated away while somebody read them; the thread's */
	struct worker worker; /* its lock guards what follows */
	struct item queue[QUEUE_ROOM];
	unsigned int head, count;
	uint64_t left_out;
	struct recorder_status status;
};

static void recorder_item_free(const struct item *item)
{
	sample_unref(item->sample);
	free(item->text);
}

static void recorder_options_free(struct recorder_options *options)
{
	struct log_fact *facts = (struct log_fact *)options->log.facts;

	for (size_t i = 0; facts && i < options->log.fact_count; i++) {
		free((char *)facts[i].key);
		free((char *)facts[i].value);
	}
	free(facts);
	free((char *)options->log.path);
}

/* Copies, since a rotation opens a log long after the caller's strings are gone. */
static int recorder_options_copy(const struct recorder_options *from, struct recorder_options *to)
{
	struct log_fact *facts = calloc(from->log.fact_count + 1, sizeof(*facts));

	*to = *from;
	to->log.facts = facts;
	to->log.path = strdup(from->log.path);
	if (!facts || !to->log.path) {
		to->log.fact_count = 0;
		return -ENOMEM;
	}
	for (size_t i = 0; i < from->log.fact_count; i++) {
		facts[i].key = strdup(from->log.facts[i].key);
		facts[i].value = strdup(from->log.facts[i].value);
		if (!facts[i].key || !facts[i].value)
			return -ENOMEM;
	}
	return 0;
}

static void recorder_measure(struct recorder *r)
{
	if (r->writer)
		r->newest = (struct log_size){ log_writer_samples(r->writer),
					       log_writer_bytes(r->writer) };
}

static int recorder_rotate(struct recorder *r, struct error *error)
{
	struct log_writer_options options = r->options.log;
	int code;

	log_writer_event(r->writer, EVENT_STOPPED, clock_ns(CLOCK_REALTIME),
			 "full; the next log goes on", NULL);
	recorder_measure(r);
	code = log_writer_close(TAKE(r->writer), error);
	/* Busy: what is needed beside it goes with it, and is told at the end. */
	if (code && code != -EBUSY)
		return code;
	r->busy += code == -EBUSY;
	code = rotation_push(r->rotation, &r->newest, error);
	if (code)
		return code;
	r->newest = (struct log_size){ 0 };
	options.replace = false;
	return log_writer_open(&options, &r->writer, error);
}

static void recorder_note_gap(struct recorder *r, const struct item *item)
{
	char text[96];

	snprintf(text, sizeof(text), "%llu samples left out before this one: the disk was too slow",
		 (unsigned long long)item->left_out);
	log_writer_event(r->writer, EVENT_GAP, item->sample->snapshot->taken_ns, text, NULL);
}

/* Two things went wrong, and people must know of both. */
static void recorder_add_reason(struct error *error, const struct error *more)
{
	struct error both;

	/* What does not fit is cut. */
	(void)!snprintf(both.text, sizeof(both.text), "%.*s; %.*s", (int)sizeof(both.text) / 2 - 2,
			error->text, (int)sizeof(both.text) / 2 - 2, more->text);
	memcpy(error->text, both.text, sizeof(error->text));
}

/*
 * Why a log ends although its process lives, where there is still room to say it. It is closed at
 * once: what is committed is whole while the view goes on. A log without a sample goes away.
 */
static void recorder_end_early(struct recorder *r, struct error *error)
{
	struct error closing = { 0 };

	if (r->writer && log_writer_samples(r->writer))
		log_writer_event(r->writer, EVENT_STOPPED, clock_ns(CLOCK_REALTIME), error->text,
				 NULL);
	recorder_measure(r);
	if (r->writer && log_writer_close(TAKE(r->writer), &closing))
		recorder_add_reason(error, &closing);
}

static int recorder_put_item(struct recorder *r, const struct item *item, struct error *error)
{
	int code;

	if (!item->sample)
		return log_writer_event(r->writer, item->kind, item->taken_ns, item->text, error);
	code = log_writer_append(r->writer, item->sample, error);
	if (!code && item->left_out)
		recorder_note_gap(r, item);
	return code;
}

static void recorder_write_item(struct recorder *r, const struct item *item)
{
	struct error error = { 0 };
	int code;

	if (!r->writer)
		return;
	code = recorder_put_item(r, item, &error);
	if (code == -EFBIG && r->options.rotate && log_writer_samples(r->writer)) {
		code = recorder_rotate(r, &error);
		if (!code)
			code = recorder_put_item(r, item, &error);
	}
	recorder_measure(r);
	if (code)
		recorder_end_early(r, &error);
	worker_lock(&r->worker);
	r->status.samples = rotation_samples(r->rotation) + r->newest.samples;
	if (code) {
		r->status.state = code == -EFBIG ? RECORDER_FULL : RECORDER_FAILED;
		r->status.error = error;
	}
	worker_unlock(&r->worker);
}

/* Samples left out after the newest one that was written belong to no later sample. */
static void recorder_note_last_gap(struct recorder *r)
{
	char text[96];

	if (!r->left_out || !r->writer)
		return;
	snprintf(text, sizeof(text), "%llu samples left out at the end: the disk was too slow",
		 (unsigned long long)r->left_out);
	log_writer_event(r->writer, EVENT_GAP, clock_ns(CLOCK_REALTIME), text, NULL);
}

/* The last thing: all that is in the log is whole then. */
static void recorder_close(struct recorder *r)
{
	struct error error = { 0 };
	int code;

	recorder_note_last_gap(r);
	recorder_measure(r);
	code = r->writer ? log_writer_close(TAKE(r->writer), &error) : 0;
	worker_lock(&r->worker);
	if (code && r->status.state == RECORDER_RUNS) {
		r->status.state = RECORDER_FAILED;
		r->status.error = error;
	}
	worker_unlock(&r->worker);
}

static void recorder_run(void *recorder)
{
	struct recorder *r = recorder;
	struct item item;

	worker_lock(&r->worker);
	for (;;) {
		while (!r->count && !r->worker.stop)
			worker_wait(&r->worker, WORKER_FOREVER);
		if (!r->count)
			break;
		item = r->queue[r->head];
		r->head = (r->head + 1) % QUEUE_ROOM;
		r->count--;
		worker_unlock(&r->worker);
		recorder_write_item(r, &item);
		recorder_item_free(&item);
		worker_lock(&r->worker);
	}
	worker_unlock(&r->worker);
	recorder_close(r);
}

static void recorder_free(void *recorder)
{
	struct recorder *r = recorder;

	recorder_options_free(&r->options);
	rotation_free(r->rotation);
	worker_destroy(&r->worker);
	free(r);
}

DEFINE_CLEANUP(cleanup_recorder, struct recorder *, recorder_free)

int recorder_start(const struct recorder_options *options, struct recorder **ret_recorder,
		   struct error *error)
{
	CLEANUP(cleanup_recorder) struct recorder *r = calloc(1, sizeof(*r));
	int code;

	if (!r)
		return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	code = worker_init(&r->worker, NULL);
	r->rotation = rotation_new(options->log.path, options->rotate);
	if (!r->rotation || recorder_options_copy(options, &r->options))
		return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	r->status.started_ns = clock_ns(CLOCK_MONOTONIC);
	code = rotation_check(r->rotation, error);
	if (!code)
		code = log_writer_open(&r->options.log, &r->writer, error);
	if (code)
		return code;
	code = -worker_start(&r->worker, recorder_run, recorder_free, r);
	if (code) {
		log_writer_close(r->writer, NULL);
		return error_set(error, -code, "%s", strerror(code));
	}
	*ret_recorder = TAKE(r);
	return 0;
}

static void recorder_enqueue(struct recorder *r, const struct item *item)
{
	r->queue[(r->head + r->count++) % QUEUE_ROOM] = *item;
	worker_wake(&r->worker);
}

void recorder_observe(void *recorder, struct sample *sample)
{
	struct recorder *r = recorder;
	struct item item = { 0 };

	worker_lock(&r->worker);
	if (r->status.state == RECORDER_RUNS) {
		if (r->count >= QUEUE_SAMPLES) {
			r->left_out++;
			r->status.left_out++;
		} else {
			item.sample = sample_ref(sample);
			item.left_out = r->left_out;
			r->left_out = 0;
			recorder_enqueue(r, &item);
		}
	}
	worker_unlock(&r->worker);
}

void recorder_event(struct recorder *recorder, enum event_kind kind, int64_t taken_ns,
		    const char *text)
{
	struct recorder *r = recorder;
	struct item item = { .kind = kind, .taken_ns = taken_ns };

	if (!taken_ns)
		item.taken_ns = clock_ns(CLOCK_REALTIME);

	item.text = text ? strdup(text) : NULL;
	worker_lock(&r->worker);
	if (r->status.state == RECORDER_RUNS && r->count < QUEUE_ROOM) {
		recorder_enqueue(r, &item);
		item.text = NULL;
	}
	worker_unlock(&r->worker);
	free(item.text);
}

void recorder_status(struct recorder *recorder, struct recorder_status *ret_status)
{
	worker_lock(&recorder->worker);
	*ret_status = recorder->status;
	worker_unlock(&recorder->worker);
}

/* What there is now. */
static void recorder_count_logs(const struct recorder *r, struct recorder_logs *ret_logs)
{
	struct log_size sum;

	ret_logs->older = rotation_count(r->rotation, &sum);
	ret_logs->gone = rotation_gone(r->rotation);
	ret_logs->unmerged = r->busy;
	ret_logs->newest = r->newest.samples && r->status.error.code != -ESTALE;
	ret_logs->samples = sum.samples + r->newest.samples;
	ret_logs->bytes = sum.bytes + (ret_logs->newest ? r->newest.bytes : 0);
}

int recorder_stop(struct recorder *recorder, struct recorder_status *ret_status)
{
	struct recorder *r = recorder;
	struct recorder_status status;

	recorder_status(r, &status);
	if (worker_finish(&r->worker, PATIENCE_NS)) {
		recorder_count_logs(r, &r->status.logs);
		status = r->status;
		recorder_free(r);
	} else {
		status.state = RECORDER_FAILED;
		status.logs = (struct recorder_logs){ .newest = true, .samples = status.samples };
		error_set(&status.error, -ETIMEDOUT,
			  "the disk does not answer, so the log was not closed; what is on "
			  "the disk is whole");
	}
	*ret_status = status;
	return status.state == RECORDER_RUNS ? 0 : status.error.code;
}
