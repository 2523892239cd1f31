// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/history.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "build.h"

#define SECOND INT64_C(1000000000)

static struct build_mapping m;

static void reset(void)
{
	memset(&m, 0, sizeof(m));
	m.start_page = 512;
	m.pages = 2048;
	m.shared = true;
	m.kind = MAPPING_SHMEM;
	m.inode = 9;
	m.marks_known = MARK_WRITTEN;
}

/* Pushes the pages as they are now, as sample number `number` at that second. */
static void push_after(struct history *h, uint64_t number, const struct sample *before)
{
	struct snapshot *s = build_snapshot(&m, 1, before ? before->snapshot : NULL);
	struct sample *sample;

	s->sequence = number;
	s->taken_ns = (int64_t)number * SECOND;
	assert_int_equal(sample_new(before, s, true, &sample), 0);
	assert_int_equal(history_push(h, sample), 0);
	snapshot_unref(s);
	sample_unref(sample);
}

static void push(struct history *h, uint64_t number)
{
	size_t n = history_count(h);

	push_after(h, number, n ? history_sample(h, n - 1) : NULL);
}

static int64_t since(const struct history *h, size_t index, uint64_t page)
{
	struct track_run run;

	assert_true(track_run(track_mapping(history_sample(h, index)->track, 0), page, &run));
	return run.since_ns / SECOND;
}

static bool remembered(const struct history *h, size_t index, uint64_t page)
{
	struct track_run run;

	assert_true(track_run(track_mapping(history_sample(h, index)->track, 0), page, &run));
	return run.remembered;
}

static void test_since_and_back_in_time(void **state)
{
	struct history *h = history_new(HISTORY_DEFAULT_BYTES);

	reset();
	build_fill(&m, 0, 100, PAGE_SHMEM, 0);
	push(h, 1);
	build_fill(&m, 10, 5, PAGE_SHARED_SWAP, 0);
	push(h, 2);
	push(h, 3);
	build_fill(&m, 12, 1, PAGE_SHMEM, 0);
	push(h, 4);
	assert_int_equal(since(h, 3, 9), 1);
	assert_int_equal(since(h, 3, 10), 2);
	assert_int_equal(since(h, 3, 12), 4);
	assert_int_equal(since(h, 3, 13), 2);
	assert_int_equal(since(h, 3, 15), 1);
	/* The same page as it was seen then. */
	assert_int_equal(since(h, 2, 12), 2);
	assert_int_equal(since(h, 0, 12), 1);
	history_free(h);
}

static void test_written_is_remembered_through_swap(void **state)
{
	struct history *h = history_new(HISTORY_DEFAULT_BYTES);
	struct sample *forgetful;

	reset();
	build_fill(&m, 0, 100, PAGE_SHMEM, 0);
	build_fill(&m, 0, 10, PAGE_SHMEM, MARK_WRITTEN);
	push(h, 1);
	build_fill(&m, 5, 10, PAGE_SHARED_SWAP, 0);
	push(h, 2);
	assert_false(remembered(h, 1, 4)); /* the kernel still says it */
	assert_true(remembered(h, 1, 5));
	assert_true(remembered(h, 1, 9));
	assert_false(remembered(h, 1, 10)); /* was not marked */
	build_fill(&m, 5, 1, PAGE_SHMEM, 0); /* back in RAM, by reading */
	build_fill(&m, 6, 1, PAGE_SHMEM, MARK_WRITTEN);
	build_fill(&m, 7, 1, PAGE_NONE, 0); /* punched out */
	push(h, 3);
	assert_true(remembered(h, 2, 5));
	assert_false(remembered(h, 2, 6));
	assert_false(remembered(h, 2, 7));
	assert_true(remembered(h, 2, 8));
	/* pmtop clears the marks: who takes the samples forgets them, and gives the next its track. */
	forgetful = sample_without_memory(history_sample(h, 2));
	assert_non_null(forgetful);
	push_after(h, 4, forgetful);
	assert_true(remembered(h, 2, 8)); /* as it was then */
	assert_false(remembered(h, 3, 8));
	assert_int_equal(since(h, 3, 8), 2);
	sample_unref(forgetful);
	history_free(h);
}

