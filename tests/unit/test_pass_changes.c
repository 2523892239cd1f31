// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose raw facts are read when more pages change than can be asked: each has its turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "kernel/target.h"
#include "sample/pass.h"

#define START	   UINT64_C(0x10000000000)
#define PAGES	   20000u
#define AT_ONCE	   1024u
#define AREAS	   3
#define AREA_BYTES (PAGES * UINT64_C(4096))

struct ground {
	struct probe probe;
	struct target target;
	struct pass *pass;
};

static int set_up(void **state)
{
	struct ground *g = calloc(1, sizeof(*g));

	probe_run(&g->probe);
	if (target_open(getpid(), &g->target))
		return -1;
	g->pass = pass_new(&g->target, &g->probe);
	*state = g;
	return g->pass ? 0 : -1;
}

static int tear_down(void **state)
{
	struct ground *g = *state;

	pass_free(g->pass);
	target_close(&g->target);
	free(g);
	return 0;
}

/* Every `step`th page of PAGES has a state, the others have none. */
static struct pages *comb(uint64_t start, unsigned int step, enum page_state state)
{
	const struct pages_facts facts = { .marks_known = 0 };
	struct pages_builder *b = pages_builder_new();
	struct pages *pages;

	pages_builder_start(b, start, NULL);
	for (unsigned int i = 0; i < PAGES; i++)
		pages_builder_add(b, 1, i % step ? PAGE_NONE : state, 0);
	assert_int_equal(pages_builder_finish(b, &facts, &pages), 0);
	pages_builder_free(b);
	return pages;
}

/* Three mappings, none of which is really there. */
static struct snapshot *make(unsigned int step, enum page_state state)
{
	static const struct mapping blank;
	struct snapshot *s = snapshot_new(AREAS);

	for (uint64_t i = 0; i < AREAS; i++) {
		struct mapping like;

		memcpy(&like, &blank, sizeof(like));
		like.start = START + i * 2 * AREA_BYTES;
		like.end = like.start + AREA_BYTES;
		memcpy(like.perms, "rw-p", 5);
		s->mappings[i].mapping = mapping_new(&like, "", 0);
		s->mappings[i].pages = comb(like.start, step, state);
	}
	snapshot_seal(s);
	return s;
}

/* Asks again and again, while the same pages change, until each was asked for. */
static void everybody(struct ground *g, unsigned int step)
{
	struct snapshot *before = make(step, PAGE_NONE), *now = make(step, PAGE_ANON);
	uint8_t *asked = calloc(AREAS * 2, PAGES);
	unsigned int total = AREAS * ((PAGES + step - 1) / step), seen = 0;
	/* At the end of a round fewer are asked for, and one may have begun in the middle. */
	unsigned int samples = 2 * (total / AT_ONCE + 1);
	struct change_list *list;

	assert_int_equal(change_list_new(before, now, &list), 0);
	for (unsigned int n = 0; n < samples; n++) {
		struct page_detail *d;

		assert_int_equal(pass_changes(g->pass, list, &d), 0);
		assert_true(d->count <= AT_ONCE);
		assert_int_equal(d->count + d->left_out, total);
		for (size_t i = 0; i < d->count; i++) {
			uint64_t page = d->pages[i] - (START >> 12);

			assert_true(page < AREAS * 2 * PAGES && page % PAGES % step == 0);
			seen += !asked[page];
			asked[page] = 1;
		}
		page_detail_unref(d);
	}
	if (seen != total)
		fail_msg("every %dth page: %u of %u pages had a turn in %u samples", (int)step,
			 seen, total, samples);
	free(asked);
	change_list_unref(list);
	snapshot_unref(before);
	snapshot_unref(now);
}

static void test_all_take_turns(void **state)
{
	static const unsigned int steps[] = { 2, 3, 60, 200, 2, 20000, 1 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		everybody(*state, steps[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_take_turns, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
