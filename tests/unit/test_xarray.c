// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/xarray.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define BASE  UINT64_C(0xffffea0000000000)
#define FRAME 64

static const struct xarray_frames frames = { BASE, FRAME };

static uint64_t folio(uint64_t pfn)
{
	return BASE + pfn * FRAME;
}

static uint64_t slot_value(uint64_t type, uint64_t offset)
{
	return (type << 58 | offset) << 1 | 1;
}

static uint64_t sibling(unsigned int of)
{
	return of << 2 | 2;
}

static struct xarray_record leaf(uint64_t base)
{
	return (struct xarray_record){ .base = base, .to = 64 };
}

struct decoded {
	struct xarray_run runs[80];
	struct xarray_runs list;
	bool torn;
};

static void decode(struct decoded *d, const struct xarray_record *record, uint64_t low,
		   uint64_t high, uint64_t bias)
{
	d->list.runs = d->runs;
	d->list.room = 80;
	d->torn = xarray_decode(record, &frames, low, high, bias, &d->list);
}

static void expect(const struct xarray_run *run, uint64_t first, uint64_t count, int kind,
		   uint64_t value)
{
	assert_int_equal(run->first, first);
	assert_int_equal(run->count, count);
	assert_int_equal(run->kind, kind);
	assert_int_equal(run->value, value);
}

static void test_single_pages(void **state)
{
	struct xarray_record r = leaf(128);
	struct decoded d = { 0 };

	r.slots[0] = folio(1000);
	r.slots[1] = folio(1001);
	r.slots[2] = folio(2000);
	r.slots[5] = slot_value(3, 77);
	r.slots[6] = slot_value(3, 78);
	r.slots[7] = slot_value(4, 79);
	r.slots[63] = slot_value(0, 1);
	r.uptodate = 5;
	decode(&d, &r, 0, UINT64_MAX, 0);
	assert_false(d.torn);
	assert_int_equal(d.list.count, 6);
	expect(&d.runs[0], 128, 1, XARRAY_RESIDENT, 1000);
	assert_int_equal(d.runs[0].flags, XARRAY_UPTODATE);
	expect(&d.runs[1], 129, 1, XARRAY_RESIDENT, 1001);
	assert_int_equal(d.runs[1].flags, 0);
	expect(&d.runs[2], 130, 1, XARRAY_RESIDENT, 2000);
	expect(&d.runs[3], 133, 2, XARRAY_SWAP, 77);
	assert_int_equal(d.runs[3].type, 3);
	expect(&d.runs[4], 135, 1, XARRAY_SWAP, 79);
	assert_int_equal(d.runs[4].type, 4);
	expect(&d.runs[5], 191, 1, XARRAY_SWAP, 1);
}

/* A record that ends in the middle of a run, then the one that goes on. */
static void test_runs_go_on_across_records(void **state)
{
	struct xarray_record a = leaf(0), b = leaf(64);
	struct decoded d = { 0 };

	for (int s = 0; s < 64; s++) {
		a.slots[s] = slot_value(1, 500 + s);
		b.slots[s] = slot_value(1, 564 + s);
	}
	decode(&d, &a, 0, UINT64_MAX, 9);
	decode(&d, &b, 0, UINT64_MAX, 9);
	assert_int_equal(d.list.count, 1);
	expect(&d.runs[0], 9, 128, XARRAY_SWAP, 500);
}

static void test_large_entries(void **state)
{
	struct xarray_record r = leaf(4096);
	struct decoded d = { 0 };

	r.shift = 6; /* a slot covers 64 pages */
	r.slots[0] = slot_value(0, 512); /* order 9: eight slots */
	r.slots[8] = folio(8192); /* order 6 */
	r.slots[16] = folio(16384); /* order 7 */
	r.slots[17] = sibling(16);
	for (unsigned int s = 1; s < 8; s++)
		r.slots[s] = sibling(0);
	decode(&d, &r, 0, UINT64_MAX, 0);
	assert_false(d.torn);
	assert_int_equal(d.list.count, 3);
	expect(&d.runs[0], 4096, 512, XARRAY_SWAP, 512);
	assert_int_equal(d.runs[0].order, 9);
	expect(&d.runs[1], 4096 + 512, 64, XARRAY_RESIDENT, 8192);
	assert_int_equal(d.runs[1].order, 6);
	expect(&d.runs[2], 4096 + 1024, 128, XARRAY_RESIDENT, 16384);
	assert_int_equal(d.runs[2].order, 7);
}

