// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/worker.h"
#include "kernel/holder.h"
#include "kernel/process.h"
#include "kernel/shared.h"
#include "kernel/swaps.h"
#include "system/census_source.h"

/* Of the interval, for looking at shared memory: 5 % of a core. */
#define BUDGET_DIVISOR 20
/* Until each process had its turn once, the screen is filled in faster. */
#define FIRST_BUDGET_NS	  (50 * INT64_C(1000000))
#define FIRST_INTERVAL_NS (150 * INT64_C(1000000))

/* A process that lets us sleep for this long does not answer. */
#define PATIENCE_NS (300 * INT64_C(1000000))
/* It is looked at again when the thread that is stuck with it goes on, but not before this. */
#define AGAIN_NS INT64_C(5000000000)
/* Each holds a thread. Beyond them nothing is looked at until one of them goes on. */
#define STUCK_MAX 64

struct census_source {
	struct worker worker;
	struct census_maker *maker; /* the thread's */
	int64_t interval_ns;
};

/*
 * Sleeps for the interval, and until the last census was taken: nobody may be looking. False:
 * leave.
 */
static bool census_source_collector_rest(struct census_source *s, int64_t interval_ns)
{
	int64_t until = clock_ns(CLOCK_MONOTONIC) + interval_ns;
	bool go_on;

	worker_lock(&s->worker);
	while (!s->worker.stop &&
	       worker_wait(&s->worker, s->worker.newest ? WORKER_FOREVER : until))
		;
	go_on = !s->worker.stop;
	worker_unlock(&s->worker);
	return go_on;
}

static void census_source_collector_count(void *source)
{
	struct census_source *s = source;
	int64_t budget_ns = 0; /* first of all the list alone */
	struct census *census;

	for (;;) {
		bool complete = false;

		if (census_make(s->maker, budget_ns, &census) == 0) {
			complete = census->complete;
			worker_post(&s->worker, census);
		}
		if (!census_source_collector_rest(s, !budget_ns ? 0
						     : complete ? s->interval_ns
								: FIRST_INTERVAL_NS))
			return;
		budget_ns = complete ? s->interval_ns / BUDGET_DIVISOR : FIRST_BUDGET_NS;
	}
}

static void census_source_collector_release(void *source)
{
	struct census_source *s = source;

	census_maker_free(s->maker);
	worker_destroy(&s->worker);
	free(s);
}

static void census_source_collector_drop(void *census)
{
	census_unref(census);
}

int census_open(const struct probe *probe, int64_t interval_ns, struct census_source **ret_source)
{
	struct census_source *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->interval_ns = interval_ns;
	r = worker_init(&s->worker, census_source_collector_drop);
	if (!r)
		r = census_maker_new(probe, &s->maker);
	if (!r)
		r = worker_start(&s->worker, census_source_collector_count,
				 census_source_collector_release, s);
	if (r < 0) {
		census_source_collector_release(s);
		return r;
	}
	*ret_source = s;
	return 0;
}

int census_fd(const struct census_source *source)
{
	return source->worker.event;
}

struct census *census_take(struct census_source *source)
{
	return worker_take(&source->worker);
}

void census_close(struct census_source *source)
{
	if (source)
		worker_end(&source->worker);
}

int census_once(const struct probe *probe, struct census **ret_census)
{
	struct census_maker *maker;
	int r = census_maker_new(probe, &maker);

	if (r < 0)
		return r;
	r = census_make(maker, -1, ret_census);
	census_maker_free(maker);
	return r;
}

/*
 * What looks at processes, one after the other, in a thread of its own for each call: any of them
 * can be stuck. Owned by that thread while it runs, and for good when it is left behind.
 */
struct looker {
	struct probe probe;
	struct shared_reader *shared;
	struct census_process *processes; /* a copy of those of the census */
	size_t count;
	pid_t cursor; /* the round has come past this pid; 0: a new one starts */
	int64_t budget_ns;
	atomic_int at; /* the pid that is looked at */
	int result; /* 1: the round is complete; 0 or -errno */
};

struct census_maker {
	struct probe probe;
	struct process_reader *processes;
	struct looker *looker; /* NULL: the last one was left behind */
	struct census_stuck stuck[STUCK_MAX];
	struct worker_call *calls[STUCK_MAX]; /* the looks that are stuck with them */
	size_t stuck_count;
	struct census *last; /* with what is known of each process */
	struct census *objects; /* only its objects: those of the last complete round */
	uint64_t sequence;
};

static void census_source_collector_free_looker(void *looker)
{
	struct looker *l = looker;

	if (!l)
		return;
	shared_reader_free(l->shared);
	free(l->processes);
	free(l);
}

