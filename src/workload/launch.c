// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cleanup.h"
#include "workload/cgdir.h"
#include "workload/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define HIGH_FD 100 /* above 0, 1, 2, which are about to be replaced */

struct failure {
	int step;
	int error;
};

/*
 * By the system call itself: libc refuses to touch the two signals that it keeps for itself, and
 * its own posix_spawn leaves those ignored.
 */
static void launch_default_signals(void)
{
	const unsigned long long as_default[8] = { 0 }; /* more than any kernel's sigaction */
	sigset_t none;

	for (int n = 1; n < _NSIG; n++)
		syscall(SYS_rt_sigaction, n, as_default, NULL, _NSIG / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Everything below happens in the child. Returns only on failure. */
static struct failure launch_become(const struct launch *l, int output, int *report, pid_t parent)
{
	int in;

	/*
	 * The last guard: if the supervisor is killed, so is the command (but not what it forked).
	 */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	setsid();
	in = open("/dev/null", O_RDONLY);
	if (in < 0 || dup2(in, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
		return (struct failure){ LAUNCH_OTHER, errno };
	if (dup3(*report, 3, O_CLOEXEC) < 0)
		return (struct failure){ LAUNCH_OTHER, errno };
	*report = 3;
	if (close_range(4, ~0U, 0) < 0)
		return (struct failure){ LAUNCH_OTHER, errno };
	launch_default_signals();
	in = l->group ? cgdir_write(l->group, "cgroup.procs", "0") : 0;
	if (in < 0)
		return (struct failure){ LAUNCH_ENTER, -in };
	execvp(l->argv[0], l->argv);
	return (struct failure){ LAUNCH_EXEC, errno };
}

static void launch_run_child(const struct launch *l, int output, int report, pid_t parent)
{
	struct failure f;
	/* Out of the way of the small numbers that are given new meanings. */
	int high_output = fcntl(output, F_DUPFD_CLOEXEC, HIGH_FD);
	int high_report = fcntl(report, F_DUPFD_CLOEXEC, HIGH_FD);

	f = launch_become(l, high_output, &high_report, parent);
	if (write(high_report, &f, sizeof(f)) != sizeof(f))
		_exit(2);
	_exit(1);
}

pid_t launch_command(const struct launch *l, int *ret_output, enum launch_step *ret_step)
{
	CLEANUP(cleanup_close) int out_read = -1;
	CLEANUP(cleanup_close) int out_write = -1;
	CLEANUP(cleanup_close) int report_read = -1;
	CLEANUP(cleanup_close) int report_write = -1;
	int out[2], report[2];
	struct failure f;
	pid_t pid, self = getpid();
	ssize_t n;

	*ret_step = LAUNCH_OTHER;
	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	out_read = out[0];
	out_write = out[1];
	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	report_read = report[0];
	report_write = report[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		launch_run_child(l, out_write, report_write, self);
	close(TAKE_FD(report_write));
	/* The other end closes when the command is executed, or with the death of the child. */
	do {
		n = read(report_read, &f, sizeof(f));
	} while (n < 0 && errno == EINTR);
	if (n == sizeof(f)) {
		waitpid(pid, NULL, 0);
		*ret_step = f.step;
		return -f.error;
	}
	*ret_output = TAKE_FD(out_read);
	return pid;
}
