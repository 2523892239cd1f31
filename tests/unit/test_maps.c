// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
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
	assert_int_equal(filesystem_type_kind("sysfs"), FILESYSTEM_KERNEL);
	assert_int_equal(filesystem_type_kind("hugetlbfs"), FILESYSTEM_HUGETLB);
}

/* Pages that were given; each mapping begins behind the one before. */
struct given {
	uint64_t end, pages;
};

static int take_given(void *context, const struct mapping *raw, const char *name, size_t length)
{
	struct given *g = context;

	assert_true(raw->start >= g->end);
	g->end = raw->end;
	g->pages += mapping_pages(raw);
	return 0;
}

/* A list that was told while mappings were merged and split: each address is in it once. */
static void test_torn_list(void **state)
{
	static const char text[] = "10000-12000 rw-p 00000000 00:00 0\n"
				   "12000-14000 rw-p 00000000 00:00 0\n"
				   "12000-18000 rw-p 00000000 00:00 0\n" /* has grown upwards */
				   "10000-1a000 rw-p 00000000 00:00 0\n" /* and downwards */
				   "19000-1c000 rw-p 00003000 00:01 7 /a\n" /* half told */
				   "1b000-1c000 rw-p 00000000 00:00 0\n" /* told */
				   "20000-21000 rw-p 00000000 00:00 0\n";
	static const uint64_t wanted[][3] = { { 0x10000, 0x1a000, 0 },
					      { 0x1a000, 0x1c000, 0x4000 },
					      { 0x20000, 0x21000, 0 } };
	char directory[] = "/tmp/pmtop-test-maps-XXXXXX", path[64];
	struct target target = TARGET_CLOSED;
	struct mapping_list list = { 0 };
	struct given given = { 0 };
	const struct probe probe = { 0 };
	struct filesystems *filesystems = filesystems_new(&probe);
	FILE *file;

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/maps", directory);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	target.proc = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(maps_read(&target, &probe, filesystems, NULL, &list), 0);
	assert_int_equal(list.count, 3);
	for (size_t i = 0; i < list.count; i++) {
		assert_int_equal(list.items[i]->start, wanted[i][0]);
		assert_int_equal(list.items[i]->end, wanted[i][1]);
		assert_int_equal(list.items[i]->offset, wanted[i][2]);
	}
	assert_int_equal(maps_each(&target, take_given, &given), 0);
	assert_int_equal(given.pages, 0xd); /* 10000 to 1c000, and 20000 */
	mapping_list_release(&list);
	filesystems_free(filesystems);
	target_close(&target);
	unlink(path);
	rmdir(directory);
}

static dev_t mount_at(const char *directory, const char *type)
{
	struct stat st;

	assert_int_equal(mount("none", directory, type, 0, NULL), 0);
	assert_int_equal(stat(directory, &st), 0);
	return st.st_dev;
}

/* What was unmounted leaves its device number to what is mounted next. */
static void test_device_number_is_used_again(void **state)
{
	char directory[] = "/tmp/pmtop-test-maps-XXXXXX";
	struct target target = TARGET_CLOSED;
	const struct probe probe = { 0 };
	struct filesystems *filesystems;
	dev_t first, second;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		skip(); /* needs CAP_SYS_ADMIN */
	assert_non_null(mkdtemp(directory));
	filesystems = filesystems_new(&probe);
	target.proc = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	first = mount_at(directory, "tmpfs");
	assert_int_equal(filesystems_kind(filesystems, &target, major(first), minor(first)),
			 FILESYSTEM_SHMEM);
	assert_int_equal(umount(directory), 0);
	second = mount_at(directory, "ramfs");
	filesystems_refresh(filesystems);
	if (first == second)
		assert_int_equal(filesystems_kind(filesystems, &target, major(first), minor(first)),
				 FILESYSTEM_OTHER);
	assert_int_equal(umount(directory), 0);
	rmdir(directory);
	filesystems_free(filesystems);
	target_close(&target);
	if (first != second)
		skip(); /* somebody else has mounted meanwhile */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_of_the_kernel),
		cmocka_unit_test(test_what_is_no_line),
		cmocka_unit_test(test_types_of_file_systems),
		cmocka_unit_test(test_torn_list),
		cmocka_unit_test(test_device_number_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
