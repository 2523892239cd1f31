// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/sample.h"

#include <errno.h>
#include <stdlib.h>

struct sample *sample_ref(struct sample *sample)
{
	atomic_fetch_add_explicit(&sample->refs, 1, memory_order_relaxed);
	return sample;
}

void sample_unref(struct sample *sample)
{
	if (!sample || atomic_fetch_sub_explicit(&sample->refs, 1, memory_order_acq_rel) != 1)
		return;
	snapshot_unref(sample->snapshot);
	change_list_unref(sample->changes);
	track_unref(sample->track);
	verified_unref(sample->verified);
	page_detail_unref(sample->focus);
	page_detail_unref(sample->changed);
	free(sample);
}

static struct sample *sample_of(struct snapshot *snapshot)
{
	struct sample *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	atomic_init(&s->refs, 1);
	s->snapshot = snapshot_ref(snapshot);
	return s;
}

static bool sample_is_unchanged(const struct change_list *changes)
{
	return !changes->run_count && changes->fates[FATE_KEPT] == changes->row_count;
}

/* Skipped is what can only repeat the one before it; a replay may have left that one out. */
static bool sample_repeats(const struct sample *s, const struct sample *before)
{
	return s->snapshot->skipped && s->snapshot->sequence == before->snapshot->sequence + 1;
}

/* What follows from the sample before; -ENOMEM. A list of no change is not kept. */
static int sample_follow(struct sample *s, const struct sample *before)
{
	int error = 0;

	if (!sample_repeats(s, before))
		error = change_list_new(before->snapshot, s->snapshot, &s->changes);
	if (error)
		return error;
	if (s->changes && before->verified)
		s->verified = verified_inherit(before->verified, s->changes);
	else if (before->verified)
		s->verified = verified_ref(before->verified);
	if (s->changes && sample_is_unchanged(s->changes)) {
		change_list_unref(s->changes);
		s->changes = NULL;
	}
	if (!before->track)
		return 0;
	if (s->changes)
		return track_next(before->track, s->changes, &s->track);
	s->track = track_ref(before->track);
	return 0;
}

int sample_new(const struct sample *before, struct snapshot *snapshot, bool track,
	       struct sample **ret_sample)
{
	struct sample *s = sample_of(snapshot);
	int error = 0;

	if (!s)
		return -ENOMEM;
	if (before)
		error = sample_follow(s, before);
	if (!error && track && !s->track) {
		s->track = track_first(snapshot);
		error = s->track ? 0 : -ENOMEM;
	}
	if (error)
		sample_unref(s);
	else
		*ret_sample = s;
	return error;
}

/* Another sample with the same content, but for the raw data. */
static struct sample *sample_copy(const struct sample *sample)
{
	struct sample *s = sample_of(sample->snapshot);

	if (!s)
		return NULL;
	if (sample->changes)
		s->changes = change_list_ref(sample->changes);
	if (sample->track)
		s->track = track_ref(sample->track);
	if (sample->verified)
		s->verified = verified_ref(sample->verified);
	return s;
}

struct sample *sample_with_focus(const struct sample *sample, struct page_detail *focus)
{
	struct sample *s = sample_copy(sample);

	if (s)
		s->focus = focus;
	return s;
}

struct sample *sample_without_memory(const struct sample *sample)
{
	struct sample *s = sample_copy(sample);
	struct track *forgetful;

	if (!s || !s->track)
		return s;
	if (track_forget(s->track, &forgetful) < 0) {
		sample_unref(s);
		return NULL;
	}
	track_unref(s->track);
	s->track = forgetful;
	return s;
}

size_t sample_memory(const struct sample *sample, const struct sample *after)
{
	size_t bytes =
		sizeof(*sample) + snapshot_memory(sample->snapshot, after ? after->snapshot : NULL);

	if (sample->track)
		bytes += track_memory(sample->track, after ? after->track : NULL);
	return bytes + (sample->changes ? change_list_memory(sample->changes) : 0);
}
