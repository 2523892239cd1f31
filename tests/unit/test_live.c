// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "kernel/target.h"
#include "model/verify.h"
#include "sample/live.h"
#include "tests/unit/await.h"

/* The live source on children of this test: no right, no swap and no timing is needed. */

#define PAGES 64

struct child {
	pid_t pid;
	int tell; /* a byte written here makes the child touch one page more */
	int told; /* and is answered here */
	char *area;
};

static void child_start(struct child *c)
{
	int in[2], out[2];

	c->area = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	assert_ptr_not_equal(c->area, MAP_FAILED);
	/* One huge page would be one touch. */
	madvise(c->area, PAGES * 4096, MADV_NOHUGEPAGE);
	assert_int_equal(pipe(in) | pipe(out), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (!c->pid) {
		char byte;

		close(in[1]);
		close(out[0]);
		for (int i = 0; read(in[0], &byte, 1) == 1 && i < PAGES; i++) {
			c->area[(size_t)i * 4096] = 1;
			if (write(out[1], &byte, 1) != 1)
				break;
		}
		_exit(7);
	}
	close(in[0]);
	close(out[1]);
	c->tell = in[1];
	c->told = out[0];
}

static void child_touch(const struct child *c)
{
	char byte = 'x';

	assert_int_equal(write(c->tell, &byte, 1), 1);
	assert_int_equal(read(c->told, &byte, 1), 1);
}

static void child_end(struct child *c)
{
	int status;

	close(c->tell);
	close(c->told);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	munmap(c->area, PAGES * 4096);
}

static struct source *open_live(pid_t pid, int64_t interval_ns)
{
	struct live_options options = { .pid = pid, .interval_ns = interval_ns, .cpu_share = 1 };
	struct probe probe;
	struct source *source;

	probe_run(&probe);
	assert_int_equal(live_open(&options, &probe, &source), 0);
	return source;
}

static uint64_t touched_in(const struct snapshot *s, const struct child *c)
{
	struct page_counts counts = { 0 };
	uint64_t address = (uintptr_t)c->area;
	const struct snapshot_mapping *m = &s->mappings[snapshot_find(s, address)];

	pages_count(m->pages, (address - m->mapping->start) / 4096, PAGES, &counts);
	/* The kernel may have moved some, or put them into swap. */
	return counts.state[PAGE_ANON] + counts.state[PAGE_MIGRATING] + counts.state[PAGE_SWAP];
}

static uint64_t touched(const struct sample *sample, const struct child *c)
{
	return touched_in(sample->snapshot, c);
}

/* The next complete sample in which `wanted` pages are touched. */
static struct sample *await_touched(struct source *source, const struct child *c, uint64_t wanted)
{
	struct await await = await_begin("a complete snapshot");
	struct sample *s = NULL;

	for (await_complete(&await, source, &s); touched(s, c) != wanted;) {
		if (await_is_over(&await))
			fail_msg("%d pages were touched, but %d are seen", (int)wanted,
				 (int)touched(s, c));
		await_complete(&await, source, &s);
	}
	return s;
}

/* What the source comes to in the end, ended or failed. */
static enum source_state await_end(struct source *source)
{
	struct await await = await_begin("an end of the source");
	struct source_status status = { .state = SOURCE_LIVE };
	struct sample *s = NULL;

	while (status.state != SOURCE_ENDED && status.state != SOURCE_FAILED) {
		await_news(&await, source, &s);
		source_status(source, &status);
	}
	sample_unref(s);
	return status.state;
}

static void await_event(struct source *source, struct source_event *ret_event)
{
	struct await await = await_begin("an event");

	while (!source->ops->events(source, ret_event, 1))
		await_pause(&await);
}

static void test_pages_appear_as_they_are_touched(void **state)
{
	struct child c;
	struct source *source;

	child_start(&c);
	source = open_live(c.pid, 1000000);
	for (uint64_t n = 1; n <= 20; n++) {
		struct sample *s;

		child_touch(&c);
		s = await_touched(source, &c, n);
		assert_int_equal(s->snapshot->pid, c.pid);
		sample_unref(s);
	}
	source_free(source);
	child_end(&c);
}

static void test_paused_takes_no_sample_but_on_demand(void **state)
{
	struct source_request now = { .action = SOURCE_SAMPLE_NOW };
	struct source_status status;
	struct child c;
	struct source *source;
	struct sample *s;

	child_start(&c);
	source = open_live(c.pid, 1000000);
	child_touch(&c);
	sample_unref(await_touched(source, &c, 1));
	source_set_paused(source, true);
	source_status(source, &status);
	assert_int_equal(status.state, SOURCE_PAUSED);
	/* A sample may have been under way; the one asked for comes after it. */
	child_touch(&c);
	assert_int_equal(source_request(source, &now), 0);
	s = await_touched(source, &c, 2);
	sample_unref(s);
	source_free(source);
	child_end(&c);
}

static void count_sample(void *context, struct sample *sample)
{
	atomic_uint *seen = context;

	assert_false(sample->snapshot->partial);
	atomic_fetch_add(seen, 1);
}

static void test_observer_sees_samples_in_order(void **state)
{
	static const struct live_observer observer = { .sample = count_sample };
	struct child c;
	struct source *source;
	atomic_uint seen = 0;

	child_start(&c);
	source = open_live(c.pid, 1000000);
	live_observe(source, &observer, &seen);
	for (uint64_t n = 1; n <= 5; n++) {
		child_touch(&c);
		sample_unref(await_touched(source, &c, n));
	}
	live_observe(source, NULL, NULL);
	assert_true(atomic_load(&seen) >= 4);
	source_free(source);
	child_end(&c);
}

static void await_count(atomic_uint *seen, unsigned int wanted)
{
	struct await await = await_begin("a sample that was observed");

	while (atomic_load(seen) < wanted)
		await_pause(&await);
	assert_int_equal(atomic_load(seen), wanted);
}

/* The next sample is an hour away, or does not come at all. */
static void test_observer_begins_with_the_newest_sample(void **state)
{
	static const struct live_observer observer = { .sample = count_sample };
	struct child c;
	struct source *source;
	atomic_uint seen = 0;

	child_start(&c);
	source = open_live(c.pid, INT64_C(3600) * 1000000000);
	sample_unref(await_touched(source, &c, 0));
	live_observe(source, &observer, &seen);
	await_count(&seen, 1);
	source_set_paused(source, true);
	live_observe(source, NULL, NULL);
	live_observe(source, &observer, &seen);
	await_count(&seen, 2);
	source_free(source);
	child_end(&c);
}

static void test_focus_brings_raw_facts(void **state)
{
	struct child c;
	struct source *source;
	struct source_focus focus = { .count = 8 };
	struct sample *s;

	child_start(&c);
	focus.start = (uintptr_t)c.area;
	source = open_live(c.pid, 1000000);
	source_set_focus(source, &focus);
	child_touch(&c);
	do {
		s = await_touched(source, &c, 1);
		if (!s->focus)
			sample_unref(s);
		else
			break;
	} while (true);
	assert_int_equal(s->focus->start, focus.start);
	assert_int_equal(s->focus->count, 8);
	assert_true(s->focus->words_known);
	assert_true(s->focus->words[0] >> 63);
	assert_int_equal(s->focus->words[1] >> 63, 0);
	assert_non_null(strstr(s->focus->vm_flags, "rd"));
	assert_int_equal(s->focus->nodes[1], PAGE_NO_NODE);
	/* What follows needs rights; where they are missing it must say so. */
	if (s->focus->flags_known) {
		assert_true(s->focus->nodes[0] >= 0);
		assert_int_equal(s->focus->orders[0], 0);
		assert_int_equal(s->focus->orders[1], PAGE_NO_ORDER);
	} else {
		assert_int_equal(s->focus->orders[0], PAGE_NO_ORDER);
	}
	sample_unref(s);
	source_free(source);
	child_end(&c);
}

static void test_end_of_the_target(void **state)
{
	struct child c;
	struct source *source;

	child_start(&c);
	source = open_live(c.pid, 1000000);
	child_touch(&c);
	sample_unref(await_touched(source, &c, 1));
	kill(c.pid, SIGKILL);
	child_end(&c);
	assert_int_equal(await_end(source), SOURCE_ENDED);
	source_free(source);
}

static void test_who_cannot_be_watched(void **state)
{
	struct live_options options = { .pid = 0x3fffffff, .interval_ns = 1000000 };
	struct probe probe;
	struct source *source;
	struct snapshot *s;

	probe_run(&probe);
	assert_int_equal(live_open(&options, &probe, &source), -ESRCH);
	options.pid = 0;
	assert_int_equal(live_open(&options, &probe, &source), -ESRCH);
	options.pid = -4;
	assert_int_equal(live_open(&options, &probe, &source), -ESRCH);
	assert_int_equal(live_snapshot(0x3fffffff, &probe, &s), -ESRCH);
}

/* The result of the mapping that holds the area of the child; NULL: none. */
static const struct verify_result *result_of(const struct sample *s, const struct child *c)
{
	size_t i = snapshot_find(s->snapshot, (uint64_t)(uintptr_t)c->area);

	assert_true(i < s->snapshot->count);
	return s->verified && s->verified->results[i].found ? &s->verified->results[i] : NULL;
}

static struct pages *area_pages(const struct sample *s, const struct child *c)
{
	const struct snapshot *p = s->snapshot;

	return p->mappings[snapshot_find(p, (uint64_t)(uintptr_t)c->area)].pages;
}

/* Asks for a comparison with smaps, and gives the first snapshot that has the area's. */
static struct sample *verify(struct source *source, const struct child *c)
{
	const struct source_request request = { SOURCE_VERIFY, 0, 0 };
	struct await await = await_begin("a comparison with smaps");
	struct source_status status = { 0 };
	struct sample *s = NULL;

	assert_int_equal(source_request(source, &request), 0);
	do
		await_complete(&await, source, &s);
	while (!result_of(s, c));
	source_status(source, &status);
	assert_non_null(strstr(status.message, "mappings agree"));
	return s;
}

/* False: the kernel moved a page meanwhile, so that this round says nothing. */
static bool stays_verified(struct source *source, const struct child *c)
{
	struct await await = await_begin("a complete snapshot");
	struct sample *s = verify(source, c);
	enum verify_cause worst = verify_worst(&result_of(s, c)->verdict);
	struct pages *pages = pages_ref(area_pages(s, c));
	bool same = worst != VERIFY_MOVED;

	assert_int_equal(worst, same ? VERIFY_AGREES : VERIFY_MOVED);
	for (int i = 0; i < 5 && same; i++) {
		await_complete(&await, source, &s);
		same = area_pages(s, c) == pages;
		assert_int_equal(result_of(s, c) != NULL, same);
	}
	pages_unref(pages);
	sample_unref(s);
	return same;
}

/* Compared with smaps once, a mapping stays compared as long as its pages are the very same. */
static void test_verified_until_it_changes(void **state)
{
	struct await await = await_begin("a round in which no page moved");
	struct source *source;
	struct sample *s;
	struct child c;

	child_start(&c);
	source = open_live(c.pid, 1000000);
	child_touch(&c);
	s = await_touched(source, &c, 1);
	assert_null(s->verified);
	sample_unref(s);
	while (!stays_verified(source, &c))
		await_check(&await);
	child_touch(&c);
	s = await_touched(source, &c, 2);
	assert_null(result_of(s, &c));
	sample_unref(s);
	source_free(source);
	child_end(&c);
}

/* A child that sleeps, with this pid, or any for 0; -EPERM where nobody may choose one. */
static pid_t sleeper(pid_t pid)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	pid_t child;

	if (pid) {
		args.set_tid = (uint64_t)(uintptr_t)&pid;
		args.set_tid_size = 1;
	}
	child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (!child) {
		pause();
		_exit(0);
	}
	return child < 0 ? -errno : child;
}

