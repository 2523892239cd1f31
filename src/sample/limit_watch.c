// SPDX-License-Identifier: GPL-2.0-or-later
#include "sample/limit_watch.h"

#include <errno.h>
#include <stdio.h>

/*
 * A reclaim under pressure hits the limit hundreds of times a second: that is said when it begins,
 * then now and again, and what is left once it is quiet.
 */
#define QUIET_NS INT64_C(1000000000)
#define AGAIN_NS INT64_C(10000000000)

void limit_watch_begin(struct limit_watch *watch, const struct target *target, bool new_cgroup)
{
	struct memcg_events first = { -ENOENT, -ENOENT };
	struct memcg *memcg = memcg_new();

	if (memcg && memcg_watch(memcg, target) == 0)
		first = memcg_events(memcg);
	if (first.limit_hits >= 0 && new_cgroup)
		first = (struct memcg_events){ 0, 0 };
	*watch = (struct limit_watch){ .memcg = memcg,
				       .first = first,
				       .seen = first,
				       .hit_ns = -QUIET_NS,
				       .hits_noted = first.limit_hits };
}

static void limit_watch_take_hits(struct limit_watch *w, int64_t hits, int64_t now,
				  limit_watch_note *note, void *context)
{
	bool more = hits > w->seen.limit_hits, quiet = now - w->hit_ns > QUIET_NS;
	char text[EVENT_TEXT_MAX];

	if (more)
		w->hit_ns = now;
	if (hits <= w->hits_noted || (!quiet && (!more || now - w->noted_ns < AGAIN_NS)))
		return;
	snprintf(text, sizeof(text), "the memory limit was hit %lld times%s",
		 (long long)(hits - w->hits_noted), more && quiet ? "" : " more");
	note(context, EVENT_LIMIT, text);
	w->noted_ns = now;
	w->hits_noted = hits;
}

void limit_watch_take(struct limit_watch *watch, struct memcg_events now, int64_t now_ns,
		      limit_watch_note *note, void *context)
{
	char text[EVENT_TEXT_MAX];

	if (watch->seen.limit_hits >= 0)
		limit_watch_take_hits(watch, now.limit_hits, now_ns, note, context);
	if (watch->seen.oom_kills >= 0 && now.oom_kills > watch->seen.oom_kills) {
		snprintf(text, sizeof(text), "the OOM killer killed %lld of its cgroup",
			 (long long)(now.oom_kills - watch->seen.oom_kills));
		note(context, EVENT_OOM, text);
	}
	watch->seen = now;
}

void limit_watch_look(struct limit_watch *watch, int64_t now_ns, limit_watch_note *note,
		      void *context)
{
	if (watch->memcg)
		limit_watch_take(watch, memcg_events(watch->memcg), now_ns, note, context);
}

bool limit_watch_saw_oom(const struct limit_watch *watch)
{
	return watch->first.oom_kills >= 0 && watch->seen.oom_kills > watch->first.oom_kills;
}

void limit_watch_end(struct limit_watch *watch)
{
	if (watch->memcg)
		memcg_free(watch->memcg);
	watch->memcg = NULL;
}
