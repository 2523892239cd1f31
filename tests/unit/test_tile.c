// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/tile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "build.h"
#include "model/change.h"
#include "model/classify.h"

/* Every tile of every lens and zoom against a count by hand, on random pages. */

#define PAGES 2500u
#define NOW   INT64_C(1000000000000)

struct fixture {
	struct build_mapping then, now;
	bool cleared; /* a private page lost its mark: nothing is remembered */
	struct snapshot *before, *after;
	struct track *first, *track;
	struct change_list *diff;
	struct pages *difference;
	struct page_detail *detail;
	struct tile_source source;
};

/* Pages as the kernel and classify() can give them: marks only where they can be. */
static void random_page(uint64_t *seed, struct build_mapping *m, uint64_t page)
{
	enum page_state s = (enum page_state)build_below(seed, PAGE_STATES);
	uint16_t marks = 0;

	if (page_state_is_present(s) || s == PAGE_SWAP)
		marks |= build_below(seed, 2) ? MARK_WRITTEN : 0;
	if (page_state_is_present(s) && s != PAGE_ZERO)
		marks |= build_below(seed, 2) ? MARK_EXCLUSIVE : 0;
	if (page_state_is_present(s) && !build_below(seed, 4))
		marks |= build_below(seed, 3) ? MARK_HUGE : MARK_HUGETLB;
	m->state[page] = (uint8_t)s;
	m->marks[page] = marks;
}

static void random_pages(uint64_t *seed, struct build_mapping *m)
{
	uint64_t run;

	for (uint64_t i = 0; i < m->pages; i += run) {
		random_page(seed, m, i);
		run = build_below(seed, 3) ? 1 + build_below(seed, 5) : 1 + build_below(seed, 1100);
		for (uint64_t k = 1; k < run && i + k < m->pages; k++) {
			m->state[i + k] = m->state[i];
			m->marks[i + k] = m->marks[i];
		}
	}
}

static void random_detail(struct fixture *f, uint64_t *seed)
{
	uint64_t first = build_below(seed, PAGES + 200);
	uint64_t start = ((f->now.start_page + first) << 12) - (100 << 12);

	f->detail = page_detail_new(start, 1 + build_below(seed, 900));
	f->detail->counts_known = build_below(seed, 3);
	f->detail->flags_known = build_below(seed, 3);
	for (size_t i = 0; i < f->detail->count; i++) {
		f->detail->map_counts[i] = build_below(seed, 13);
		f->detail->flags[i] =
			build_below(seed, 3) ? UINT64_C(1) << build_below(seed, 30) : 0;
	}
}

static void setup(struct fixture *f, uint64_t seed)
{
	memset(f, 0, sizeof(*f));
	f->then.start_page = 1000 + build_below(&seed, 600);
	f->then.pages = PAGES;
	f->then.shared = true;
	f->then.inode = 5;
	f->then.marks_known = seed % 5 ? 0x1ff : (uint16_t)(0x1ff & ~MARK_WRITTEN);
	if (seed % 7 == 0)
		f->then.marks_known &= (uint16_t)~MARK_EXCLUSIVE;
	random_pages(&seed, &f->then);
	f->now = f->then;
	for (int i = 0; i < 300; i++)
		random_page(&seed, &f->now, build_below(&seed, seed % 2 ? PAGES : 400));
	for (uint64_t i = 0; i < PAGES; i++) {
		if (f->now.state[i] != PAGE_ANON || f->then.state[i] != PAGE_ANON)
			continue;
		if (seed % 2) /* nobody cleared the marks */
			f->now.marks[i] |= f->then.marks[i] & MARK_WRITTEN;
		if (f->then.marks[i] & ~f->now.marks[i] & MARK_WRITTEN)
			f->cleared = true;
	}
	f->before = build_snapshot(&f->then, 1, NULL);
	f->before->taken_ns = NOW - (int64_t)build_below(&seed, 900) * 1000000000;
	f->after = build_snapshot(&f->now, 1, f->before);
	f->after->taken_ns = NOW - (int64_t)build_below(&seed, 3) * 1000000000;
	f->first = track_first(f->before);
	assert_int_equal(change_list_new(f->before, f->after, &f->diff), 0);
	assert_int_equal(track_next(f->first, f->diff, &f->track), 0);
	assert_int_equal(change_map(f->diff, 0, &f->difference), 0);
	random_detail(f, &seed);
	f->source = (struct tile_source){
		.mapping = f->after->mappings[0].mapping,
		.pages = f->after->mappings[0].pages,
		.changes = f->diff,
		.track = track_mapping(f->track, 0),
		.difference = f->difference,
		.detail = f->detail,
		.now_ns = NOW,
	};
}