static uint64_t start_time_of(pid_t pid)
{
	struct target target;
	uint64_t start_time;

	assert_int_equal(target_open(pid, &target), 0);
	start_time = target.start_time;
	target_close(&target);
	return start_time;
}

/* Whoever was chosen from a list has ended, and another process has its pid by now. */
static void test_pid_is_used_again(void **state)
{
	struct live_options options = { .interval_ns = 1000000 };
	struct source *source;
	struct probe probe;
	pid_t first = sleeper(0), second;

	assert_true(first > 0);
	probe_run(&probe);
	options.pid = first;
	options.start_time = start_time_of(first);
	kill(first, SIGKILL);
	waitpid(first, NULL, 0);
	assert_int_equal(live_open(&options, &probe, &source), -ESRCH);
	usleep(30000); /* start times count in ticks of 10 ms */
	second = sleeper(first);
	if (second == -EPERM || second == -EEXIST)
		skip();
	assert_int_equal(second, first);
	assert_int_equal(live_open(&options, &probe, &source), -ESTALE);
	options.start_time = start_time_of(second);
	assert_int_equal(live_open(&options, &probe, &source), 0);
	source_free(source);
	kill(second, SIGKILL);
	waitpid(second, NULL, 0);
}

/* Whole snapshots of a child that ends at any moment: an answer or -ESRCH, nothing else. */
static void test_target_ends_at_any_moment(void **state)
{
	struct probe probe;
	unsigned int whole = 0;

	probe_run(&probe);
	for (int round = 0; round < 100; round++) {
		struct snapshot *s;
		struct child c;
		int error;

		child_start(&c);
		if (round % 4) {
			kill(c.pid, SIGKILL);
			usleep((useconds_t)(round * 10));
		}
		error = live_snapshot(c.pid, &probe, &s);
		assert_true(error == 0 || error == -ESRCH);
		if (!error) {
			whole++;
			assert_true(s->count > 3);
			snapshot_unref(s);
		}
		child_end(&c);
	}
	assert_true(whole >= 25);
}

