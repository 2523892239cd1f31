/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TESTS_LOG_APPEND_H
#define PMTOP_TESTS_LOG_APPEND_H

#include <stdlib.h>

#include "log/recorder.h"
#include "log/writer.h"

/* Snapshots that tests made by hand, as the samples that the log takes. */

static inline struct sample *log_sample(struct snapshot *snapshot, struct page_detail *focus,
					struct page_detail *changed)
{
	struct sample *sample;

	if (sample_new(NULL, snapshot, false, &sample))
		abort();
	sample->focus = focus ? page_detail_ref(focus) : NULL;
	sample->changed = changed ? page_detail_ref(changed) : NULL;
	return sample;
}

static inline int append_snapshot(struct log_writer *writer, struct snapshot *snapshot,
				  struct page_detail *focus, struct page_detail *changed,
				  struct error *error)
{
	struct sample *sample = log_sample(snapshot, focus, changed);
	int code = log_writer_append(writer, sample, error);

	sample_unref(sample);
	return code;
}

static inline void observe_snapshot(struct recorder *recorder, struct snapshot *snapshot)
{
	struct sample *sample = log_sample(snapshot, NULL, NULL);

	recorder_observe(recorder, sample);
	sample_unref(sample);
}

#endif