/* The walk may start inside a large entry: page k of it still has value + k. */
static void test_start_inside_large_entry(void **state)
{
	struct xarray_record r = leaf(0);
	struct decoded d = { 0 };

	for (unsigned int s = 17; s < 32; s++)
		r.slots[s] = sibling(16);
	r.slots[16] = slot_value(2, 1600);
	r.from = 21;
	decode(&d, &r, 21, 30, 0 - (uint64_t)21);
	assert_false(d.torn);
	assert_int_equal(d.list.count, 1);
	expect(&d.runs[0], 0, 9, XARRAY_SWAP, 1605);
	assert_int_equal(d.runs[0].order, 4);
}

static void test_clipped_on_both_sides(void **state)
{
	struct xarray_record r = leaf(64);
	struct decoded d = { 0 };

	for (int s = 0; s < 64; s++)
		r.slots[s] = folio(300 + s);
	decode(&d, &r, 70, 80, 0);
	assert_int_equal(d.list.count, 1);
	expect(&d.runs[0], 70, 10, XARRAY_RESIDENT, 306);
	d.list.count = 0;
	decode(&d, &r, 128, 200, 0);
	assert_int_equal(d.list.count, 0);
	decode(&d, &r, 0, 64, 0);
	assert_int_equal(d.list.count, 0);
}

static void test_only_the_slots_of_the_record(void **state)
{
	struct xarray_record r = leaf(0);
	struct decoded d = { 0 };

	for (int s = 0; s < 64; s++)
		r.slots[s] = slot_value(0, 10 + 2 * s);
	r.from = 3;
	r.to = 6;
	decode(&d, &r, 0, UINT64_MAX, 0);
	assert_int_equal(d.list.count, 3);
	expect(&d.runs[0], 3, 1, XARRAY_SWAP, 16);
	expect(&d.runs[2], 5, 1, XARRAY_SWAP, 20);
}

static void test_markers_are_no_slots(void **state)
{
	struct xarray_record r = leaf(0);
	struct decoded d = { 0 };

	r.slots[1] = slot_value(30, 5);
	r.slots[2] = slot_value(31, 5);
	r.slots[3] = slot_value(31, 2);
	decode(&d, &r, 0, UINT64_MAX, 0);
	assert_int_equal(d.list.count, 3);
	assert_int_equal(d.runs[0].kind, XARRAY_SWAP);
	assert_int_equal(d.runs[1].kind, XARRAY_POISON);
	assert_int_equal(d.runs[2].kind, XARRAY_POISON);
}

/* What a tree under change can hold: none of it may pass for a page or a slot. */
static void test_torn(void **state)
{
	static const uint64_t odd[] = {
		1026, /* XA_RETRY_ENTRY */
		1030, /* XA_ZERO_ENTRY */
		BASE + 100 * FRAME + 8, /* not at the start of a struct page */
		BASE - FRAME, /* below all of them */
		0xffff888012345678 | 2, /* a node where a leaf was */
		5 << 2 | 2, /* sibling of a slot behind it */
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		struct xarray_record r = leaf(0);
		struct decoded d = { 0 };

		r.slots[4] = odd[i];
		r.slots[5] = slot_value(0, 9);
		decode(&d, &r, 0, UINT64_MAX, 0);
		assert_true(d.torn);
		assert_int_equal(d.runs[0].kind, XARRAY_TORN);
	}
}

/* No entry covers three slots. */
static void test_torn_siblings(void **state)
{
	struct xarray_record r = leaf(0);
	struct decoded d = { 0 };

	r.slots[4] = slot_value(0, 9);
	r.slots[5] = r.slots[6] = sibling(4);
	decode(&d, &r, 0, UINT64_MAX, 0);
	assert_true(d.torn);
}

static void test_without_frames(void **state)
{
	static const struct xarray_frames none = { 0 };
	struct xarray_record r = leaf(0);
	struct decoded d = { 0 };

	r.slots[10] = folio(50);
	r.slots[11] = folio(70);
	d.list = (struct xarray_runs){ d.runs, 0, 80 };
	assert_false(xarray_decode(&r, &none, 11, UINT64_MAX, 0, &d.list));
	expect(&d.runs[0], 11, 1, XARRAY_RESIDENT, XARRAY_NO_PFN);
	d.list.count = 0;
	xarray_decode(&r, &none, 0, UINT64_MAX, 0, &d.list);
	assert_int_equal(d.list.count, 1);
	expect(&d.runs[0], 10, 2, XARRAY_RESIDENT, XARRAY_NO_PFN);
}

static void test_folio_of_page(void **state)
{
	struct xarray_record r = leaf(0);
	uint64_t offset = 99;

	r.slots[8] = folio(80);
	for (unsigned int s = 9; s < 16; s++)
		r.slots[s] = sibling(8);
	r.slots[20] = slot_value(0, 4);
	assert_true(xarray_folio(&r, 11, &offset) == folio(80));
	assert_int_equal(offset, 3);
	assert_int_equal(xarray_folio(&r, 20, &offset), 0);
	assert_int_equal(xarray_folio(&r, 21, &offset), 0);
	assert_int_equal(xarray_folio(&r, 64, &offset), 0);
}

