// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/pages.h"

/* Pages against a plain array of the same states and marks. */

#define MAX_PAGES 20000u

struct plain {
	uint64_t total;
	uint8_t state[MAX_PAGES];
	uint16_t marks[MAX_PAGES];
};

static unsigned int seed = 1;

static unsigned int pick(unsigned int below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % below;
}

static void random_fill(struct plain *plain, unsigned int longest)
{
	plain->total = 1 + pick(MAX_PAGES - 1);
	for (uint64_t i = 0; i < plain->total;) {
		uint64_t n = 1 + pick(longest);
		uint8_t state = (uint8_t)pick(PAGE_STATES);
		uint16_t marks = pick(3) ? 0 : (uint16_t)pick(1 << PAGE_MARKS);

		for (; n && i < plain->total; n--, i++) {
			plain->state[i] = state;
			plain->marks[i] = marks;
		}
	}
}

/* Some pages at once, however they differ. */
static uint64_t add_mixed(struct pages_builder *b, const struct plain *plain, uint64_t first)
{
	uint16_t values[1500];
	uint64_t n = pick(3) ? 1 + pick(40) : 1 + pick(1500);

	n = n < plain->total - first ? n : plain->total - first;
	for (uint64_t i = 0; i < n; i++)
		values[i] = (uint16_t)(plain->state[first + i] | plain->marks[first + i]
									 << PAGE_VALUE_MARKS);
	pages_builder_add_mixed(b, values, n);
	return n;
}

static struct pages *build(struct pages_builder *b, const struct plain *plain, uint64_t start,
			   const struct pages *after)
{
	struct pages_facts facts = { .marks_known = 0x1ff };
	struct pages *pages;

	pages_builder_start(b, start, after);
	for (uint64_t i = 0; i < plain->total;) {
		uint64_t n = 1;

		if (!pick(4)) {
			i += add_mixed(b, plain, i);
			continue;
		}
		while (i + n < plain->total && plain->state[i + n] == plain->state[i] &&
		       plain->marks[i + n] == plain->marks[i] && pick(50))
			n++;
		pages_builder_add(b, n, plain->state[i], plain->marks[i]);
		i += n;
	}
	assert_int_equal(pages_builder_position(b), plain->total);
	assert_int_equal(pages_builder_finish(b, &facts, &pages), 0);
	return pages;
}

static void plain_count(const struct plain *plain, uint64_t first, uint64_t count,
			struct page_counts *counts)
{
	memset(counts, 0, sizeof(*counts));
	for (uint64_t i = first; i < first + count && i < plain->total; i++) {
		counts->state[plain->state[i]]++;
		for (int m = 0; m < PAGE_MARKS; m++)
			counts->mark[m] += plain->marks[i] >> m & 1;
	}
}

static void compare(const struct pages *pages, const struct plain *plain)
{
	struct page_counts want, got;
	struct page_run run;
	uint64_t i;

	assert_int_equal(pages_total(pages), plain->total);
	for (i = 0; i < plain->total; i++) {
		assert_int_equal(pages_state(pages, i), plain->state[i]);
		assert_int_equal(pages_marks(pages, i), plain->marks[i]);
	}
	for (i = 0; pages_run(pages, i, &run); i = run.first + run.count) {
		uint64_t n = 1;

		while (i + n < plain->total && plain->state[i + n] == plain->state[i] &&
		       plain->marks[i + n] == plain->marks[i])
			n++;
		assert_int_equal(run.first, i);
		assert_int_equal(run.count, n);
		assert_int_equal(run.state, plain->state[i]);
		assert_int_equal(run.marks, plain->marks[i]);
	}
	assert_int_equal(i, plain->total);
	plain_count(plain, 0, plain->total, &want);
	assert_memory_equal(pages_counts(pages), &want, sizeof(want));
	for (int round = 0; round < 50; round++) {
		uint64_t first = pick((unsigned int)plain->total + 10);
		uint64_t count = pick(3000);

		plain_count(plain, first, count, &want);
		memset(&got, 0, sizeof(got));
		pages_count(pages, first, count, &got);
		assert_memory_equal(&got, &want, sizeof(want));
	}
}

