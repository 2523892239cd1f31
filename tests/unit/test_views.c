// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "build.h"
#include "model/views.h"

/* Totals of objects that are mapped more than once, against a look at each page by itself. */

#define VIEWS	     9u
#define OBJECT_PAGES 300u

static struct build_mapping views[VIEWS];

static const uint8_t own_states[] = { PAGE_ANON, PAGE_SWAP, PAGE_NONE, PAGE_GUARD };
static const uint8_t object_states[] = { PAGE_SHMEM, PAGE_CACHED, PAGE_SHARED_SWAP, PAGE_UNKNOWN };

/* A page of the object has one place; a view shows that, less, or a copy of its own. */
static uint8_t state_in_view(uint64_t *seed, uint8_t of_object)
{
	if (!build_below(seed, 4))
		return own_states[build_below(seed, 4)];
	if (!build_below(seed, 3))
		return PAGE_UNKNOWN;
	return of_object == PAGE_SHMEM && !build_below(seed, 2) ? PAGE_CACHED : of_object;
}

static void make_views(uint64_t *seed, size_t count)
{
	uint8_t object[2][OBJECT_PAGES];

	for (size_t i = 0; i < OBJECT_PAGES; i++)
		for (int o = 0; o < 2; o++)
			object[o][i] = i && build_below(seed, 4)
					       ? object[o][i - 1]
					       : object_states[build_below(seed, 4)];
	memset(views, 0, sizeof(views));
	for (size_t i = 0; i < count; i++) {
		struct build_mapping *m = &views[i];

		m->start_page = 1000 + 1000 * i;
		m->kind = MAPPING_SHMEM;
		m->inode = 7 + build_below(seed, 2);
		m->offset_pages = build_below(seed, OBJECT_PAGES - 1);
		m->pages = 1 + build_below(seed, OBJECT_PAGES - m->offset_pages);
		for (uint64_t k = 0; k < m->pages; k++)
			m->state[k] =
				state_in_view(seed, object[m->inode - 7][m->offset_pages + k]);
	}
}

static int rank_of(uint8_t state)
{
	return state == PAGE_SHMEM				   ? 3
	       : state == PAGE_CACHED || state == PAGE_SHARED_SWAP ? 2
	       : state == PAGE_UNKNOWN				   ? 1
								   : 0;
}

static struct page_counts by_hand(size_t count)
{
	uint8_t best[2][OBJECT_PAGES] = { { 0 } };
	struct page_counts c = { 0 };

	for (size_t i = 0; i < count; i++)
		for (uint64_t k = 0; k < views[i].pages; k++) {
			uint8_t *known = &best[views[i].inode - 7][views[i].offset_pages + k];
			uint8_t state = views[i].state[k];

			if (!rank_of(state))
				c.state[state]++;
			else if (rank_of(state) > rank_of(*known))
				*known = state;
		}
	for (int o = 0; o < 2; o++)
		for (size_t k = 0; k < OBJECT_PAGES; k++)
			if (rank_of(best[o][k]))
				c.state[best[o][k]]++;
	return c;
}

static void test_each_page_once(void **state)
{
	uint64_t seed = 20260211;

	for (int round = 0; round < 2000; round++) {
		size_t count = 1 + build_below(&seed, VIEWS);
		struct page_counts right;
		struct snapshot *s;

		make_views(&seed, count);
		right = by_hand(count);
		s = build_snapshot(views, count, NULL);
		for (int i = 0; i < PAGE_STATES; i++)
			if (s->totals.state[i] != right.state[i])
				fail_msg("round %d: %s: %lu, by hand %lu", round,
					 page_states[i].name, (unsigned long)s->totals.state[i],
					 (unsigned long)right.state[i]);
		snapshot_unref(s);
	}
}

/* A heap with three views: its pages are there once, RSS counts them as the kernel does. */
static void test_three_views(void **state)
{
	struct snapshot *s;

	memset(views, 0, sizeof(views));
	for (size_t i = 0; i < 3; i++) {
		views[i] = (struct build_mapping){ .start_page = 1000 * (i + 1),
						   .pages = 100,
						   .inode = 5,
						   .shared = true,
						   .kind = MAPPING_SHMEM };
		build_fill(&views[i], 0, 40, PAGE_SHMEM, MARK_EXCLUSIVE);
		build_fill(&views[i], 40, 60, PAGE_SHARED_SWAP, 0);
	}
	s = build_snapshot(views, 3, NULL);
	assert_int_equal(s->totals.state[PAGE_SHMEM], 40);
	assert_int_equal(s->totals.state[PAGE_SHARED_SWAP], 60);
	assert_int_equal(s->totals.mark[__builtin_ctz(MARK_EXCLUSIVE)], 40);
	assert_int_equal(s->rss, 120);
	snapshot_unref(s);
}

static void test_hugetlb_is_no_rss(void **state)
{
	struct snapshot *s;

	memset(views, 0, sizeof(views));
	views[0] = (struct build_mapping){ .start_page = 1024,
					   .pages = 1024,
					   .kind = MAPPING_HUGETLB };
	build_fill(&views[0], 0, 512, PAGE_ANON, MARK_HUGETLB);
	views[1] = (struct build_mapping){ .start_page = 4096, .pages = 10, .kind = MAPPING_ANON };
	build_fill(&views[1], 0, 3, PAGE_ANON, 0);
	build_fill(&views[1], 3, 3, PAGE_ZERO, 0);
	build_fill(&views[1], 6, 1, PAGE_MIGRATING, 0);
	s = build_snapshot(views, 2, NULL);
	assert_int_equal(s->rss, 4);
	assert_int_equal(snapshot_hugetlb(s), 512);
	snapshot_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_page_once),
		cmocka_unit_test(test_three_views),
		cmocka_unit_test(test_hugetlb_is_no_rss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
