// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cleanup.h"
#include "workload/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define FIRST_SPARE_FD 20 /* above the numbers that the supervisor's descriptors get */

/* pmtop supervise CLAIM COMMAND... */
static char **link_supervisor_argv(const char *claim, char *const *command)
{
	size_t n = 0;
	char **argv;

	while (command[n])
		n++;
	argv = calloc(n + 4, sizeof(*argv));
	if (!argv)
		return NULL;
	argv[0] = (char *)"pmtop";
	argv[1] = (char *)SUPERVISE;
	argv[2] = (char *)claim;
	memcpy(argv + 3, command, n * sizeof(*argv));
	return argv;
}

/* fds: what becomes the descriptors SUPERVISOR_SOCKET and so on. */
static int link_spawn(const int fds[3], char **argv, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	int r;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&actions, 0, 1);
	posix_spawn_file_actions_adddup2(&actions, 0, 2);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&actions, fds[i], SUPERVISOR_SOCKET + i);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	/* A session of its own: ^C and a hangup of the terminal are not for it. */
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	r = posix_spawn(ret, "/proc/self/exe", &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

int link_start(const struct claim *claim, int output, char *const *command, struct link *ret,
	       struct workload_why *why_)
{
	CLEANUP(cleanup_free) char **argv = link_supervisor_argv(claim->path, command);
	CLEANUP(cleanup_close) int ours = -1;
	CLEANUP(cleanup_close) int theirs = -1;
	CLEANUP(cleanup_close) int high_theirs = -1;
	CLEANUP(cleanup_close) int high_claim = -1;
	CLEANUP(cleanup_close) int high_output = -1;
	int pair[2], r;

	if (!argv)
		return why(why_, -ENOMEM, "out of memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return why(why_, -errno, "cannot make a socket: %m");
	ours = pair[0];
	theirs = pair[1];
	high_theirs = fcntl(theirs, F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
	high_claim = fcntl(claim->fd, F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
	high_output = fcntl(output, F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
	if (high_theirs < 0 || high_claim < 0 || high_output < 0)
		return why(why_, -errno, "cannot start the supervisor: %m");
	r = link_spawn((const int[]){ high_theirs, high_claim, high_output }, argv,
		       &ret->supervisor);
	if (r < 0)
		return why(why_, r, "cannot start the supervisor: %s", strerror(-r));
	ret->socket = TAKE_FD(ours);
	return 0;
}

int link_send(struct link *link, int type)
{
	struct message m = { .type = type };

	if (link->socket < 0 || send(link->socket, &m, sizeof(m), MSG_NOSIGNAL) < 0)
		return -EPIPE;
	return 0;
}

int link_take(struct link *link, int timeout_ms, struct message *ret)
{
	struct pollfd fd = { .fd = link->socket, .events = POLLIN };
	ssize_t n;
	int r;

	if (link->socket < 0)
		return -EPIPE;
	do {
		r = poll(&fd, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r < 0 ? -errno : 0;
	n = recv(link->socket, ret, sizeof(*ret), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n == sizeof(*ret) ? ret->type : -EPIPE;
}

void link_close(struct link *link)
{
	cleanup_close(&link->socket);
	link->socket = -1;
	if (link->supervisor > 0)
		waitpid(link->supervisor, NULL, 0);
	link->supervisor = 0;
}