static void test_pages_equal_plain_array(void **state)
{
	static const unsigned int longest[] = { 1, 3, 30, 300, 5000 };
	struct pages_builder *b = pages_builder_new();
	static struct plain plain;

	for (int round = 0; round < 60; round++) {
		struct pages *pages;

		random_fill(&plain, longest[round % 5]);
		pages = build(b, &plain, 0x7f0000000000 + (uint64_t)pick(2000) * 4096, NULL);
		compare(pages, &plain);
		pages_unref(pages);
	}
	pages_builder_free(b);
}

static void test_unchanged_is_the_same_object(void **state)
{
	struct pages_builder *b = pages_builder_new();
	static struct plain plain;

	for (int round = 0; round < 20; round++) {
		struct pages *first, *second;

		random_fill(&plain, 1 + pick(40));
		first = build(b, &plain, 0x7000, NULL);
		second = build(b, &plain, 0x7000, first);
		assert_ptr_equal(first, second);
		assert_int_equal(pages_memory(second, first), 0);
		pages_unref(first);
		pages_unref(second);
	}
	pages_builder_free(b);
}

static void test_change_costs_one_block(void **state)
{
	struct pages_builder *b = pages_builder_new();
	static struct plain plain;
	struct pages *first, *second;
	uint64_t shared;

	random_fill(&plain, 2);
	plain.total = 10 * 512;
	first = build(b, &plain, 0x40000000, NULL);
	plain.state[1000] = plain.state[1000] == PAGE_SWAP ? PAGE_ANON : PAGE_SWAP;
	second = build(b, &plain, 0x40000000, first);
	compare(second, &plain);
	assert_ptr_not_equal(first, second);
	assert_false(pages_equal(first, second));
	assert_true(pages_shared(first, second, 0, &shared));
	assert_int_equal(shared, 512);
	assert_false(pages_shared(first, second, 1000, &shared));
	assert_true(pages_shared(first, second, 1024, &shared));
	assert_true(pages_memory(second, first) < 3000);
	pages_unref(first);
	pages_unref(second);
	pages_builder_free(b);
}

static void test_states_cost_less_than_a_byte(void **state)
{
	struct pages_builder *b = pages_builder_new();
	static struct plain plain;
	struct pages *pages;

	/* The worst there is: any state after any other one, at any page. */
	plain.total = 30 * 512;
	for (uint64_t i = 0; i < plain.total; i++) {
		plain.state[i] = (uint8_t)pick(PAGE_STATES);
		plain.marks[i] = 0;
	}
	pages = build(b, &plain, 0x40000000, NULL);
	compare(pages, &plain);
	assert_true(pages_memory(pages, NULL) < plain.total);
	pages_unref(pages);

	/* Two states and a mark that all pages have: what they agree on costs nothing. */
	for (uint64_t i = 0; i < plain.total; i++) {
		plain.state[i] = pick(2) ? PAGE_ANON : PAGE_SHMEM;
		plain.marks[i] = MARK_EXCLUSIVE;
	}
	pages = build(b, &plain, 0x40000000, NULL);
	compare(pages, &plain);
	assert_true(pages_memory(pages, NULL) < plain.total / 2);
	pages_unref(pages);
	pages_builder_free(b);
}

static void test_reservation_costs_nothing(void **state)
{
	struct pages_builder *b = pages_builder_new();
	struct pages_facts facts = { 0 };
	struct page_counts counts = { 0 };
	struct pages *pages;
	uint64_t total = UINT64_C(1) << 32; /* 16 TiB */

	pages_builder_start(b, 0x1000, NULL);
	pages_builder_add(b, total / 2, PAGE_NONE, 0);
	pages_builder_add(b, 1, PAGE_SWAP, 0);
	pages_builder_add(b, total / 2 - 1, PAGE_NONE, 0);
	assert_int_equal(pages_builder_finish(b, &facts, &pages), 0);
	assert_int_equal(pages_total(pages), total);
	assert_int_equal(pages_state(pages, total / 2), PAGE_SWAP);
	assert_int_equal(pages_state(pages, total / 2 + 1), PAGE_NONE);
	pages_count(pages, 0, total, &counts);
	assert_int_equal(counts.state[PAGE_SWAP], 1);
	assert_true(pages_memory(pages, NULL) < 1000);
	pages_unref(pages);
	pages_builder_free(b);
}

