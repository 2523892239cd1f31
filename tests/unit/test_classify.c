// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "model/classify.h"

/* Every rule of the classifier as a row: what is seen on what mapping, and what that means. */

#define ALL_KNOWN 0xffff
#define NO_ZERO	  (0xffff & ~SEEN_ZERO)

struct row {
	const char *what;
	enum mapping_kind kind;
	char sharing; /* 'p' or 's' */
	struct evidence evidence;
	enum page_state state;
	uint16_t marks;
	enum page_rule rule;
	enum page_doubt doubt;
};

static const struct row rows[] = {
	{ "anonymous",
	  MAPPING_ANON,
	  'p',
	  { SEEN_PRESENT, ALL_KNOWN },
	  PAGE_ANON,
	  0,
	  RULE_PRESENT_ANON },
	{ "heap, exclusive",
	  MAPPING_HEAP,
	  'p',
	  { SEEN_PRESENT | SEEN_EXCLUSIVE, ALL_KNOWN },
	  PAGE_ANON,
	  MARK_EXCLUSIVE,
	  RULE_PRESENT_ANON },
	{ "never touched", MAPPING_ANON, 'p', { 0, ALL_KNOWN }, PAGE_NONE, 0, RULE_NOTHING },
	{ "zero page",
	  MAPPING_ANON,
	  'p',
	  { SEEN_PRESENT | SEEN_ZERO, ALL_KNOWN },
	  PAGE_ZERO,
	  0,
	  RULE_ZERO },
	{ "huge zero page",
	  MAPPING_ANON,
	  'p',
	  { SEEN_PRESENT | SEEN_ZERO | SEEN_HUGE, ALL_KNOWN },
	  PAGE_ZERO,
	  MARK_HUGE,
	  RULE_ZERO },
	{ "huge zero page as pagemap shows it",
	  MAPPING_ANON,
	  'p',
	  { SEEN_PRESENT | SEEN_FILE, NO_ZERO },
	  PAGE_ZERO,
	  0,
	  RULE_ZERO },
	{ "zero page cannot be told",
	  MAPPING_STACK,
	  'p',
	  { SEEN_PRESENT, NO_ZERO },
	  PAGE_UNKNOWN,
	  0,
	  RULE_PRESENT_UNDECIDED,
	  DOUBT_NO_SCAN },
	{ "exclusive is never the zero page",
	  MAPPING_ANON,
	  'p',
	  { SEEN_PRESENT | SEEN_EXCLUSIVE, NO_ZERO },
	  PAGE_ANON,
	  MARK_EXCLUSIVE,
	  RULE_PRESENT_ANON },
	{ "huge page",
	  MAPPING_ANON,
	  'p',
	  { SEEN_PRESENT | SEEN_HUGE, ALL_KNOWN },
	  PAGE_ANON,
	  MARK_HUGE,
	  RULE_PRESENT_ANON },
	{ "file",
	  MAPPING_FILE,
	  'p',
	  { SEEN_PRESENT | SEEN_FILE, ALL_KNOWN },
	  PAGE_FILE,
	  0,
	  RULE_PRESENT_FILE },
	{ "file, copied on write",
	  MAPPING_FILE,
	  'p',
	  { SEEN_PRESENT, ALL_KNOWN },
	  PAGE_ANON,
	  0,
	  RULE_PRESENT_COPIED },
	{ "file, shared; FILE was not asked for",
	  MAPPING_FILE,
	  's',
	  { SEEN_PRESENT, ALL_KNOWN },
	  PAGE_FILE,
	  0,
	  RULE_PRESENT_FILE },
	{ "shared memory",
	  MAPPING_SHMEM,
	  's',
	  { SEEN_PRESENT, ALL_KNOWN },
	  PAGE_SHMEM,
	  0,
	  RULE_PRESENT_SHMEM },
	{ "private mapping of shared memory",
	  MAPPING_SHMEM,
	  'p',
	  { SEEN_PRESENT | SEEN_FILE, ALL_KNOWN },
	  PAGE_SHMEM,
	  0,
	  RULE_PRESENT_SHMEM },
	{ "private mapping of shared memory, copied",
	  MAPPING_SHMEM,
	  'p',
	  { SEEN_PRESENT, ALL_KNOWN },
	  PAGE_ANON,
	  0,
	  RULE_PRESENT_COPIED },
	{ "hugetlb, private",
	  MAPPING_HUGETLB,
	  'p',
	  { SEEN_PRESENT | SEEN_HUGE, ALL_KNOWN },
	  PAGE_ANON,
	  MARK_HUGETLB,
	  RULE_PRESENT_COPIED },
	{ "hugetlb, shared, no written mark",
	  MAPPING_HUGETLB,
	  's',
	  { SEEN_PRESENT | SEEN_HUGE | SEEN_FILE | SEEN_WRITTEN, ALL_KNOWN },
	  PAGE_SHMEM,
	  MARK_HUGETLB,
	  RULE_PRESENT_SHMEM },
	{ "private swap",
	  MAPPING_ANON,
	  'p',
	  { SEEN_SWAPPED, ALL_KNOWN, SWAP_TYPE_AREA },
	  PAGE_SWAP,
	  0,
	  RULE_SWAP },
	{ "private swap keeps written and write protection",
	  MAPPING_ANON,
	  'p',
	  { SEEN_SWAPPED | SEEN_WRITTEN | SEEN_WP, ALL_KNOWN, SWAP_TYPE_AREA },
	  PAGE_SWAP,
	  MARK_WRITTEN | MARK_UFFD_WP,
	  RULE_SWAP },
	{ "swap of a copied page",
	  MAPPING_SHMEM,
	  'p',
	  { SEEN_SWAPPED, ALL_KNOWN, SWAP_TYPE_AREA },
	  PAGE_SWAP,
	  0,
	  RULE_SWAP },
	{ "swap, type hidden",
	  MAPPING_ANON,
	  'p',
	  { SEEN_SWAPPED, ALL_KNOWN, SWAP_TYPE_HIDDEN },
	  PAGE_SWAP,
	  0,
	  RULE_SWAP_HIDDEN_TYPE,
	  DOUBT_SWAP_TYPE },
	{ "migration is not swap",
	  MAPPING_ANON,
	  'p',
	  { SEEN_SWAPPED, ALL_KNOWN, SWAP_TYPE_MIGRATION },
	  PAGE_MIGRATING,
	  0,
	  RULE_MIGRATION },
	{ "poison",
	  MAPPING_ANON,
	  'p',
	  { SEEN_SWAPPED, ALL_KNOWN, SWAP_TYPE_MARKER_POISON },
	  PAGE_POISON,
	  0,
	  RULE_POISON },
	{ "poison in the object",
	  MAPPING_SHMEM,
	  's',
	  { 0, ALL_KNOWN, 0, OBJECT_POISONED },
	  PAGE_POISON,
	  0,
	  RULE_OBJECT_POISON },
	{ "guard by its bit",
	  MAPPING_ANON,
	  'p',
	  { SEEN_SWAPPED | SEEN_GUARD, ALL_KNOWN },
	  PAGE_GUARD,
	  0,
	  RULE_GUARD },
	{ "guard by its marker",
	  MAPPING_ANON,
	  'p',
	  { SEEN_SWAPPED, ALL_KNOWN, SWAP_TYPE_MARKER_GUARD },
	  PAGE_GUARD,
	  0,
	  RULE_GUARD },
	{ "guard hides what the object holds",
	  MAPPING_SHMEM,
	  's',
	  { SEEN_SWAPPED | SEEN_GUARD, ALL_KNOWN, 0, OBJECT_SWAPPED },
	  PAGE_GUARD,
	  0,
	  RULE_GUARD },
	{ "marker on a hole",
	  MAPPING_ANON,
	  'p',
	  { SEEN_SWAPPED | SEEN_WP, ALL_KNOWN, SWAP_TYPE_MARKER_WP },
	  PAGE_NONE,
	  MARK_UFFD_WP,
	  RULE_NOTHING },
	{ "shared swap",
	  MAPPING_SHMEM,
	  's',
	  { 0, ALL_KNOWN, 0, OBJECT_SWAPPED },
	  PAGE_SHARED_SWAP,
	  0,
	  RULE_SHARED_SWAP },
	{ "shared swap behind a marker",
	  MAPPING_SHMEM,
	  's',
	  { SEEN_SWAPPED | SEEN_WP, ALL_KNOWN, SWAP_TYPE_MARKER_WP, OBJECT_SWAPPED },
	  PAGE_SHARED_SWAP,
	  MARK_UFFD_WP,
	  RULE_SHARED_SWAP },
	{ "shared swap behind a marker of hidden type",
	  MAPPING_SHMEM,
	  's',
	  { SEEN_SWAPPED | SEEN_WP, ALL_KNOWN, SWAP_TYPE_HIDDEN, OBJECT_SWAPPED },
	  PAGE_SHARED_SWAP,
	  MARK_UFFD_WP,
	  RULE_SHARED_SWAP },
	{ "hidden entry in a shared mapping",
	  MAPPING_SHMEM,
	  's',
	  { SEEN_SWAPPED, ALL_KNOWN, SWAP_TYPE_HIDDEN },
	  PAGE_UNKNOWN,
	  0,
	  RULE_SWAP_HIDDEN_TYPE,
	  DOUBT_SWAP_TYPE },
	{ "shared swap, a copy in RAM",
	  MAPPING_SHMEM,
	  'p',
	  { 0, ALL_KNOWN, 0, OBJECT_SWAP_CACHED },
	  PAGE_SHARED_SWAP,
	  MARK_SWAP_CACHED,
	  RULE_SHARED_SWAP_CACHED },
	{ "shared, soft-dirty of an empty entry is the mapping's",
	  MAPPING_SHMEM,
	  's',
	  { SEEN_WRITTEN, ALL_KNOWN, 0, OBJECT_SWAPPED },
	  PAGE_SHARED_SWAP,
	  0,
	  RULE_SHARED_SWAP },
	{ "cached",
	  MAPPING_SHMEM,
	  's',
	  { 0, ALL_KNOWN, 0, OBJECT_CACHED },
	  PAGE_CACHED,
	  0,
	  RULE_CACHED },
	{ "cached file",
	  MAPPING_FILE,
	  'p',
	  { 0, ALL_KNOWN, 0, OBJECT_CACHED },
	  PAGE_CACHED,
	  0,
	  RULE_CACHED },
	{ "allocated",
	  MAPPING_SHMEM,
	  's',
	  { 0, ALL_KNOWN, 0, OBJECT_ALLOCATED },
	  PAGE_CACHED,
	  MARK_ALLOCATED,
	  RULE_ALLOCATED },
	{ "hole", MAPPING_SHMEM, 's', { 0, ALL_KNOWN, 0, OBJECT_HOLE }, PAGE_NONE, 0, RULE_HOLE },
	{ "file not asked",
	  MAPPING_FILE,
	  'p',
	  { 0, ALL_KNOWN, 0, OBJECT_NOT_ASKED },
	  PAGE_UNKNOWN,
	  0,
	  RULE_OBJECT_UNKNOWN,
	  DOUBT_CACHE_NOT_ASKED },
	{ "file not allowed",
	  MAPPING_FILE,
	  's',
	  { 0, ALL_KNOWN, 0, OBJECT_NOT_ALLOWED },
	  PAGE_UNKNOWN,
	  0,
	  RULE_OBJECT_UNKNOWN,
	  DOUBT_CACHE_NOT_ALLOWED },
	{ "below a stacked file system",
	  MAPPING_FILE,
	  's',
	  { 0, ALL_KNOWN, 0, OBJECT_STACKED },
	  PAGE_UNKNOWN,
	  0,
	  RULE_OBJECT_UNKNOWN,
	  DOUBT_STACKED },
	{ "file or shared memory",
	  MAPPING_FILE,
	  's',
	  { 0, ALL_KNOWN, 0, OBJECT_NO_KIND },
	  PAGE_UNKNOWN,
	  0,
	  RULE_OBJECT_UNKNOWN,
	  DOUBT_NO_KIND },
	{ "without data, nothing tells more",
	  MAPPING_SHMEM,
	  's',
	  { 0, ALL_KNOWN, 0, OBJECT_HOLE_OR_ALLOCATED },
	  PAGE_NONE,
	  0,
	  RULE_HOLE,
	  DOUBT_UNWRITTEN },
	{ "in core, nothing tells more",
	  MAPPING_SHMEM,
	  's',
	  { 0, ALL_KNOWN, 0, OBJECT_CACHED_OR_SWAPPED },
	  PAGE_UNKNOWN,
	  0,
	  RULE_CACHED_OR_SWAPPED,
	  DOUBT_NO_CACHESTAT },
	{ "object cannot be opened",
	  MAPPING_SHMEM,
	  's',
	  { 0, ALL_KNOWN, 0, OBJECT_UNKNOWN },
	  PAGE_UNKNOWN,
	  0,
	  RULE_OBJECT_UNKNOWN,
	  DOUBT_NO_RIGHT },
	{ "device",
	  MAPPING_SPECIAL,
	  's',
	  { SEEN_PRESENT, ALL_KNOWN },
	  PAGE_UNKNOWN,
	  0,
	  RULE_SPECIAL,
	  DOUBT_KERNEL_MEMORY },
};