static void teardown(struct fixture *f)
{
	page_detail_unref(f->detail);
	pages_unref(f->difference);
	change_list_unref(f->diff);
	track_unref(f->first);
	track_unref(f->track);
	snapshot_unref(f->before);
	snapshot_unref(f->after);
}

/* The answers by hand, page by page, from the arrays that the snapshots were built of. */

static unsigned hand_written(const struct fixture *f, uint64_t i)
{
	uint8_t s = f->now.state[i];
	bool was = f->then.marks[i] & MARK_WRITTEN, is = f->now.marks[i] & MARK_WRITTEN;
	bool out_of_table = s == PAGE_SHARED_SWAP || s == PAGE_CACHED;

	if (s == PAGE_NONE || s == PAGE_GUARD || s == PAGE_POISON)
		return WRITTEN_NOTHING;
	if (!(f->now.marks_known & MARK_WRITTEN))
		return WRITTEN_UNKNOWN;
	if (is)
		return was ? WRITTEN_MARKED : WRITTEN_NOW;
	if (out_of_table && was)
		return f->source.track && track_remembers(f->source.track) ? WRITTEN_REMEMBERED
									   : WRITTEN_UNKNOWN;
	return page_state_is_present(s) || s == PAGE_SWAP ? WRITTEN_CLEAN : WRITTEN_UNKNOWN;
}

static bool hand_detail(const struct fixture *f, uint64_t i, size_t *ret_place)
{
	uint64_t address = (f->now.start_page + i) << 12;

	for (size_t k = 0; k < f->detail->count; k++)
		if (f->detail->start + k * 4096 == address) {
			*ret_place = k;
			return true;
		}
	return false;
}

static unsigned hand_sharing(const struct fixture *f, uint64_t i)
{
	uint8_t s = f->now.state[i];
	size_t place;

	if (s == PAGE_UNKNOWN || s == PAGE_MIGRATING)
		return SHARING_UNKNOWN;
	if (!page_state_is_present(s))
		return SHARING_NOTHING;
	if (hand_detail(f, i, &place) && f->detail->counts_known && f->detail->map_counts[place]) {
		uint64_t n = f->detail->map_counts[place];

		return n > 9	? SHARING_MORE
		       : n == 1 ? SHARING_ONE
				: (unsigned)(SHARING_TWO + n - 2);
	}
	if (s == PAGE_ZERO)
		return SHARING_MORE;
	if (!(f->now.marks_known & MARK_EXCLUSIVE))
		return SHARING_UNKNOWN;
	return f->now.marks[i] & MARK_EXCLUSIVE ? SHARING_ONE : SHARING_SHARED;
}

static unsigned hand_size(const struct fixture *f, uint64_t i)
{
	uint8_t s = f->now.state[i];
	size_t place;

	if (s == PAGE_UNKNOWN || s == PAGE_MIGRATING)
		return SIZE_UNKNOWN;
	if (!page_state_is_present(s))
		return SIZE_NOTHING;
	if (f->now.marks[i] & MARK_HUGETLB)
		return SIZE_HUGETLB;
	if (f->now.marks[i] & MARK_HUGE)
		return SIZE_PMD;
	if (hand_detail(f, i, &place) && f->detail->flags_known && f->detail->flags[place])
		return f->detail->flags[place] & (1 << 15 | 1 << 16 | 1 << 22) ? SIZE_FOLIO
									       : SIZE_BASE;
	return SIZE_SMALL;
}

static unsigned hand_age(const struct fixture *f, uint64_t i)
{
	bool changed = f->now.state[i] != f->then.state[i];

	if (f->now.state[i] == PAGE_NONE)
		return AGE_NOTHING;
	if (f->now.state[i] == PAGE_UNKNOWN)
		return AGE_UNKNOWN;
	return lens_age(NOW - (changed ? f->after->taken_ns : f->before->taken_ns));
}

