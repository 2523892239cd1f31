// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "log/reader.h"
#include "log/writer.h"
#include "report/report.h"
#include "tests/unit/log_folder.h"
#include "tests/unit/log_world.h"
#include "log_append.h"

#define SAMPLES 60

static char *dump(const struct snapshot *snapshot)
{
	const struct report_options options = { .pages = true };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(report_json(out, snapshot, &options), 0);
	fclose(out);
	return text;
}

static void assert_same_json(const struct snapshot *a, const struct snapshot *b)
{
	char *x = dump(a), *y = dump(b);

	for (size_t i = 0; x[i] || y[i]; i++)
		if (x[i] != y[i])
			fail_msg("sample %d, byte %d: \"%.160s\", recorded \"%.160s\"",
				 (int)b->sequence, (int)i, x + (i > 60 ? i - 60 : 0),
				 y + (i > 60 ? i - 60 : 0));
	free(x);
	free(y);
}

static void assert_same(const struct snapshot *a, const struct snapshot *b)
{
	assert_int_equal(a->pid, b->pid);
	assert_string_equal(a->comm, b->comm);
	assert_int_equal(a->taken_ns, b->taken_ns);
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->sequence, b->sequence);
	assert_int_equal(a->start_time, b->start_time);
	assert_int_equal(a->clock_ns, b->clock_ns);
	assert_memory_equal(&a->known, &b->known, sizeof(a->known));
	for (size_t i = 0; i < a->count; i++) {
		assert_true(mapping_equal(a->mappings[i].mapping, b->mappings[i].mapping));
		assert_true(pages_equal(a->mappings[i].pages, b->mappings[i].pages));
	}
}

static struct log_writer *create(void)
{
	const struct log_fact facts[] = { { "kernel", "6.18" }, { "needs", "0.1.0" } };
	const struct log_writer_options options = {
		.path = path, .replace = true, .facts = facts, .fact_count = 2
	};
	struct log_writer *writer = NULL;
	struct error error = { 0 };

	if (log_writer_open(&options, &writer, &error))
		fail_msg("%s", error.text);
	return writer;
}

static void load_same(struct log_reader *reader, uint64_t sample, const struct snapshot *want,
		      bool json)
{
	struct error error = { 0 };
	struct snapshot *s = NULL;

	if (log_reader_load(reader, sample, &s, &error))
		fail_msg("sample %d: %s", (int)sample, error.text);
	assert_same(s, want);
	if (json)
		assert_same_json(s, want);
	snapshot_unref(s);
}

/* What a series must tell, sample by sample. */
struct series_check {
	struct snapshot **all;
	struct log_series_range range;
	uint64_t covered; /* mappings of samples that a series told of */
};

static const struct snapshot_mapping *find_labels(const struct snapshot *s, const struct mapping *m)
{
	size_t i = snapshot_find(s, m->start);
	const struct mapping *found = i < s->count ? s->mappings[i].mapping : NULL;

	if (!found || found->start != m->start || strcmp(found->perms, m->perms) ||
	    found->kind != m->kind || strcmp(found->name, m->name))
		return NULL;
	return &s->mappings[i];
}

/* A point holds until the next one: at each sample that is what the snapshot says. */
static int check_series(void *context, const struct log_series *series)
{
	static const struct page_counts nothing;
	struct series_check *check = context;
	size_t at = 0;

	assert_true(series->count > 0);
	for (uint64_t i = check->range.first; i <= check->range.last; i++) {
		const struct snapshot *s = check->all[i];
		const struct snapshot_mapping *m = find_labels(s, series->mapping);
		const struct page_counts *counts = m ? pages_counts(m->pages) : &nothing;

		while (at + 1 < series->count && series->points[at + 1].taken_ns <= s->taken_ns)
			at++;
		if (m)
			check->covered++;
		if (series->points[at].taken_ns > s->taken_ns)
			assert_null(m);
		else
			assert_memory_equal(series->points[at].state, counts->state,
					    sizeof(counts->state));
	}
	return 0;
}

static void check_all_series(struct log_reader *reader, struct snapshot **all, uint64_t *seed)
{
	struct series_check check = { .all = all };
	struct error error = { 0 };
	uint64_t want = 0;

	check.range.first = build_below(seed, SAMPLES);
	check.range.last = check.range.first + build_below(seed, SAMPLES - check.range.first);
	check.range.repeat_ns = (int64_t)build_below(seed, INT64_C(3000000000));
	for (uint64_t i = check.range.first; i <= check.range.last; i++)
		want += all[i]->count;
	if (log_reader_series(reader, &check.range, check_series, &check, &error))
		fail_msg("%s", error.text);
	assert_int_equal(check.covered, want);
}

