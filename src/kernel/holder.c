// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/holder.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/directory.h"
#include "base/worker.h"
#include "kernel/target.h"

/* A server may have thousands of threads, all waiting for the same one. */
#define THREADS_LOOKED_AT 1024

struct holder {
	pid_t pid;
	int rank; /* of what the text says; 0: nothing yet */
	char text[HOLDER_TEXT];
};

/* A fault is no system call: "-1 SP PC" [fs/proc/base.c: proc_pid_syscall]. */
static bool holder_is_in_fault(int thread)
{
	char text[256];

	return target_read_text(thread, "syscall", text, sizeof(text)) > 0 &&
	       !strncmp(text, "-1 ", 3);
}

/* The letter of its state, or 0. */
static char holder_state(int thread)
{
	char text[1024];
	const char *close;

	if (target_read_text(thread, "stat", text, sizeof(text)) <= 0)
		return 0;
	close = strrchr(text, ')');
	return (char)(close && close[1] == ' ' ? close[2] : 0);
}

static bool holder_read_place(int thread, char *place, size_t size)
{
	int n = target_read_text(thread, "wchan", place, size);

	if (n <= 0 || !strcmp(place, "0"))
		return false;
	for (const char *c = place; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.", *c))
			return false;
	return true;
}

/* A thread in a fault tells more than one that cannot be interrupted, and that more than none. */
static void holder_look_at_thread(struct holder *h, int thread, const char *tid)
{
	char place[48], state = holder_state(thread);
	int rank;

	if (state != 'S' && state != 'D')
		return;
	rank = holder_is_in_fault(thread) ? 2 : state == 'D';
	if (rank <= h->rank || !holder_read_place(thread, place, sizeof(place)))
		return;
	h->rank = rank;
	snprintf(h->text, sizeof(h->text), "%sthread %.10s waits in %s",
		 rank == 2 ? "a page fault of " : "", tid, place);
}

static void holder_run(void *holder)
{
	struct holder *h = holder;
	CLEANUP(cleanup_closedir) DIR *directory = NULL;
	struct dirent *entry;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)h->pid);
	directory = opendir(path);
	for (int n = 0; directory && n < THREADS_LOOKED_AT && (entry = readdir(directory)); n++) {
		CLEANUP(cleanup_close) int thread = -1;

		if (entry->d_name[0] == '.')
			continue;
		thread =
			openat(dirfd(directory), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (thread >= 0)
			holder_look_at_thread(h, thread, entry->d_name);
	}
}

void holder_describe(pid_t pid, int64_t patience_ns, char ret_text[static HOLDER_TEXT])
{
	struct holder *h = calloc(1, sizeof(*h));

	ret_text[0] = '\0';
	if (!h)
		return;
	h->pid = pid;
	if (worker_call(holder_run, free, h, NULL, patience_ns, NULL) == -ETIMEDOUT)
		return;
	memcpy(ret_text, h->text, HOLDER_TEXT);
	free(h);
}