static void *outlive(void *context)
{
	const struct child *c = context;
	char byte = 'x';

	c->area[0] = 1;
	(void)!write(c->told, &byte, 1);
	pause();
	return NULL;
}

/* The first thread has ended, another one lives: /proc/PID/maps is empty. */
static void test_first_thread_has_ended(void **state)
{
	struct await await = await_begin("a snapshot without the first thread");
	struct probe probe;
	struct child c;
	struct snapshot *s;
	int out[2];
	char byte;

	c.area = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	madvise(c.area, PAGES * 4096, MADV_NOHUGEPAGE);
	assert_int_equal(pipe(out), 0);
	c.told = out[1];
	c.pid = fork();
	if (!c.pid) {
		pthread_t thread;

		pthread_create(&thread, NULL, outlive, &c);
		pthread_exit(NULL);
	}
	assert_int_equal(read(out[0], &byte, 1), 1);
	probe_run(&probe);
	while (!target_lacks_memory(c.pid) || live_snapshot(c.pid, &probe, &s))
		await_pause(&await);
	assert_int_equal(touched_in(s, &c), 1);
	snapshot_unref(s);
	kill(c.pid, SIGKILL);
	waitpid(c.pid, NULL, 0);
	close(out[0]);
	close(out[1]);
	munmap(c.area, PAGES * 4096);
}

