// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/process.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libproc2/pids.h>

#include "kernel/target.h"

#ifdef __SANITIZE_ADDRESS__
/* libproc2 4.0 keeps buffers for each thread that it never frees (some 260 KiB). */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libproc2";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}
#endif

/* What is asked of each process, and where it stands in the answer. */
enum field {
	FIELD_PID,
	FIELD_COMM,
	FIELD_USER,
	FIELD_START,
	FIELD_STATE,
	FIELD_THREADS,
	FIELD_SIZE,
	FIELD_ANON,
	FIELD_FILE,
	FIELD_SHMEM,
	FIELD_SWAP,
	FIELDS
};

/* Names of users that were asked for. They stay as they were, as those of other tools do. */
struct user {
	uid_t uid;
	char name[sizeof(((struct census_process *)NULL)->user)];
};

struct process_reader {
	struct pids_info *info;
	struct user *users;
	size_t user_count;
};

int process_reader_new(struct process_reader **ret_reader)
{
	enum pids_item items[FIELDS] = {
		[FIELD_PID] = PIDS_ID_PID,	 [FIELD_COMM] = PIDS_CMD,
		[FIELD_USER] = PIDS_ID_EUID,	 [FIELD_START] = PIDS_TICS_BEGAN,
		[FIELD_STATE] = PIDS_STATE,	 [FIELD_THREADS] = PIDS_NLWP,
		[FIELD_SIZE] = PIDS_VM_SIZE,	 [FIELD_ANON] = PIDS_VM_RSS_ANON,
		[FIELD_FILE] = PIDS_VM_RSS_FILE, [FIELD_SHMEM] = PIDS_VM_RSS_SHARED,
		[FIELD_SWAP] = PIDS_VM_SWAP,
	};
	struct process_reader *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return -ENOMEM;
	error = procps_pids_new(&r->info, items, FIELDS);
	if (error < 0) {
		free(r);
		return error;
	}
	*ret_reader = r;
	return 0;
}

void process_reader_free(struct process_reader *reader)
{
	if (!reader)
		return;
	procps_pids_unref(&reader->info);
	free(reader->users);
	free(reader);
}

static void process_copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

/*
 * The name of a user, or the number of who has none. Not by libproc2: it asks with getpwuid(), and
 * a thread that was left behind may do so at the same time as the one that came after it.
 */
static void process_find_user(uid_t uid, struct user *ret_user)
{
	struct passwd entry, *found = NULL;
	char buffer[4096];

	ret_user->uid = uid;
	if (!getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) && found)
		process_copy_text(ret_user->name, sizeof(ret_user->name), entry.pw_name);
	else
		snprintf(ret_user->name, sizeof(ret_user->name), "%u", uid);
}

static void process_copy_user(struct process_reader *reader, uid_t uid, char *to, size_t size)
{
	struct user *users, user;
	size_t i = 0;

	while (i < reader->user_count && reader->users[i].uid != uid)
		i++;
	if (i < reader->user_count) {
		process_copy_text(to, size, reader->users[i].name);
		return;
	}
	process_find_user(uid, &user);
	process_copy_text(to, size, user.name);
	users = reallocarray(reader->users, i + 1, sizeof(*users));
	if (!users)
		return;
	users[i] = user;
	reader->users = users;
	reader->user_count = i + 1;
}

static void process_fill_memory(struct census_process *p, const struct pids_result *r)
{
	p->private_ram = r[FIELD_ANON].result.ul_int * 1024;
	p->file_ram = r[FIELD_FILE].result.ul_int * 1024;
	p->shared_ram = r[FIELD_SHMEM].result.ul_int * 1024;
	p->private_swap = r[FIELD_SWAP].result.ul_int * 1024;
}

static void process_fill(struct process_reader *reader, struct census_process *p,
			 const struct pids_stack *stack)
{
	const struct pids_result *r = stack->head;

	memset(p, 0, sizeof(*p));
	p->pid = r[FIELD_PID].result.s_int;
	p->start_time = r[FIELD_START].result.ull_int;
	p->run_state = r[FIELD_STATE].result.s_ch;
	process_fill_memory(p, r);
	p->shared_doubt = CENSUS_PENDING;
	process_copy_text(p->comm, sizeof(p->comm), r[FIELD_COMM].result.str);
	process_copy_user(reader, r[FIELD_USER].result.u_int, p->user, sizeof(p->user));
}

static int process_by_pid(const void *a, const void *b)
{
	const struct census_process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/*
 * What has an address space: no kernel thread, and no zombie but one whose other threads go on. Of
 * that one the memory is not under its pid.
 */
static bool process_has_memory(const struct pids_result *r)
{
	return r[FIELD_SIZE].result.ul_int ||
	       (r[FIELD_STATE].result.s_ch == 'Z' && r[FIELD_THREADS].result.s_int > 1);
}

/*
 * The numbers of processes whose first thread has ended, from threads that live; they were listed
 * without. Those that have ended by now go. The number of those that stay.
 */
static size_t process_ask_threads(struct process_reader *reader, struct census_process *processes,
				  size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct census_process *p = &processes[i];
		struct pids_fetch *fetch;
		unsigned int thread;
		pid_t living;

		if (p->run_state == 'Z') {
			living = target_living_thread(p->pid);
			thread = (unsigned int)living;
			fetch = living < 0 ? NULL
					   : procps_pids_select(reader->info, &thread, 1,
								PIDS_SELECT_PID);
			if (!fetch || !fetch->counts->total)
				continue;
			process_fill_memory(p, fetch->stacks[0]->head);
		}
		processes[kept++] = *p;
	}
	return kept;
}

int process_list(struct process_reader *reader, struct census_process **ret_processes,
		 size_t *ret_count)
{
	struct pids_fetch *fetch = procps_pids_reap(reader->info, PIDS_FETCH_TASKS_ONLY);
	struct census_process *processes;
	size_t count = 0;

	if (!fetch)
		return errno ? -errno : -EIO;
	processes = calloc((size_t)fetch->counts->total + 1, sizeof(*processes));
	if (!processes)
		return -ENOMEM;
	for (int i = 0; i < fetch->counts->total; i++)
		if (process_has_memory(fetch->stacks[i]->head))
			process_fill(reader, &processes[count++], fetch->stacks[i]);
	count = process_ask_threads(reader, processes, count);
	qsort(processes, count, sizeof(*processes), process_by_pid);
	*ret_processes = processes;
	*ret_count = count;
	return 0;
}
