// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pagemap-test.h"

#define SKIPPED 77

struct kind {
	const char *name;
	void (*lay_out)(struct test *t, const char *kind);
	const char *help;
};

/* In the order in which they are laid out: the fork first, so that its child has nothing else. */
static const struct kind kinds[] = {
	{ "fork", kind_fork, "parent and child, swapped out before and after" },
	{ "shared-anon", kind_shared, "MAP_SHARED | MAP_ANONYMOUS (the default)" },
	{ "private-anon", kind_private_anon, "MAP_PRIVATE | MAP_ANONYMOUS" },
	{ "memfd", kind_shared, "memfd_create" },
	{ "shm-file", kind_shared, "a file in /dev/shm" },
	{ "tmpfs-unlinked", kind_shared, "the same, without a name" },
	{ "sysv", kind_shared, "System V segments, one of them removed" },
	{ "file-shared", kind_file, "a file on a disk, MAP_SHARED" },
	{ "file-private", kind_file, "the same, MAP_PRIVATE, partly copied" },
	{ "memfd-private", kind_private_shmem, "MAP_PRIVATE of a memfd, partly copied" },
	{ "tmpfs-private", kind_private_shmem, "the same of a file on a tmpfs" },
	{ "zero", kind_zero, "pages that were only read" },
	{ "huge-zero", kind_huge_zero, "the huge zero page" },
	{ "sparse", kind_sparse, "single pages in a reservation 1024 times as large" },
	{ "thp", kind_thp, "transparent huge pages, whole and split" },
	{ "hugetlb", kind_hugetlb, "pages of the hugetlb pool" },
	{ "guard", kind_guard, "guard regions (MADV_GUARD_INSTALL)" },
	{ "uffd-wp", kind_uffd_wp, "write protection by userfaultfd" },
	{ "poison", kind_poison, "poison markers by userfaultfd" },
	{ "lazyfree", kind_lazyfree, "MADV_FREE" },
	{ "beyond-eof", kind_beyond_eof, "mappings that reach beyond the end of the object" },
	{ "fallocate", kind_fallocate, "memory allocated and never written" },
	{ "swapped-in-by-other", kind_other, "swapped in again by another process" },
	{ "kernel", kind_kernel, "vdso, vvar and vsyscall" },
	{ "thrash", kind_thrash, "touches more than fits, for ever" },
	{ "migrate", kind_migrate, "moves between two NUMA nodes, for ever" },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void usage(FILE *out)
{
	fputs("Usage: pagemap-test [OPTION...]\n"
	      "Lays out memory, says on one line of JSON what it did to each page, and waits.\n"
	      "Without options: 256 pages of shared anonymous memory, dirtied.\n\n"
	      "  --kind KIND     what to lay out; several with commas, or given again\n"
	      "  --pages N       how many pages (default 256)\n"
	      "  --rate N        touch N pages a second\n"
	      "  --order ORDER   touch them sequential, random or reverse\n"
	      "  --seed N        the random pattern; printed, so that it can be had again\n"
	      "  --plain         no pattern: dirty every page, push nothing out\n"
	      "  --hold          wait until standard input closes or a signal comes;\n"
	      "                  a line of input prints the account again\n"
	      "  --dir DIR       where files on a disk are made (default /var/tmp)\n"
	      "  --help          this text\n\nKinds:\n",
	      out);
	for (size_t i = 0; i < KINDS; i++)
		fprintf(out, "  %-20s %s\n", kinds[i].name, kinds[i].help);
	fputs("\nExit status: 0 done, 1 error, 2 usage, 77 when no kind could be laid out here.\n",
	      out);
}

static void wrong(const char *what, const char *value)
{
	fprintf(stderr, "pagemap-test: %s: %s\nTry 'pagemap-test --help'.\n", what, value);
	exit(2);
}

static uint64_t number(const char *text, uint64_t most)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || n > most)
		wrong("not a number that makes sense", text);
	return n;
}

static void kinds_add(struct options *opt, char *list)
{
	for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		size_t i = 0;

		while (i < KINDS && strcmp(kinds[i].name, name))
			i++;
		if (i == KINDS)
			wrong("no such kind", name);
		if (opt->kind_count == (int)(sizeof(opt->kinds) / sizeof(opt->kinds[0])))
			wrong("too many kinds", name);
		opt->kinds[opt->kind_count++] = kinds[i].name;
	}
}

static enum order order_of(const char *word)
{
	static const char *const words[] = { "sequential", "random", "reverse" };

	for (int i = 0; i < 3; i++)
		if (!strcmp(word, words[i]))
			return i;
	wrong("no such order", word);
	return 0;
}

