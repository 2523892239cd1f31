// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cmocka.h>

#include "kernel/object_open.h"

/* Opening what this test itself has descriptors on, as who may not follow map_files does. */

#define OBJECTS 100

struct object {
	int fd;
	struct mapping *mapping;
};

static void make(struct object *object)
{
	static const char name[] = "/memfd:pmtop-test (deleted)";
	struct mapping like = { .kind = MAPPING_SHMEM };
	struct stat st;

	object->fd = memfd_create("pmtop-test", MFD_CLOEXEC);
	assert_int_equal(fstat(object->fd, &st), 0);
	like.inode = st.st_ino;
	like.dev_major = major(st.st_dev);
	like.dev_minor = minor(st.st_dev);
	object->mapping = mapping_new(&like, name, sizeof(name) - 1);
	assert_non_null(object->mapping);
}

static bool opens(const struct target *target, const struct mapping *mapping,
		  struct object_descriptors *descriptors)
{
	const struct probe probe = { 0 };
	int fd = object_open(target, &probe, mapping, descriptors);
	struct stat st;

	if (fd < 0)
		return false;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_ino, mapping->inode);
	close(fd);
	return true;
}

/* Who maps as many objects as he has descriptors must not be looked through for each. */
static void test_each_descriptor_is_looked_at_once(void **state)
{
	struct object_descriptors descriptors = { 0 };
	static struct object objects[OBJECTS];
	struct target target;

	assert_int_equal(target_open(getpid(), &target), 0);
	for (int i = 0; i < OBJECTS; i++)
		make(&objects[i]);
	for (int i = 0; i < OBJECTS; i++)
		assert_true(opens(&target, objects[i].mapping, &descriptors));
	assert_in_range(descriptors.looks, OBJECTS, 2 * OBJECTS);
	for (int i = 0; i < OBJECTS; i++) {
		close(objects[i].fd);
		mapping_unref(objects[i].mapping);
	}
	object_descriptors_forget(&descriptors);
	target_close(&target);
}

/* A descriptor that was closed and its number used again gives nothing rather than another's. */
static void test_number_is_used_again(void **state)
{
	struct object_descriptors descriptors = { 0 };
	struct object first, second;
	struct target target;
	int number;

	assert_int_equal(target_open(getpid(), &target), 0);
	make(&first);
	number = first.fd;
	assert_true(opens(&target, first.mapping, &descriptors));
	close(first.fd);
	make(&second);
	assert_int_equal(second.fd, number);
	assert_false(opens(&target, first.mapping, &descriptors));
	object_descriptors_forget(&descriptors);
	assert_true(opens(&target, second.mapping, &descriptors));
	assert_false(opens(&target, first.mapping, &descriptors));
	close(second.fd);
	mapping_unref(first.mapping);
	mapping_unref(second.mapping);
	object_descriptors_forget(&descriptors);
	target_close(&target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_descriptor_is_looked_at_once),
		cmocka_unit_test(test_number_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
