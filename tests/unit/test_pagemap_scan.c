// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/pagemap.h"
#include "kernel/pagemap_scan_abi.h"

/*
 * How many calls of the ioctl a scan makes: they follow what is mapped and populated, never what is
 * empty, however long the machine takes for one. The kernel and its clock are played here.
 */

#define TIB	(UINT64_C(1) << 40)
#define MS	INT64_C(1000000)
#define LARGEST 4096

/* One address space at a time, since a pagemap_scan_call has no context but the scan. */
static struct space {
	struct entry_run mapped[LARGEST], populated[LARGEST];
	size_t mapped_count, populated_count;
	int64_t call_ns,
		jitter_ns; /* what a call takes whatever it walks, and up to how much more */
	uint64_t bytes_a_ns; /* how fast empty page tables are walked; 0: at once */
	uint64_t calls, walked; /* walked: bytes of holes as well */
	bool stuck;
} space;

static int play_call(const struct pagemap_scan *scan, struct pmscan_arg *arg, int64_t *ret_ns)
{
	struct pmscan_region *regions = (struct pmscan_region *)(uintptr_t)arg->vec;
	uint64_t n = 0, matched = 0;

	assert_int_equal(scan->fd, 7);
	assert_true(arg->start < arg->end);
	arg->walk_end = space.stuck ? arg->start : arg->end;
	for (size_t i = 0; i < space.populated_count && !space.stuck; i++) {
		struct entry_run *run = &space.populated[i];
		uint64_t end = run->start + run->count * PMTOP_PAGE_SIZE, from = run->start;

		from = from > arg->start ? from : arg->start;
		end = end < arg->end ? end : arg->end;
		if (from >= end)
			continue;
		if ((end - from) >> PMTOP_PAGE_SHIFT > arg->max_pages - matched)
			end = from + ((arg->max_pages - matched) << PMTOP_PAGE_SHIFT);
		regions[n++] = (struct pmscan_region){ from, end, PMSCAN_PRESENT | PMSCAN_WRITTEN };
		matched += (end - from) >> PMTOP_PAGE_SHIFT;
		if (n == arg->vec_len || matched == arg->max_pages) {
			arg->walk_end = end;
			break;
		}
	}
	space.calls++;
	space.walked += arg->walk_end - arg->start;
	*ret_ns = space.call_ns + (space.jitter_ns ? random() % space.jitter_ns : 0);
	if (space.bytes_a_ns)
		*ret_ns += (int64_t)((arg->walk_end - arg->start) / space.bytes_a_ns);
	return (int)n;
}

/* Steps over mapped memory, as who has the list of mappings takes them. */
static uint64_t step(void *context, uint64_t *start, uint64_t bytes)
{
	uint64_t end = 0;
	bool first = true;

	(void)context;
	for (size_t i = 0; i < space.mapped_count && bytes; i++) {
		const struct entry_run *m = &space.mapped[i];
		uint64_t m_end = m->start + m->count * PMTOP_PAGE_SIZE, from = m->start;

		if (m_end <= *start)
			continue;
		if (first && from > *start)
			*start = from;
		first = false;
		from = from > *start ? from : *start;
		end = m_end - from > bytes ? from + bytes : m_end;
		bytes -= end - from;
	}
	return end;
}

static void map(uint64_t start, uint64_t bytes, uint64_t populated_pages)
{
	space.mapped[space.mapped_count++] =
		(struct entry_run){ start, bytes >> PMTOP_PAGE_SHIFT, 0 };
	if (populated_pages)
		space.populated[space.populated_count++] =
			(struct entry_run){ start, populated_pages, 0 };
}

static int count_pages(void *context, const struct entry_run *run)
{
	(void)context;
	*(uint64_t *)context += run->count;
	return 0;
}