static void options_read(struct options *opt, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "kind", 1, NULL, 'k' },  { "pages", 1, NULL, 'p' }, { "rate", 1, NULL, 'r' },
		{ "order", 1, NULL, 'o' }, { "seed", 1, NULL, 's' },  { "plain", 0, NULL, 'l' },
		{ "hold", 0, NULL, 'H' },  { "dir", 1, NULL, 'd' },   { "help", 0, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct timespec now;
	bool seeded = false;
	int c;

	*opt = (struct options){ .dir = "/var/tmp", .argv0 = argv[0] };
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'k':
			kinds_add(opt, optarg);
			break;
		case 'p':
			opt->pages = number(optarg, 1ull << 32);
			break;
		case 'r':
			opt->rate = number(optarg, 1000000000);
			break;
		case 'o':
			opt->order = order_of(optarg);
			break;
		case 's':
			opt->seed = number(optarg, UINT64_MAX);
			seeded = true;
			break;
		case 'l':
			opt->plain = true;
			break;
		case 'H':
			opt->hold = true;
			break;
		case 'd':
			opt->dir = optarg;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			exit(2);
		}
	}
	if (optind < argc)
		wrong("what is this", argv[optind]);
	if (opt->pages && opt->pages < 16)
		wrong("fewer than 16 pages show nothing", "--pages");
	/* The reproduction is plain: it is the memory limit that is to push pages out. */
	opt->plain = opt->plain || (!opt->kind_count && !seeded);
	opt->hold = opt->hold || argc == 1;
	clock_gettime(CLOCK_REALTIME, &now);
	if (!seeded)
		opt->seed = (uint32_t)(now.tv_nsec ^ now.tv_sec ^ (uint64_t)getpid() << 16);
	if (!opt->kind_count)
		opt->kinds[opt->kind_count++] = "shared-anon";
}

/*
 * On one CPU: a page that was touched waits in a list of the CPU which touched it, and MADV_PAGEOUT
 * empties the lists of its own CPU only and passes over what is in those of another.
 */
static void kinds_lay_out(struct test *t)
{
	cpu_set_t before, one;
	bool known = !sched_getaffinity(0, sizeof(before), &before);

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	for (size_t i = 0; i < KINDS; i++) {
		bool wanted = false;

		for (int k = 0; k < t->opt.kind_count; k++)
			wanted = wanted || t->opt.kinds[k] == kinds[i].name;
		if (wanted)
			kinds[i].lay_out(t, kinds[i].name);
	}
	if (known)
		sched_setaffinity(0, sizeof(before), &before);
}

/* What outlives a process unless it is removed: System V segments and files with a name. */
static void leftovers_remove(struct test *t)
{
	char path[64], name[512];

	for (int i = 0; i < t->regions; i++) {
		struct region *r = &t->region[i];
		ssize_t n;

		if (r->shmid >= 0)
			shmctl(r->shmid, IPC_RMID, NULL);
		if (r->fd < 0 || strcmp(r->kind, "shm-file"))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", r->fd);
		n = readlink(path, name, sizeof(name) - 1);
		if (n <= 0)
			continue;
		name[n] = '\0';
		unlink(name);
	}
}

static void on_signal(int sig)
{
	(void)sig;
}

/* Waits; says everything again for each line of input. Signals only arrive in ppoll(). */
static void hold(struct test *t, const sigset_t *calm)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };
	const struct timespec now = { 0, 0 };
	struct stat st;
	char c;

	/* /dev/null is at its end from the start, which is no reason to go. */
	if (fstat(0, &st) || (S_ISCHR(st.st_mode) && !isatty(0)) || S_ISREG(st.st_mode))
		in.fd = -1;
	for (;;) {
		int n = ppoll(&in, 1, t->churn ? &now : NULL, calm);

		if (n < 0 && errno == EINTR)
			return;
		if (n > 0) {
			if (read(0, &c, 1) != 1)
				return;
			if (c == '\n')
				account_print(t, stdout);
			continue;
		}
		if (t->churn)
			t->churn(t);
	}
}

int main(int argc, char **argv)
{
	static struct test t;
	static const int ends[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction act = { .sa_handler = on_signal };
	sigset_t blocked, calm;
	int status;

	if (argc > 1 && !strcmp(argv[1], "--helper"))
		return kind_other_helper(argc, argv);
	options_read(&t.opt, argc, argv);
	t.random = t.opt.seed;
	t.page_size = sysconf(_SC_PAGESIZE);
	kinds_lay_out(&t);
	status = t.regions || !t.skips ? 0 : SKIPPED;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		sigaddset(&blocked, ends[i]);
		sigaction(ends[i], &act, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, &calm);
	account_print(&t, stdout);
	if (t.opt.hold && !status)
		hold(&t, &calm);
	leftovers_remove(&t);
	if (t.child) {
		close(t.child_ask);
		waitpid(t.child, NULL, 0);
	}
	return status;
}
