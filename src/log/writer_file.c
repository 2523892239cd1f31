// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/beside.h"
#include "log/writer_internal.h"
#include "model/cleanup.h"

/* Takes away what has the name, if that is wanted and it is a file that nobody records into. */
static int remove_old(const struct log_writer_options *options, struct log_error *error)
{
	const char *path = options->path;
	CLEANUP(cleanup_close) int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int problem = errno;
	struct stat st;

	/* A directory or a device is nothing to tell people to remove. */
	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode)))
		return log_fail(error, -EINVAL, "%s: not a regular file; choose another name",
				path);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB))
		return log_fail(error, -EBUSY, "%s: another recorder writes to it", path);
	if (!options->replace && (fd >= 0 || problem != EISDIR))
		return log_fail(error, -EEXIST, "%s: exists; remove it, or choose another name",
				path);
	if (fd < 0)
		return log_fail(error, -problem, "%s: cannot be replaced: %s", path,
				strerror(problem));
	return unlink(path) ? log_fail(error, -errno, "%s: %s", path, strerror(errno)) : 0;
}

/*
 * Creates the file and holds a lock on it. The descriptor stays open until SQLite has closed its
 * own: closing it earlier would drop SQLite's POSIX locks on the same file.
 */
int writer_create_file(const struct log_writer_options *options, struct log_error *error)
{
	const char *path = options->path;
	int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;
	CLEANUP(cleanup_close) int fd = open(path, flags, 0600);
	int result;

	if (fd < 0 && errno == EEXIST) {
		result = remove_old(options, error);
		if (result)
			return result;
		fd = open(path, flags, 0600);
	}
	if (fd < 0)
		return log_fail(error, -errno, "%s: %s", path, strerror(errno));
	/* An O_EXCL file is ours alone, but another recorder may have opened it by now. */
	if (flock(fd, LOCK_EX | LOCK_NB))
		return log_fail(error, -EBUSY, "%s: another recorder writes to it", path);
	/* Of an older log of this name, which somebody may be reading still. */
	beside_remove(path);
	result = fd;
	fd = -1;
	return result;
}

void writer_remove(const char *path)
{
	unlink(path);
	beside_remove(path);
}

void writer_make_shm(const char *path)
{
	int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
	char side[BESIDE_MAX];
	int fd = open(beside_path(path, BESIDE_SHM, side), flags, 0600);

	if (fd >= 0)
		close(fd);
}

void writer_remove_shm(const char *path)
{
	char side[BESIDE_MAX];

	unlink(beside_path(path, BESIDE_SHM, side));
}

/* SQLite goes on writing into a file that nobody can find any more. */
int writer_check_file(const struct log_writer *writer, struct log_error *error)
{
	struct stat mine, found;

	if (!fstat(writer->lock_fd, &mine) && !stat(writer->path, &found) &&
	    mine.st_dev == found.st_dev && mine.st_ino == found.st_ino)
		return 0;
	return log_fail(error, -ESTALE, "%s: somebody removed or replaced it", writer->path);
}
