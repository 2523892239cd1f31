// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kcmp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <libproc2/pids.h>

#include "base/cleanup.h"
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

/* A process, and what shows its memory. */
struct candidate {
	struct census_process *process;
	pid_t thread;
	uint64_t size;
};

/* As kcmp(2): 0, or an order that means nothing but stays; -EPERM, -ESRCH, -ENOSYS. */
static int process_compare_memory(pid_t a, pid_t b)
{
	long r = syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0);

	return r < 0 ? -errno : (int)r;
}

static int process_by_size(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return (x->size > y->size) - (x->size < y->size);
}

static int process_by_memory(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int r = process_compare_memory(x->thread, y->thread);

	return r == 1 ? -1 : r == 2 ? 1 : 0;
}

static bool process_equal_sums(const struct census_process *a, const struct census_process *b)
{
	return a->private_ram == b->private_ram && a->file_ram == b->file_ram &&
	       a->shared_ram == b->shared_ram && a->private_swap == b->private_swap;
}

/* Who may not be compared is unsure where some other one of that size has all sums alike. */
static size_t process_part_with_unsure(struct candidate *c, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct candidate this = c[i];

		if (process_compare_memory(this.thread, this.thread) == 0) {
			c[i] = c[kept];
			c[kept++] = this;
		}
	}
	for (size_t i = kept; i < count; i++)
		for (size_t k = 0; k < count && !c[i].process->memory_unsure; k++)
			c[i].process->memory_unsure =
				k != i && process_equal_sums(c[i].process, c[k].process);
	return kept;
}

/* Neighbours that compare equal have one memory: it is that of the lowest pid. */
static void process_join_equal(struct candidate *c, size_t count)
{
	for (size_t i = 0, n; i < count; i += n) {
		pid_t first = c[i].process->pid;

		for (n = 1; i + n < count && !process_by_memory(&c[i], &c[i + n]); n++)
			if (c[i + n].process->pid < first)
				first = c[i + n].process->pid;
		for (size_t k = 0; n > 1 && k < n; k++)
			if (c[i + k].process->pid != first)
				c[i + k].process->memory_of = first;
	}
}

/* Processes with one memory have one size, so only such are compared. */
static void process_find_same_memory(struct candidate *candidates, size_t count)
{
	qsort(candidates, count, sizeof(*candidates), process_by_size);
	for (size_t i = 0, n; i < count; i += n) {
		size_t may;

		for (n = 1; i + n < count && candidates[i + n].size == candidates[i].size;)
			n++;
		if (n == 1)
			continue;
		may = process_part_with_unsure(&candidates[i], n);
		qsort(&candidates[i], may, sizeof(*candidates), process_by_memory);
		process_join_equal(&candidates[i], may);
	}
}

/*
 * What was left out of a process whose first thread has ended, from a thread that lives.
 * False: it has ended by now.
 */
static bool process_ask_thread(struct process_reader *reader, struct candidate *c)
{
	pid_t living = target_living_thread(c->process->pid);
	unsigned int thread = (unsigned int)living;
	struct pids_fetch *fetch =
		living < 0 ? NULL : procps_pids_select(reader->info, &thread, 1, PIDS_SELECT_PID);

	if (!fetch || !fetch->counts->total)
		return false;
	process_fill_memory(c->process, fetch->stacks[0]->head);
	c->size = fetch->stacks[0]->head[FIELD_SIZE].result.ul_int;
	c->thread = living;
	return true;
}

/* Fills in what the list of the kernel leaves open; how many processes stay. */
static size_t process_complete(struct process_reader *reader, struct census_process *processes,
			       struct candidate *candidates, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct candidate *c = &candidates[kept];

		processes[kept] = processes[i];
		*c = candidates[i];
		c->process = &processes[kept];
		if (c->size || process_ask_thread(reader, c))
			kept++;
	}
	process_find_same_memory(candidates, kept);
	return kept;
}

int process_list(struct process_reader *reader, struct census_process **ret_processes,
		 size_t *ret_count)
{
	struct pids_fetch *fetch = procps_pids_reap(reader->info, PIDS_FETCH_TASKS_ONLY);
	CLEANUP(cleanup_free) struct candidate *candidates = NULL;
	struct census_process *processes;
	size_t count = 0;

	if (!fetch)
		return errno ? -errno : -EIO;
	processes = calloc((size_t)fetch->counts->total + 1, sizeof(*processes));
	candidates = calloc((size_t)fetch->counts->total + 1, sizeof(*candidates));
	if (!processes || !candidates) {
		free(processes);
		return -ENOMEM;
	}
	for (int i = 0; i < fetch->counts->total; i++) {
		const struct pids_result *r = fetch->stacks[i]->head;

		if (!process_has_memory(r))
			continue;
		process_fill(reader, &processes[count], fetch->stacks[i]);
		candidates[count].thread = processes[count].pid;
		candidates[count++].size = r[FIELD_SIZE].result.ul_int;
	}
	count = process_complete(reader, processes, candidates, count);
	qsort(processes, count, sizeof(*processes), process_by_pid);
	*ret_processes = processes;
	*ret_count = count;
	return 0;
}

/*
 * Process 1 is in each PID namespace, and its stat is for everybody unless hidepid is set. The
 * namespace of the machine has a fixed inode number [include/linux/proc_ns.h: PROC_PID_INIT_INO].
 */
enum census_unlisted process_unlisted(void)
{
	CLEANUP(cleanup_close) int first = open("/proc/1/stat", O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (first < 0)
		return CENSUS_HIDEPID;
	return !stat("/proc/self/ns/pid", &st) && st.st_ino != 0xEFFFFFFC ? CENSUS_NAMESPACE
									  : CENSUS_ALL_LISTED;
}