static void test_slots_merge_and_answer(void **state)
{
	struct pages_builder *b = pages_builder_new();
	struct pages_facts facts = { .slots_known = true };
	struct pages *pages;
	uint64_t offset;
	uint32_t type;
	size_t n;

	pages_builder_start(b, 0, NULL);
	pages_builder_add(b, 100, PAGE_SHARED_SWAP, 0);
	pages_builder_slot(b, &(struct slot_run){ 0, 10, 500, 1 });
	pages_builder_slot(b, &(struct slot_run){ 10, 5, 510, 1 });
	pages_builder_slot(b, &(struct slot_run){ 20, 5, 520, 1 });
	pages_builder_slot(b, &(struct slot_run){ 25, 5, 525, 0 });
	assert_int_equal(pages_builder_finish(b, &facts, &pages), 0);
	pages_slots(pages, &n);
	assert_int_equal(n, 3);
	assert_true(pages_slot(pages, 14, &type, &offset));
	assert_int_equal(offset, 514);
	assert_false(pages_slot(pages, 15, &type, &offset));
	assert_true(pages_slot(pages, 29, &type, &offset));
	assert_int_equal(type, 0);
	assert_int_equal(offset, 529);
	assert_false(pages_slot(pages, 30, &type, &offset));
	pages_unref(pages);
	pages_builder_free(b);
}

/* A run with marks ends where a dense block without any begins, though the state is the same. */
static void test_run_ends_at_block_without_marks(void **state)
{
	const struct pages_facts facts = { .marks_known = 0x1ff };
	struct pages_builder *b = pages_builder_new();
	struct page_run run;
	struct pages *pages;

	pages_builder_start(b, 0, NULL);
	pages_builder_add(b, 512, PAGE_ANON, MARK_HUGE);
	for (int i = 0; i < 512; i++)
		pages_builder_add(b, 1, i % 2 ? PAGE_SWAP : PAGE_ANON, 0);
	assert_int_equal(pages_builder_finish(b, &facts, &pages), 0);
	assert_true(pages_run(pages, 0, &run));
	assert_int_equal(run.count, 512);
	assert_true(pages_run(pages, 512, &run));
	assert_int_equal(run.marks, 0);
	pages_unref(pages);
	pages_builder_free(b);
}

/* Slots of every third page, of two kinds of runs. */
static void add_slots(struct pages_builder *b, uint64_t from, uint64_t to, uint64_t seed_slots)
{
	for (uint64_t i = from; i < to; i++) {
		const struct slot_run run = { i, 1, i / 9 % 2 ? i * 7 : i + seed_slots, 0 };

		if (i % 5)
			pages_builder_slot(b, &run);
	}
}

static void add_plain(struct pages_builder *b, const struct plain *plain, uint64_t from,
		      uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		pages_builder_add(b, 1, plain->state[i], plain->marks[i]);
}

/* Copies where nothing changes and adds where it does; `now` becomes what must come out. */
static struct pages *copy_and_add(struct pages_builder *b, uint64_t start, const struct plain *old,
				  const struct pages *before, struct plain *now)
{
	const struct pages_facts facts = { .marks_known = 0x1ff };
	struct pages *copied;
	uint64_t at = 0;

	pages_builder_start(b, start, before);
	for (bool copy = pick(2); at < old->total; copy = pick(2)) {
		uint64_t to = at + 1 + pick(3000);

		if (to > old->total)
			to = old->total;
		pages_builder_copy(b, 0); /* as between two blocks that both changed */
		if (copy) {
			memcpy(now->state + at, old->state + at, to - at);
			memcpy(now->marks + at, old->marks + at, (to - at) * sizeof(*now->marks));
			pages_builder_copy(b, to - at);
		} else {
			add_plain(b, now, at, to);
			add_slots(b, at, to, 1);
		}
		at = to;
	}
	assert_int_equal(pages_builder_finish(b, &facts, &copied), 0);
	for (size_t i = 0, count; i < (pages_slots(copied, &count), count); i++)
		assert_true(pages_slots(copied, &count)[i].count);
	return copied;
}