/* Writes a world and reads every sample: in order, backward, and at random. */
static void round_trip(uint64_t seed)
{
	struct world *w = world_new(seed);
	struct snapshot *all[SAMPLES];
	struct log_writer *writer = create();
	struct log_reader *reader;
	struct error error = { 0 };
	uint64_t random = seed + 5;

	for (int i = 0; i < SAMPLES; i++) {
		for (uint64_t n = build_below(&w->seed, 4); n; n--)
			world_turn(w);
		all[i] = world_snapshot(w);
		if (append_snapshot(writer, all[i], NULL, NULL, &error))
			fail_msg("seed %d sample %d: %s", (int)seed, i, error.text);
	}
	assert_int_equal(log_writer_close(writer, &error), 0);
	if (log_reader_open(path, &reader, &error))
		fail_msg("%s", error.text);
	assert_int_equal(log_reader_info(reader)->samples, SAMPLES);
	for (int i = 0; i < SAMPLES; i++)
		load_same(reader, (uint64_t)i, all[i], true);
	for (int i = SAMPLES - 1; i >= 0; i--)
		load_same(reader, (uint64_t)i, all[i], false);
	for (int i = 0; i < SAMPLES; i++) {
		uint64_t sample = build_below(&random, SAMPLES);

		load_same(reader, sample, all[sample], false);
	}
	for (int i = 0; i < 20; i++)
		check_all_series(reader, all, &random);
	log_reader_free(reader);
	for (int i = 0; i < SAMPLES; i++)
		snapshot_unref(all[i]);
	world_free(w);
}

static void test_round_trip(void **state)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		round_trip(seed);
}

/* Raw facts of a page, made up from its number and the sample in which they were read. */
static void make_facts(struct page_detail *d, size_t i, uint64_t page, uint64_t sample)
{
	uint64_t random = page * 31 + sample * 7919 + 1;

	d->words[i] = build_random(&random) & ~(UINT64_C(3) << 59);
	if (page % 4)
		d->words[i] = UINT64_C(1) << 63 | (page + sample); /* frames in a row */
	d->flags[i] = build_below(&random, 6) << 12;
	d->map_counts[i] = build_below(&random, 3);
	d->rules[i] = (uint8_t)build_below(&random, 4);
	d->nodes[i] = (int8_t)(build_below(&random, 3) - 1);
	d->orders[i] = (uint8_t)build_below(&random, 10);
	d->groups[i] = build_below(&random, 2) ? 1 : PAGE_NO_GROUP;
}

static void complete_detail(struct page_detail *d)
{
	d->words_known = d->flags_known = d->counts_known = true;
	d->group_table[1].inode = 77;
	strcpy(d->group_table[1].name, "/some/group");
	d->swap_paths[0] = strdup("/dev/swap of a test");
}

#define SPAN_FIRST UINT64_C(0x7f0000000)
#define SPAN	   (WORLD_MAPPINGS * (WORLD_GAP + 40) + 4096)
#define NO_SAMPLE  0xff

/* What a page is in a snapshot, as one number; 0: not mapped. */
static uint64_t content(const struct snapshot *s, uint64_t page)
{
	size_t i = snapshot_find(s, page << 12);
	const struct snapshot_mapping *m = &s->mappings[i];
	uint64_t index, offset = 0;
	uint32_t type = 0;

	if (i == s->count || m->mapping->start >> 12 > page)
		return 0;
	index = page - (m->mapping->start >> 12);
	if (pages_slot(m->pages, index, &type, &offset))
		offset = offset << 8 | type << 1 | 1;
	return 1 | pages_state(m->pages, index) << 1 | (uint64_t)pages_marks(m->pages, index) << 8 |
	       offset << 24;
}

/* Of the changed pages some, as if the rest were too many. Keeps the books in known[]. */
static struct page_detail *some_changes(const struct snapshot *before, const struct snapshot *now,
					uint64_t *seed, uint8_t *known)
{
	struct page_detail *d = page_detail_new(0, SPAN);
	size_t n = 0;

	d->pages = calloc(SPAN, sizeof(*d->pages));
	for (uint64_t p = 0; p < SPAN; p++) {
		uint64_t page = SPAN_FIRST + p, is = content(now, page);

		if (before && content(before, page) == is)
			continue;
		known[p] = NO_SAMPLE;
		if (!is || build_below(seed, 3))
			continue;
		d->pages[n] = page;
		make_facts(d, n++, page, now->sequence);
		known[p] = (uint8_t)now->sequence;
	}
	d->count = n;
	complete_detail(d);
	return d;
}

