// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/memcg.h"
#include "model/track.h"
#include "model/verify.h"
#include "sample/action.h"
#include "sample/live_internal.h"

/* Samples in which nothing can have changed are skipped, but never for longer than this. */
#define FULL_SAMPLE_NS 5000000000

#define DEFAULT_CPU_SHARE 0.1

/* Files stay open between samples up to this far apart. */
#define REST_NS 1500000000

/* A limit that is hit all the time is an event when that begins, and then now and again. */
#define HITS_QUIET_NS INT64_C(1000000000)
#define HITS_AGAIN_NS INT64_C(10000000000)

/* What only the sampler's thread touches. */
struct sampler {
	struct live *live;
	struct pass *pass;
	struct snapshot *last; /* newest complete one */
	struct track *track; /* what the next one's begins with; NULL: none is kept */
	struct pass_signature signature;
	bool signed_last;
	struct memcg *memcg;
	struct memcg_events first, seen; /* of the target's cgroup: at the start, and by now */
	int64_t hit_at,
		hit_noted_at; /* when the limit was last seen hit, and when that was noted */
	int64_t hits_noted; /* seen.limit_hits at that time */
	int64_t full_at; /* when the last full sample began */
	int64_t full_due; /* the next one not before: the sampler keeps to its share */
	uint64_t sequence;
	unsigned int execs; /* of the target, that were noted */
	bool verify_next; /* compare the next sample with smaps */
	bool lack_said; /* that slots of shared pages are not known */
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
	snprintf(l->status.message, sizeof(l->status.message), "%s", message);
	l->status.message_serial++;
	pthread_mutex_unlock(&l->lock);
	tell_user(l);
}

/* Something happened: the recorder learns it in order with the samples, the user next. */
static void __attribute__((format(printf, 3, 4)))
note(struct sampler *s, enum event_kind kind, const char *format, ...)
{
	struct source_event event = { .kind = kind, .taken_ns = clock_ns(CLOCK_REALTIME) };
	struct live *l = s->live;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(event.text, sizeof(event.text), format, arguments);
	va_end(arguments);
	pthread_mutex_lock(&l->lock);
	if (l->event_count == PENDING_EVENTS) {
		l->event_count--;
		memmove(l->events, l->events + 1, l->event_count * sizeof(*l->events));
	}
	l->events[l->event_count++] = event;
	if (l->observer && l->observer->event)
		l->observer->event(l->observer_context, kind, event.taken_ns, event.text);
	pthread_mutex_unlock(&l->lock);
	tell_user(l);
}

/* A reclaim under pressure hits the limit hundreds of times a second. */
static void note_hits(struct sampler *s, int64_t hits)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	bool begins = now - s->hit_at > HITS_QUIET_NS;

	s->hit_at = now;
	if (!begins && now - s->hit_noted_at < HITS_AGAIN_NS)
		return;
	note(s, EVENT_LIMIT, "the memory limit was hit %lld times%s",
	     (long long)(hits - s->hits_noted), begins ? "" : " more");
	s->hit_noted_at = now;
	s->hits_noted = hits;
}

/* What the cgroup counted since the look before. */
static void look_at_cgroup(struct sampler *s)
{
	struct memcg_events now;

	if (!s->memcg)
		return;
	now = memcg_events(s->memcg);
	if (s->seen.limit_hits >= 0 && now.limit_hits > s->seen.limit_hits)
		note_hits(s, now.limit_hits);
	if (s->seen.oom_kills >= 0 && now.oom_kills > s->seen.oom_kills)
		note(s, EVENT_OOM, "the OOM killer killed %lld of its cgroup",
		     (long long)(now.oom_kills - s->seen.oom_kills));
	s->seen = now;
}

