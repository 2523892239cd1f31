// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/await.h"

/*
 * Claims are the whole machine's. Those of others, living or dead, are no matter of this test: it
 * has folders of its own for them, where it is permitted to.
 */
static int be_alone(void **state)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/run", "tmpfs", 0, NULL) || mount("none", "/tmp", "tmpfs", 0, NULL))
		print_message("not alone: %s\n", strerror(errno));
	return 0;
}

static int note(const char *kind, const char *path, void *data)
{
	char *notes = data;

	strcat(strcat(strcat(strcat(notes, kind), "="), path), ";");
	return !strcmp(kind, "bad") ? -EBUSY : 0;
}

/* What a claim with this text makes each() see. */
static int each(const char *text, size_t length, char *notes)
{
	struct claim c = CLAIM_NONE;
	int r;

	notes[0] = '\0';
	c.fd = memfd_create("claim", MFD_CLOEXEC);
	assert_true(c.fd >= 0);
	assert_int_equal(write(c.fd, text, length), length);
	r = claim_each(&c, note, notes);
	close(c.fd);
	return r;
}

static void test_lines(void **state)
{
	static const char text[] = "cgroup /sys/fs/cgroup/memory/pmtop-1-a\n"
				   "swap /var/tmp/pmtop-1-a.swap\n";
	char notes[512];

	assert_int_equal(each(text, strlen(text), notes), 0);
	assert_string_equal(notes, "cgroup=/sys/fs/cgroup/memory/pmtop-1-a;"
				   "swap=/var/tmp/pmtop-1-a.swap;");
}

static void test_an_error_does_not_stop_it(void **state)
{
	static const char text[] = "bad /a/pmtop-1\nswap /b/pmtop-2\n";
	char notes[512];

	assert_int_equal(each(text, strlen(text), notes), -EBUSY);
	assert_string_equal(notes, "bad=/a/pmtop-1;swap=/b/pmtop-2;");
}

/* A broken or forged list never reaches anything that is not called as ours are. */
static void test_not_ours(void **state)
{
	static const char text[] = "swap /etc/passwd\n"
				   "cgroup /sys/fs/cgroup/memory\n"
				   "cgroup /pmtop-1/../../etc/pmtop-x\n"
				   "swap pmtop-1\n"
				   "swap\n"
				   " \n"
				   "\n"
				   "cgroup /sys/fs/cgroup/pmtop-1/\n"
				   "swap /tmp/pmtop-cut-off";
	char notes[512];

	assert_int_equal(each(text, strlen(text), notes), 0);
	assert_string_equal(notes, "");
	assert_int_equal(each("\0\0swap /a/pmtop-1\n", 17, notes), 0);
	assert_string_equal(notes, "");
}

/* How many dead ones it took. */
static int sweep(void)
{
	struct workload_why why;
	int count = claim_sweep(&why);

	if (count < 0)
		fail_msg("%s", why.text);
	return count;
}

static void test_make_add_release(void **state)
{
	struct claim c = CLAIM_NONE;
	struct workload_why why;
	char notes[512] = "";
	struct stat st;
	int other;

	assert_int_equal(claim_make(&c, &why), 0);
	assert_int_equal(claim_add(&c, "swap", "/nowhere/pmtop-unit.swap", &why), 0);
	assert_int_equal(claim_add(&c, "swap", "/nowhere/pmtop\nunit", &why), -EINVAL);
	assert_int_equal(claim_each(&c, note, notes), 0);
	assert_string_equal(notes, "swap=/nowhere/pmtop-unit.swap;");
	assert_int_equal(stat(c.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* Alive as long as its descriptor is. */
	other = open(c.path, O_RDWR | O_CLOEXEC);
	assert_true(other >= 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	sweep();
	assert_int_equal(stat(c.path, &st), 0);
	/* What is listed but does not exist is no error. */
	assert_int_equal(claim_release(&c, &why), 0);
	assert_int_equal(stat(c.path, &st), -1);
	close(c.fd);
	close(other);
}

static void test_sweep_takes_the_dead(void **state)
{
	struct await await = await_begin("a sweep that took what a dead one owned");
	int taken;

	do {
		struct claim c = CLAIM_NONE;
		struct workload_why why;
		struct stat st;

		await_check(&await);
		assert_int_equal(claim_make(&c, &why), 0);
		close(c.fd);
		taken = sweep();
		/* Who is not alone may find that somebody else sweeps it away. */
		while (!stat(c.path, &st))
			await_pause(&await);
	} while (!taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_an_error_does_not_stop_it),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_make_add_release),
		cmocka_unit_test(test_sweep_takes_the_dead),
	};

	return cmocka_run_group_tests(tests, be_alone, NULL);
}