/* And of the pages on the screen: always all. */
static struct page_detail *make_focus(const struct snapshot *s, uint64_t *seed, uint8_t *known)
{
	/* Mostly the same one, so that a block gets many rows. */
	size_t which = build_below(seed, 4) ? 0 : build_below(seed, s->count);
	const struct mapping *m = s->mappings[which].mapping;
	uint64_t most = mapping_pages(m) < 600 ? mapping_pages(m) : 600;
	uint64_t first = (m->start >> 12) + build_below(seed, most);
	size_t count = 1 + build_below(seed, (m->start >> 12) + most - first);
	struct page_detail *d;

	if (!build_below(seed, 4))
		return NULL;
	d = page_detail_new(first << 12, count);
	for (size_t i = 0; i < count; i++) {
		uint64_t page = first + i;

		known[page - SPAN_FIRST] = (uint8_t)s->sequence;
		make_facts(d, i, page, s->sequence);
	}
	complete_detail(d);
	return d;
}

static void assert_facts(struct log_reader *reader, uint64_t sample, uint64_t first, size_t count,
			 const uint8_t *known)
{
	struct page_detail *want = page_detail_new(0, 1), *got = NULL;
	struct error error = { 0 };
	int code = log_reader_detail(reader, sample, first << 12, count, &got, &error);
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		uint8_t as_of = known[first + i - SPAN_FIRST];
		size_t at;

		if (as_of == NO_SAMPLE) {
			assert_false(page_detail_find(got, (first + i) << 12, &at));
			continue;
		}
		any = true;
		if (!page_detail_find(got, (first + i) << 12, &at))
			fail_msg("sample %d page %d: facts of %d are lost: %d %s", (int)sample,
				 (int)(first + i - SPAN_FIRST), as_of, code, error.text);
		make_facts(want, 0, first + i, as_of);
		assert_int_equal(got->words[at], want->words[0]);
		assert_int_equal(got->flags[at], want->flags[0]);
		assert_int_equal(got->map_counts[at], want->map_counts[0]);
		assert_int_equal(got->rules[at], want->rules[0]);
		assert_int_equal(got->nodes[at], want->nodes[0]);
		assert_int_equal(got->orders[at], want->orders[0]);
		assert_int_equal(got->groups[at] == PAGE_NO_GROUP,
				 want->groups[0] == PAGE_NO_GROUP);
		if (got->groups[at] != PAGE_NO_GROUP)
			assert_string_equal(got->group_table[got->groups[at]].name, "/some/group");
	}
	assert_int_equal(code, any ? 0 : -ENOENT);
	if (any)
		assert_string_equal(got->swap_paths[0], "/dev/swap of a test");
	if (got)
		page_detail_unref(got);
	page_detail_unref(want);
}

/* Each page has the facts that were read when it changed last, or none: never older ones. */
static void test_raw_data_of_changed_pages(void **state)
{
	enum { MANY = 150 };
	static uint8_t known[MANY][SPAN];
	struct world *w = world_new(23);
	struct log_writer *writer = create();
	struct snapshot *before = NULL;
	struct log_reader *reader;
	struct error error = { 0 };
	uint64_t seed = 5;

	memset(known, NO_SAMPLE, sizeof(known));
	for (int i = 0; i < MANY; i++) {
		struct page_detail *changed, *focus;
		struct snapshot *s;

		for (uint64_t n = build_below(&w->seed, 4); n; n--)
			world_turn(w);
		s = world_snapshot(w);
		if (i)
			memcpy(known[i], known[i - 1], SPAN);
		changed = some_changes(before, s, &seed, known[i]);
		changed->left_out = (uint64_t)i % 3;
		focus = make_focus(s, &seed, known[i]);
		if (append_snapshot(writer, s, focus, changed, &error))
			fail_msg("%s", error.text);
		page_detail_unref(changed);
		page_detail_unref(focus);
		if (before)
			snapshot_unref(before);
		before = s;
	}
	snapshot_unref(before);
	assert_int_equal(log_writer_close(writer, &error), 0);
	assert_int_equal(log_reader_open(path, &reader, &error), 0);
	for (uint64_t n = 0; n < MANY; n++)
		assert_facts(reader, n, SPAN_FIRST, WORLD_GAP, known[n]);
	for (int n = 0; n < 200; n++) {
		uint64_t sample = build_below(&seed, MANY), first = build_below(&seed, SPAN - 3000);

		assert_facts(reader, sample, SPAN_FIRST + first, 1 + build_below(&seed, 3000),
			     known[sample]);
	}
	log_reader_free(reader);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		log_unit_test(test_round_trip),
		log_unit_test(test_raw_data_of_changed_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
