// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "build.h"

static void test_words(void **state)
{
	const uint16_t w = MARK_WRITTEN;
	static const struct {
		uint8_t before, after;
		bool written_before, written_after;
		enum page_change change;
	} rows[] = {
		{ PAGE_NONE, PAGE_NONE, 0, 0, CHANGE_SAME },
		{ PAGE_NONE, PAGE_ANON, 0, 1, CHANGE_APPEARED },
		{ PAGE_NONE, PAGE_SHARED_SWAP, 0, 0, CHANGE_APPEARED },
		{ PAGE_NONE, PAGE_CACHED, 0, 0, CHANGE_APPEARED },
		{ PAGE_CACHED, PAGE_FILE, 0, 0, CHANGE_APPEARED },
		{ PAGE_NONE, PAGE_GUARD, 0, 0, CHANGE_APPEARED },
		{ PAGE_ANON, PAGE_NONE, 1, 0, CHANGE_GONE },
		{ PAGE_SWAP, PAGE_NONE, 0, 0, CHANGE_GONE },
		{ PAGE_FILE, PAGE_CACHED, 0, 0, CHANGE_GONE },
		{ PAGE_ANON, PAGE_SWAP, 1, 1, CHANGE_SWAP },
		{ PAGE_SWAP, PAGE_ANON, 0, 1, CHANGE_SWAP },
		{ PAGE_SHMEM, PAGE_SHARED_SWAP, 1, 0, CHANGE_SWAP },
		{ PAGE_SHARED_SWAP, PAGE_CACHED, 0, 0, CHANGE_SWAP },
		{ PAGE_CACHED, PAGE_SHARED_SWAP, 0, 0, CHANGE_SWAP },
		{ PAGE_ANON, PAGE_ANON, 0, 1, CHANGE_WRITTEN },
		{ PAGE_ANON, PAGE_ANON, 1, 1, CHANGE_SAME },
		{ PAGE_ANON, PAGE_ANON, 1, 0, CHANGE_SAME },
		{ PAGE_FILE, PAGE_ANON, 0, 0, CHANGE_WRITTEN },
		{ PAGE_ZERO, PAGE_ANON, 0, 0, CHANGE_WRITTEN },
		{ PAGE_ANON, PAGE_MIGRATING, 0, 0, CHANGE_SAME },
		{ PAGE_SWAP, PAGE_SHARED_SWAP, 0, 0, CHANGE_SWAP },
		{ PAGE_UNKNOWN, PAGE_UNKNOWN, 0, 0, CHANGE_UNKNOWN },
		{ PAGE_ANON, PAGE_UNKNOWN, 0, 0, CHANGE_UNKNOWN },
		{ PAGE_UNKNOWN, PAGE_NONE, 0, 0, CHANGE_UNKNOWN },
		{ PAGE_ANON, PAGE_POISON, 0, 0, CHANGE_GONE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(page_change(rows[i].before, rows[i].written_before ? w : 0,
					     rows[i].after, rows[i].written_after ? w : 0),
				 rows[i].change);
}

/* No state may turn into another one and be called the same, but for pages on the move. */
static void test_same_means_same(void **state)
{
	for (int a = 0; a < PAGE_STATES; a++)
		for (int b = 0; b < PAGE_STATES; b++)
			if (page_change(a, 0, b, 0) == CHANGE_SAME && a != b)
				assert_true(a == PAGE_MIGRATING || b == PAGE_MIGRATING);
}

static struct build_mapping then[4], now[4];

static void reset(void)
{
	memset(then, 0, sizeof(then));
	memset(now, 0, sizeof(now));
	for (int i = 0; i < 4; i++)
		then[i].marks_known = now[i].marks_known = MARK_WRITTEN;
}

static struct change_list *make(size_t count_then, size_t count_now)
{
	struct snapshot *a = build_snapshot(then, count_then, NULL);
	struct snapshot *b = build_snapshot(now, count_now, a);
	struct change_list *d = NULL;

	assert_int_equal(change_list_new(a, b, &d), 0);
	snapshot_unref(a);
	snapshot_unref(b);
	return d;
}

static void test_fates(void **state)
{
	struct change_list *d;

	reset();
	/* Grows by 2 pages; goes; moves by 100 pages; stays out of the way of the new one. */
	then[0].start_page = now[0].start_page = 16;
	then[0].pages = 4;
	now[0].pages = 6;
	build_fill(&then[0], 0, 4, PAGE_ANON, 0);
	build_fill(&now[0], 0, 6, PAGE_ANON, 0);
	then[1].start_page = 100;
	then[1].pages = 3;
	build_fill(&then[1], 0, 1, PAGE_ANON, 0);
	then[2].start_page = 200;
	now[1].start_page = 300;
	then[2].pages = now[1].pages = 8;
	then[2].inode = now[1].inode = 7;
	then[2].name = now[1].name = "/x";
	build_fill(&then[2], 0, 8, PAGE_FILE, 0);
	build_fill(&now[1], 0, 7, PAGE_FILE, 0);
	now[2].start_page = 400;
	now[2].pages = 9;
	build_fill(&now[2], 2, 2, PAGE_SWAP, 0);
	d = make(3, 3);
	assert_int_equal(d->row_count, 4);
	assert_int_equal(d->rows[0].fate, FATE_RESIZED);
	assert_int_equal(d->rows[0].changes[CHANGE_SAME], 4);
	assert_int_equal(d->rows[0].changes[CHANGE_APPEARED], 2);
	assert_int_equal(d->rows[1].fate, FATE_GONE);
	assert_int_equal(d->rows[1].changes[CHANGE_GONE], 1);
	assert_int_equal(d->rows[1].changes[CHANGE_SAME], 2);
	assert_int_equal(d->rows[2].fate, FATE_MOVED);
	assert_int_equal(d->rows[2].changes[CHANGE_SAME], 7);
	assert_int_equal(d->rows[2].changes[CHANGE_GONE], 1);
	assert_int_equal(d->rows[3].fate, FATE_APPEARED);
	assert_int_equal(d->rows[3].changes[CHANGE_APPEARED], 2);
	assert_int_equal(d->fates[FATE_MOVED], 1);
	change_list_unref(d);
}

/* Private memory without a file that is gone here and new there is not taken for moved by its size. */
static void test_anonymous_moves_need_the_same_states(void **state)
{
	struct change_list *d;

	reset();
	then[0].start_page = 16;
	now[0].start_page = 64;
	then[0].pages = now[0].pages = 8;
	build_fill(&then[0], 0, 3, PAGE_ANON, 0);
	build_fill(&now[0], 0, 3, PAGE_ANON, 0);
	d = make(1, 1);
	assert_int_equal(d->rows[0].fate, FATE_MOVED);
	change_list_unref(d);
	build_fill(&now[0], 0, 4, PAGE_ANON, 0);
	d = make(1, 1);
	assert_int_equal(d->row_count, 2);
	assert_int_equal(d->rows[0].fate, FATE_GONE);
	assert_int_equal(d->rows[1].fate, FATE_APPEARED);
	change_list_unref(d);
}

static void test_split_keeps_pages(void **state)
{
	struct change_list *d;

	reset();
	then[0].start_page = 10;
	then[0].pages = 9;
	build_fill(&then[0], 0, 9, PAGE_ANON, 0);
	for (int i = 0; i < 3; i++) {
		now[i].start_page = 10 + 3 * (uint64_t)i;
		now[i].pages = 3;
		build_fill(&now[i], 0, 3, PAGE_ANON, 0);
	}
	d = make(1, 3);
	assert_int_equal(d->row_count, 3);
	assert_int_equal(d->totals[CHANGE_SAME], 9);
	for (int i = 0; i < 3; i++)
		assert_int_equal(d->rows[i].fate, FATE_RESIZED);
	change_list_unref(d);
}

static void test_another_object_is_another_page(void **state)
{
	struct change_list *d;

	reset();
	then[0].start_page = now[0].start_page = 10;
	then[0].pages = now[0].pages = 5;
	then[0].inode = 3;
	now[0].inode = 4;
	build_fill(&then[0], 0, 5, PAGE_SHMEM, 0);
	build_fill(&now[0], 0, 5, PAGE_SHMEM, 0);
	d = make(1, 1);
	assert_int_equal(d->row_count, 2);
	assert_int_equal(d->rows[0].fate, FATE_GONE);
	assert_int_equal(d->totals[CHANGE_GONE], 5);
	assert_int_equal(d->totals[CHANGE_APPEARED], 5);
	change_list_unref(d);
	/* Another part of the same object at this address is another page too. */
	now[0].inode = 3;
	now[0].offset_pages = 1;
	d = make(1, 1);
	assert_int_equal(d->row_count, 2);
	assert_int_equal(d->totals[CHANGE_SAME], 0);
	change_list_unref(d);
}

/* One page of the address space, for the comparison by brute force. */
struct truth {
	bool mapped;
	uint64_t inode;
	uint8_t state;
	uint16_t marks;
};

#define SPACE 6000

static void flatten(const struct build_mapping *m, size_t count, struct truth *truth)
{
	memset(truth, 0, sizeof(*truth) * SPACE);
	for (size_t i = 0; i < count; i++)
		for (uint64_t k = 0; k < m[i].pages; k++)
			truth[m[i].start_page + k] =
				(struct truth){ true, m[i].inode, m[i].state[k], m[i].marks[k] };
}

static void count_truth(const struct truth *a, const struct truth *b, uint64_t changes[])
{
	for (int i = 0; i < SPACE; i++) {
		if (a[i].mapped && b[i].mapped && a[i].inode == b[i].inode) {
			changes[page_change(a[i].state, a[i].marks & MARK_WRITTEN, b[i].state,
					    b[i].marks & MARK_WRITTEN)]++;
			continue;
		}
		if (a[i].mapped)
			changes[page_change(a[i].state, 0, PAGE_NONE, 0)]++;
		if (b[i].mapped)
			changes[page_change(PAGE_NONE, 0, b[i].state, 0)]++;
	}
}

/* Random mappings, some with the pages of before, some changed; sizes differ so nothing "moves". */
static size_t random_mappings(uint64_t *seed, struct build_mapping *out, const struct truth *before,
			      uint64_t salt)
{
	uint64_t at = 1;
	size_t n = 0;

	while (n < 4) {
		struct build_mapping *m = &out[n];

		memset(m, 0, sizeof(*m));
		m->marks_known = MARK_WRITTEN;
		m->start_page = at + (build_below(seed, 2) ? 0 : build_below(seed, 300));
		m->pages = (1 + build_below(seed, 1300 / 8)) * 8 + 2 * n + salt;
		if (m->start_page + m->pages >= SPACE)
			break;
		m->inode = build_below(seed, 3);
		m->offset_pages = m->inode ? m->start_page : 0;
		for (uint64_t k = 0, run = 0; k<m->pages; k++, run -= run> 0) {
			const struct truth *t = before ? &before[m->start_page + k] : NULL;

			if (t && t->mapped && build_below(seed, 50)) {
				m->state[k] = t->state;
				m->marks[k] = t->marks;
			} else if (k && run) {
				m->state[k] = m->state[k - 1];
				m->marks[k] = m->marks[k - 1];
			} else {
				m->state[k] = (uint8_t)build_below(seed, PAGE_STATES);
				m->marks[k] = (uint16_t)build_below(seed, 4);
				run = build_below(seed, 4) ? 0 : build_below(seed, 700);
			}
		}
		at = m->start_page + m->pages;
		n++;
	}
	return n;
}

static void check_map(const struct change_list *d, const struct truth *a, const struct truth *b)
{
	for (size_t i = 0; i < d->after->count; i++) {
		const struct mapping *m = d->after->mappings[i].mapping;
		struct pages *map = NULL;

		assert_int_equal(change_map(d, i, &map), 0);
		assert_int_equal(pages_total(map), mapping_pages(m));
		for (uint64_t k = 0; k < pages_total(map); k++) {
			const struct truth *x = &a[(m->start >> 12) + k];
			const struct truth *y = &b[(m->start >> 12) + k];
			bool both = x->mapped && x->inode == y->inode;

			assert_int_equal((int)pages_state(map, k),
					 page_change(both ? x->state : PAGE_NONE,
						     both ? x->marks & MARK_WRITTEN : 0, y->state,
						     both ? y->marks & MARK_WRITTEN : 0));
		}
		pages_unref(map);
	}
}

/* Every page that differs in state or marks is in one run; no other page is. */
static void check_runs(const struct change_list *d, const struct truth *a, const struct truth *b)
{
	for (size_t i = 0; i < d->after->count; i++) {
		const struct change_row *row = &d->rows[d->row_of_after[i]];
		uint64_t start = d->after->mappings[i].mapping->start >> 12;

		CHANGE_FOR_EACH_SEGMENT (d, row, s) {
			const struct change_run *run = &d->runs[s->run_first];
			const struct change_run *end = run + s->run_count;

			if (s->after != i)
				continue;
			for (uint64_t k = 0; k < s->pages; k++) {
				const struct truth *x = &a[start + s->after_first + k];
				const struct truth *y = &b[start + s->after_first + k];
				bool both = s->before != CHANGE_NOTHING;
				uint8_t state = both ? x->state : PAGE_NONE;
				uint16_t marks = both ? x->marks & MARK_WRITTEN : 0;
				bool differs =
					state != y->state || marks != (y->marks & MARK_WRITTEN);

				while (run < end && run->first + run->count <= k)
					run++;
				assert_int_equal(run < end && run->first <= k, differs);
				if (differs) {
					assert_int_equal(run->state_before, state);
					assert_int_equal(run->state_after, y->state);
				}
			}
		}
	}
}

/* Two regions that look alike move: both are paired, in the order of their addresses. */
static void test_alike_ones_move(void **state)
{
	struct change_list *d;

	reset();
	for (int i = 0; i < 2; i++) {
		then[i].start_page = 100 + 50 * i;
		now[i].start_page = 1000 + 50 * i;
		then[i].pages = now[i].pages = 8;
		build_fill(&then[i], 0, 3, PAGE_ANON, 0);
		build_fill(&now[i], 0, 3, PAGE_ANON, 0);
	}
	d = make(2, 2);
	assert_int_equal(d->fates[FATE_MOVED], 2);
	assert_int_equal(d->row_count, 2);
	assert_int_equal(d->rows[0].before, 0);
	assert_int_equal(d->rows[1].before, 1);
	assert_int_equal(d->run_count, 0);
	change_list_unref(d);
	/* Of two that look alike one goes, and a third place appears: one pair, one gone. */
	d = make(2, 1);
	assert_int_equal(d->fates[FATE_MOVED], 1);
	assert_int_equal(d->fates[FATE_GONE], 1);
	change_list_unref(d);
	/* Untouched memory has nothing by which one could know it. */
	build_fill(&then[0], 0, 3, PAGE_NONE, 0);
	build_fill(&then[1], 0, 3, PAGE_NONE, 0);
	build_fill(&now[0], 0, 3, PAGE_NONE, 0);
	build_fill(&now[1], 0, 3, PAGE_NONE, 0);
	d = make(2, 2);
	assert_int_equal(d->fates[FATE_MOVED], 0);
	change_list_unref(d);
}

/* What is split off a mapping goes on as it too, and says so. */
static void test_split(void **state)
{
	struct change_list *d;

	reset();
	then[0].start_page = now[0].start_page = 100;
	then[0].pages = 9;
	now[0].pages = 3;
	now[1].start_page = 103;
	now[1].pages = 6;
	build_fill(&then[0], 0, 9, PAGE_ANON, 0);
	build_fill(&now[0], 0, 3, PAGE_ANON, 0);
	build_fill(&now[1], 0, 6, PAGE_ANON, 0);
	d = make(1, 2);
	assert_int_equal(d->row_count, 2);
	assert_false(d->rows[0].split);
	assert_true(d->rows[1].split);
	assert_int_equal(d->rows[1].before, 0);
	assert_int_equal(d->totals[CHANGE_SAME], 9);
	change_list_unref(d);
}

static struct snapshot *with_slots(const struct slot_run *slots, size_t count,
				   const struct snapshot *after)
{
	const struct pages_facts facts = { .slots_known = true };
	struct snapshot *s = build_snapshot(then, 1, NULL);
	struct pages_builder *b = pages_builder_new();

	pages_unref(s->mappings[0].pages);
	pages_builder_start(b, then[0].start_page << 12, after ? after->mappings[0].pages : NULL);
	pages_builder_add(b, then[0].pages, PAGE_SWAP, 0);
	for (size_t i = 0; i < count; i++)
		pages_builder_slot(b, &slots[i]);
	assert_int_equal(pages_builder_finish(b, &facts, &s->mappings[0].pages), 0);
	pages_builder_free(b);
	return s;
}

/* The states are the same and their blocks shared; only slots differ. */
static void test_slots(void **state)
{
	static const struct slot_run old[] = { { 0, 10, 100, 0 }, { 20, 10, 500, 1 } };
	static const struct slot_run new[] = { { 0, 4, 100, 0 },
					       { 4, 6, 104, 1 },
					       { 22, 8, 502, 1 } };
	struct snapshot *a, *b;
	struct change_list *d;

	reset();
	then[0].start_page = 512;
	then[0].pages = 1024;
	a = with_slots(old, 2, NULL);
	b = with_slots(new, 3, a);
	assert_int_equal(change_list_new(a, b, &d), 0);
	assert_int_equal(d->run_count, 2);
	assert_true(d->runs[0].slot && d->runs[1].slot);
	assert_int_equal(d->runs[0].first, 4);
	assert_int_equal(d->runs[0].count, 6);
	assert_int_equal(d->runs[1].first, 20);
	assert_int_equal(d->runs[1].count, 2);
	assert_int_equal(d->totals[CHANGE_SAME], 1024);
	change_list_unref(d);
	snapshot_unref(a);
	snapshot_unref(b);
}

static void test_random_against_brute_force(void **state)
{
	static struct truth a[SPACE], b[SPACE];

	for (uint64_t round = 1; round <= 150; round++) {
		uint64_t seed = round * 7919, expected[PAGE_CHANGES] = { 0 };
		size_t n, m;
		struct change_list *d;

		reset();
		n = random_mappings(&seed, then, NULL, 0);
		flatten(then, n, a);
		if (round % 3) {
			m = random_mappings(&seed, now, a, 1);
		} else { /* the same mappings, few pages changed: blocks are shared */
			memcpy(now, then, sizeof(now));
			m = n;
			for (int k = 0; k < 5; k++)
				now[0].state[build_below(&seed, now[0].pages)] = PAGE_SWAP;
		}
		flatten(now, m, b);
		count_truth(a, b, expected);
		d = make(n, m);
		for (int c = 0; c < PAGE_CHANGES; c++)
			if (d->totals[c] != expected[c])
				fail_msg("round %lu, %s: %lu pages, expected %lu", round,
					 page_changes[c].name, d->totals[c], expected[c]);
		check_map(d, a, b);
		check_runs(d, a, b);
		change_list_unref(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_same_means_same),
		cmocka_unit_test(test_fates),
		cmocka_unit_test(test_anonymous_moves_need_the_same_states),
		cmocka_unit_test(test_split_keeps_pages),
		cmocka_unit_test(test_another_object_is_another_page),
		cmocka_unit_test(test_alike_ones_move),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_random_against_brute_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
