// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload/claim.h"
#include "workload/swaparea.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
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
static bool is_alone;

static int be_alone(void **state)
{
	is_alone = true;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/run", "tmpfs", 0, "mode=755") ||
	    mount("none", "/tmp", "tmpfs", 0, NULL)) {
		is_alone = false;
		print_message("not alone: %s\n", strerror(errno));
	}
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
	struct claim c = { .path = "/run/pmtop/pmtop-1-a" };
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
	static const char text[] = "bad /a/pmtop-1-a\nswap /b/pmtop-1-a.swap\n";
	char notes[512];

	assert_int_equal(each(text, strlen(text), notes), -EBUSY);
	assert_string_equal(notes, "bad=/a/pmtop-1-a;swap=/b/pmtop-1-a.swap;");
}

/* A broken or forged list never reaches anything that is not called as ours are. */
static void test_not_ours(void **state)
{
	static const char text[] = "swap /etc/passwd\n"
				   "cgroup /sys/fs/cgroup/memory\n"
				   "cgroup /pmtop-1-a/../../etc/pmtop-1-a\n"
				   "swap /var/tmp/pmtop-2-b.swap\n"
				   "cgroup /sys/fs/cgroup/pmtop-1-abc\n"
				   "swap pmtop-1-a\n"
				   "swap\n"
				   " \n"
				   "\n"
				   "cgroup /sys/fs/cgroup/pmtop-1-a/\n"
				   "swap /tmp/pmtop-1-a";
	char notes[512];

	assert_int_equal(each(text, strlen(text), notes), 0);
	assert_string_equal(notes, "");
	assert_int_equal(each("\0\0swap /a/pmtop-1-a\n", 19, notes), 0);
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
	char notes[512] = "", path[128], want[160];
	struct stat st;
	int other;

	assert_int_equal(claim_make(&c, &why), 0);
	snprintf(path, sizeof(path), "/nowhere/%s.swap", c.id);
	snprintf(want, sizeof(want), "swap=%s;", path);
	assert_int_equal(claim_add(&c, "swap", path, &why), 0);
	assert_int_equal(claim_add(&c, "swap", "/nowhere/pmtop\nunit", &why), -EINVAL);
	assert_int_equal(claim_each(&c, note, notes), 0);
	assert_string_equal(notes, want);
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

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Folders with these names that somebody else has made: there is another one, and it is swept. */
static void test_folders_of_others(void **state)
{
	struct claim c = CLAIM_NONE;
	struct workload_why why;
	struct stat st;

	if (!is_alone)
		skip();
	assert_int_equal(system("rm -rf /run/pmtop /tmp/pmtop-*"), 0);
	assert_int_equal(mkdir("/run/pmtop", 0700) | mkdir("/tmp/pmtop-0", 0700), 0);
	assert_int_equal(chown("/run/pmtop", 1, 1) | chown("/tmp/pmtop-0", 1, 1), 0);
	assert_int_equal(claim_make(&c, &why), 0);
	assert_int_equal(strncmp(c.path, "/tmp/pmtop-0-", 13), 0);
	assert_int_equal(stat(c.path, &st), 0);
	close(c.fd);
	assert_int_equal(sweep(), 1);
	assert_int_equal(stat(c.path, &st), -1);
	assert_int_equal(system("rm -rf /run/pmtop /tmp/pmtop-*"), 0);
}

/* What has the name of a thing of ours, and is none: nothing is written, killed or deleted. */
static void test_things_of_others(void **state)
{
	static const char *const lines[] = {
		"swap /tmp/there/pmtop-1-a.swap\n", /* a link to a file of ours */
		"swap /tmp/link/pmtop-1-a.swap\n", /* a folder behind a link */
		"cgroup /tmp/group/pmtop-1-a\n", /* not the kernel's */
	};
	struct stat st;

	if (!is_alone)
		skip();
	assert_int_equal(mkdir("/run/pmtop", 0700) | mkdir("/tmp/there", 0755) |
				 mkdir("/tmp/behind", 0755) | mkdir("/tmp/group", 0755) |
				 mkdir("/tmp/group/pmtop-1-a", 0755),
			 0);
	put_file("/tmp/victim", "precious");
	put_file("/tmp/behind/pmtop-1-a.swap", "precious");
	assert_int_equal(symlink("/tmp/victim", "/tmp/there/pmtop-1-a.swap") |
				 symlink("/tmp/behind", "/tmp/link"),
			 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		put_file("/run/pmtop/pmtop-1-a", lines[i]);
		assert_int_equal(sweep(), 1);
	}
	assert_int_equal(stat("/tmp/victim", &st) | stat("/tmp/behind/pmtop-1-a.swap", &st) |
				 lstat("/tmp/there/pmtop-1-a.swap", &st) |
				 stat("/tmp/group/pmtop-1-a", &st),
			 0);
	/* A claim that others can write, or have a name for, is none. */
	put_file("/run/pmtop/pmtop-1-a", "swap /tmp/there/pmtop-1-a.swap\n");
	assert_int_equal(chmod("/run/pmtop/pmtop-1-a", 0666), 0);
	assert_int_equal(sweep(), 0);
	assert_int_equal(chmod("/run/pmtop/pmtop-1-a", 0600), 0);
	assert_int_equal(link("/run/pmtop/pmtop-1-a", "/run/another"), 0);
	assert_int_equal(sweep(), 0);
	assert_int_equal(mkfifo("/run/pmtop/pmtop-1-b", 0600), 0);
	assert_int_equal(sweep(), 0);
}

/* A swap file is made, and removed, only where nobody else can exchange it. */
static void test_swap_folders(void **state)
{
	static const struct {
		uid_t owner;
		mode_t mode;
		int r;
	} folders[] = {
		{ 0, 0755, 0 },	      { 0, 01777, 0 },	   { 1, 0755, -EPERM },
		{ 1, 01777, -EPERM }, { 0, 0777, -EPERM }, { 0, 0775, -EPERM },
	};
	struct workload_why why;

	if (!is_alone)
		skip();
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		char folder[32], below[40], path[64];

		snprintf(folder, sizeof(folder), "/tmp/swap%zu", i);
		snprintf(below, sizeof(below), "%s/below", folder);
		snprintf(path, sizeof(path), "%s/pmtop-1-a.swap", below);
		assert_int_equal(mkdir(folder, 0700) | mkdir(below, 0755), 0);
		assert_int_equal(chown(folder, folders[i].owner, 0), 0);
		assert_int_equal(chmod(folder, folders[i].mode), 0);
		assert_int_equal(swaparea_check(folder, 1 << 20, &why), folders[i].r);
		assert_int_equal(swaparea_check(below, 1 << 20, &why), folders[i].r);
		put_file(path, "text");
		assert_int_equal(swaparea_remove(path, &why), folders[i].r);
		assert_int_equal(access(path, F_OK), folders[i].r ? 0 : -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_an_error_does_not_stop_it),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_make_add_release),
		cmocka_unit_test(test_sweep_takes_the_dead),
		cmocka_unit_test(test_folders_of_others),
		cmocka_unit_test(test_things_of_others),
		cmocka_unit_test(test_swap_folders),
	};

	return cmocka_run_group_tests(tests, be_alone, NULL);
}
