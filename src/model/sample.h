/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SAMPLE_H
#define PMTOP_SAMPLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "model/change.h"
#include "model/snapshot.h"
#include "model/track.h"
#include "model/verify.h"

/*
 * What a source hands out: a snapshot, and what is known of it by comparison with the sample before
 * it or by asking further. Whoever makes one fills it in; from then on nobody writes it, and any
 * thread that holds a reference may read it.
 */
struct sample {
	atomic_uint refs;
	struct snapshot *snapshot;
	struct change_list *changes; /* NULL: the first one, or nothing changed */
	struct track *track; /* ages and remembered marks; NULL: nobody keeps them */
	struct verified *verified; /* NULL: smaps was not asked */
	/* Raw data of the kernel about pages; NULL where none was asked for. */
	struct page_detail *focus; /* of the pages on screen */
	struct page_detail *changed; /* of pages that changed, for a recorder */
};

/*
 * The sample of a snapshot (takes a reference of its own) that follows `before`; NULL: the first
 * one. Compares the two, and goes on with the track and with what is still verified. A track begins
 * with a first sample where `track` asks for it. -ENOMEM.
 */
int sample_new(const struct sample *before, struct snapshot *snapshot, bool track,
	       struct sample **ret_sample);

/* The same sample with the raw data of other pages, which it takes over. NULL: out of memory. */
struct sample *sample_with_focus(const struct sample *sample, struct page_detail *focus);

/* The same with nothing remembered as written: pmtop cleared the marks. NULL: out of memory. */
struct sample *sample_without_memory(const struct sample *sample);

struct sample *sample_ref(struct sample *sample);
void sample_unref(struct sample *sample); /* NULL is fine */

/* Bytes that it holds beyond what it shares with `after` (may be NULL). */
size_t sample_memory(const struct sample *sample, const struct sample *after);

#endif
