// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "kernel/target.h"
#include "sample/pass.h"

/*
 * Samples of a child whose mappings change between them, and what pmtop itself keeps open from one
 * sample to the next. Neither rights nor swap are needed.
 */

#define PAGES	  64u
#define FILE_NAME "pmtop-test-pass"

/* What the child does when it is told so by one letter. */
static void obey(char letter, char *area, const char *path)
{
	int fd, flags = MAP_FIXED | MAP_ANONYMOUS | MAP_PRIVATE | MAP_NORESERVE;

	switch (letter) {
	case 'm': /* a new mapping with its first three pages touched */
		(void)mmap(area, PAGES * 4096, PROT_READ | PROT_WRITE, flags, -1, 0);
		madvise(area, PAGES * 4096, MADV_NOHUGEPAGE);
		memset(area, 1, 3 * 4096ul);
		break;
	case 'p': /* cut in two by other rights */
		mprotect(area, 2 * 4096ul, PROT_READ);
		break;
	case 't': /* one more page, the list stays */
		area[10 * 4096] = 1;
		break;
	case 'u':
		munmap(area, PAGES * 4096);
		break;
	case 'f': /* a file of the same length, the first page read */
		fd = open(path, O_RDWR);
		(void)mmap(area, PAGES * 4096, PROT_READ, MAP_FIXED | MAP_SHARED, fd, 0);
		close(fd);
		(void)*(volatile char *)area;
		break;
	case 'x': /* its name goes */
		unlink(path);
		break;
	default:
		_exit(1);
	}
}

struct child {
	pid_t pid;
	char *area; /* where the child maps; reserved here, with a page before and behind */
	int tell, told;
	char path[64];
	struct probe probe;
	struct target target;
	struct pass *pass;
};

static int child_start(void **state)
{
	struct child *c = calloc(1, sizeof(*c));
	int in[2], out[2], fd;
	char ready;

	/* On the disk: /tmp may be a tmpfs, and its files are shared memory. */
	snprintf(c->path, sizeof(c->path), "/var/tmp/" FILE_NAME ".XXXXXX");
	fd = mkstemp(c->path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, PAGES * 4096), 0);
	/* Half of it is in the page cache. */
	for (unsigned int i = 0; i < PAGES / 2; i++)
		assert_int_equal(pwrite(fd, "x", 1, (off_t)i * 4096), 1);
	close(fd);
	c->area = mmap(NULL, (PAGES + 2) * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(c->area, MAP_FAILED);
	c->area += 4096;
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (!c->pid) {
		char letter;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		munmap(c->area, PAGES * 4096);
		if (write(out[1], "r", 1) != 1)
			_exit(1);
		while (read(in[0], &letter, 1) == 1) {
			obey(letter, c->area, c->path);
			if (write(out[1], &letter, 1) != 1)
				break;
		}
		_exit(0);
	}
	close(in[0]);
	close(out[1]);
	c->tell = in[1];
	c->told = out[0];
	assert_int_equal(read(c->told, &ready, 1), 1);
	probe_run(&c->probe);
	assert_int_equal(target_open(c->pid, &c->target), 0);
	c->pass = pass_new(&c->target, &c->probe);
	assert_non_null(c->pass);
	*state = c;
	return 0;
}

static int child_end(void **state)
{
	struct child *c = *state;

	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	pass_free(c->pass);
	target_close(&c->target);
	close(c->tell);
	close(c->told);
	unlink(c->path);
	munmap(c->area - 4096, (PAGES + 2) * 4096);
	free(c);
	return 0;
}

static void tell(struct child *c, char letter)
{
	char answer;

	assert_int_equal(write(c->tell, &letter, 1), 1);
	assert_int_equal(read(c->told, &answer, 1), 1);
}

/* A sample after the one before, which is let go; *last is the new one. */
static struct snapshot *sample(struct child *c, struct snapshot **last)
{
	struct snapshot *next;

	assert_int_equal(pass_take(c->pass, *last, &next), 0);
	if (*last)
		snapshot_unref(*last);
	*last = next;
	return next;
}

/* The mapping at the child's address, or NULL. */
static const struct snapshot_mapping *area_of(const struct child *c, const struct snapshot *s)
{
	uint64_t address = (uintptr_t)c->area;
	size_t at = snapshot_find(s, address);

	return at < s->count && s->mappings[at].mapping->start <= address ? &s->mappings[at] : NULL;
}

