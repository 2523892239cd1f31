// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "model/cleanup.h"
#include "sample/replay_internal.h"

static struct replay *replay_of(struct source *source)
{
	return (struct replay *)source;
}

static int replay_fd(struct source *source)
{
	return replay_of(source)->event;
}

static struct snapshot *replay_take(struct source *source)
{
	struct replay *r = replay_of(source);
	struct snapshot *newest;
	uint64_t news;
	ssize_t n = read(r->event, &news, sizeof(news));

	(void)n; /* nothing to read is no news */
	pthread_mutex_lock(&r->lock);
	newest = TAKE(r->newest);
	pthread_mutex_unlock(&r->lock);
	return newest;
}

static void replay_status(struct source *source, struct source_status *ret_status)
{
	struct replay *r = replay_of(source);

	pthread_mutex_lock(&r->lock);
	*ret_status = r->status;
	pthread_mutex_unlock(&r->lock);
}

/* The pace is that of the recording: set_speed() changes it. */
static void replay_set_interval(struct source *source, int64_t interval_ns)
{
	(void)source;
	(void)interval_ns;
}

static void replay_set_paused(struct source *source, bool paused)
{
	struct replay *r = replay_of(source);

	pthread_mutex_lock(&r->lock);
	r->playing = !paused;
	r->pace_changed = true;
	/* Played to its end, it starts over. */
	if (r->playing && !r->seek_pending && r->position + 1 >= r->info.samples) {
		r->seek_pending = true;
		r->seek_to = 0;
	}
	r->status.state = paused ? SOURCE_PAUSED : SOURCE_LIVE;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

static void replay_set_focus(struct source *source, const struct source_focus *focus)
{
	struct replay *r = replay_of(source);

	pthread_mutex_lock(&r->lock);
	if (r->focus.start != focus->start || r->focus.count != focus->count) {
		r->focus = *focus;
		r->focus_changed = true;
		pthread_cond_signal(&r->wake);
	}
	pthread_mutex_unlock(&r->lock);
}

static int replay_request(struct source *source, const struct source_request *request)
{
	(void)source;
	(void)request;
	return -ENOTSUP;
}

static int replay_span(struct source *source, struct source_span *ret_span)
{
	struct replay *r = replay_of(source);

	pthread_mutex_lock(&r->lock);
	*ret_span = (struct source_span){
		.samples = r->info.samples,
		.first_ns = r->info.first_ns,
		.last_ns = r->info.last_ns,
		.position = r->seek_pending ? r->seek_to : r->position,
	};
	pthread_mutex_unlock(&r->lock);
	return 0;
}

static int replay_seek(struct source *source, uint64_t sample)
{
	struct replay *r = replay_of(source);

	if (sample >= r->info.samples)
		return -ERANGE;
	pthread_mutex_lock(&r->lock);
	r->seek_pending = true;
	r->seek_to = sample;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	return 0;
}

static void replay_set_speed(struct source *source, double speed)
{
	struct replay *r = replay_of(source);

	if (!(speed > 0))
		return;
	pthread_mutex_lock(&r->lock);
	r->speed = speed;
	r->pace_changed = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

static int replay_find(struct source *source, const struct source_find *find)
{
	struct replay *r = replay_of(source);

	pthread_mutex_lock(&r->lock);
	r->find = *find;
	r->find_pending = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	return 0;
}

static int replay_set_bookmark(struct source *source, int64_t taken_ns, const char *name)
{
	struct replay *r = replay_of(source);
	int code = 0;

	pthread_mutex_lock(&r->lock);
	if (r->bookmark_pending) {
		code = -EBUSY;
	} else {
		r->bookmark.taken_ns = taken_ns;
		snprintf(r->bookmark.name, sizeof(r->bookmark.name), "%s", name);
		r->bookmark_pending = true;
		pthread_cond_signal(&r->wake);
	}
	pthread_mutex_unlock(&r->lock);
	return code;
}

static bool replay_overview(struct source *source, struct source_overview *ret_overview)
{
	struct replay *r = replay_of(source);
	bool ready;

	pthread_mutex_lock(&r->lock);
	ready = r->overview_ready;
	if (ready)
		*ret_overview = r->overview;
	pthread_mutex_unlock(&r->lock);
	return ready;
}

static void replay_destroy(struct replay *r)
{
	log_reader_free(r->reader);
	if (r->newest)
		snapshot_unref(r->newest);
	if (r->event >= 0)
		close(r->event);
	free((void *)r->overview.points);
	free((void *)r->overview.events);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->wake);
	free(r);
}

static void replay_free(struct source *source)
{
	struct replay *r = replay_of(source);

	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	replay_destroy(r);
}

static const struct source_ops replay_ops = {
	.fd = replay_fd,
	.take = replay_take,
	.status = replay_status,
	.set_interval = replay_set_interval,
	.set_paused = replay_set_paused,
	.set_focus = replay_set_focus,
	.request = replay_request,
	.span = replay_span,
	.seek = replay_seek,
	.set_speed = replay_set_speed,
	.find = replay_find,
	.bookmark = replay_set_bookmark,
	.overview = replay_overview,
	.free = replay_free,
};

static void replay_init_lock(struct replay *r)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &attributes);
	pthread_condattr_destroy(&attributes);
}

DEFINE_CLEANUP(cleanup_replay, struct replay *, replay_destroy)

int replay_open(const char *path, uint64_t first, struct source **ret_source, char *message)
{
	CLEANUP(cleanup_replay) struct replay *r = calloc(1, sizeof(*r));
	struct log_error error = { .text = "memory is out" };
	char interval[24];
	int code;

	if (!r) {
		snprintf(message, REPLAY_MESSAGE, "%s", error.text);
		return -ENOMEM;
	}
	r->base.ops = &replay_ops;
	replay_init_lock(r);
	r->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	code = r->event < 0 ? -errno : log_reader_open(path, &r->reader, &error);
	if (!code) {
		r->info = *log_reader_info(r->reader);
		if (!log_reader_fact(r->reader, "interval_ns", interval, sizeof(interval)))
			r->interval_ns = strtoll(interval, NULL, 10);
		r->status.interval_ns = r->status.asked_interval_ns = r->interval_ns;
		r->status.state = SOURCE_LIVE;
		r->speed = 1;
		r->playing = r->seek_pending = true;
		r->seek_to = first < r->info.samples ? first : r->info.samples - 1;
		code = -pthread_create(&r->thread, NULL, replay_run, r);
	}
	if (code) {
		snprintf(message, REPLAY_MESSAGE, "%s", error.code ? error.text : strerror(-code));
		return code;
	}
	*ret_source = &TAKE(r)->base;
	return 0;
}
