// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "model/cleanup.h"
#include "sample/live_internal.h"

static int live_fd(struct source *source)
{
	return ((struct live *)source)->event;
}

static struct snapshot *live_take(struct source *source)
{
	struct live *l = (struct live *)source;
	struct snapshot *taken;
	uint64_t drained;

	(void)!read(l->event, &drained, sizeof(drained));
	pthread_mutex_lock(&l->lock);
	taken = TAKE(l->newest);
	pthread_mutex_unlock(&l->lock);
	return taken;
}

static void live_status(struct source *source, struct source_status *ret_status)
{
	struct live *l = (struct live *)source;

	pthread_mutex_lock(&l->lock);
	*ret_status = l->status;
	ret_status->asked_interval_ns = l->interval_ns;
	pthread_mutex_unlock(&l->lock);
}

static size_t live_events(struct source *source, struct source_event *ret_events, size_t max)
{
	struct live *l = (struct live *)source;
	size_t n;

	pthread_mutex_lock(&l->lock);
	n = l->event_count < max ? l->event_count : max;
	memcpy(ret_events, l->events, n * sizeof(*ret_events));
	l->event_count -= (unsigned int)n;
	memmove(l->events, l->events + n, l->event_count * sizeof(*l->events));
	pthread_mutex_unlock(&l->lock);
	return n;
}

static void live_set_interval(struct source *source, int64_t interval_ns)
{
	struct live *l = (struct live *)source;

	pthread_mutex_lock(&l->lock);
	l->interval_ns = interval_ns;
	l->sample_now = !l->paused;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
}

static void live_set_paused(struct source *source, bool paused)
{
	struct live *l = (struct live *)source;

	pthread_mutex_lock(&l->lock);
	l->paused = paused;
	if (l->status.state == SOURCE_LIVE || l->status.state == SOURCE_PAUSED)
		l->status.state = paused ? SOURCE_PAUSED : SOURCE_LIVE;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
}

static void live_set_focus(struct source *source, const struct source_focus *focus)
{
	struct live *l = (struct live *)source;

	pthread_mutex_lock(&l->lock);
	if (focus->start != l->focus.start || focus->count != l->focus.count) {
		l->focus = *focus;
		l->sample_now = !l->paused;
		pthread_cond_signal(&l->wake);
	}
	pthread_mutex_unlock(&l->lock);
}

static int live_request(struct source *source, const struct source_request *request)
{
	struct live *l = (struct live *)source;
	int error = 0;

	pthread_mutex_lock(&l->lock);
	if (request->action == SOURCE_SAMPLE_NOW)
		l->sample_now = true;
	else if (l->request_count < PENDING_REQUESTS)
		l->requests[l->request_count++] = *request;
	else
		error = -EBUSY;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
	return error;
}

void live_release(struct live *l)
{
	if (l->newest)
		snapshot_unref(l->newest);
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->wake);
	leave_destroy(&l->leave);
	target_close(&l->target);
	if (l->event >= 0)
		close(l->event);
	free(l);
}

static void live_free(struct source *source)
{
	struct live *l = (struct live *)source;

	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
	if (leave_thread(&l->leave, l->thread))
		live_release(l);
}

static const struct source_ops live_ops = {
	.fd = live_fd,
	.take = live_take,
	.status = live_status,
	.set_interval = live_set_interval,
	.set_paused = live_set_paused,
	.set_focus = live_set_focus,
	.request = live_request,
	.events = live_events,
	.free = live_free,
};

pid_t live_pid(const struct source *live)
{
	return ((const struct live *)live)->options.pid;
}

const char *live_comm(const struct source *live)
{
	return ((const struct live *)live)->comm;
}

void live_observe(struct source *live, const struct live_observer *observer, void *context)
{
	struct live *l = (struct live *)live;

	pthread_mutex_lock(&l->lock);
	l->observer = observer;
	l->observer_context = context;
	l->observer_new = observer != NULL;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
}

static int live_start(struct live *l)
{
	int error;

	l->pass = pass_new(&l->target, &l->probe);
	if (!l->pass)
		return -ENOMEM;
	pass_set_complete(l->pass, l->options.slots);
	error = -pthread_create(&l->thread, NULL, sampler_run, l);
	if (error)
		pass_free(l->pass);
	return error;
}

int live_open(const struct live_options *options, const struct probe *probe,
	      struct source **ret_source)
{
	struct live *l = calloc(1, sizeof(*l));
	pthread_condattr_t attributes;
	int error;

	if (!l)
		return -ENOMEM;
	l->base.ops = &live_ops;
	l->target = (struct target)TARGET_CLOSED;
	l->probe = *probe;
	l->options = *options;
	l->interval_ns = options->interval_ns;
	l->status.interval_ns = options->interval_ns;
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&l->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	leave_init(&l->leave);
	l->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = l->event < 0 ? -errno : target_open(options->pid, &l->target);
	if (!error && options->start_time && options->start_time != l->target.start_time)
		error = -ESTALE;
	/* A copy: from its start on the target is the sampler's. */
	snprintf(l->comm, sizeof(l->comm), "%s", l->target.comm);
	if (!error)
		error = live_start(l);
	if (error) {
		live_release(l);
		return error;
	}
	*ret_source = &l->base;
	return 0;
}

int live_snapshot(pid_t pid, const struct probe *probe, struct snapshot **ret_snapshot)
{
	struct target target = TARGET_CLOSED;
	struct pass *pass;
	int error = target_open(pid, &target);

	if (error)
		return error;
	pass = pass_new(&target, probe);
	if (pass) {
		pass_set_complete(pass, true);
		error = pass_take(pass, NULL, ret_snapshot);
		pass_free(pass);
	} else {
		error = -ENOMEM;
	}
	target_close(&target);
	return error;
}
