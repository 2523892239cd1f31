// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "kernel/holder.h"
#include "model/track.h"
#include "model/verify.h"
#include "sample/action.h"
#include "sample/limit_watch.h"
#include "sample/live_internal.h"
#include "sample/pace.h"

/* A target that lets the sampler sleep for this long does not answer. */
#define STALL_NS INT64_C(1000000000)

/* As long as the thread that draws can wait to learn what holds the target. */
#define HOLDER_NS INT64_C(30000000)

static void live_sampler_run(void *context);

static int live_fd(struct source *source)
{
	return ((struct live *)source)->worker.event;
}

static struct sample *live_take(struct source *source)
{
	return worker_take(&((struct live *)source)->worker);
}

/* The lock is held. True: the target has begun not to answer. */
static bool live_begins_to_stall(struct live *l)
{
	int64_t slept = l->reads ? worker_slept_ns(&l->worker) : 0;
	bool began;

	l->status.stalled_ns = slept < STALL_NS ? 0 : slept;
	began = l->status.stalled_ns && !l->stalled;
	l->stalled |= began;
	if (!l->status.stalled_ns)
		l->status.stall[0] = '\0';
	return began;
}

static void live_status(struct source *source, struct source_status *ret_status)
{
	struct live *l = (struct live *)source;
	char why[HOLDER_TEXT];
	bool ask;

	worker_lock(&l->worker);
	ask = live_begins_to_stall(l);
	worker_unlock(&l->worker);
	if (ask)
		holder_describe(l->options.pid, HOLDER_NS, why);
	worker_lock(&l->worker);
	if (ask)
		memcpy(l->status.stall, why, sizeof(why));
	*ret_status = l->status;
	ret_status->asked_interval_ns = l->interval_ns;
	worker_unlock(&l->worker);
}

static size_t live_events(struct source *source, struct source_event *ret_events, size_t max)
{
	struct live *l = (struct live *)source;
	size_t n;

	worker_lock(&l->worker);
	n = l->event_count < max ? l->event_count : max;
	memcpy(ret_events, l->events, n * sizeof(*ret_events));
	l->event_count -= (unsigned int)n;
	memmove(l->events, l->events + n, l->event_count * sizeof(*l->events));
	worker_unlock(&l->worker);
	return n;
}

static void live_set_interval(struct source *source, int64_t interval_ns)
{
	struct live *l = (struct live *)source;

	worker_lock(&l->worker);
	l->interval_ns = interval_ns;
	l->sample_now = !l->paused;
	worker_wake(&l->worker);
	worker_unlock(&l->worker);
}

static void live_set_paused(struct source *source, bool paused)
{
	struct live *l = (struct live *)source;

	worker_lock(&l->worker);
	l->paused = paused;
	if (l->status.state == SOURCE_LIVE || l->status.state == SOURCE_PAUSED)
		l->status.state = paused ? SOURCE_PAUSED : SOURCE_LIVE;
	worker_wake(&l->worker);
	worker_unlock(&l->worker);
}

static void live_set_focus(struct source *source, const struct source_focus *focus)
{
	struct live *l = (struct live *)source;

	worker_lock(&l->worker);
	if (focus->start != l->focus.start || focus->count != l->focus.count) {
		l->focus = *focus;
		l->sample_now = !l->paused;
		worker_wake(&l->worker);
	}
	worker_unlock(&l->worker);
}

static int live_request(struct source *source, const struct source_request *request)
{
	struct live *l = (struct live *)source;
	int error = 0;

	worker_lock(&l->worker);
	if (request->action == SOURCE_SAMPLE_NOW)
		l->sample_now = true;
	else if (l->request_count < PENDING_REQUESTS)
		l->requests[l->request_count++] = *request;
	else
		error = -EBUSY;
	worker_wake(&l->worker);
	worker_unlock(&l->worker);
	return error;
}

/* Frees all; by the thread that comes last. */
static void live_release(void *live)
{
	struct live *l = live;

	worker_destroy(&l->worker);
	target_close(&l->target);
	free(l);
}