static struct looker *census_source_collector_new_looker(const struct probe *probe)
{
	struct looker *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->probe = *probe;
	l->shared = shared_reader_new(&l->probe);
	if (!l->shared) {
		free(l);
		return NULL;
	}
	return l;
}

int census_maker_new(const struct probe *probe, struct census_maker **ret_maker)
{
	struct census_maker *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->probe = *probe;
	r = process_reader_new(&m->processes);
	if (r < 0) {
		census_maker_free(m);
		return r;
	}
	*ret_maker = m;
	return 0;
}

void census_maker_free(struct census_maker *maker)
{
	if (!maker)
		return;
	process_reader_free(maker->processes);
	census_source_collector_free_looker(maker->looker);
	for (size_t i = 0; i < maker->stuck_count; i++)
		worker_call_forget(maker->calls[i]);
	census_unref(maker->last);
	census_unref(maker->objects);
	free(maker);
}

/* What was known of the shared memory of a process stays until it is looked at again. */
static void census_source_collector_carry_over(const struct census *last, struct census *census)
{
	for (size_t i = 0; last && i < census->process_count; i++) {
		struct census_process *p = &census->processes[i];
		const struct census_process *old = census_find(last, p->pid);

		if (!old || old->start_time != p->start_time)
			continue;
		p->shared_swap = old->shared_swap;
		p->shared_doubt = old->shared_doubt;
		p->shared_clock_ns = old->shared_clock_ns;
	}
}

/* Looks at processes from the cursor on, in the looker's thread. */
static int census_source_collector_look_on(struct looker *l)
{
	int64_t until = clock_ns(CLOCK_THREAD_CPUTIME_ID) + l->budget_ns;
	bool looked = false;
	int r = 0;

	if (!l->cursor)
		shared_round(l->shared);
	for (size_t i = 0; i < l->count && !r; i++) {
		struct census_process *p = &l->processes[i];

		if (p->pid <= l->cursor || p->shared_doubt == CENSUS_STUCK)
			continue;
		/* At least one a call, so that any budget comes round. */
		if (looked && l->budget_ns > 0 && clock_ns(CLOCK_THREAD_CPUTIME_ID) > until)
			return 0;
		looked = true;
		atomic_store(&l->at, p->pid);
		r = shared_look(l->shared, p);
		l->cursor = p->pid;
		/* It has ended meanwhile: what was listed of it was true. */
		if (r == -ESRCH)
			r = 0;
	}
	if (!r)
		r = shared_add_sysv(l->shared);
	l->cursor = 0;
	return r < 0 ? r : 1;
}

static void census_source_collector_run_looker(void *looker)
{
	struct looker *l = looker;

	l->result = census_source_collector_look_on(l);
}

/* Those that answer again are forgotten, and so looked at; the others are left out. */
static void census_source_collector_mark_stuck(struct census_maker *m, struct census *census)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	size_t kept = 0;

	for (size_t i = 0; i < m->stuck_count; i++) {
		const struct census_process *p = census_find(census, m->stuck[i].pid);
		bool there = p && p->start_time == m->stuck[i].start_time;

		if (!there ||
		    (now - m->stuck[i].since_ns > AGAIN_NS && worker_call_ended(m->calls[i]))) {
			worker_call_forget(m->calls[i]);
			if (there)
				census->processes[p - census->processes].shared_doubt =
					CENSUS_PENDING;
			continue;
		}
		census->processes[p - census->processes].shared_doubt = CENSUS_STUCK;
		m->stuck[kept] = m->stuck[i];
		m->calls[kept++] = m->calls[i];
	}
	m->stuck_count = kept;
}

/* The looker is gone with its round: the next one starts anew, without this process. */
static int census_source_collector_add_stuck(struct census_maker *m, struct census *census,
					     struct worker_call *call)
{
	const pid_t pid = worker_call_at(call);
	struct census_stuck *stuck = &m->stuck[m->stuck_count];
	const struct census_process *p = census_find(census, pid);

	if (!p || m->stuck_count == STUCK_MAX) {
		worker_call_forget(call);
		return -ETIMEDOUT;
	}
	*stuck = (struct census_stuck){ .pid = pid, .start_time = p->start_time };
	stuck->since_ns = clock_ns(CLOCK_MONOTONIC) - PATIENCE_NS;
	holder_describe(pid, PATIENCE_NS, stuck->why);
	census->processes[p - census->processes].shared_doubt = CENSUS_STUCK;
	m->calls[m->stuck_count++] = call;
	return 0;
}