static unsigned hand_difference(const struct fixture *f, uint64_t i)
{
	uint16_t known = f->now.marks_known & MARK_WRITTEN;

	return page_change(f->then.state[i], f->then.marks[i] & known, f->now.state[i],
			   f->now.marks[i] & known);
}

static unsigned by_hand(const struct fixture *f, enum lens lens, uint64_t i)
{
	switch (lens) {
	case LENS_WRITTEN:
		return hand_written(f, i);
	case LENS_SHARING:
		return hand_sharing(f, i);
	case LENS_SIZE:
		return hand_size(f, i);
	case LENS_AGE:
		return hand_age(f, i);
	case LENS_DIFFERENCE:
		return hand_difference(f, i);
	default:
		return f->now.state[i];
	}
}

static void check_tile(const struct fixture *f, enum lens lens, int pin, const struct tile *t,
		       uint64_t first, uint64_t per_tile)
{
	uint64_t counts[LENS_VALUES_MAX] = { 0 }, n = 0, written = 0, upper = 0;
	unsigned best = 0, common;

	for (uint64_t i = first; i < first + per_tile && i < PAGES; i++, n++) {
		counts[by_hand(f, lens, i)]++;
		if (f->now.marks[i] & f->now.marks_known & MARK_WRITTEN)
			written++;
	}
	assert_int_equal(t->count, n);
	if (!n)
		return;
	for (unsigned v = 1; v < LENS_VALUES_MAX; v++)
		if (counts[v] > counts[best] || (counts[v] == counts[best] && counts[v] &&
						 lens_rank(lens, v) > lens_rank(lens, best)))
			best = v;
	common = best;
	if (pin >= 0 && counts[pin])
		best = (unsigned)pin;
	if (t->value != best)
		fail_msg("lens %d, %lu pages from %lu: %c, by hand %c", lens, n, first,
			 lens_value(lens, t->value).letter, lens_value(lens, best).letter);
	assert_int_equal(t->pinned, best != common);
	if (lens != LENS_WHERE) {
		assert_int_equal(t->mixed, counts[best] != n);
		return;
	}
	assert_int_equal(t->written, written);
	assert_int_equal(t->mixed, counts[best] != n || (written && written != n));
	for (uint64_t i = first; i < first + n; i++)
		upper += f->now.state[i] == best && f->now.marks[i] & f->now.marks_known & 1;
	/* Upper case is never a lie, and never left out where all pages are in one state. */
	if (t->upper)
		assert_true(upper);
	if (counts[best] == n)
		assert_int_equal(t->upper, upper > 0);
}

static void check_zoom(struct fixture *f, uint64_t first, uint64_t per_tile)
{
	static struct tile tiles[PAGES + 4];

	for (int lens = 0; lens < LENSES; lens++)
		for (int pin = -1; pin < 12; pin += 5) {
			size_t count = (PAGES - first) / per_tile + 3;

			if (pin >= (int)lens_value_count((enum lens)lens))
				continue;
			tile_fill(&f->source, (enum lens)lens, pin, first, per_tile, count, tiles);
			for (size_t i = 0; i < count; i++)
				check_tile(f, (enum lens)lens, pin, &tiles[i], first + i * per_tile,
					   per_tile);
		}
}

static void test_tiles_equal_a_count_by_hand(void **state)
{
	unsigned remembering = 0, cleared = 0;

	static const uint64_t zooms[] = { 1,  2,  3,   4,   8,	 16,   32,   60,
					  64, 96, 128, 256, 512, 1000, 1024, 4096 };
	static struct fixture f;

	for (uint64_t round = 1; round <= 24; round++) {
		setup(&f, round * 104729);
		remembering += track_remembers(f.source.track);
		cleared += f.cleared;
		for (size_t z = 0; z < sizeof(zooms) / sizeof(*zooms); z++)
			check_zoom(&f, round % 3 ? 0 : round, zooms[z]);
		teardown(&f);
	}
	assert_in_range(remembering, 5, 20);
	assert_in_range(cleared, 1, 20);
}

static void test_page_values_equal_tiles(void **state)
{
	static struct fixture f;

	for (uint64_t round = 1; round <= 10; round++) {
		setup(&f, round * 15485863);
		for (int lens = 0; lens < LENSES; lens++)
			for (uint64_t i = 0; i < PAGES; i++)
				assert_int_equal(tile_page_value(&f.source, (enum lens)lens, i),
						 by_hand(&f, (enum lens)lens, i));
		teardown(&f);
	}
}

