// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "log/beside.h"
#include "log/writer_internal.h"

/* Takes away what has the name, if that is wanted and it is a file that nobody records into. */
static int writer_file_database_remove_old(const struct log_writer_options *options,
					   struct log_error *error)
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
		result = writer_file_database_remove_old(options, error);
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

static bool writer_file_database_leads_to(const char *path, int fd)
{
	struct stat mine, found;

	return !fstat(fd, &mine) && !stat(path, &found) && mine.st_dev == found.st_dev &&
	       mine.st_ino == found.st_ino;
}

/* Whether it has no name any more. */
static bool writer_file_database_is_gone(const struct log_writer *writer)
{
	struct stat mine;

	return !fstat(writer->lock_fd, &mine) && !mine.st_nlink;
}

/* SQLite goes on writing into a file that nobody can find any more. */
int writer_check_file(const struct log_writer *writer, struct log_error *error)
{
	if (writer_file_database_leads_to(writer->path, writer->lock_fd))
		return 0;
	if (writer_file_database_is_gone(writer))
		return log_fail(error, -ESTALE, "%s: somebody removed or replaced it",
				writer->path);
	return log_fail(error, -ESTALE,
			"%s: somebody moved it; its newest samples are in its -wal: keep both",
			writer->path);
}

void writer_know_beside(struct log_writer *writer)
{
	char side[BESIDE_MAX];
	struct stat st;

	for (int which = 0; which < BESIDE_FILES; which++)
		/* SQLite does not open the FILE-shm of writer_make_shm(). */
		if ((which != BESIDE_SHM || !writer->alone) &&
		    !lstat(beside_path(writer->path, which, side), &st))
			writer->beside[which] = (struct writer_beside){ st.st_dev, st.st_ino };
}

/*
 * Locks what has the name now, or an empty file, so that no recorder begins with it meanwhile: its
 * descriptor, or -1.
 */
static int writer_file_database_hold_name(const char *path, bool *ret_made)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
	CLEANUP(cleanup_close) int fd = open(path, flags | O_CREAT | O_EXCL, 0600);

	*ret_made = fd >= 0;
	if (fd < 0)
		fd = open(path, flags);
	/* Who looks at an empty file lets go of it soon; a recorder has made it its own by then. */
	if (fd < 0 || flock(fd, *ret_made ? LOCK_EX : LOCK_EX | LOCK_NB) ||
	    !writer_file_database_leads_to(path, fd))
		return -1;
	return TAKE_FD(fd);
}

/*
 * What has the inode of a file that SQLite holds open is that file. Beside another log of this name
 * it would be read as a part of that.
 */
void writer_remove_orphans(const struct log_writer *writer)
{
	char side[BESIDE_MAX];
	struct stat st;
	bool made = false;
	CLEANUP(cleanup_close)
	int fd = writer_file_database_is_gone(writer)
			 ? writer_file_database_hold_name(writer->path, &made)
			 : -1;

	if (fd < 0)
		return;
	for (int which = 0; which < BESIDE_FILES; which++)
		if (writer->beside[which].inode &&
		    !lstat(beside_path(writer->path, which, side), &st) &&
		    st.st_dev == writer->beside[which].device &&
		    st.st_ino == writer->beside[which].inode)
			unlink(side);
	if (made)
		unlink(writer->path);
}