static void test_every_row(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct mapping like = { .start = 0x1000, .end = 0x2000, .kind = (uint8_t)r->kind };
		struct mapping *m;
		struct verdict v;

		like.perms[3] = r->sharing;
		m = mapping_new(&like, "", 0);
		v = classify_page(m, &r->evidence);
		if (v.state != r->state || v.marks != r->marks || v.rule != r->rule ||
		    v.doubt != r->doubt)
			fail_msg("%s: %s, marks %#x, rule %d, doubt %d", r->what,
				 page_states[v.state].name, v.marks, v.rule, v.doubt);
		mapping_unref(m);
	}
}

/* The object is asked for exactly the pages whose entry holds none of them. */
static void test_needs_object(void **state)
{
	static const struct {
		enum mapping_kind kind;
		char sharing;
		struct evidence evidence;
		bool needs;
	} asked[] = {
		{ MAPPING_ANON, 'p', { 0 }, false },
		{ MAPPING_HUGETLB, 's', { 0 }, true }, /* others may have filled it */
		{ MAPPING_HUGETLB, 's', { SEEN_PRESENT }, false },
		{ MAPPING_SHMEM, 's', { 0 }, true },
		{ MAPPING_FILE, 'p', { 0 }, true },
		{ MAPPING_SHMEM, 's', { SEEN_PRESENT }, false },
		{ MAPPING_SHMEM, 's', { SEEN_SWAPPED | SEEN_GUARD }, false },
		{ MAPPING_SHMEM, 'p', { SEEN_SWAPPED, 0, SWAP_TYPE_AREA }, false },
		{ MAPPING_SHMEM, 's', { SEEN_SWAPPED | SEEN_WP, 0, SWAP_TYPE_MARKER_WP }, true },
		{ MAPPING_SHMEM, 's', { SEEN_SWAPPED | SEEN_WP, 0, SWAP_TYPE_HIDDEN }, true },
		{ MAPPING_SHMEM, 'p', { SEEN_SWAPPED | SEEN_WP, 0, SWAP_TYPE_HIDDEN }, false },
		{ MAPPING_SHMEM, 's', { SEEN_SWAPPED, 0, SWAP_TYPE_MIGRATION }, false },
	};

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct mapping like = { .kind = (uint8_t)asked[i].kind };
		struct mapping *m;

		like.perms[3] = asked[i].sharing;
		m = mapping_new(&like, "", 0);
		if (classify_needs_object(m, &asked[i].evidence) != asked[i].needs)
			fail_msg("row %zu", i);
		mapping_unref(m);
	}
}

