// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload/supervisor.h"
#include "workload/cgdir.h"
#include "workload/claim.h"
#include "workload/launch.h"
#include "workload/output.h"
#include "workload/workload.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define KILL_TIMEOUT_MS 5000

struct supervisor {
	struct claim claim;
	struct output *output;
	char *const *argv;
	char group[PATH_MAX]; /* of the claim, or "" */
	pid_t command; /* 0: none */
	int pipe; /* its output; -1: none */
	int signals;
};

static void supervisor_tell(int type, int value)
{
	struct message m = { .type = type, .value = value };

	/* If pmtop is gone, the next poll says so. */
	send(SUPERVISOR_SOCKET, &m, sizeof(m), MSG_NOSIGNAL);
}

/* Takes what the pipe has, without waiting for more. */
static void supervisor_drain(struct supervisor *s)
{
	char buf[4096];
	ssize_t n;

	while (s->pipe >= 0) {
		n = read(s->pipe, buf, sizeof(buf));
		if (n > 0) {
			output_put(s->output, buf, (size_t)n);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || errno != EAGAIN) {
			close(s->pipe);
			s->pipe = -1;
		}
		return;
	}
}

static void supervisor_reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		if (pid != s->command)
			continue; /* an orphan that came to us */
		s->command = 0;
		supervisor_drain(s);
		supervisor_tell(MESSAGE_EXITED, status);
	}
}

/* Sends SIGKILL to our children; orphans of theirs become ours. */
static void supervisor_kill_children(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	cgdir_signal(path, SIGKILL);
}

static void supervisor_pause_ms(long ms)
{
	const struct timespec t = { .tv_nsec = ms * 1000000 };

	nanosleep(&t, NULL);
}

/* First by the groups, which nothing leaves by forking; then by kinship, which needs no group. */
static int supervisor_kill_all(struct supervisor *s)
{
	int r = claim_kill(&s->claim);

	for (long ms = 0;; ms++) {
		supervisor_kill_children();
		supervisor_reap(s);
		if (waitid(P_ALL, 0, &(siginfo_t){ 0 }, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0 &&
		    errno == ECHILD)
			return r;
		if (ms > KILL_TIMEOUT_MS)
			return -EBUSY;
		supervisor_pause_ms(1);
	}
}

static int supervisor_find_group(const char *kind, const char *path, void *data)
{
	struct supervisor *s = data;

	if (!strcmp(kind, "cgroup"))
		snprintf(s->group, sizeof(s->group), "%s", path);
	return 0;
}

static void supervisor_launch(struct supervisor *s)
{
	struct launch l = { .argv = s->argv };
	struct message m = { .type = MESSAGE_LAUNCHED };
	enum launch_step step;
	int pipe;

	s->group[0] = '\0';
	claim_each(&s->claim, supervisor_find_group, s);
	l.group = *s->group ? s->group : NULL;
	m.value = launch_command(&l, &pipe, &step);
	if (m.value < 0) {
		m.type = MESSAGE_FAILED;
		m.step = step;
	} else {
		if (s->pipe >= 0)
			close(s->pipe);
		s->pipe = pipe;
		s->command = m.value;
		fcntl(pipe, F_SETFL, O_NONBLOCK);
	}
	send(SUPERVISOR_SOCKET, &m, sizeof(m), MSG_NOSIGNAL);
}

static int supervisor_finish(struct supervisor *s)
{
	struct message m = { .type = MESSAGE_DONE };
	int r;

	s->command = 0; /* that it dies now is our doing, and no news */
	r = supervisor_kill_all(s);
	supervisor_drain(s);
	m.value = claim_release(&s->claim, &m.why);
	if (!m.value && r < 0)
		m.value = why(&m.why, r, "a process of the workload cannot be killed: %s",
			      strerror(-r));
	send(SUPERVISOR_SOCKET, &m, sizeof(m), MSG_NOSIGNAL);
	return m.value < 0 ? 1 : 0;
}

/* 1: go on; 0: it is time to finish. */
static int supervisor_obey(struct supervisor *s)
{
	struct message m;
	ssize_t n = recv(SUPERVISOR_SOCKET, &m, sizeof(m), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (n != sizeof(m) || m.type == MESSAGE_FINISH)
		return 0;
	if (m.type == MESSAGE_LAUNCH)
		supervisor_launch(s);
	else if (m.type == MESSAGE_KILL)
		supervisor_tell(MESSAGE_EMPTY, supervisor_kill_all(s));
	return 1;
}

/* SIGCHLD is work; anything else that can be caught is somebody who wants us to end. */
static int supervisor_take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;
	int go_on = 1;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			go_on = 0;
	supervisor_reap(s);
	return go_on;
}

static int supervisor_run(struct supervisor *s)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = SUPERVISOR_SOCKET, .events = POLLIN },
			{ .fd = s->signals, .events = POLLIN },
			{ .fd = s->pipe, .events = POLLIN },
		};

		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			return supervisor_finish(s);
		if (fds[2].revents)
			supervisor_drain(s);
		if (fds[1].revents && !supervisor_take_signals(s))
			return supervisor_finish(s);
		if (fds[0].revents && !supervisor_obey(s))
			return supervisor_finish(s);
	}
}

/* What ends a process unless it is caught, but for those that mean a bug of our own. */
static int supervisor_catch_signals(void)
{
	static const int caught[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		sigaddset(&set, caught[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int workload_supervise(int argc, char **argv)
{
	struct supervisor s = { .pipe = -1 };
	struct stat st;

	/* argv: supervise CLAIM COMMAND... */
	if (argc < 3 || fstat(SUPERVISOR_SOCKET, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		fprintf(stderr, "pmtop: '" SUPERVISE "' is what pmtop run starts for itself\n");
		return 2;
	}
	for (int fd = SUPERVISOR_SOCKET; fd < SUPERVISOR_FDS; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	close_range(SUPERVISOR_FDS, ~0U, 0);
	prctl(PR_SET_NAME, "pmtop-supervise");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	s.argv = argv + 2;
	s.claim.fd = SUPERVISOR_CLAIM;
	snprintf(s.claim.path, sizeof(s.claim.path), "%s", argv[1]);
	s.signals = supervisor_catch_signals();
	if (s.signals < 0 || output_map(SUPERVISOR_OUTPUT, &s.output) < 0)
		return supervisor_finish(&s);
	return supervisor_run(&s);
}