static void *outlive_the_first(void *context)
{
	struct child *c = context;
	char byte;

	(void)!read(c->tell, &byte, 1);
	c->area[0] = 1;
	pause();
	return NULL;
}

/* The first thread ends while it is watched: that is no exec, and the samples go on. */
static void test_first_thread_ends(void **state)
{
	struct await await = await_begin("an end of the first thread");
	struct source_event event;
	struct source_status status;
	struct source *source;
	struct child c;
	int in[2], first[2];

	c.area = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	madvise(c.area, PAGES * 4096, MADV_NOHUGEPAGE);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(first), 0);
	c.tell = in[0];
	c.pid = fork();
	if (!c.pid) {
		pthread_t thread;
		char byte;

		pthread_create(&thread, NULL, outlive_the_first, &c);
		(void)!read(first[0], &byte, 1);
		pthread_exit(NULL);
	}
	source = open_live(c.pid, 1000000);
	sample_unref(await_touched(source, &c, 0));
	assert_int_equal(write(first[1], "", 1), 1);
	while (!target_lacks_memory(c.pid))
		await_pause(&await);
	assert_int_equal(write(in[1], "", 1), 1);
	sample_unref(await_touched(source, &c, 1));
	assert_int_equal(source->ops->events(source, &event, 1), 0);
	source_status(source, &status);
	assert_int_equal(status.state, SOURCE_LIVE);
	source_free(source);
	kill(c.pid, SIGKILL);
	waitpid(c.pid, NULL, 0);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(first[i]);
	}
	munmap(c.area, PAGES * 4096);
}

static void ignore_sample(void *context, struct sample *sample)
{
}

static void keep_event(void *context, enum event_kind kind, int64_t taken_ns, const char *text)
{
	struct source_event *e = context;

	*e = (struct source_event){ .kind = kind, .taken_ns = taken_ns };
	snprintf(e->text, sizeof(e->text), "%s", text);
}

