// SPDX-License-Identifier: GPL-2.0-or-later
#include "sample/action.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define LENGTH ((size_t)16 * PMTOP_PAGE_SIZE)

/* What a process does between the question and the answer. */
enum change { NOTHING, UNMAP, SHORTEN, PROTECT, REPLACE, EXEC, END };

static void change(enum change what, char *area)
{
	switch (what) {
	case UNMAP:
		munmap(area, LENGTH);
		break;
	case SHORTEN:
		munmap(area + LENGTH / 2, LENGTH / 2);
		break;
	case PROTECT:
		mprotect(area, LENGTH, PROT_READ);
		break;
	case REPLACE: /* by another object of the same kind, at the same place */
		if (mmap(area, LENGTH, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			_exit(1);
		break;
	case EXEC:
		execl("/bin/sh", "sh", "-c", "echo x; read x", NULL);
		break;
	case END:
		_exit(0);
	default:
		break;
	}
}

/* Does one action on a child that has changed since it was asked about; what it says. */
static bool act(enum source_action action, enum change what, char *message, size_t size)
{
	char *area = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct source_request request = { .action = action };
	struct target target = TARGET_CLOSED;
	char link[64], byte = 'x';
	int in[2], out[2];
	unsigned long offset;
	bool done;
	pid_t pid;
	FILE *maps;
	char line[512];

	assert_ptr_not_equal(area, MAP_FAILED);
	memset(area, 1, LENGTH);
	assert_int_equal(pipe(in) | pipe(out), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		if (read(0, &byte, 1) == 1)
			change(what, area);
		if (write(1, &byte, 1) != 1 || read(0, &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	close(in[0]);
	close(out[1]);
	assert_int_equal(target_open(pid, &target), 0);
	request.asked = (struct source_asked){ .pid = pid, .start_time = target.start_time };
	snprintf(link, sizeof(link), "/proc/%d/maps", (int)pid);
	maps = fopen(link, "re");
	assert_non_null(maps);
	do {
		assert_non_null(fgets(line, sizeof(line), maps));
		assert_int_equal(sscanf(line, "%lx-%lx %4s %lx %x:%x %lu", &request.asked.start,
					&request.asked.end, request.asked.perms, &offset,
					&request.asked.dev_major, &request.asked.dev_minor,
					&request.asked.inode),
				 7);
	} while (request.asked.start != (uintptr_t)area);
	fclose(maps);
	request.asked.offset = offset;
	request.start = request.asked.start;
	request.length = LENGTH;
	assert_int_equal(write(in[1], &byte, 1), 1);
	assert_int_equal(read(out[0], &byte, 1), what == END ? 0 : 1);
	if (what == END)
		assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	done = action_perform(&target, &request, message, size);
	target_close(&target);
	close(in[1]);
	close(out[0]);
	waitpid(pid, NULL, 0);
	munmap(area, LENGTH);
	return done;
}

static void test_what_was_asked_about(void **state)
{
	char message[160];

	assert_true(act(SOURCE_CLEAR_WRITTEN, NOTHING, message, sizeof(message)));
	if (!geteuid())
		assert_true(act(SOURCE_PUSH_OUT, NOTHING, message, sizeof(message)));
	/* Another mapping is no reason not to clear the marks of the process. */
	assert_true(act(SOURCE_CLEAR_WRITTEN, UNMAP, message, sizeof(message)));
}

static void test_what_was_replaced(void **state)
{
	char message[160];

	for (int what = UNMAP; what <= END; what++) {
		assert_false(act(SOURCE_PUSH_OUT, what, message, sizeof(message)));
		assert_non_null(strstr(message, "pushed out 0 of 16 pages: "));
		assert_non_null(strstr(message, "you were asked"));
	}
	for (int what = EXEC; what <= END; what++) {
		assert_false(act(SOURCE_CLEAR_WRITTEN, what, message, sizeof(message)));
		assert_non_null(strstr(message, "ended or became another program"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_asked_about),
		cmocka_unit_test(test_what_was_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
