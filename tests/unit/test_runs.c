// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/runs.h"

#define PAGES 3000u

static unsigned int seed = 7;

static unsigned int pick(unsigned int below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % below;
}

/* Random pages, some of them in swap, some of these with a slot: each page by its own as truth. */
struct truth {
	uint8_t state[PAGES];
	uint16_t marks[PAGES];
	bool has_slot[PAGES];
	uint32_t type[PAGES];
	uint64_t offset[PAGES];
};

static struct pages *build(struct truth *truth, uint64_t start)
{
	struct pages_builder *builder = pages_builder_new();
	struct pages_facts facts = { 0 };
	struct pages *pages;
	uint64_t offset = 1000;

	memset(truth, 0, sizeof(*truth));
	pages_builder_start(builder, start, NULL);
	for (unsigned int i = 0; i < PAGES;) {
		unsigned int n = 1 + pick(pick(4) ? 5 : 900);
		uint8_t state = pick(2) ? PAGE_SHARED_SWAP : (uint8_t)pick(3);
		uint16_t marks = pick(3) ? 0 : MARK_SWAP_CACHED;

		for (; n && i < PAGES; n--, i++) {
			truth->state[i] = state;
			truth->marks[i] = marks;
			if (state != PAGE_SHARED_SWAP || !pick(20))
				continue;
			offset += pick(10) ? 1 : 5;
			truth->has_slot[i] = true;
			truth->type[i] = pick(200) ? 0 : 1;
			truth->offset[i] = offset;
		}
	}
	for (unsigned int i = 0; i < PAGES; i++) {
		struct slot_run slot = { i, 1, truth->offset[i], truth->type[i] };

		pages_builder_add(builder, 1, truth->state[i], truth->marks[i]);
		if (truth->has_slot[i])
			pages_builder_slot(builder, &slot);
	}
	assert_int_equal(pages_builder_finish(builder, &facts, &pages), 0);
	pages_builder_free(builder);
	return pages;
}

static void check_page(const struct truth *truth, const struct run *run, uint64_t page)
{
	assert_int_equal(run->state, truth->state[page]);
	assert_int_equal(run->marks, truth->marks[page]);
	assert_int_equal(run->has_slot, truth->has_slot[page]);
	if (run->has_slot) {
		assert_int_equal(run->slot_type, truth->type[page]);
		assert_int_equal(run->slot_offset + page - run->first, truth->offset[page]);
	}
}

static void test_every_page(void **state)
{
	struct truth *truth = malloc(sizeof(*truth));

	for (int round = 0; round < 50; round++) {
		struct pages *pages = build(truth, (uint64_t)(0x1000 + pick(600)) << 12);
		struct run_walk walk;
		struct run run;
		uint64_t at = 0;

		run_walk_start(&walk, pages);
		while (run_walk_next(&walk, &run)) {
			assert_int_equal(run.first, at);
			assert_true(run.count > 0);
			for (uint64_t i = 0; i < run.count; i++)
				check_page(truth, &run, run.first + i);
			at += run.count;
		}
		assert_int_equal(at, PAGES);
		assert_false(run_walk_next(&walk, &run));
		pages_unref(pages);
	}
	free(truth);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
