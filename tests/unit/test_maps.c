// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/maps.h"

static bool parse(const char *line, struct mapping *m, const char **name, size_t *length)
{
	return maps_parse_line(line, strlen(line), m, name, length);
}

static void test_lines_of_the_kernel(void **state)
{
	struct mapping m;
	const char *name;
	size_t length;

	assert_true(
		parse("7f21b0000000-7f21b0100000 rw-s 00003000 00:01 1031                       "
		      "/dev/zero (deleted)",
		      &m, &name, &length));
	assert_int_equal(m.start, 0x7f21b0000000);
	assert_int_equal(m.end, 0x7f21b0100000);
	assert_string_equal(m.perms, "rw-s");
	assert_int_equal(m.offset, 0x3000);
	assert_int_equal(m.dev_major, 0);
	assert_int_equal(m.dev_minor, 1);
	assert_int_equal(m.inode, 1031);
	assert_int_equal(length, strlen("/dev/zero (deleted)"));
	assert_string_equal(name, "/dev/zero (deleted)");

	assert_true(parse("00400000-00401000 ---p 00000000 fe:0a 18446744073709551615 ", &m, &name,
			  &length));
	assert_int_equal(length, 0);
	assert_int_equal(m.dev_major, 0xfe);
	assert_int_equal(m.inode, UINT64_MAX);

	assert_true(
		parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0        [vsyscall]",
		      &m, &name, &length));
	assert_int_equal(m.start, 0xffffffffff600000);

	assert_true(parse("1000-2000 r--p 0 103:00000a 7 /a \"b\" \\012 c  ", &m, &name, &length));
	assert_memory_equal(name, "/a \"b\" \\012 c  ", length);
	assert_int_equal(length, 15);
}

static void test_what_is_no_line(void **state)
{
	static const char *const bad[] = {
		"",
		"1000",
		"1000-2000",
		"2000-1000 r--p 0 0:0 0",
		"1000-1000 r--p 0 0:0 0",
		"1001-2000 r--p 0 0:0 0",
		"10000000000001000-2000 r--p 0 0:0 0",
		"1000-2000 rw-z 0 0:0 0",
		"1000-2000 r- 0 0:0 0",
		"1000-2000 r--p x 0:0 0",
		"1000-2000 r--p 0 0-0 0",
		"1000-2000 r--p 0 0:0 99999999999999999999999",
		"1000-2000 r--p 0 0:0 ",
		"g000-2000 r--p 0 0:0 0",
	};
	struct mapping m;
	const char *name;
	size_t length;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i], &m, &name, &length))
			fail_msg("taken for a mapping: %s", bad[i]);
}

static void test_types_of_file_systems(void **state)
{
	assert_int_equal(filesystem_type_kind("tmpfs"), FILESYSTEM_SHMEM);
	assert_int_equal(filesystem_type_kind("ext4"), FILESYSTEM_LOCAL);
	assert_int_equal(filesystem_type_kind("nfs4"), FILESYSTEM_OTHER);
	assert_int_equal(filesystem_type_kind("fuse.sshfs"), FILESYSTEM_OTHER);
	assert_int_equal(filesystem_type_kind("hugetlbfs"), FILESYSTEM_HUGETLB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_of_the_kernel),
		cmocka_unit_test(test_what_is_no_line),
		cmocka_unit_test(test_types_of_file_systems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
