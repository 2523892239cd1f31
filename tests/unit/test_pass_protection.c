// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "kernel/pagemap_scan_abi.h"
#include "sample/pass_internal.h"

/*
 * The mark of a userfaultfd write protection, held against what a child protected, for each meaning
 * that the kernel's words have: up to Linux 7.2, since 7.3 (both played on whatever kernel this
 * is), and where the same bit is the protection of all accesses.
 */

#define PAGES 64u
#define PARTS 4u /* plain; protected in part; protected as a whole; shared memory, in part */
#define BYTES (PAGES * (size_t)PMTOP_PAGE_SIZE)

static bool is_protected(unsigned int part, unsigned int page)
{
	return part == 2 || ((part == 1 || part == 3) && page % 3 == 1);
}

static bool protect(int uffd, char *area, unsigned int part)
{
	struct uffdio_register reg = { .range = { (uintptr_t)area, BYTES },
				       .mode = UFFDIO_REGISTER_MODE_WP };

	if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0)
		return false;
	for (unsigned int page = 0; page < PAGES; page++) {
		struct uffdio_writeprotect wp = {
			.range = { (uintptr_t)area + page * PMTOP_PAGE_SIZE, PMTOP_PAGE_SIZE },
			.mode = UFFDIO_WRITEPROTECT_MODE_WP
		};

		if (is_protected(part, page) && ioctl(uffd, UFFDIO_WRITEPROTECT, &wp) < 0)
			return false;
	}
	return true;
}

/* In the child: 'r' when it is laid out, 'n' when it cannot be. */
static char lay_out(char *area)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_WP_HUGETLBFS_SHMEM };
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	int memfd = memfd_create("protection", MFD_CLOEXEC);

	if (uffd < 0 || memfd < 0 || ftruncate(memfd, (off_t)BYTES) < 0 ||
	    ioctl(uffd, UFFDIO_API, &api) < 0)
		return 'n';
	for (unsigned int part = 0; part < PARTS; part++) {
		char *at = area + part * (BYTES + PMTOP_PAGE_SIZE);

		if (mmap(at, BYTES, PROT_READ | PROT_WRITE,
			 MAP_FIXED | (part == 3 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS),
			 part == 3 ? memfd : -1, 0) == MAP_FAILED)
			return 'n';
		madvise(at, BYTES, MADV_NOHUGEPAGE);
		memset(at, 1, BYTES);
		if (part && !protect(uffd, at, part))
			return 'n';
	}
	return 'r';
}

struct world {
	pid_t pid;
	char *area;
	char letter;
	char folder[48]; /* what stands for /proc/PID in one test, "" without */
	struct probe probe;
	struct target target;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	int out[2];