static void test_marks_cleared_by_somebody(void **state)
{
	struct history *h = history_new(HISTORY_DEFAULT_BYTES);

	reset();
	build_fill(&m, 0, 20, PAGE_SHMEM, MARK_WRITTEN);
	build_fill(&m, 100, 20, PAGE_ANON, MARK_WRITTEN);
	push(h, 1);
	build_fill(&m, 0, 20, PAGE_SHARED_SWAP, 0);
	push(h, 2);
	assert_true(remembered(h, 1, 3));
	build_fill(&m, 110, 1, PAGE_ANON, 0);
	push(h, 3);
	assert_false(remembered(h, 2, 3));
	history_free(h);
}

static void test_find_and_reach(void **state)
{
	struct history *h = history_new(HISTORY_DEFAULT_BYTES);
	size_t i = 77;

	reset();
	assert_int_equal(history_find(h, 3, &i), -ENOENT);
	assert_int_equal(history_find_time(h, 3, &i), -ENOENT);
	assert_int_equal(i, 77);
	assert_int_equal(history_reach(h), 0);
	for (uint64_t n = 10; n < 50; n += 2)
		push(h, n);
	assert_int_equal(history_reach(h), 10 * SECOND);
	assert_int_equal(history_find(h, 20, &i), 0);
	assert_int_equal(history_snapshot(h, i)->sequence, 20);
	assert_int_equal(history_find(h, 21, &i), 0);
	assert_int_equal(history_snapshot(h, i)->sequence, 20);
	assert_int_equal(history_find(h, 3, &i), 0);
	assert_int_equal(history_snapshot(h, i)->sequence, 10);
	assert_int_equal(history_find_time(h, 1000 * SECOND, &i), 0);
	assert_int_equal(history_snapshot(h, i)->sequence, 48);
	assert_int_equal(history_find_time(h, 13 * SECOND, &i), 0);
	assert_int_equal(history_snapshot(h, i)->sequence, 12);
	history_clear(h);
	assert_int_equal(history_count(h), 0);
	history_free(h);
}

/* What the bound counts is what is held: the sum over the entries, the oldest for itself. */
static uint64_t by_hand(const struct history *h)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < history_count(h); i++) {
		const struct sample *s = history_sample(h, i);
		const struct sample *before = i ? history_sample(h, i - 1) : NULL;

		bytes += sizeof(*s) +
			 snapshot_memory(s->snapshot, before ? before->snapshot : NULL) +
			 track_memory(s->track, before ? before->track : NULL) +
			 (s->changes ? change_list_memory(s->changes) : 0);
	}
	return bytes;
}

static void test_bound_holds(void **state)
{
	const uint64_t limit = 300 << 10;
	struct history *h = history_new(limit);
	uint64_t seed = 4711, rest;

	/* One block of four changes: what goes hands the others on. */
	reset();
	for (uint64_t k = 0; k < m.pages; k++)
		m.state[k] = (uint8_t)build_below(&seed, PAGE_STATES);
	for (uint64_t n = 1; n <= 700; n++) {
		for (int k = 0; k < 40; k++)
			m.state[build_below(&seed, 512)] = (uint8_t)build_below(&seed, PAGE_STATES);
		push(h, n);
		assert_true(history_memory(h) <= limit);
		assert_int_equal(history_snapshot(h, history_count(h) - 1)->sequence, n);
	}
	assert_true(history_has_dropped(h));
	assert_in_range(history_count(h), 5, 300);
	rest = history_memory(h) - by_hand(h);
	assert_true(rest < 64 * history_count(h)); /* the ring itself */
	history_free(h);
}