/* A SIGKILL after which the cgroup counts one OOM kill more came from the kernel. */
static bool was_oom_killed(const struct sampler *s, bool known, int status)
{
	return s->first.oom_kills >= 0 && s->seen.oom_kills > s->first.oom_kills &&
	       (!known || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
}

static void end(struct sampler *s, int error)
{
	struct live *l = s->live;
	int status = 0;
	bool known = target_exit_status(&l->target, &status) == 0, oom;

	look_at_cgroup(s);
	oom = was_oom_killed(s, known, status);

	pthread_mutex_lock(&l->lock);
	l->status.state = error == -ESRCH ? SOURCE_ENDED : SOURCE_FAILED;
	l->status.error = -error;
	l->status.ended_ns = clock_ns(CLOCK_REALTIME);
	l->status.exit_known = known;
	l->status.exit_status = status;
	l->status.oom_killed = oom;
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

/* Said once, and only to who has shared pages in swap. */
static void say_lack(struct sampler *s, const struct snapshot *snapshot)
{
	char message[160];

	if (s->lack_said || snapshot->known.shared_slots ||
	    !snapshot->totals.state[PAGE_SHARED_SWAP] || !*pass_slots_lack(s->pass))
		return;
	s->lack_said = true;
	snprintf(message, sizeof(message), "swap slots of shared pages are not known: %s",
		 pass_slots_lack(s->pass));
	say(s->live, message);
}

/* Hands the sample to the recorder; only a recorder has a use for the facts of what changed. */
static void observe(struct sampler *s, struct snapshot *snapshot)
{
	struct live *l = s->live;
	struct page_detail *changed = NULL;
	bool observed;

	pthread_mutex_lock(&l->lock);
	observed = l->observer;
	pthread_mutex_unlock(&l->lock);
	if (observed && s->last && !snapshot->skipped)
		pass_changes(s->pass, s->last, snapshot, &changed);
	pthread_mutex_lock(&l->lock);
	if (l->observer)
		l->observer->sample(l->observer_context, snapshot, changed);
	pthread_mutex_unlock(&l->lock);
	if (changed)
		page_detail_unref(changed);
}

/* Ages and remembered marks cost as much as what changed: here, not in the thread that draws. */
static void add_track(struct sampler *s, struct snapshot *snapshot)
{
	if (!s->live->options.track)
		return;
	if (snapshot->skipped && s->track)
		snapshot->track = track_ref(s->track);
	else if (track_next(s->track, s->last, snapshot, &snapshot->track) < 0)
		say(s->live, "no memory left for the ages of pages");
	track_unref(s->track);
	s->track = snapshot->track ? track_ref(snapshot->track) : NULL;
}

/* pmtop has cleared the written marks: nothing is remembered as written any more. */
static void forget_marks(struct sampler *s)
{
	struct track *forgetful;

	if (!s->track || track_forget(s->track, &forgetful) < 0)
		return;
	track_unref(s->track);
	s->track = forgetful;
}

static void note_execs(struct sampler *s)
{
	const struct target *target = &s->live->target;

	if (target->execs != s->execs)
		note(s, EVENT_EXEC, "became %s", target->comm);
	s->execs = target->execs;
}

/* A full sample between two looks at smaps. */
static int take_verified(struct sampler *s, struct snapshot **ret)
{
	struct live *l = s->live;
	struct action_verify verify = { 0 };
	struct snapshot *snapshot = NULL;
	char message[160];
	int error;

	s->verify_next = false;
	action_verify_begin(&l->target, &verify);
	error = take_sample(s, true, &snapshot);
	action_verify_end(&l->target, &l->probe, &verify, snapshot, message, sizeof(message));
	say(l, message);
	*ret = snapshot;
	return error;
}

static int deliver_sample(struct sampler *s, bool force, const struct source_focus *focus)
{
	struct live *l = s->live;
	struct snapshot *snapshot;
	int error;

	pass_set_focus(s->pass, focus->count ? focus->start : 0);
	error = s->verify_next ? take_verified(s, &snapshot) : take_sample(s, force, &snapshot);
	if (error)
		return error;
	note_execs(s);
	if (!snapshot->verified && s->last && s->last->verified)
		snapshot->verified = verified_inherit(s->last, snapshot);
	snapshot->sequence = s->sequence++;
	if (focus->count)
		pass_detail(s->pass, snapshot, focus->start, focus->count, &snapshot->detail);
	add_track(s, snapshot);
	publish(l, snapshot);
	say_lack(s, snapshot);
	observe(s, snapshot);
	look_at_cgroup(s);
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
	bool done;

	if (request->action == SOURCE_VERIFY) {
		s->verify_next = true;
		return;
	}
	done = action_perform(&s->live->target, request, message, sizeof(message));
	say(s->live, message);
	if (done && request->action == SOURCE_CLEAR_WRITTEN) {
		forget_marks(s);
		note(s, EVENT_CLEARED, "%s", message);
	} else if (done && request->action == SOURCE_PUSH_OUT)
		note(s, EVENT_PUSHED, "%s from %" PRIx64 " on", message, request->start);
}

/* Waits until the next sample is due or the user wants something. The lock is held. */
static void wait_for_turn(struct live *l, int64_t due_ns)
{
	if (due_ns - clock_ns(CLOCK_MONOTONIC) > REST_NS)
		pass_rest(l->pass);
	while (!l->stop && !l->sample_now && !l->request_count) {
		struct timespec until = { due_ns / 1000000000, due_ns % 1000000000 };

		if (l->paused) {
			pass_rest(l->pass);
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

static void watch_cgroup(struct sampler *s)
{
	s->first = (struct memcg_events){ -ENOENT, -ENOENT };
	if (s->memcg && memcg_watch(s->memcg, &s->live->target) == 0)
		s->first = memcg_events(s->memcg);
	if (s->first.limit_hits >= 0 && s->live->options.new_cgroup)
		s->first = (struct memcg_events){ 0, 0 };
	s->seen = s->first;
	s->hits_noted = s->first.limit_hits;
	s->hit_at = -HITS_QUIET_NS;
}

/*
 * After a dear sample the next one waits, but not samples that repeat it: where nothing changes, the
 * pace is the one that was asked for.
 */
static bool is_too_early(struct sampler *s, bool force, int64_t *ret_due)
{
	struct live *l = s->live;

	if (force || clock_ns(CLOCK_MONOTONIC) >= s->full_due || nothing_changed(s, false))
		return false;
	pthread_mutex_lock(&l->lock);
	l->status.interval_ns = s->full_due - s->full_at;
	pthread_mutex_unlock(&l->lock);
	*ret_due = s->full_due;
	return true;
}

/*
 * The sample that was due at `due_ns` began a little later and took this long: when is the next one due?
 * The small delays do not add up, unless a whole interval was lost.
 */
static int64_t next_due(struct sampler *s, int64_t due_ns, int64_t began, int64_t cpu_ns)
{
	struct live *l = s->live;
	int64_t next = due_ns + l->interval_ns;

	if (s->last && !s->last->skipped)
		s->full_due = began + limit_interval(l, cpu_ns);
	l->status.interval_ns = l->interval_ns;
	return next > began && next <= began + l->interval_ns ? next : began + l->interval_ns;
}

void *sampler_run(void *context)
{
	struct live *l = context;
	struct sampler sampler = { .live = l, .pass = l->pass }, *s = &sampler;
	int64_t due = 0;
	int error;

	/* The pauses between chunks are short: let the kernel not round them up. */
	prctl(PR_SET_TIMERSLACK, 1000);
	pass_set_progress(s->pass, publish_partial, s);
	s->memcg = memcg_new();
	watch_cgroup(s);
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
		if (error || paused || is_too_early(s, force, &due))
			continue;
		for (unsigned int i = 0; i < count; i++)
			do_request(s, &requests[i]);
		began = clock_ns(CLOCK_MONOTONIC);
		cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		error = deliver_sample(s, force, &focus);
		cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
		pthread_mutex_lock(&l->lock);
		due = next_due(s, due, began, cpu);
		pthread_mutex_unlock(&l->lock);
	}
	if (error != -ECANCELED)
		end(s, error);
	track_unref(s->track);
	if (s->last)
		snapshot_unref(s->last);
	if (s->memcg)
		memcg_free(s->memcg);
	pass_free(s->pass);
	return NULL;
}