/* Scans from the first mapping to the last; the number of calls. */
static uint64_t scan_all(pagemap_scan_step *steps)
{
	const struct probe probe = { .has = { [PROBE_PAGEMAP_SCAN] = true } };
	struct pagemap_scan scan = { .fd = 7, .probe = &probe, .step = steps, .call = play_call };
	const struct entry_run *last = &space.mapped[space.mapped_count - 1];
	uint64_t pages = 0, expected = 0;

	for (size_t i = 0; i < space.populated_count; i++)
		expected += space.populated[i].count;
	space.calls = space.walked = 0;
	assert_int_equal(pagemap_scan(&scan, space.mapped[0].start,
				      last->start + last->count * PMTOP_PAGE_SIZE, count_pages,
				      &pages),
			 0);
	assert_int_equal(pages, expected);
	assert_int_equal(scan.statistics.calls, space.calls);
	return space.calls;
}

static int set_up(void **state)
{
	(void)state;
	srandom(1);
	memset(&space, 0, sizeof(space));
	space.call_ns = 4 * MS;
	return 0;
}

/* A program that is not position independent: its heap is low, its libraries are high. */
static void test_hole_of_a_fixed_program(void **state)
{
	(void)state;
	map(0x400000, 0x10000, 16);
	map(0x1000000, 0x21000, 3);
	map(UINT64_C(0x7f0000000000), 0x200000, 100);
	map(UINT64_C(0x7ffff0000000), 0x21000, 3);
	assert_true(scan_all(step) <= space.mapped_count);
	/* Not even a part of a hole that cost nothing: nobody knows what lies behind. */
	space.call_ns = 1;
	assert_true(scan_all(step) <= space.mapped_count);
}

/* Many small mappings with a hole of 10 GiB before each share their calls. */
static void test_many_holes(void **state)
{
	(void)state;
	for (size_t i = 0; i < LARGEST; i++)
		map((i + 1) * 10 * (TIB / 1024), 0x2000, 1);
	assert_true(scan_all(step) <= LARGEST / 512 + 1);
}

/* What AddressSanitizer reserves, where every call is slow, or no two take the same time. */
static void test_reservation(void **state)
{
	(void)state;
	map(UINT64_C(0x7fff8000), 16 * TIB, 5);
	assert_true(scan_all(step) <= 200);
	assert_true(scan_all(NULL) <= 200);
	space.jitter_ns = 40 * MS;
	assert_true(scan_all(step) <= 400);
	space.call_ns = 1000;
	space.jitter_ns = 8 * MS;
	assert_true(scan_all(step) <= 1000);
}

/* Empty page tables take time by their size: the mmap lock is not held long for them. */
static void test_empty_page_tables(void **state)
{
	uint64_t longest = 0;

	(void)state;
	space.call_ns = 500;
	space.bytes_a_ns = PMTOP_PAGE_SIZE; /* 1 ns a page */
	map(TIB, TIB / 4, 1);
	assert_true(scan_all(step) >= 200);
	longest = TIB / 4 / space.calls / space.bytes_a_ns;
	assert_true(longest < (uint64_t)MS);
}

/* What is there takes calls by its number of pages. */
static void test_populated(void **state)
{
	(void)state;
	map(TIB, TIB / 16, TIB / 16 / PMTOP_PAGE_SIZE);
	assert_true(scan_all(step) <= TIB / 16 / PMTOP_PAGE_SIZE / 16384 + 200);
}

static void test_no_progress(void **state)
{
	const struct probe probe = { .has = { [PROBE_PAGEMAP_SCAN] = true } };
	struct pagemap_scan scan = { .fd = 7, .probe = &probe, .call = play_call };
	uint64_t pages = 0;

	(void)state;
	space.stuck = true;
	assert_int_equal(pagemap_scan(&scan, TIB, 2 * TIB, count_pages, &pages), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_hole_of_a_fixed_program, set_up),
		cmocka_unit_test_setup(test_many_holes, set_up),
		cmocka_unit_test_setup(test_reservation, set_up),
		cmocka_unit_test_setup(test_empty_page_tables, set_up),
		cmocka_unit_test_setup(test_populated, set_up),
		cmocka_unit_test_setup(test_no_progress, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