/* A skipped sample repeats the one before it, which is not always the one that was shown before. */
static void test_skipped_after_a_jump(void **state)
{
	struct snapshot *first, *last;
	struct sample *a, *b;

	reset();
	build_fill(&m, 0, 4, PAGE_SHMEM, MARK_WRITTEN);
	first = build_snapshot(&m, 1, NULL);
	build_fill(&m, 0, 4, PAGE_SHARED_SWAP, 0);
	last = build_snapshot(&m, 1, first);
	last->sequence = first->sequence + 5;
	last->skipped = true;
	assert_int_equal(sample_new(NULL, first, true, &a), 0);
	assert_int_equal(sample_new(a, last, true, &b), 0);
	assert_non_null(b->changes);
	assert_true(track_remembers(track_mapping(b->track, 0)));
	sample_unref(a);
	sample_unref(b);
	snapshot_unref(first);
	snapshot_unref(last);
}

/* A quiet process costs next to nothing a sample, so that the bound reaches far back. */
static void test_quiet_is_cheap(void **state)
{
	struct history *h = history_new(HISTORY_DEFAULT_BYTES);
	uint64_t seed = 4711, first;

	reset();
	for (uint64_t k = 0; k < m.pages; k++)
		m.state[k] = (uint8_t)build_below(&seed, PAGE_STATES);
	push(h, 1);
	first = history_memory(h);
	for (uint64_t n = 2; n <= 101; n++)
		push(h, n);
	assert_true(history_memory(h) - first < UINT64_C(100) * 600);
	history_free(h);
}

static void test_newest_stays_whatever_it_costs(void **state)
{
	struct history *h = history_new(1);

	reset();
	push(h, 1);
	push(h, 2);
	assert_int_equal(history_count(h), 1);
	assert_int_equal(history_snapshot(h, 0)->sequence, 2);
	history_free(h);
}

static void test_page_events(void **state)
{
	struct history *h = history_new(HISTORY_DEFAULT_BYTES);
	uint64_t address = (512 + 64) << 12;
	struct page_event e[4];

	reset();
	push(h, 1);
	m.state[64] = PAGE_SHMEM;
	push(h, 2);
	m.state[65] = PAGE_SHMEM;
	push(h, 3);
	m.state[64] = PAGE_SHARED_SWAP;
	push(h, 4);
	m.start_page += 100;
	push(h, 5);
	assert_int_equal(history_page(h, 4, address, e, 4), 3);
	assert_false(e[0].after_mapped);
	assert_int_equal(e[0].taken_ns, 5 * SECOND);
	assert_int_equal(e[1].taken_ns, 4 * SECOND);
	assert_int_equal(e[1].before, PAGE_SHMEM);
	assert_int_equal(e[1].after, PAGE_SHARED_SWAP);
	assert_int_equal(e[2].taken_ns, 2 * SECOND);
	assert_int_equal(e[2].before, PAGE_NONE);
	assert_int_equal(history_page(h, 4, address, e, 1), 1);
	assert_int_equal(history_page(h, 2, address, e, 4), 1);
	assert_int_equal(history_page(h, 9, address, e, 4), 0);
	history_free(h);
}

/* A mapping that grows and one that moves keep what is known of their pages. */
static void test_growing_keeps_the_track(void **state)
{
	struct history *h = history_new(HISTORY_DEFAULT_BYTES);

	reset();
	build_fill(&m, 0, 2048, PAGE_SHMEM, 0);
	push(h, 1);
	push(h, 2);
	build_fill(&m, 2048, 100, PAGE_SHMEM, 0);
	m.pages += 100;
	push(h, 3);
	assert_int_equal(since(h, 2, 2047), 1);
	assert_int_equal(since(h, 2, 2048), 3);
	m.start_page += 5000;
	push(h, 4);
	assert_int_equal(since(h, 3, 2047), 1);
	assert_int_equal(since(h, 3, 2100), 3);
	history_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_since_and_back_in_time),
		cmocka_unit_test(test_written_is_remembered_through_swap),
		cmocka_unit_test(test_marks_cleared_by_somebody),
		cmocka_unit_test(test_find_and_reach),
		cmocka_unit_test(test_bound_holds),
		cmocka_unit_test(test_quiet_is_cheap),
		cmocka_unit_test(test_skipped_after_a_jump),
		cmocka_unit_test(test_newest_stays_whatever_it_costs),
		cmocka_unit_test(test_page_events),
		cmocka_unit_test(test_growing_keeps_the_track),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
