/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TESTS_WALK_LOG_H
#define PMTOP_TESTS_WALK_LOG_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/reader.h"
#include "report/report.h"

/* Does with a log all that pmtop does with one; whatever it holds, that must come to an end. */

#define WALK_SAMPLES 40

static inline int walk_event(void *context, const struct log_event *event)
{
	const struct log_info *info = context;

	if (event->kind >= EVENT_KINDS || event->sample >= info->samples || event->taken_ns < 0)
		abort();
	return 0;
}

static inline int walk_counts(void *context, const struct log_counts *counts)
{
	unsigned int *left = context;

	(void)counts;
	return !(*left)--;
}

static inline void walk_fact(void *context, const char *key, const char *value)
{
	*(size_t *)context += strlen(key) + strlen(value);
}

static inline void walk_sample(struct log_reader *reader, uint64_t sample, FILE *out)
{
	const struct report_options options = { .pages = true };
	struct page_detail *detail;
	struct snapshot *s;
	uint64_t found;

	if (log_reader_load(reader, sample, &s, NULL))
		return;
	if (report_json(out, s, &options))
		abort();
	for (size_t i = 0; i < s->count; i++) {
		if (i > 3)
			break;
		if (!log_reader_detail(reader, sample, s->mappings[i].mapping->start, 600, &detail,
				       NULL))
			page_detail_unref(detail);
		log_reader_change(reader, sample, i % 2 ? 1 : -1, s->mappings[i].mapping->start,
				  4096 << i, &found, NULL);
	}
	snapshot_unref(s);
}

/* Returns how many samples could be loaded, or the error of opening. */
static inline int walk_series(void *context, const struct log_series *series)
{
	size_t *bytes = context;

	*bytes += series->mapping->name_length + series->count;
	return 0;
}

static inline int walk_log(const void *bytes, size_t size, struct error *error)
{
	const struct log_series_range range = { 0, UINT64_MAX, 1000000000 };
	unsigned int left = 100;
	const struct log_info *info;
	struct log_reader *reader;
	struct log_event event;
	uint64_t samples, sample;
	size_t text = 0;
	FILE *out;
	int code = log_reader_open_bytes(bytes, size, &reader, error), loaded = 0;

	if (code)
		return code;
	out = fopen("/dev/null", "w");
	info = log_reader_info(reader);
	samples = info->samples;
	if (samples > WALK_SAMPLES)
		samples = WALK_SAMPLES;
	for (sample = 0; sample < samples; sample++)
		walk_sample(reader, sample, out);
	for (sample = samples; sample--;) {
		struct snapshot *s;

		if (!log_reader_load(reader, sample, &s, error)) {
			loaded++;
			snapshot_unref(s);
		}
	}
	walk_sample(reader, info->samples - 1, out);
	log_reader_events(reader, walk_event, (void *)info, error);
	if (!log_reader_event(reader, 0, 1, &event, error))
		walk_event((void *)info, &event);
	if (!log_reader_bookmark(reader, "x", &sample, error) && sample >= info->samples)
		abort();
	log_reader_at(reader, 1000000000, &sample, error);
	log_reader_totals(reader, 0, UINT64_MAX, walk_counts, &left, error);
	log_reader_series(reader, &range, walk_series, &text, error);
	log_reader_facts(reader, walk_fact, &text);
	log_reader_free(reader);
	fclose(out);
	return loaded;
}

#endif
