// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "model/cleanup.h"
#include "sample/action.h"
#include "sample/live.h"
#include "sample/pass.h"

/* Samples in which nothing can have changed are skipped, but never for longer than this. */
#define FULL_SAMPLE_NS 3000000000

#define DEFAULT_CPU_SHARE 0.1
#define PENDING_REQUESTS  8
#define LEAVE_SECONDS	  1

struct live {
	struct source base;
	struct target target;
	struct probe probe;
	struct live_options options;
	pthread_t thread;
	int event; /* readable for the user when there is news */

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wake;
	bool stop;
	bool paused;
	bool sample_now;
	int64_t interval_ns;
	struct source_focus focus;
	struct source_request requests[PENDING_REQUESTS];
	unsigned int request_count;
	struct snapshot *newest; /* the mailbox */
	struct source_status status;
	live_observer *observer;
	void *observer_context;
};

/* What only the sampler's thread touches. */
struct sampler {
	struct live *live;
	struct pass *pass;
	struct snapshot *last; /* newest complete one */
	struct pass_signature signature;
	bool signed_last;
	int64_t full_at; /* when the last full sample began */
	uint64_t sequence;
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void tell_user(struct live *l)
{
	uint64_t one = 1;

	/* The counter cannot overflow in any lifetime; a full one is readable as well. */
	(void)!write(l->event, &one, sizeof(one));
}

static void publish(struct live *l, struct snapshot *snapshot)
{
	struct snapshot *old;

	pthread_mutex_lock(&l->lock);
	old = l->newest;
	l->newest = snapshot_ref(snapshot);
	l->status.state = l->paused ? SOURCE_PAUSED : SOURCE_LIVE;
	l->status.error = 0;
	pthread_mutex_unlock(&l->lock);
	if (old)
		snapshot_unref(old);
	tell_user(l);
}

static void say(struct live *l, const char *message)
{
	pthread_mutex_lock(&l->lock);
	strncpy(l->status.message, message, sizeof(l->status.message) - 1);
	l->status.message_serial++;
	pthread_mutex_unlock(&l->lock);
	tell_user(l);
}

static void end(struct live *l, int error)
{
	int status = 0;
	bool known = target_exit_status(&l->target, &status) == 0;

	pthread_mutex_lock(&l->lock);
	l->status.state = error == -ESRCH ? SOURCE_ENDED : SOURCE_FAILED;
	l->status.error = -error;
	l->status.ended_ns = clock_ns(CLOCK_REALTIME);
	l->status.exit_known = known;
	l->status.exit_status = status;
	pthread_mutex_unlock(&l->lock);
	tell_user(l);
}

static void publish_partial(void *context, struct snapshot *partial)
{
	struct sampler *s = context;

	partial->sequence = s->sequence;
	publish(s->live, partial);
	snapshot_unref(partial);
}

/* The pages of the sample before under a new time: nothing can have changed. */
static struct snapshot *repeat_last(struct sampler *s)
{
	const struct snapshot *last = s->last;
	struct snapshot *again = snapshot_new(last->count);

