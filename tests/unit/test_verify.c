// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "model/verify.h"

/* A mapping of 100 pages: what is in it, what smaps says, and what must come out. */
struct row {
	uint8_t kind;
	const char *perms;
	uint64_t state[PAGE_STATES];
	uint64_t swap_unplaced;
	uint64_t before[VERIFY_SUMS], after[VERIFY_SUMS]; /* after: all 0 means as before */
	enum verify_cause cause[VERIFY_SUMS];
};

static const struct row rows[] = {
	{ .kind = MAPPING_ANON,
	  .perms = "rw-p",
	  .state = { [PAGE_ANON] = 40, [PAGE_ZERO] = 10, [PAGE_SWAP] = 20, [PAGE_GUARD] = 5 },
	  .before = { 40, 40, 20 } },
	{ .kind = MAPPING_FILE,
	  .perms = "rw-p",
	  .state = { [PAGE_ANON] = 4, [PAGE_FILE] = 16, [PAGE_CACHED] = 9 },
	  .before = { 20, 4, 0 } },
	{ .kind = MAPPING_FILE, /* a file page taken for a copied one */
	  .perms = "rw-p",
	  .state = { [PAGE_ANON] = 5, [PAGE_FILE] = 15 },
	  .before = { 20, 4, 0 },
	  .cause = { 0, VERIFY_DIFFERS, 0 } },
	{ .kind = MAPPING_SHMEM,
	  .perms = "rw-s",
	  .state = { [PAGE_SHMEM] = 40, [PAGE_SHARED_SWAP] = 60 },
	  .before = { 40, 0, 60 } },
	{ .kind = MAPPING_SHMEM, /* one page too few */
	  .perms = "rw-s",
	  .state = { [PAGE_SHMEM] = 40, [PAGE_SHARED_SWAP] = 59 },
	  .before = { 40, 0, 60 },
	  .cause = { 0, 0, VERIFY_DIFFERS } },
	{ .kind = MAPPING_SHMEM, /* one too many is never explained */
	  .perms = "rw-s",
	  .state = { [PAGE_SHMEM] = 39, [PAGE_SHARED_SWAP] = 61, [PAGE_GUARD] = 5 },
	  .before = { 39, 0, 60 },
	  .cause = { 0, 0, VERIFY_DIFFERS } },
	{ .kind = MAPPING_SHMEM, /* guards could hide as many: nobody has looked */
	  .perms = "rw-s",
	  .state = { [PAGE_SHARED_SWAP] = 32, [PAGE_GUARD] = 32 },
	  .before = { 0, 0, 64 },
	  .cause = { 0, 0, VERIFY_DIFFERS } },
	{ .kind = MAPPING_SHMEM, /* so could copies */
	  .perms = "r--p",
	  .state = { [PAGE_ANON] = 50, [PAGE_SHARED_SWAP] = 50 },
	  .before = { 50, 50, 100 },
	  .cause = { 0, 0, VERIFY_DIFFERS } },
	{ .kind = MAPPING_SHMEM, /* writable: the kernel looks at the page table, no excuse */
	  .perms = "rw-p",
	  .state = { [PAGE_ANON] = 50, [PAGE_SHARED_SWAP] = 50 },
	  .before = { 50, 50, 100 },
	  .cause = { 0, 0, VERIFY_DIFFERS } },
	{ .kind = MAPPING_ANON, /* guards hide nothing in private memory */
	  .perms = "rw-p",
	  .state = { [PAGE_SWAP] = 10, [PAGE_GUARD] = 50 },
	  .before = { 0, 0, 20 },
	  .cause = { 0, 0, VERIFY_DIFFERS } },
	{ .kind = MAPPING_SHMEM, /* places unknown, the sum is smaps' own */
	  .perms = "rw-s",
	  .state = { [PAGE_SHMEM] = 40, [PAGE_UNKNOWN] = 60 },
	  .swap_unplaced = 25,
	  .before = { 40, 0, 25 } },
	{ .kind = MAPPING_SHMEM,
	  .perms = "rw-s",
	  .state = { [PAGE_SHMEM] = 40, [PAGE_UNKNOWN] = 60 },
	  .before = { 40, 0, 25 },
	  .cause = { 0, 0, VERIFY_UNKNOWN_PAGES } },
	{ .kind = MAPPING_ANON,
	  .perms = "rw-p",
	  .state = { [PAGE_ANON] = 40, [PAGE_SWAP] = 20 },
	  .before = { 50, 50, 10 },
	  .after = { 35, 35, 25 } },
	{ .kind = MAPPING_ANON,
	  .perms = "rw-p",
	  .state = { [PAGE_ANON] = 40, [PAGE_SWAP] = 20 },
	  .before = { 50, 50, 10 },
	  .after = { 45, 45, 15 },
	  .cause = { VERIFY_MOVED, VERIFY_MOVED, VERIFY_MOVED } },
	{ .kind = MAPPING_HUGETLB, /* smaps has other fields for these */
	  .perms = "rw-s",
	  .state = { [PAGE_SHMEM] = 50, [PAGE_NONE] = 50 },
	  .before = { 0, 0, 0 } },
	{ .kind = MAPPING_ANON,
	  .perms = "rw-p",
	  .state = { [PAGE_ANON] = 30, [PAGE_MIGRATING] = 10 },
	  .before = { 40, 40, 0 } },
};