/* The same pages and slots, one by one. */
static struct pages *add_all(struct pages_builder *b, uint64_t start, const struct plain *plain,
			     const struct pages *slots)
{
	const struct pages_facts facts = { .marks_known = 0x1ff };
	struct pages *added;

	pages_builder_start(b, start, slots);
	add_plain(b, plain, 0, plain->total);
	for (uint64_t i = 0; i < plain->total; i++) {
		struct slot_run run = { .first = i, .count = 1 };

		if (!pages_slot(slots, i, &run.type, &run.offset))
			continue;
		assert_int_not_equal(i % 5, 0);
		assert_true(run.offset == i * 7 || run.offset == i || run.offset == i + 1);
		pages_builder_slot(b, &run);
	}
	assert_int_equal(pages_builder_finish(b, &facts, &added), 0);
	return added;
}

static void test_copy_is_adding_again(void **state)
{
	static struct plain old, now;
	const struct pages_facts facts = { .marks_known = 0x1ff };
	struct pages_builder *b = pages_builder_new();

	for (int round = 0; round < 200; round++) {
		uint64_t start = (uint64_t)pick(1000) << 12;
		struct pages *before, *copied, *added, *same;

		random_fill(&old, round % 3 ? 3 : 700);
		pages_builder_start(b, start, NULL);
		add_plain(b, &old, 0, old.total);
		add_slots(b, 0, old.total, 0);
		assert_int_equal(pages_builder_finish(b, &facts, &before), 0);
		random_fill(&now, 5);
		now.total = old.total;
		copied = copy_and_add(b, start, &old, before, &now);
		compare(copied, &now);
		added = add_all(b, start, &now, copied);
		assert_true(pages_equal(copied, added));
		pages_builder_start(b, start, copied);
		pages_builder_copy(b, now.total);
		assert_int_equal(pages_builder_finish(b, &facts, &same), 0);
		assert_ptr_equal(same, copied);
		pages_unref(same);
		pages_unref(added);
		pages_unref(copied);
		pages_unref(before);
	}
	pages_builder_free(b);
}

static void test_copy_shares_whole_blocks(void **state)
{
	static struct plain plain;
	const struct pages_facts facts = { 0 };
	struct pages_builder *b = pages_builder_new();
	struct pages *first, *second;
	uint64_t shared;

	random_fill(&plain, 2);
	plain.total = 10 * 512;
	first = build(b, &plain, 0x40000000, NULL);
	pages_builder_start(b, 0x40000000, first);
	pages_builder_copy(b, 4 * 512 + 100);
	pages_builder_add(b, plain.total - 4 * 512 - 100, PAGE_NONE, 0);
	assert_int_equal(pages_builder_finish(b, &facts, &second), 0);
	assert_true(pages_shared(first, second, 3 * 512, &shared));
	assert_int_equal(shared, 512);
	assert_false(pages_shared(first, second, 4 * 512, &shared));
	pages_unref(first);
	pages_unref(second);
	pages_builder_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_equal_plain_array),
		cmocka_unit_test(test_unchanged_is_the_same_object),
		cmocka_unit_test(test_change_costs_one_block),
		cmocka_unit_test(test_states_cost_less_than_a_byte),
		cmocka_unit_test(test_reservation_costs_nothing),
		cmocka_unit_test(test_slots_merge_and_answer),
		cmocka_unit_test(test_run_ends_at_block_without_marks),
		cmocka_unit_test(test_copy_is_adding_again),
		cmocka_unit_test(test_copy_shares_whole_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