	w->area = mmap(NULL, PARTS * (BYTES + PMTOP_PAGE_SIZE), PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(w->area, MAP_FAILED);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	w->pid = fork();
	assert_true(w->pid >= 0);
	if (!w->pid) {
		char letter = lay_out(w->area);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (write(out[1], &letter, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(out[1]);
	assert_int_equal(read(out[0], &w->letter, 1), 1);
	close(out[0]);
	probe_run(&w->probe);
	assert_int_equal(target_open(w->pid, &w->target), 0);
	*state = w;
	return 0;
}

static const char *const copies[] = { "maps", "smaps", "stat", "status", "statm" };
#define COPIES (sizeof(copies) / sizeof(copies[0]))

static int tear_down(void **state)
{
	struct world *w = *state;
	char path[64];

	for (size_t i = 0; *w->folder && i < COPIES; i++) {
		snprintf(path, sizeof(path), "%s/%s", w->folder, copies[i]);
		unlink(path);
	}
	if (*w->folder)
		rmdir(w->folder);

	kill(w->pid, SIGKILL);
	waitpid(w->pid, NULL, 0);
	target_close(&w->target);
	munmap(w->area, PARTS * (BYTES + PMTOP_PAGE_SIZE));
	free(w);
	return 0;
}

static void check(const struct world *w, const struct snapshot *s, bool any)
{
	for (size_t i = 0; i < s->count; i++) {
		uint64_t start = s->mappings[i].mapping->start - (uintptr_t)w->area;
		uint64_t part = start / (BYTES + PMTOP_PAGE_SIZE);
		const struct pages *pages = s->mappings[i].pages;
		bool ours = part < PARTS && start % (BYTES + PMTOP_PAGE_SIZE) == 0;

		if (!ours)
			assert_int_equal(pages_counts(pages)->mark[__builtin_ctz(MARK_UFFD_WP)], 0);
		for (unsigned int page = 0; ours && page < PAGES; page++) {
			bool marked = pages_marks(pages, page) & MARK_UFFD_WP;

			assert_int_equal(pages_state(pages, page),
					 part == 3 ? PAGE_SHMEM : PAGE_ANON);
			assert_int_equal(marked, any && is_protected((unsigned int)part, page));
		}
	}
}

/* Linux 7.3: the category is given only in mappings that userfaultfd watches. */
static int call_as_7_3(const struct pagemap_scan *scan, struct pmscan_arg *arg, int64_t *ret_ns)
{
	struct pmscan_region *regions = (struct pmscan_region *)(uintptr_t)arg->vec;
	const char *area = getenv("PMTOP_TEST_AREA");
	uint64_t from = strtoull(area, NULL, 16) + BYTES;
	uint64_t to = from + (PARTS - 1) * (BYTES + PMTOP_PAGE_SIZE);
	int n = ioctl(scan->fd, PMSCAN_IOCTL, arg);

	*ret_ns = 0;
	assert_true(n >= 0);
	for (int i = 0; i < n; i++)
		if (regions[i].start < from || regions[i].start >= to)
			regions[i].categories &= ~PMSCAN_WRITTEN;
	return n;
}

/* With and without words, and with and without the right to see frames. */
static void look(struct world *w, pagemap_scan_call *call, bool any)
{
	for (int way = 0; way < 4; way++) {
		struct probe probe = w->probe;
		struct snapshot *s;
		struct pass *pass;

		if (way & 2)
			probe.has[PROBE_PFN] = false;
		pass = pass_new(&w->target, &probe);
		assert_non_null(pass);
		pass_set_complete(pass, way & 1);
		pass->scan.call = call;
		assert_int_equal(pass_take(pass, NULL, &s), 0);
		check(w, s, any);
		snapshot_unref(s);
		pass_free(pass);
	}
}

static void skip_unless(bool possible, const char *what)
{
	if (possible)
		return;
	print_message("skipped: no %s here\n", what);
	skip();
}

static void test_as_it_is(void **state)
{
	struct world *w = *state;

	skip_unless(w->letter == 'r', "userfaultfd write protection");
	look(w, NULL, true);
}

static void test_since_7_3(void **state)
{
	struct world *w = *state;
	char area[24];

	skip_unless(w->letter == 'r', "userfaultfd write protection");
	skip_unless(w->probe.has[PROBE_PAGEMAP_SCAN], "PAGEMAP_SCAN");
	snprintf(area, sizeof(area), "%lx", (unsigned long)w->area);
	setenv("PMTOP_TEST_AREA", area, 1);
	w->probe.has[PROBE_SCAN_WP] = false;
	look(w, NULL, true);
	look(w, call_as_7_3, true);
}

static void copy_changed(int from_dir, const char *to_dir, const char *name)
{
	char path[128], line[512];
	FILE *from = fdopen(openat(from_dir, name, O_RDONLY | O_CLOEXEC), "r"), *to;

	snprintf(path, sizeof(path), "%s/%s", to_dir, name);
	to = fopen(path, "we");
	assert_true(from && to);
	while (fgets(line, sizeof(line), from)) {
		char *flag = !strncmp(line, "VmFlags:", 8) ? strstr(line, " uw") : NULL;

		if (flag)
			flag[2] = 'r';
		fputs(line, to);
	}
	fclose(from);
	fclose(to);
}

/* The child's mappings with another word in VmFlags: the bit is that of another protection. */
static void test_access_protection(void **state)
{
	struct world *w = *state;
	int real = w->target.proc;

	skip_unless(w->letter == 'r', "userfaultfd write protection");
	skip_unless(w->probe.has[PROBE_PAGEMAP_SCAN], "PAGEMAP_SCAN");
	snprintf(w->folder, sizeof(w->folder), "/tmp/pmtop-test-protection.XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	for (size_t i = 0; i < COPIES; i++)
		copy_changed(real, w->folder, copies[i]);
	close(real);
	w->target.proc = open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->probe.has[PROBE_SCAN_WP] = false;
	look(w, call_as_7_3, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_as_it_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_since_7_3, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_access_protection, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
