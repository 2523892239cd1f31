// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "log/recorder.h"
#include "sample/live.h"

/*
 * log_thrash DIRECTORY [SECONDS]: 64 MiB of a process, half of them shared, go to swap and come back all
 * the time, while it is recorded at ten samples a second without the sampler's usual restraint. Says
 * what the log costs, and fails when a sample is missing. Makes a swap file in the directory; root.
 */

#define HALF	   ((size_t)32 << 20)
#define PIECE	   ((size_t)1 << 20)
#define SWAP_BYTES ((size_t)256 << 20)

struct thrash {
	pid_t pid;
	int pidfd;
	char *half[2]; /* the same addresses in the target */
	atomic_bool stop;
	struct recorder *recorder;
	atomic_ulong samples, changed, left_out, late;
	struct snapshot *last;
};

static unsigned int seed = 4711;

static unsigned int pick(unsigned int below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % below;
}

static void sleep_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static int make_swap(const char *path)
{
	CLEANUP(cleanup_free) char *zeros = calloc(1, PIECE);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char command[512];

	for (size_t i = 0; fd >= 0 && zeros && i < SWAP_BYTES / PIECE; i++)
		if (write(fd, zeros, PIECE) != (ssize_t)PIECE)
			return -EIO;
	if (fd < 0 || fsync(fd) || close(fd))
		return -errno;
	snprintf(command, sizeof(command), "mkswap '%s' >/dev/null", path);
	return system(command) || swapon(path, 0) ? -EPERM : 0;
}

/* The target writes to its pages, in no order; about 40,000 a second. */
static void be_target(const struct thrash *t)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		for (int i = 0; i < 40; i++)
			t->half[pick(2)][(size_t)pick(HALF / 4096) * 4096] = 1;
		sleep_ms(1);
	}
}

/* Pushes a piece out every few milliseconds: 64 MiB in about a third of a second. */
static void *push_out(void *context)
{
	struct thrash *t = context;
	unsigned int at = 0;

	while (!atomic_load(&t->stop)) {
		struct iovec piece = { t->half[at % 2] + at / 2 % (HALF / PIECE) * PIECE, PIECE };

		syscall(SYS_process_madvise, t->pidfd, &piece, 1, MADV_PAGEOUT, 0);
		at++;
		sleep_ms(5);
	}
	return NULL;
}

/* How many pages moved between memory and swap, at least. */
static uint64_t moved(const struct snapshot *a, const struct snapshot *b)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < b->count; i++) {
		const struct snapshot_mapping *m = &b->mappings[i];
		size_t j = snapshot_find(a, m->mapping->start);
		struct page_run x, y;

		if (j == a->count || a->mappings[j].mapping->start != m->mapping->start ||
		    a->mappings[j].pages == m->pages)
			continue;
		for (uint64_t p = 0;
		     pages_run(m->pages, p, &y) && pages_run(a->mappings[j].pages, p, &x);) {
			uint64_t end = y.first + y.count;

			if (x.first + x.count < end)
				end = x.first + x.count;
			pages += x.state != y.state ? end - p : 0;
			p = end;
		}
	}
	return pages;
}

static void observe(void *context, struct sample *sample)
{
	struct snapshot *snapshot = sample->snapshot;
	struct thrash *t = context;

	recorder_observe(t->recorder, sample);
	atomic_fetch_add(&t->samples, 1);
	if (sample->changed)
		atomic_fetch_add(&t->left_out, sample->changed->left_out);
	if (t->last) {
		atomic_fetch_add(&t->changed, moved(t->last, snapshot));
		/* Half an interval late: the sampler did not keep up. */
		if (snapshot->clock_ns - t->last->clock_ns > 150000000)
			atomic_fetch_add(&t->late, 1);
		snapshot_unref(t->last);
	}
	t->last = snapshot_ref(snapshot);
}

static int record(struct thrash *t, const char *path, unsigned int seconds)
{
	const struct live_options options = {
		.pid = t->pid, .interval_ns = 100000000, .cpu_share = 100, .slots = true
	};
	static const struct live_observer observer = { .sample = observe };
	const struct log_fact facts[] = { { "needs", "0.2.0" } };
	const struct recorder_options log = {
		.log = { .path = path, .replace = true, .facts = facts, .fact_count = 1 }
	};
	struct recorder_status status;
	struct error error;
	struct rusage before, after;
	struct source *live;
	struct probe probe;
	double cpu, minutes = seconds / 60.0;

	probe_run(&probe);
	if (recorder_start(&log, &t->recorder, &error) || live_open(&options, &probe, &live)) {
		puts("cannot record: root is needed");
		return 1;
	}
	getrusage(RUSAGE_SELF, &before);
	live_observe(live, &observer, t);
	sleep(seconds);
	live_observe(live, NULL, NULL);
	getrusage(RUSAGE_SELF, &after);
	source_free(live);
	recorder_stop(t->recorder, &status);
	cpu = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
	      (double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
	      (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec -
		       before.ru_stime.tv_usec) /
		      1e6;
	printf("%lu samples in %u s, %lu of them late, %llu missing in the log (gaps)\n",
	       atomic_load(&t->samples), seconds, atomic_load(&t->late),
	       (unsigned long long)status.left_out);
	printf("%lu pages changed state a sample; raw facts of %lu a sample were left out\n",
	       atomic_load(&t->changed) / (atomic_load(&t->samples) + 1),
	       atomic_load(&t->left_out) / (atomic_load(&t->samples) + 1));
	printf("%.2f MiB, %.2f MiB a minute; %.1f ms of CPU a sample, the pushing out included\n",
	       (double)status.logs.bytes / 1048576, (double)status.logs.bytes / 1048576 / minutes,
	       cpu * 1000 / (double)atomic_load(&t->samples));
	if (status.left_out || status.samples != atomic_load(&t->samples) ||
	    atomic_load(&t->samples) < seconds * 9)
		return puts("a recorder that cannot follow"), 1;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int seconds = argc > 2 ? (unsigned int)atoi(argv[2]) : 60;
	struct thrash t = { 0 };
	char swap[256], log[256];
	pthread_t pusher;
	int status;

	if (argc < 2)
		return 2;
	snprintf(swap, sizeof(swap), "%s/log-thrash-%d.swap", argv[1], getpid());
	snprintf(log, sizeof(log), "%s/thrash.pmtop", argv[1]);
	for (int i = 0; i < 2; i++)
		t.half[i] = mmap(NULL, HALF, PROT_READ | PROT_WRITE,
				 (i ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS, -1, 0);
	madvise(t.half[1], HALF, MADV_NOHUGEPAGE);
	if (make_swap(swap)) {
		printf("%s: cannot be made a swap area: root is needed\n", swap);
		unlink(swap);
		return 1;
	}
	t.pid = fork();
	if (!t.pid)
		be_target(&t);
	/* Pages that two processes map are not pushed out. */
	munmap(t.half[0], HALF);
	munmap(t.half[1], HALF);
	t.pidfd = (int)syscall(SYS_pidfd_open, t.pid, 0);
	sleep(1);
	pthread_create(&pusher, NULL, push_out, &t);
	sleep(1);
	status = record(&t, log, seconds);
	atomic_store(&t.stop, true);
	pthread_join(pusher, NULL);
	if (t.last)
		snapshot_unref(t.last);
	kill(t.pid, SIGKILL);
	waitpid(t.pid, NULL, 0);
	swapoff(swap);
	unlink(swap);
	return status;
}