	if (!again)
		return NULL;
	again->pid = last->pid;
	again->start_time = last->start_time;
	memcpy(again->comm, last->comm, sizeof(again->comm));
	again->taken_ns = clock_ns(CLOCK_REALTIME);
	again->clock_ns = clock_ns(CLOCK_MONOTONIC);
	again->known = last->known;
	for (size_t i = 0; i < last->count; i++) {
		again->mappings[i].mapping = mapping_ref(last->mappings[i].mapping);
		again->mappings[i].pages = pages_ref(last->mappings[i].pages);
	}
	snapshot_seal(again);
	again->skipped = true;
	return again;
}

/* True when a cheap look shows that a full sample would only repeat the last one. */
static bool nothing_changed(struct sampler *s, bool force)
{
	struct pass_signature now;

	if (!s->last || !s->signed_last || force ||
	    clock_ns(CLOCK_MONOTONIC) - s->full_at > FULL_SAMPLE_NS)
		return false;
	return pass_sign(s->pass, s->last, &now) && !memcmp(&now, &s->signature, sizeof(now));
}

static int take_sample(struct sampler *s, bool force, struct snapshot **ret)
{
	struct pass_signature before;
	bool signed_before;
	int error;

	if (nothing_changed(s, force)) {
		*ret = repeat_last(s);
		return *ret ? 0 : -ENOMEM;
	}
	s->full_at = clock_ns(CLOCK_MONOTONIC);
	signed_before = s->last && pass_sign(s->pass, s->last, &before);
	error = pass_take(s->pass, s->last, ret);
	if (error)
		return error;
	/* What changed during the scan must be seen by the next one: the earlier sign counts. */
	s->signed_last = signed_before;
	if (signed_before)
		s->signature = before;
	return 0;
}

static int deliver_sample(struct sampler *s, bool force, const struct source_focus *focus)
{
	struct live *l = s->live;
	struct snapshot *snapshot;
	live_observer *observer;
	int error = take_sample(s, force, &snapshot);

	if (error)
		return error;
	snapshot->sequence = s->sequence++;
	if (focus->count)
		pass_detail(s->pass, snapshot, focus->start, focus->count, &snapshot->detail);
	publish(l, snapshot);
	pthread_mutex_lock(&l->lock);
	observer = l->observer;
	if (observer)
		observer(l->observer_context, snapshot);
	pthread_mutex_unlock(&l->lock);
	if (s->last)
		snapshot_unref(s->last);
	s->last = snapshot;
	return 0;
}

/* The first screen needs no page: the list of mappings comes at once. */
static int deliver_list(struct sampler *s)
{
	struct snapshot *list;
	int error = pass_take_list(s->pass, &list);

	if (error)
		return error;
	publish_partial(s, list);
	return 0;
}

static void do_request(struct sampler *s, const struct source_request *request)
{
	char message[160];

	action_perform(&s->live->target, s->last, request, message, sizeof(message));
	say(s->live, message);
}

/* Waits until the next sample is due or the user wants something. The lock is held. */
static void wait_for_turn(struct live *l, int64_t due_ns)
{
	while (!l->stop && !l->sample_now && !l->request_count) {
		struct timespec until = { due_ns / 1000000000, due_ns % 1000000000 };

		if (l->paused) {
			pthread_cond_wait(&l->wake, &l->lock);
			continue;
		}
		if (clock_ns(CLOCK_MONOTONIC) >= due_ns)
			return;
		pthread_cond_timedwait(&l->wake, &l->lock, &until);
	}
}

/* The interval in force: what was asked for, stretched so that the sampler keeps to its share. */
static int64_t limit_interval(struct live *l, int64_t cpu_ns)
{
	double share = l->options.cpu_share > 0 ? l->options.cpu_share : DEFAULT_CPU_SHARE;
	int64_t least = (int64_t)((double)cpu_ns / share);

	return least > l->interval_ns ? least : l->interval_ns;
}

static void *run_sampler(void *context)
{
	struct sampler *s = context;
	struct live *l = s->live;
	int64_t due = 0;
	int error;

	/* The pauses between chunks are short: let the kernel not round them up. */
	prctl(PR_SET_TIMERSLACK, 1000);
	error = deliver_list(s);
	while (!error) {
		struct source_request requests[PENDING_REQUESTS];
		struct source_focus focus;
		unsigned int count;
		int64_t began, cpu;
		bool force, paused;

		pthread_mutex_lock(&l->lock);
		wait_for_turn(l, due);
		count = l->request_count;
		memcpy(requests, l->requests, count * sizeof(requests[0]));
		l->request_count = 0;
		force = l->sample_now || count;
		paused = l->paused && !force;
		l->sample_now = false;
		focus = l->focus;
		if (l->stop)
			error = -ECANCELED;
		pthread_mutex_unlock(&l->lock);
		if (error || paused)
			continue;
		for (unsigned int i = 0; i < count; i++)
			do_request(s, &requests[i]);
		began = clock_ns(CLOCK_MONOTONIC);
		cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		error = deliver_sample(s, force, &focus);
		cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
		pthread_mutex_lock(&l->lock);
		l->status.interval_ns = limit_interval(l, s->last && s->last->skipped ? 0 : cpu);
		due = began + l->status.interval_ns;
		pthread_mutex_unlock(&l->lock);
	}
	if (error != -ECANCELED)
		end(l, error);
	if (s->last)
		snapshot_unref(s->last);
	pass_free(s->pass);
	free(s);
	return NULL;
}

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

static void live_release(struct live *l)
{
	if (l->newest)
		snapshot_unref(l->newest);
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->wake);
	target_close(&l->target);
	if (l->event >= 0)
		close(l->event);
	free(l);
}

/*
 * The thread may be stuck in the kernel for as long as the target holds its mmap lock. Whoever wants
 * to leave does not wait for that: then thread and memory are left to the end of pmtop.
 */
static void live_free(struct source *source)
{
	struct live *l = (struct live *)source;
	struct timespec until;

	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LEAVE_SECONDS;
	if (pthread_timedjoin_np(l->thread, NULL, &until) == 0)
		live_release(l);
	else
		pthread_detach(l->thread);
}

static const struct source_ops live_ops = {
	.fd = live_fd,
	.take = live_take,
	.status = live_status,
	.set_interval = live_set_interval,
	.set_paused = live_set_paused,
	.set_focus = live_set_focus,
	.request = live_request,
	.free = live_free,
};

void live_observe(struct source *live, live_observer *observer, void *context)
{
	struct live *l = (struct live *)live;

	pthread_mutex_lock(&l->lock);
	l->observer = observer;
	l->observer_context = context;
	pthread_mutex_unlock(&l->lock);
}

static int live_start(struct live *l)
{
	struct sampler *s = calloc(1, sizeof(*s));
	int error;

	if (!s)
		return -ENOMEM;
	s->live = l;
	s->pass = pass_new(&l->target, &l->probe);
	if (!s->pass) {
		free(s);
		return -ENOMEM;
	}
	pass_set_complete(s->pass, l->options.slots);
	pass_set_progress(s->pass, publish_partial, s);
	error = -pthread_create(&l->thread, NULL, run_sampler, s);
	if (error) {
		pass_free(s->pass);
		free(s);
	}
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
	l->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = l->event < 0 ? -errno : target_open(options->pid, &l->target);
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