static void test_pagemap_word(void **state)
{
	assert_true(xarray_pagemap_word(3, 0x1234) == (UINT64_C(0x6000000000000003) | 0x1234 << 5));
	assert_true(xarray_pagemap_word(0, 0) == UINT64_C(0x6000000000000000));
	assert_true(xarray_pagemap_word(31, (UINT64_C(1) << 50) - 1) ==
		    UINT64_C(0x607fffffffffffff));
}

static uint64_t next_random(uint64_t *random)
{
	*random = *random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *random >> 33;
}

/* Four pages as one entry, in RAM or in swap; its last slot. */
static unsigned int fill_large(struct xarray_record *r, unsigned int s, uint64_t value)
{
	r->slots[s] = value % 2 ? folio(value) : slot_value(value % 31, value);
	for (unsigned int k = 1; k < 4; k++)
		r->slots[s + k] = sibling(s);
	return s + 3;
}

/* Entries as a kernel may have them, and a few that it must not have. */
static void fill_random(struct xarray_record *r, uint64_t *random, bool odd)
{
	for (unsigned int s = 0; s < XARRAY_SLOTS; s++) {
		uint64_t what = next_random(random) % (odd ? 40 : 30), value = next_random(random);

		if (what < 10)
			r->slots[s] = 0;
		else if (what < 20)
			r->slots[s] = slot_value(value % 31, value % 5 ? s : value);
		else if (what < 30)
			r->slots[s] = folio(value);
		else if (what < 32)
			r->slots[s] = slot_value(31, 2);
		else if (what < 38 && s % 4 == 0)
			s = fill_large(r, s, value);
		else if (what == 39)
			r->slots[s] = folio(value) + 4;
	}
}

/* Page by page must be what the runs say, holes where they say nothing; nothing else is touched. */
static void test_pages_equal_runs(void **state)
{
	static const uint8_t names[XARRAY_KINDS] = { 10, 11, 12, 13, 14 };
	uint64_t random = 7;

	for (int round = 0; round < 20000; round++) {
		struct xarray_record r = leaf(512 + 64 * (next_random(&random) % 4));
		uint8_t got[300], want[300];
		uint64_t slots[300] = { 0 }, low, high, bias;
		struct xarray_pages pages = { 100, 300, names, got, slots };
		struct decoded d = { 0 };
		bool torn;

		if (round % 7 == 0)
			r.shift = 6;
		r.from = round % 3 ? 0 : next_random(&random) % 64;
		r.to = round % 5 ? 64 : r.from + next_random(&random) % (65 - r.from);
		fill_random(&r, &random, round % 2);
		low = 500 + next_random(&random) % 100;
		high = low + next_random(&random) % 300;
		bias = (uint64_t)100 - low;
		memset(got, 99, sizeof(got));
		memset(want, 99, sizeof(want));
		decode(&d, &r, low, high, bias);
		torn = xarray_decode_pages(&r, &frames, low, high, bias, &pages);
		for (uint64_t p = low; p < high; p++)
			if (p >= r.base + ((uint64_t)r.from << r.shift) &&
			    p < r.base + ((uint64_t)r.to << r.shift))
				want[p - low] = names[XARRAY_HOLE];
		for (size_t i = 0; i < d.list.count; i++)
			for (uint64_t k = 0; k < d.runs[i].count; k++) {
				uint64_t at = d.runs[i].first + k - 100;

				/* A run says all of an entry that the record has a part of. */
				if (want[at] == 99)
					continue;
				want[at] = names[d.runs[i].kind];
				if (d.runs[i].kind != XARRAY_SWAP)
					continue;
				assert_int_equal(XARRAY_SLOT_TYPE(slots[at]), d.runs[i].type);
				assert_int_equal(XARRAY_SLOT_OFFSET(slots[at]),
						 d.runs[i].value + k);
			}
		assert_memory_equal(got, want, sizeof(got));
		/* What is torn beyond the wanted pages does not matter. */
		assert_true(d.torn || !torn);
		assert_true(torn || !memchr(got, names[XARRAY_TORN], sizeof(got)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_equal_runs),
		cmocka_unit_test(test_single_pages),
		cmocka_unit_test(test_runs_go_on_across_records),
		cmocka_unit_test(test_large_entries),
		cmocka_unit_test(test_start_inside_large_entry),
		cmocka_unit_test(test_clipped_on_both_sides),
		cmocka_unit_test(test_only_the_slots_of_the_record),
		cmocka_unit_test(test_markers_are_no_slots),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_torn_siblings),
		cmocka_unit_test(test_without_frames),
		cmocka_unit_test(test_folio_of_page),
		cmocka_unit_test(test_pagemap_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