/* What was done to the target is an event, for the recorder and for the user. */
static void test_actions_are_events(void **state)
{
	struct source_request clear = { .action = SOURCE_CLEAR_WRITTEN };
	struct sample *asked;
	struct source_event told = { 0 }, taken[2];
	static const struct live_observer observer = { ignore_sample, keep_event };
	struct child c;
	struct source *source;

	child_start(&c);
	source = open_live(c.pid, 1000000);
	live_observe(source, &observer, &told);
	child_touch(&c);
	asked = await_touched(source, &c, 1);
	clear.asked = (struct source_asked){ asked->snapshot->pid, asked->snapshot->start_time,
					     asked->snapshot->execs };
	sample_unref(asked);
	assert_int_equal(source->ops->events(source, taken, 2), 0);
	assert_int_equal(source_request(source, &clear), 0);
	await_event(source, taken);
	live_observe(source, NULL, NULL);
	assert_int_equal(taken[0].kind, EVENT_CLEARED);
	assert_int_equal(told.kind, EVENT_CLEARED);
	assert_int_equal(told.taken_ns, taken[0].taken_ns);
	assert_string_equal(told.text, taken[0].text);
	assert_int_equal(source->ops->events(source, taken, 2), 0);
	source_free(source);
	child_end(&c);
}

static void sleep_when_told(int go)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* stays over the exec: gone when a test fails */
	(void)!read(go, &byte, 1);
	execlp("sleep", "sleep", "1000", NULL);
	_exit(1);
}

/* The process becomes "sleep" when `go` is closed. */
static void expect_exec(pid_t pid, int go)
{
	struct await await = await_begin("a snapshot of sleep");
	struct source_event event = { 0 };
	struct source_status status;
	struct source *source = open_live(pid, 1000000);
	struct sample *s = NULL;

	await_complete(&await, source, &s);
	assert_string_not_equal(s->snapshot->comm, "sleep");
	close(go);
	while (strcmp(s->snapshot->comm, "sleep") != 0)
		await_complete(&await, source, &s);
	assert_int_equal(s->snapshot->pid, pid);
	assert_true(s->snapshot->totals.state[PAGE_FILE] + s->snapshot->totals.state[PAGE_ANON] >
		    0);
	sample_unref(s);
	await_event(source, &event);
	assert_int_equal(event.kind, EVENT_EXEC);
	assert_string_equal(event.text, "became sleep");
	source_status(source, &status);
	assert_int_equal(status.state, SOURCE_LIVE);
	kill(pid, SIGKILL);
	assert_int_equal(await_end(source), SOURCE_ENDED);
	source_free(source);
}

/* A process that becomes another program keeps its pid: it is watched on, and the moment has a name. */
static void test_exec(void **state)
{
	int go[2];
	pid_t pid;

	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (!pid) {
		close(go[1]);
		sleep_when_told(go[0]);
	}
	close(go[0]);
	expect_exec(pid, go[1]);
	waitpid(pid, NULL, 0);
}

struct sharing {
	int go, told;
};

static int sharer(void *context)
{
	const struct sharing *sharing = context;
	pid_t pid = getpid();

	(void)!write(sharing->told, &pid, sizeof(pid));
	sleep_when_told(sharing->go);
	return 1;
}

/*
 * The same, but the memory before lives on with the parent, as after vfork(). The parent stands
 * still meanwhile: two at a time on the same thread-local memory are too much for sanitizers.
 */
static void test_exec_of_a_sharer(void **state)
{
	static char stack[65536] __attribute__((aligned(16)));
	int go[2], told[2];
	pid_t parent, pid = 0;

	assert_int_equal(pipe(go) | pipe(told), 0);
	parent = fork();
	if (!parent) {
		struct sharing sharing = { go[0], told[1] };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(go[1]);
		pid = clone(sharer, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD,
			    &sharing);
		waitpid(pid, NULL, 0);
		_exit(0);
	}
	assert_int_equal(read(told[0], &pid, sizeof(pid)), sizeof(pid));
	close(told[0]);
	close(told[1]);
	close(go[0]);
	expect_exec(pid, go[1]);
	waitpid(parent, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_appear_as_they_are_touched),
		cmocka_unit_test(test_paused_takes_no_sample_but_on_demand),
		cmocka_unit_test(test_observer_sees_samples_in_order),
		cmocka_unit_test(test_observer_begins_with_the_newest_sample),
		cmocka_unit_test(test_actions_are_events),
		cmocka_unit_test(test_verified_until_it_changes),
		cmocka_unit_test(test_focus_brings_raw_facts),
		cmocka_unit_test(test_end_of_the_target),
		cmocka_unit_test(test_who_cannot_be_watched),
		cmocka_unit_test(test_pid_is_used_again),
		cmocka_unit_test(test_target_ends_at_any_moment),
		cmocka_unit_test(test_first_thread_has_ended),
		cmocka_unit_test(test_first_thread_ends),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_exec_of_a_sharer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
