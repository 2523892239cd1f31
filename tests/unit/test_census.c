// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/census.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/shared.h"
#include "kernel/swaps.h"

#define HEADING "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"

static void test_swaps(void **state)
{
	struct census_area *areas;
	size_t count;

	assert_int_equal(
		swaps_parse(HEADING
			    "/dev/sda2                               partition\t1048572\t\t"
			    "12164\t\t-2\n"
			    "/var/a\\040b\\134c\\012                       file\t\t524284\t\t0"
			    "\t\t10\n",
			    &areas, &count),
		0);
	assert_int_equal(count, 2);
	assert_string_equal(areas[0].path, "/dev/sda2");
	assert_string_equal(areas[0].kind, "partition");
	assert_int_equal(areas[0].size, UINT64_C(1048572) << 10);
	assert_int_equal(areas[0].used, UINT64_C(12164) << 10);
	assert_int_equal(areas[0].priority, -2);
	assert_string_equal(areas[1].path, "/var/a b\\c\n");
	assert_int_equal(areas[1].used, 0);
	assert_int_equal(areas[1].priority, 10);
	swaps_free(areas, count);
	assert_int_equal(swaps_parse(HEADING, &areas, &count), 0);
	assert_int_equal(count, 0);
	swaps_free(areas, count);
}

static void test_swaps_that_are_none(void **state)
{
	static const char *const texts[] = {
		"",
		"nonsense\n",
		HEADING "/swap file 10\n",
		HEADING "/swap file 10 11 -2\n", /* more used than there is */
		HEADING "/swap file 10 1 -2 more\n",
		HEADING "/swap file x 1 -2\n",
		HEADING " file 10 1 -2\n",
		HEADING "/swap file 10 1 -2\n\n",
		HEADING "/swap\n",
	};
	struct census_area *areas = NULL;
	size_t count = 7;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (swaps_parse(texts[i], &areas, &count) != -EPROTO)
			fail_msg("text %zu was taken", i);
	assert_null(areas);
	assert_int_equal(count, 7);
}

static void test_sysv_line(void **state)
{
	struct sysv_segment s;

	assert_true(
		sysv_parse_line("   1064999      32799   600                    56 24461 24469"
				"      2   101   104   101   104 1795272494 1795272496 1795272491"
				"                     8192                  4096\n",
				&s));
	assert_int_equal(s.key, 1064999);
	assert_int_equal(s.shmid, 32799);
	assert_int_equal(s.size, 56);
	assert_int_equal(s.attached, 2);
	assert_int_equal(s.ram, 8192);
	assert_int_equal(s.swap, 4096);
	/* Keys are 32 bits and printed with a sign. */
	assert_true(sysv_parse_line("-1 0 600 4096 1 2 0 0 0 0 0 1 2 3 0 4096", &s));
	assert_int_equal(s.key, 0xffffffff);
	assert_false(sysv_parse_line("       key      shmid perms   size  cpid  lpid nattch", &s));
	assert_false(sysv_parse_line("1 2 600 3", &s));
}

static struct mapping *mapping(uint64_t inode, const char *name)
{
	static const struct mapping blank;
	struct mapping like;

	memcpy(&like, &blank, sizeof(like));
	like.start = 4096;
	like.end = 8192;
	like.dev_minor = 1;
	like.inode = inode;
	return mapping_new(&like, name, strlen(name));
}

/* Each object is one, however often and by whomever it is mapped. */
static void test_objects_are_told_apart(void **state)
{
	struct shared_objects objects = { 0 };
	struct probe probe = { .shmem_dev_minor = 1 };
	struct sysv_segment segment = { .shmid = 7, .key = 0x2a, .size = 5000, .swap = 4096 };
	struct census *census = census_new();
	struct shared_object *o;

	for (pid_t pid = 1; pid <= 100; pid++)
		for (uint64_t i = 0; i < 60; i++) {
			struct mapping *m = mapping(i % 20, i == 27 ? "/SYSV0000002a (deleted)"
								    : "/memfd:x (deleted)");

			assert_int_equal(shared_objects_add(&objects, m, pid, &o), 0);
			mapping_unref(m);
		}
	/* Number 7 is a memfd and a SysV segment. */
	assert_int_equal(objects.count, 21);
	assert_int_equal(shared_objects_add_sysv(&objects, &probe, &segment), 0);
	assert_int_equal(objects.count, 21);
	segment.shmid = 8;
	assert_int_equal(shared_objects_add_sysv(&objects, &probe, &segment), 0);
	assert_int_equal(objects.count, 22);
	assert_int_equal(shared_objects_export(&objects, census), 0);
	assert_int_equal(census->object_count, 22);
	for (size_t i = 0; i < census->object_count; i++) {
		const struct census_object *c = &census->objects[i];

		if (c->sysv)
			assert_int_equal(c->swap, 4096);
		assert_int_equal(c->mapper_count, c->sysv && c->inode == 8 ? 0 : 100);
		for (size_t k = 0; k < c->mapper_count; k++)
			assert_int_equal(census->mappers[c->mapper_first + k], k + 1);
	}
	census_seal(census);
	assert_int_equal(census->totals.object_swap, 8192);
	census_unref(census);
	shared_objects_clear(&objects);
}

static void test_totals_and_find(void **state)
{
	struct census *c = census_new();

	c->processes = calloc(3, sizeof(*c->processes));
	c->process_count = 3;
	for (int i = 0; i < 3; i++) {
		c->processes[i].pid = 10 * (i + 1);
		c->processes[i].private_swap = 100;
		c->processes[i].shared_swap = 1000;
		c->processes[i].shared_doubt = i ? CENSUS_KNOWN : CENSUS_PENDING;
	}
	census_seal(c);
	assert_int_equal(c->totals.private_swap, 300);
	assert_int_equal(c->totals.object_swap, 0);
	assert_int_equal(census_total_swap(&c->processes[0]), 100);
	assert_int_equal(census_total_swap(&c->processes[1]), 1100);
	assert_ptr_equal(census_find(c, 20), &c->processes[1]);
	assert_null(census_find(c, 21));
	assert_null(census_find(c, 0));
	assert_null(census_find(c, 31));
	census_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swaps),
		cmocka_unit_test(test_swaps_that_are_none),
		cmocka_unit_test(test_sysv_line),
		cmocka_unit_test(test_objects_are_told_apart),
		cmocka_unit_test(test_totals_and_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