/* One call of a looker: 1 when the round is complete, 0, -EAGAIN: it was left behind, or -errno. */
static int census_source_collector_try(struct census_maker *m, struct census *census,
				       int64_t budget_ns)
{
	const size_t size = census->process_count * sizeof(*census->processes);
	struct worker_call *call = NULL;
	struct looker *l = m->looker;
	int r;

	if (!l)
		l = m->looker = census_source_collector_new_looker(&m->probe);
	if (!l)
		return -ENOMEM;
	free(l->processes);
	l->processes = malloc(size + 1);
	if (!l->processes)
		return -ENOMEM;
	memcpy(l->processes, census->processes, size);
	l->count = census->process_count;
	l->budget_ns = budget_ns;
	r = worker_call(census_source_collector_run_looker, census_source_collector_free_looker, l,
			&l->at, PATIENCE_NS, &call);
	if (r == -ETIMEDOUT) {
		m->looker = NULL;
		r = census_source_collector_add_stuck(m, census, call);
		return r < 0 ? r : -EAGAIN;
	}
	if (r < 0)
		return r;
	memcpy(census->processes, l->processes, size);
	return l->result;
}

/* Looks at processes within the budget. 1 when the round is complete. */
static int census_source_collector_look(struct census_maker *m, struct census *census,
					int64_t budget_ns)
{
	int r = -EAGAIN;

	census_source_collector_mark_stuck(m, census);
	if (!budget_ns)
		return 0;
	while (r == -EAGAIN && m->stuck_count < STUCK_MAX)
		r = census_source_collector_try(m, census, budget_ns);
	return r == -EAGAIN || r == -ETIMEDOUT ? 0 : r;
}

static int census_source_collector_copy_objects(const struct census *from, struct census *to)
{
	to->objects = calloc(from->object_count + 1, sizeof(*to->objects));
	to->mappers = calloc(from->mapper_count + 1, sizeof(*to->mappers));
	if (!to->objects || !to->mappers)
		return -ENOMEM;
	for (size_t i = 0; i < from->object_count; i++) {
		to->objects[i] = from->objects[i];
		to->objects[i].name = strdup(from->objects[i].name);
		if (!to->objects[i].name)
			return -ENOMEM;
		to->object_count = i + 1;
	}
	memcpy(to->mappers, from->mappers, from->mapper_count * sizeof(*to->mappers));
	to->mapper_count = from->mapper_count;
	return 0;
}

/* Objects of the last complete round; before there is one, as far as the first has come. */
static int census_source_collector_add_objects(struct census_maker *m, struct census *census,
					       bool complete)
{
	struct census *kept;
	int r;

	if (!complete && m->objects)
		return census_source_collector_copy_objects(m->objects, census);
	if (!m->looker)
		return 0;
	r = shared_export(m->looker->shared, census);
	if (!complete)
		return r;
	kept = r < 0 ? NULL : census_new();
	if (!kept)
		return r < 0 ? r : -ENOMEM;
	r = census_source_collector_copy_objects(census, kept);
	census_unref(m->objects);
	m->objects = kept;
	return r;
}

static int census_source_collector_fill(struct census_maker *m, struct census *census,
					int64_t budget_ns)
{
	int complete;
	int r = swaps_read(&census->areas, &census->area_count);

	census->areas_unknown = r == -ENODATA;
	if (!r || r == -ENODATA)
		r = process_list(m->processes, &census->processes, &census->process_count);
	if (r < 0)
		return r;
	census_source_collector_carry_over(m->last, census);
	census->stuck = calloc(STUCK_MAX, sizeof(*census->stuck));
	if (!census->stuck)
		return -ENOMEM;
	complete = census_source_collector_look(m, census, budget_ns);
	r = complete < 0 ? complete : census_source_collector_add_objects(m, census, complete);
	if (r < 0)
		return r;
	census->totals.swap_cached_known = swaps_cached(&census->totals.swap_cached) == 0;
	census->unlisted = (uint8_t)process_unlisted();
	census->complete = m->objects != NULL;
	memcpy(census->stuck, m->stuck, m->stuck_count * sizeof(*census->stuck));
	census->stuck_count = m->stuck_count;
	census->taken_ns = clock_ns(CLOCK_REALTIME);
	census->clock_ns = clock_ns(CLOCK_MONOTONIC);
	census->sequence = m->sequence++;
	census_seal(census);
	return 0;
}

int census_make(struct census_maker *maker, int64_t budget_ns, struct census **ret_census)
{
	struct census *census = census_new();
	int r = census ? census_source_collector_fill(maker, census, budget_ns) : -ENOMEM;

	if (r < 0) {
		census_unref(census);
		return r;
	}
	census_unref(maker->last);
	maker->last = census_ref(census);
	*ret_census = census;
	return 0;
}