static void live_drop(void *sample)
{
	sample_unref(sample);
}

static void live_free(struct source *source)
{
	worker_end(&((struct live *)source)->worker);
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

	worker_lock(&l->worker);
	l->observer = observer;
	l->observer_context = context;
	l->observer_new = observer != NULL;
	worker_wake(&l->worker);
	worker_unlock(&l->worker);
}

static int live_start(struct live *l)
{
	int error;

	l->pass = pass_new(&l->target, &l->probe);
	if (!l->pass)
		return -ENOMEM;
	pass_set_complete(l->pass, l->options.slots);
	error = worker_start(&l->worker, live_sampler_run, live_release, l);
	if (error)
		pass_free(l->pass);
	return error;
}

int live_open(const struct live_options *options, const struct probe *probe,
	      struct source **ret_source)
{
	struct live *l = calloc(1, sizeof(*l));
	int error;

	if (!l)
		return -ENOMEM;
	l->base.ops = &live_ops;
	l->target = (struct target)TARGET_CLOSED;
	l->probe = *probe;
	l->options = *options;
	l->interval_ns = options->interval_ns;
	l->status.interval_ns = options->interval_ns;
	error = worker_init(&l->worker, live_drop);
	if (!error)
		error = target_open(options->pid, &l->target);
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

/*
 * What the sampler tells, from its own thread and without the lock. live_note() is of type
 * limit_watch_note: something happened, which the recorder learns in order with the samples.
 */
static void live_publish(struct live *l, struct sample *sample)
{
	worker_lock(&l->worker);
	l->status.state = l->paused ? SOURCE_PAUSED : SOURCE_LIVE;
	l->status.error = 0;
	worker_unlock(&l->worker);
	worker_post(&l->worker, sample_ref(sample));
}

static void live_say(struct live *l, const char *message)
{
	worker_lock(&l->worker);
	snprintf(l->status.message, sizeof(l->status.message), "%s", message);
	l->status.message_serial++;
	worker_unlock(&l->worker);
	worker_tell(&l->worker);
}

static void live_note(void *live, enum event_kind kind, const char *text)
{
	struct source_event event = { .kind = kind, .taken_ns = clock_ns(CLOCK_REALTIME) };
	struct live *l = live;

	snprintf(event.text, sizeof(event.text), "%s", text);
	worker_lock(&l->worker);
	if (l->event_count == PENDING_EVENTS) {
		l->event_count--;
		memmove(l->events, l->events + 1, l->event_count * sizeof(*l->events));
	}
	l->events[l->event_count++] = event;
	if (l->observer && l->observer->event)
		l->observer->event(l->observer_context, kind, event.taken_ns, event.text);
	worker_unlock(&l->worker);
	worker_tell(&l->worker);
}

/* Samples in which nothing can have changed are skipped, but never for longer than this. */
#define FULL_SAMPLE_NS 5000000000

#define DEFAULT_CPU_SHARE 0.1

/* Files stay open between samples up to this far apart. */
#define REST_NS 1500000000

/* What only the sampler's thread touches. */
struct sampler {
	struct live *live;
	struct pass *pass;
	struct sample *last; /* newest complete one */
	struct pass_signature signature;
	bool signed_last;
	struct limit_watch limits;
	struct pace pace;
	uint64_t sequence;
	unsigned int execs; /* of the target, that were noted */
	bool verify_next; /* compare the next sample with smaps */
	bool lack_said; /* that slots of shared pages are not known */
};

static void live_look_at_limits(struct sampler *s)
{
	limit_watch_look(&s->limits, clock_ns(CLOCK_MONOTONIC), live_note, s->live);
}

/* A SIGKILL after which the cgroup counts one OOM kill more came from the kernel. */
static bool live_was_oom_killed(const struct sampler *s, bool known, int status)
{
	return limit_watch_saw_oom(&s->limits) &&
	       (!known || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
}

/* A new observer begins with the newest sample there is. The lock is held. */
static void live_greet_observer(const struct sampler *s)
{
	struct live *l = s->live;

	if (l->observer_new && s->last)
		l->observer->sample(l->observer_context, s->last);
	l->observer_new = false;
}

static void live_end(struct sampler *s, int error)
{
	struct live *l = s->live;
	int status = 0;
	bool known = target_exit_status(&l->target, &status) == 0, oom;

	live_look_at_limits(s);
	oom = live_was_oom_killed(s, known, status);

	worker_lock(&l->worker);
	live_greet_observer(s); /* the sample that it may have waited for never came */
	l->status.state = error == -ESRCH ? SOURCE_ENDED : SOURCE_FAILED;
	l->status.error = -error;
	l->status.ended_ns = clock_ns(CLOCK_REALTIME);
	l->status.exit_known = known;
	l->status.exit_status = status;
	l->status.oom_killed = oom;
	worker_unlock(&l->worker);
	worker_tell(&l->worker);
}

/* A picture without all of its pages: no comparison and no age. */
static void live_publish_partial(void *context, struct snapshot *partial)
{
	struct sampler *s = context;
	struct sample *sample;

	if (sample_new(NULL, partial, false, &sample) == 0) {
		live_publish(s->live, sample);
		sample_unref(sample);
	}
	snapshot_unref(partial);
}

/* True when a cheap look shows that a full sample would only repeat the last one. */
static bool live_nothing_changed(struct sampler *s, bool force)
{
	struct pass_signature now;

	if (!s->last || !s->signed_last || force ||
	    clock_ns(CLOCK_MONOTONIC) - s->pace.full_at > FULL_SAMPLE_NS)
		return false;
	return pass_sign(s->pass, s->last->snapshot, &now) &&
	       !memcmp(&now, &s->signature, sizeof(now));
}

/* A full sample, or, of what did not change, the last one under a new time. */
static int live_take_sample(struct sampler *s, bool same, struct snapshot **ret)
{
	struct pass_signature before;
	bool signed_before;
	int error;

	if (same) {
		*ret = snapshot_repeat(s->last->snapshot, s->sequence, clock_ns(CLOCK_REALTIME),
				       clock_ns(CLOCK_MONOTONIC));
		return *ret ? 0 : -ENOMEM;
	}
	signed_before = s->last && pass_sign(s->pass, s->last->snapshot, &before);
	pass_set_sequence(s->pass, s->sequence);
	error = pass_take(s->pass, s->last ? s->last->snapshot : NULL, ret);
	if (error)
		return error;
	/* What changed during the scan must be seen by the next one: the earlier sign counts. */
	s->signed_last = signed_before;
	if (signed_before)
		s->signature = before;
	return 0;
}

/* Said once, and only to who has shared pages in swap. */
static void live_say_lack(struct sampler *s, const struct snapshot *snapshot)
{
	char message[160];

	if (s->lack_said || snapshot->known.shared_slots ||
	    !snapshot->totals.state[PAGE_SHARED_SWAP] || !*pass_slots_lack(s->pass))
		return;
	s->lack_said = true;
	snprintf(message, sizeof(message), "swap slots of shared pages are not known: %s",
		 pass_slots_lack(s->pass));
	live_say(s->live, message);
}

/* Only a recorder has a use for the raw data of what changed. */
static bool live_is_observed(struct live *l)
{
	bool observed;

	worker_lock(&l->worker);
	observed = l->observer;
	worker_unlock(&l->worker);
	return observed;
}

static void live_tell_observer(struct live *l, struct sample *sample)
{
	worker_lock(&l->worker);
	if (l->observer)
		l->observer->sample(l->observer_context, sample);
	l->observer_new = false;
	worker_unlock(&l->worker);
}

/* pmtop has cleared the written marks: nothing is remembered as written any more. */
static void live_forget_marks(struct sampler *s)
{
	struct sample *forgetful = s->last ? sample_without_memory(s->last) : NULL;

	if (!forgetful)
		return;
	sample_unref(s->last);
	s->last = forgetful;
}

static void live_note_execs(struct sampler *s)
{
	const struct target *target = &s->live->target;
	char text[EVENT_TEXT_MAX];

	if (target->execs == s->execs)
		return;
	s->execs = target->execs;
	snprintf(text, sizeof(text), "became %s", target->comm);
	live_note(s->live, EVENT_EXEC, text);
}

/* A full sample between two looks at smaps. */
static int live_take_verified(struct sampler *s, struct snapshot **ret_snapshot,
			      struct verified **ret_verified)
{
	struct live *l = s->live;
	struct action_verify verify = { 0 };
	struct snapshot *snapshot = NULL;
	char message[160];
	int error;

	s->verify_next = false;
	action_verify_begin(&l->target, &verify);
	error = live_take_sample(s, false, &snapshot);
	*ret_verified = action_verify_end(&l->target, &l->probe, &verify, snapshot, message,
					  sizeof(message));
	live_say(l, message);
	*ret_snapshot = snapshot;
	return error;
}

/*
 * Takes a snapshot and what belongs to it. Comparing costs as much as what changed, and is done
 * here and not in the thread that draws.
 */
static int live_make_sample(struct sampler *s, bool same, const struct source_focus *focus,
			    struct sample **ret_sample)
{
	CLEANUP(cleanup_snapshot) struct snapshot *snapshot = NULL;
	struct verified *verified = NULL;
	int error = s->verify_next ? live_take_verified(s, &snapshot, &verified)
				   : live_take_sample(s, same, &snapshot);

	if (!error)
		error = sample_new(s->last, snapshot, s->live->options.track, ret_sample);
	if (error) {
		verified_unref(verified);
		return error;
	}
	if (verified) {
		verified_unref((*ret_sample)->verified);
		(*ret_sample)->verified = verified;
	}
	if (focus->count)
		pass_detail(s->pass, snapshot, focus->start, focus->count, &(*ret_sample)->focus);
	if ((*ret_sample)->changes && live_is_observed(s->live))
		pass_changes(s->pass, (*ret_sample)->changes, &(*ret_sample)->changed);
	return 0;
}

static int live_deliver_sample(struct sampler *s, bool same, const struct source_focus *focus)
{
	struct live *l = s->live;
	struct sample *sample;
	int error;

	pass_set_focus(s->pass, focus->count ? focus->start : 0);
	error = live_make_sample(s, same, focus, &sample);
	if (error)
		return error;
	s->sequence++;
	live_note_execs(s);
	live_publish(l, sample);
	live_say_lack(s, sample->snapshot);
	live_tell_observer(l, sample);
	live_look_at_limits(s);
	sample_unref(s->last);
	s->last = sample;
	return 0;
}

/* The first screen needs no page: the list of mappings comes at once. */
static int live_deliver_list(struct sampler *s)
{
	struct snapshot *list;
	int error;

	pass_set_sequence(s->pass, s->sequence);
	error = pass_take_list(s->pass, &list);

	if (error)
		return error;
	live_publish_partial(s, list);
	return 0;
}

static void live_do_request(struct sampler *s, const struct source_request *request)
{
	char message[160], text[EVENT_TEXT_MAX];
	bool done;

	if (request->action == SOURCE_VERIFY) {
		s->verify_next = true;
		return;
	}
	done = action_perform(&s->live->target, request, message, sizeof(message));
	live_say(s->live, message);
	if (!done)
		return;
	if (request->action == SOURCE_CLEAR_WRITTEN) {
		live_forget_marks(s);
		live_note(s->live, EVENT_CLEARED, message);
	} else if (request->action == SOURCE_PUSH_OUT) {
		snprintf(text, sizeof(text), "%s from %" PRIx64 " on", message, request->start);
		live_note(s->live, EVENT_PUSHED, text);
	}
}

/* Waits until the next sample is due or the user wants something. The lock is held. */
static void live_wait_for_turn(const struct sampler *s)
{
	const int64_t due_ns = s->pace.due_ns;
	struct live *l = s->live;

	if (due_ns - clock_ns(CLOCK_MONOTONIC) > REST_NS)
		pass_rest(l->pass);
	while (!l->worker.stop && !l->sample_now && !l->request_count) {
		live_greet_observer(s);
		if (!l->paused && clock_ns(CLOCK_MONOTONIC) >= due_ns)
			return;
		if (l->paused)
			pass_rest(l->pass);
		worker_wait(&l->worker, l->paused ? WORKER_FOREVER : due_ns);
	}
}

/* A sample, unless what changed has to wait for one. */
static int live_take_turn(struct sampler *s, bool force, const struct source_focus *focus)
{
	struct live *l = s->live;
	int64_t began = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	bool same = live_nothing_changed(s, force);
	enum pace_turn turn = same					     ? PACE_REPEAT
			      : !force && pace_is_too_early(&s->pace, began) ? PACE_TOO_EARLY
									     : PACE_FULL;
	int error = turn == PACE_TOO_EARLY ? 0 : live_deliver_sample(s, same, focus);

	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	worker_lock(&l->worker);
	pace_next(&s->pace, turn, l->interval_ns, began, cpu);
	l->status.interval_ns = s->pace.interval_ns;
	worker_unlock(&l->worker);
	return error;
}

static void live_begin_to_read(struct live *l)
{
	worker_lock(&l->worker);
	worker_may_sleep(&l->worker);
	l->reads = true;
	l->read_from = clock_ns(CLOCK_MONOTONIC);
	worker_unlock(&l->worker);
}

/* A target that did not answer does again: what is missing in between is told. */
static void live_end_reading(struct live *l)
{
	char text[EVENT_TEXT_MAX];
	bool stalled;

	worker_lock(&l->worker);
	snprintf(text, sizeof(text), "no sample for %.1f s: it did not answer%s%s",
		 (double)(clock_ns(CLOCK_MONOTONIC) - l->read_from) / 1e9,
		 *l->status.stall ? "; " : "", l->status.stall);
	stalled = l->stalled;
	l->stalled = l->reads = false;
	worker_unlock(&l->worker);
	if (stalled)
		live_note(l, EVENT_GAP, text);
}

/* The sampler's thread; owns the pass, ends on worker.stop or with the target. */
static void live_sampler_run(void *context)
{
	struct live *l = context;
	const double share = l->options.cpu_share > 0 ? l->options.cpu_share : DEFAULT_CPU_SHARE;
	struct sampler sampler = { .live = l, .pass = l->pass, .pace.share = share };
	struct sampler *s = &sampler;
	int error;

	/* The pauses between chunks are short: let the kernel not round them up. */
	prctl(PR_SET_TIMERSLACK, 1000);
	pass_set_progress(s->pass, live_publish_partial, s);
	limit_watch_begin(&s->limits, &l->target, l->options.new_cgroup);
	live_begin_to_read(l);
	error = live_deliver_list(s);
	live_end_reading(l);
	while (!error) {
		struct source_request requests[PENDING_REQUESTS];
		struct source_focus focus;
		unsigned int count;
		bool force, paused;

		worker_lock(&l->worker);
		live_wait_for_turn(s);
		count = l->request_count;
		memcpy(requests, l->requests, count * sizeof(requests[0]));
		l->request_count = 0;
		force = l->sample_now || count;
		paused = l->paused && !force;
		l->sample_now = false;
		focus = l->focus;
		if (l->worker.stop)
			error = -ECANCELED;
		worker_unlock(&l->worker);
		if (error || paused)
			continue;
		live_begin_to_read(l);
		for (unsigned int i = 0; i < count; i++)
			live_do_request(s, &requests[i]);
		error = live_take_turn(s, force, &focus);
		live_end_reading(l);
	}
	if (error != -ECANCELED)
		live_end(s, error);
	sample_unref(s->last);
	limit_watch_end(&s->limits);
	pass_free(s->pass);
}
