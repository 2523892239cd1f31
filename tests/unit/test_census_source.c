// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/census_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/await.h"

/* The thread that counts, on this machine as it is: what holds on any. */

#define MEMORY ((size_t)1 << 20)

static struct census *wait_for(struct census_source *source)
{
	struct await await = await_begin("another census");
	struct pollfd p = { .fd = census_fd(source), .events = POLLIN };
	struct census *c;

	while (!(c = census_take(source))) {
		await_check(&await);
		poll(&p, 1, 50);
	}
	return c;
}

static const struct census_object *find_object(const struct census *c, const char *name)
{
	for (size_t i = 0; i < c->object_count; i++)
		if (strstr(c->objects[i].name, name))
			return &c->objects[i];
	return NULL;
}

static void test_counts_us(void **state)
{
	struct await await = await_begin("a complete census");
	char *memory, name[48];
	struct census_source *source;
	const struct census_object *o;
	struct census *c = NULL;
	struct probe probe;
	uint64_t last = 0;
	int fd;

	/* Another run of this test may have one as well. */
	snprintf(name, sizeof(name), "pmtop-census-test-%d-", getpid());
	fd = memfd_create(name, MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, MEMORY), 0);
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	/* A huge page would hold more than is written. */
	madvise(memory, MEMORY, MADV_NOHUGEPAGE);
	memset(memory, 1, MEMORY / 2);
	probe_run(&probe);
	assert_int_equal(census_open(&probe, 10000000, &source), 0);
	for (int i = 0; i < 4 || !c->complete; i++) {
		await_check(&await);
		census_unref(c);
		c = wait_for(source);
		/* The first list does not wait for what takes longer. */
		assert_non_null(census_find(c, getpid()));
		if (!i)
			assert_int_equal(census_find(c, getpid())->shared_doubt, CENSUS_PENDING);
		else
			assert_true(c->sequence > last);
		last = c->sequence;
	}
	o = find_object(c, name);
	assert_non_null(o);
	assert_int_equal(o->mapper_count, 1);
	assert_int_equal(c->mappers[o->mapper_first], getpid());
	if (o->doubt == CENSUS_KNOWN) {
		assert_int_equal(o->size, MEMORY);
		assert_int_equal(o->ram + o->swap, MEMORY / 2);
	}
	census_unref(c);
	census_close(source);
	munmap(memory, MEMORY);
	close(fd);
}

/* As long as nobody takes the newest one, nothing is read. */
static void test_rests_while_nobody_looks(void **state)
{
	struct census_source *source;
	struct census *a, *b;
	struct probe probe;

	probe_run(&probe);
	assert_int_equal(census_open(&probe, 1000000, &source), 0);
	a = wait_for(source);
	usleep(400000);
	b = wait_for(source);
	assert_int_equal(b->sequence, a->sequence + 1);
	census_unref(a);
	census_unref(b);
	census_close(source);
}

static void test_leaves_at_once(void **state)
{
	struct census_source *source;
	struct probe probe;

	probe_run(&probe);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(census_open(&probe, INT64_C(3600) * 1000000000, &source), 0);
		census_close(source);
	}
}

/* With a small budget a round takes several calls, and what was known before stays. */
static void test_spread_over_calls(void **state)
{
	struct census_maker *maker;
	struct census *c = NULL;
	struct probe probe;
	int calls = 0;

	probe_run(&probe);
	assert_int_equal(census_maker_new(&probe, &maker), 0);
	do {
		census_unref(c);
		assert_int_equal(census_make(maker, 1, &c), 0);
	} while (!c->complete && ++calls < 100000);
	assert_true(c->complete);
	assert_true(calls > 1);
	assert_int_not_equal(census_find(c, getpid())->shared_doubt, CENSUS_PENDING);
	census_unref(c);
	census_maker_free(maker);
}

/* A process that does not answer keeps a thread of the census, and LeakSanitizer waits for all. */
static bool a_thread_is_left(void)
{
	struct stat st;

	return !stat("/proc/self/task", &st) && st.st_nlink > 3;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_us),
		cmocka_unit_test(test_rests_while_nobody_looks),
		cmocka_unit_test(test_leaves_at_once),
		cmocka_unit_test(test_spread_over_calls),
	};
	int failed;

	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (a_thread_is_left()) {
		fflush(NULL);
		_exit(failed);
	}
	return failed;
}