static struct pages *build(const struct row *row)
{
	struct pages_builder *builder = pages_builder_new();
	struct pages_facts facts = { .swap_unplaced = row->swap_unplaced };
	struct pages *pages;

	pages_builder_start(builder, 0x1000000, NULL);
	for (int s = 0; s < PAGE_STATES; s++)
		if (row->state[s])
			pages_builder_add(builder, row->state[s], (enum page_state)s, 0);
	assert_int_equal(pages_builder_finish(builder, &facts, &pages), 0);
	pages_builder_free(builder);
	return pages;
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct mapping mapping = { .kind = rows[i].kind };
		struct verify_sums before, after;
		struct verify_verdict verdict;
		struct pages *pages = build(&rows[i]);
		uint64_t any = rows[i].after[0] + rows[i].after[1] + rows[i].after[2];

		memcpy(mapping.perms, rows[i].perms, sizeof(mapping.perms));
		memcpy(before.pages, rows[i].before, sizeof(before.pages));
		memcpy(after.pages, any ? rows[i].after : rows[i].before, sizeof(after.pages));
		verify_mapping(&mapping, pages, &before, &after, &verdict);
		for (int k = 0; k < VERIFY_SUMS; k++)
			if (verdict.cause[k] != rows[i].cause[k])
				fail_msg("row %zu, %s: cause %d, not %d", i, verify_sum_names[k],
					 verdict.cause[k], rows[i].cause[k]);
		pages_unref(pages);
	}
}

