// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/clock.h"
#include "sample/live_internal.h"

void live_tell(struct live *l)
{
	uint64_t one = 1;

	/* The counter cannot overflow in any lifetime; a full one is readable as well. */
	(void)!write(l->event, &one, sizeof(one));
}

void live_publish(struct live *l, struct snapshot *snapshot)
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
	live_tell(l);
}

void live_say(struct live *l, const char *message)
{
	pthread_mutex_lock(&l->lock);
	snprintf(l->status.message, sizeof(l->status.message), "%s", message);
	l->status.message_serial++;
	pthread_mutex_unlock(&l->lock);
	live_tell(l);
}

void live_note(void *live, enum event_kind kind, const char *text)
{
	struct source_event event = { .kind = kind, .taken_ns = clock_ns(CLOCK_REALTIME) };
	struct live *l = live;

	snprintf(event.text, sizeof(event.text), "%s", text);
	pthread_mutex_lock(&l->lock);
	if (l->event_count == PENDING_EVENTS) {
		l->event_count--;
		memmove(l->events, l->events + 1, l->event_count * sizeof(*l->events));
	}
	l->events[l->event_count++] = event;
	if (l->observer && l->observer->event)
		l->observer->event(l->observer_context, kind, event.taken_ns, event.text);
	pthread_mutex_unlock(&l->lock);
	live_tell(l);
}
