// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The one thing that all groups add to; the program is its own owner. */
static int over_bound;

int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return values[count / 2];
}

void report_figure(const char *what, double value, const char *unit, double bound)
{
	bool over = value > bound;

	over_bound += over;
	printf("%-52s %9.3f %-8s bound %8.3f%s\n", what, value, unit, bound, over ? "   OVER" : "");
	fflush(stdout);
}

int figures_over(void)
{
	return over_bound;
}

bool subject_start(const char *name, layout_function *layout, const struct probe *probe,
		   struct subject *ret_subject)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!layout())
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status)) {
		printf("%-52s skipped: this machine cannot lay it out\n", name);
		return false;
	}
	/* The pass keeps a pointer to the target, so it is opened where it stays. */
	if (target_open(pid, &ret_subject->target) ||
	    !(ret_subject->pass = pass_new(&ret_subject->target, probe))) {
		fprintf(stderr, "bench: cannot open the child of %s\n", name);
		exit(1);
	}
	return true;
}

void subject_end(struct subject *subject)
{
	pid_t pid = subject->target.pid;

	pass_free(subject->pass);
	target_close(&subject->target);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

struct snapshot *subject_sample(struct subject *subject, const struct snapshot *before)
{
	struct snapshot *snapshot;
	int error = pass_take(subject->pass, before, &snapshot);

	if (error) {
		fprintf(stderr, "bench: sample: %s\n", strerror(-error));
		exit(1);
	}
	return snapshot;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(const struct probe *probe);
	} groups[] = {
		{ "scans", bench_scans },   { "many", bench_many },   { "shared", bench_shared },
		{ "memory", bench_memory }, { "frame", bench_frame },
	};
	struct probe probe;

	if (argc == 3 && !strcmp(argv[1], "--once"))
		return bench_once((pid_t)atoi(argv[2]));
	probe_run(&probe);
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		bool wanted = argc < 2;

		for (int a = 1; a < argc; a++)
			wanted |= !strcmp(argv[a], groups[i].name);
		if (wanted)
			groups[i].run(&probe);
	}
	printf("%d over their bound\n", figures_over());
	return figures_over() ? 1 : 0;
}