static void assert_pages(const struct child *c, const struct snapshot *s, uint64_t total,
			 uint64_t anon)
{
	const struct snapshot_mapping *m = area_of(c, s);

	assert_non_null(m);
	assert_non_null(m->pages);
	assert_int_equal(pages_total(m->pages), total);
	assert_int_equal(pages_counts(m->pages)->state[PAGE_ANON], anon);
	assert_int_equal(pages_counts(m->pages)->state[PAGE_NONE], total - anon);
}

/* A sample goes by the list that the one before saw last: each change must show in the very next. */
static void test_a_changed_list_is_seen_at_once(void **state)
{
	struct child *c = *state;
	struct snapshot *last = NULL;

	assert_null(area_of(c, sample(c, &last)));
	assert_null(area_of(c, sample(c, &last)));
	tell(c, 'm');
	assert_pages(c, sample(c, &last), PAGES, 3);
	assert_pages(c, sample(c, &last), PAGES, 3);
	tell(c, 't');
	assert_pages(c, sample(c, &last), PAGES, 4);
	tell(c, 'p');
	assert_pages(c, sample(c, &last), 2, 2);
	tell(c, 'u');
	assert_null(area_of(c, sample(c, &last)));
	tell(c, 'm');
	assert_pages(c, sample(c, &last), PAGES, 3);
	/* Gone and back at the same place with the same words: other pages. */
	tell(c, 't');
	tell(c, 'u');
	tell(c, 'm');
	assert_pages(c, sample(c, &last), PAGES, 3);
	snapshot_unref(last);
}

/* Calls of read and pread by this process so far, or 0 where the kernel does not count them. */
static unsigned long reads_so_far(void)
{
	FILE *file = fopen("/proc/self/io", "re");
	unsigned long reads = 0;
	char line[64];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "syscr: %lu", &reads) == 1)
			break;
	if (file)
		fclose(file);
	return reads;
}

/* How often the list has to be read from to have all of it. */
static unsigned long reads_of_list(const struct child *c)
{
	static char buffer[65536];
	int fd = openat(c->target.proc, "maps", O_RDONLY | O_CLOEXEC);
	unsigned long reads = 1;

	while (read(fd, buffer, sizeof(buffer)) > 0)
		reads++;
	close(fd);
	return reads;
}

/* A still process costs one look at its list, and no open of a file that was asked before. */
static void test_a_still_list_is_read_once(void **state)
{
	struct child *c = *state;
	struct snapshot *last = NULL;
	unsigned long before, itself;

	sample(c, &last);
	sample(c, &last);
	before = reads_so_far();
	itself = reads_so_far() - before;
	if (!before || !c->probe.has[PROBE_PAGEMAP_SCAN]) {
		snapshot_unref(last);
		skip();
	}
	before = reads_so_far();
	sample(c, &last);
	before = reads_so_far() - before - itself;
	assert_in_range(before, 1, reads_of_list(c));
	snapshot_unref(last);
}

/* Whether pmtop (this process) has the file open. */
static bool holds(const char *path)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	bool found = false;

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		char link[512];
		ssize_t n = readlinkat(dirfd(directory), entry->d_name, link, sizeof(link) - 1);

		found |= n > 0 && !strncmp(link, path, strlen(path));
	}
	closedir(directory);
	return found;
}

static bool is_local_disk(struct child *c, const struct snapshot *s)
{
	return area_of(c, s)->mapping->kind == MAPPING_FILE &&
	       pages_facts(area_of(c, s)->pages)->doubt == DOUBT_NONE;
}

static void test_files_are_held_while_they_are_mapped(void **state)
{
	struct child *c = *state;
	struct snapshot *last = NULL;
	const struct page_counts *counts;

	tell(c, 'f');
	sample(c, &last);
	if (!is_local_disk(c, last)) {
		snapshot_unref(last);
		skip(); /* pmtop asks files on local disks only */
	}
	assert_true(holds(c->path));
	sample(c, &last);
	counts = pages_counts(area_of(c, last)->pages);
	assert_true(counts->state[PAGE_CACHED] + counts->state[PAGE_FILE] >= PAGES / 2);
	assert_true(holds(c->path));
	pass_rest(c->pass);
	assert_false(holds(c->path));
	sample(c, &last);
	assert_true(holds(c->path));
	tell(c, 'u');
	sample(c, &last);
	assert_false(holds(c->path));
	/* A file without a name is given back to the disk when its last holder goes: never us. */
	tell(c, 'f');
	tell(c, 'x');
	sample(c, &last);
	assert_false(holds(c->path));
	snapshot_unref(last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_changed_list_is_seen_at_once, child_start,
						child_end),
		cmocka_unit_test_setup_teardown(test_a_still_list_is_read_once, child_start,
						child_end),
		cmocka_unit_test_setup_teardown(test_files_are_held_while_they_are_mapped,
						child_start, child_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