static void test_nothing_read_is_unknown(void **state)
{
	static struct fixture f;
	struct tile t;

	setup(&f, 99);
	f.source.pages = NULL;
	for (int lens = 0; lens < LENSES; lens++) {
		tile_fill(&f.source, (enum lens)lens, TILE_NO_PIN, 0, 512, 1, &t);
		assert_int_equal(lens_value((enum lens)lens, t.value).letter, '?');
		assert_int_equal(tile_page_value(&f.source, (enum lens)lens, 3), t.value);
		assert_false(t.mixed);
		assert_int_equal(t.count, 512);
	}
	teardown(&f);
}

static void test_one_pinned_page_wins(void **state)
{
	static struct build_mapping m;
	struct snapshot *s;
	struct tile t;

	memset(&m, 0, sizeof(m));
	m.start_page = 512;
	m.pages = 4096;
	build_fill(&m, 0, 4096, PAGE_ANON, 0);
	m.state[3000] = PAGE_SHARED_SWAP;
	s = build_snapshot(&m, 1, NULL);
	struct tile_source source = { .mapping = s->mappings[0].mapping,
				      .pages = s->mappings[0].pages };
	tile_fill(&source, LENS_WHERE, TILE_NO_PIN, 0, 4096, 1, &t);
	assert_int_equal(t.value, PAGE_ANON);
	assert_true(t.mixed);
	tile_fill(&source, LENS_WHERE, PAGE_SHARED_SWAP, 0, 4096, 1, &t);
	assert_int_equal(t.value, PAGE_SHARED_SWAP);
	assert_true(t.pinned && t.mixed);
	snapshot_unref(s);
}

/* Letters of a lens are told apart, and no two values tie for ever. */
static void test_lens_tables(void **state)
{
	for (int lens = 0; lens < LENSES; lens++)
		for (unsigned a = 0; a < lens_value_count((enum lens)lens); a++) {
			struct lens_value v = lens_value((enum lens)lens, a);

			assert_true(v.letter && v.name && v.meaning);
			assert_in_range(lens_value_count((enum lens)lens), 2, LENS_VALUES_MAX);
			for (unsigned b = 0; b < a; b++) {
				struct lens_value w = lens_value((enum lens)lens, b);

				assert_int_not_equal(v.letter, w.letter);
				assert_int_not_equal(lens_rank((enum lens)lens, a),
						     lens_rank((enum lens)lens, b));
			}
		}
}

/*
 * Tiles count pages that can carry a mark by their states. That holds as long as classify_page()
 * sets the marks nowhere else: all evidence there can be, on every kind of mapping.
 */
static void check_marks(const struct verdict *v)
{
	bool here = page_state_is_present((enum page_state)v->state);

	if (v->marks & MARK_WRITTEN)
		assert_true(here || v->state == PAGE_SWAP);
	if (v->marks & (MARK_HUGE | MARK_HUGETLB))
		assert_true(here);
	assert_false(v->marks & MARK_HUGE && v->marks & MARK_HUGETLB);
}

static void test_marks_stand_where_tiles_expect_them(void **state)
{
	struct mapping m;

	memset(&m, 0, sizeof(m));
	for (int kind = 0; kind < MAPPING_KINDS; kind++)
		for (int shared = 0; shared < 2; shared++)
			for (unsigned bits = 0; bits < 512; bits++)
				for (int i = 0; i < 8 * 8; i++) {
					struct evidence e = { .bits = (uint16_t)bits,
							      .known = 511 };
					struct verdict v;

					e.swap_type = (uint8_t)(i % 8);
					e.object = (uint8_t)(i / 8);
					m.kind = (uint8_t)kind;
					memcpy(m.perms, shared ? "rw-s" : "rw-p", 5);
					v = classify_page(&m, &e);
					check_marks(&v);
				}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lens_tables),
		cmocka_unit_test(test_marks_stand_where_tiles_expect_them),
		cmocka_unit_test(test_nothing_read_is_unknown),
		cmocka_unit_test(test_one_pinned_page_wins),
		cmocka_unit_test(test_page_values_equal_tiles),
		cmocka_unit_test(test_tiles_equal_a_count_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