static void test_hugetlb_file_and_vdso(void **state)
{
	struct mapping like = { .kind = MAPPING_HUGETLB, .perms = "rw-s", .hugetlb_file = true };
	struct mapping *m = mapping_new(&like, "/huge/f", 7);
	struct evidence e = { SEEN_PRESENT | SEEN_FILE, ALL_KNOWN };

	assert_int_equal(classify_page(m, &e).state, PAGE_FILE);
	mapping_unref(m);
	like = (struct mapping){ .kind = MAPPING_HUGETLB, .perms = "rw-p" };
	m = mapping_new(&like, "/anon_hugepage (deleted)", 24);
	assert_false(classify_needs_object(m, &(struct evidence){ 0 }));
	mapping_unref(m);
	like = (struct mapping){ .kind = MAPPING_SPECIAL, .perms = "rw-s" };
	m = mapping_new(&like, "anon_inode:bpf-map", 18);
	assert_int_equal(
		classify_page(m, &(struct evidence){ .bits = SEEN_PRESENT | SEEN_FILE }).state,
		PAGE_SHMEM);
	assert_int_equal(classify_page(m, &(struct evidence){ .bits = SEEN_PRESENT }).state,
			 PAGE_UNKNOWN);
	assert_int_equal(classify_page(m, &(struct evidence){ 0 }).state, PAGE_UNKNOWN);
	mapping_unref(m);
	like = (struct mapping){ .kind = MAPPING_SPECIAL, .perms = "r-xp" };
	m = mapping_new(&like, "[vdso]", 6);
	assert_int_equal(classify_page(m, &e).state, PAGE_FILE);
	mapping_unref(m);
}

static void test_every_rule_has_words(void **state)
{
	for (int r = 0; r < RULES; r++)
		assert_non_null(page_rule_text(r));
	for (int d = 0; d < DOUBTS; d++)
		assert_non_null(page_doubt_text(d));
	for (int s = 0; s < PAGE_STATES; s++)
		assert_int_equal(page_state_parse(page_states[s].key), s);
	assert_true(page_state_parse("nonsense") < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_needs_object),
		cmocka_unit_test(test_hugetlb_file_and_vdso),
		cmocka_unit_test(test_every_rule_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