/* What smaps counts beyond: named only where what was seen is the difference, page for page. */
static void test_what_is_not_reached(void **state)
{
	static const struct {
		struct row row;
		struct verify_unreached seen;
	} edges[] = {
		{ { .kind = MAPPING_SHMEM,
		    .perms = "rw-s",
		    .state = { [PAGE_SHARED_SWAP] = 60 },
		    .before = { 0, 0, 73 },
		    .cause = { 0, 0, VERIFY_ENTRIES } },
		  { .beyond = 13 } },
		{ { .kind = MAPPING_SHMEM, /* one more than that: nothing known explains it */
		    .perms = "rw-s",
		    .state = { [PAGE_SHARED_SWAP] = 60 },
		    .before = { 0, 0, 74 },
		    .cause = { 0, 0, VERIFY_DIFFERS } },
		  { .beyond = 13 } },
		{ { .kind = MAPPING_SHMEM, /* one less */
		    .perms = "rw-s",
		    .state = { [PAGE_SHARED_SWAP] = 60 },
		    .before = { 0, 0, 72 },
		    .cause = { 0, 0, VERIFY_DIFFERS } },
		  { .beyond = 13 } },
		{ { .kind = MAPPING_SHMEM, /* nothing was seen */
		    .perms = "rw-s",
		    .state = { [PAGE_SHARED_SWAP] = 60 },
		    .before = { 0, 0, 73 },
		    .cause = { 0, 0, VERIFY_DIFFERS } },
		  {} },
		{ { .kind = MAPPING_SHMEM,
		    .perms = "rw-s",
		    .state = { [PAGE_SHARED_SWAP] = 60, [PAGE_GUARD] = 30 },
		    .before = { 0, 0, 90 },
		    .cause = { 0, 0, VERIFY_GUARD } },
		  { .markers = 30 } },
		{ { .kind = MAPPING_SHMEM, /* guards are there, but hide nothing */
		    .perms = "rw-s",
		    .state = { [PAGE_SHARED_SWAP] = 60, [PAGE_GUARD] = 30 },
		    .before = { 0, 0, 90 },
		    .cause = { 0, 0, VERIFY_DIFFERS } },
		  {} },
		{ { .kind = MAPPING_SHMEM, /* they hide fewer */
		    .perms = "rw-s",
		    .state = { [PAGE_SHARED_SWAP] = 60, [PAGE_GUARD] = 30 },
		    .before = { 0, 0, 90 },
		    .cause = { 0, 0, VERIFY_DIFFERS } },
		  { .markers = 29 } },
		{ { .kind = MAPPING_SHMEM, /* both */
		    .perms = "rw-s",
		    .state = { [PAGE_SHARED_SWAP] = 60, [PAGE_POISON] = 30 },
		    .before = { 0, 0, 103 },
		    .cause = { 0, 0, VERIFY_GUARD } },
		  { .markers = 30, .beyond = 13 } },
		{ { .kind = MAPPING_SHMEM, /* both, and one more */
		    .perms = "rw-s",
		    .state = { [PAGE_SHARED_SWAP] = 60, [PAGE_GUARD] = 30 },
		    .before = { 0, 0, 104 },
		    .cause = { 0, 0, VERIFY_DIFFERS } },
		  { .markers = 30, .beyond = 13 } },
		{ { .kind = MAPPING_SHMEM,
		    .perms = "r--p",
		    .state = { [PAGE_SHARED_SWAP] = 60, [PAGE_ANON] = 50 },
		    .before = { 50, 50, 110 },
		    .cause = { 0, 0, VERIFY_COPIES } },
		  { .copies = 50 } },
		{ { .kind = MAPPING_SHMEM, /* copies, of which only some hide swap */
		    .perms = "r--p",
		    .state = { [PAGE_SHARED_SWAP] = 60, [PAGE_ANON] = 50 },
		    .before = { 50, 50, 70 },
		    .cause = { 0, 0, VERIFY_COPIES } },
		  { .copies = 10 } },
		{ { .kind = MAPPING_SHMEM, /* counted by the page table */
		    .perms = "rw-p",
		    .state = { [PAGE_SHARED_SWAP] = 60 },
		    .before = { 0, 0, 73 },
		    .cause = { 0, 0, VERIFY_DIFFERS } },
		  { .beyond = 13 } },
		{ { .kind = MAPPING_ANON, /* guards hide nothing in private memory */
		    .perms = "rw-p",
		    .state = { [PAGE_SWAP] = 10, [PAGE_GUARD] = 50 },
		    .before = { 0, 0, 20 },
		    .cause = { 0, 0, VERIFY_DIFFERS } },
		  { .markers = 10 } },
	};

	for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++) {
		const struct row *row = &edges[i].row;
		struct mapping mapping = { .kind = row->kind };
		struct pages *pages = build(row);
		struct verify_verdict verdict;
		struct verify_sums sums;

		memcpy(mapping.perms, row->perms, sizeof(mapping.perms));
		memcpy(sums.pages, row->before, sizeof(sums.pages));
		verify_mapping(&mapping, pages, &sums, &sums, &verdict);
		verify_explain_swap(&mapping, &edges[i].seen, &verdict);
		for (int k = 0; k < VERIFY_SUMS; k++)
			if (verdict.cause[k] != row->cause[k])
				fail_msg("edge %zu, %s: cause %d, not %d", i, verify_sum_names[k],
					 verdict.cause[k], row->cause[k]);
		pages_unref(pages);
	}
}

static void test_worst(void **state)
{
	struct verify_verdict verdict = { .cause = { VERIFY_MOVED, VERIFY_AGREES, VERIFY_GUARD } };

	assert_int_equal(verify_worst(&verdict), VERIFY_MOVED);
	verdict.cause[VERIFY_ANONYMOUS] = VERIFY_DIFFERS;
	assert_int_equal(verify_worst(&verdict), VERIFY_DIFFERS);
	assert_true(verify_is_explained(VERIFY_COPIES));
	assert_false(verify_is_explained(VERIFY_UNKNOWN_PAGES));
	for (int c = VERIFY_AGREES + 1; c < VERIFY_CAUSES; c++)
		assert_true(strlen(verify_cause_text((enum verify_cause)c)) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_what_is_not_reached),
		cmocka_unit_test(test_worst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
