// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "log/format.h"

const char *const sidecar_suffixes[SIDECARS] = {
	[SIDECAR_WAL] = "-wal",
	[SIDECAR_SHM] = "-shm",
};

char *sidecar_path(const char *log, enum sidecar which, char buf[static SIDECAR_PATH_MAX])
{
	snprintf(buf, SIDECAR_PATH_MAX, "%s%s", log, sidecar_suffixes[which]);
	return buf;
}

void sidecars_remove(const char *log)
{
	char side[SIDECAR_PATH_MAX];

	for (int which = 0; which < SIDECARS; which++)
		unlink(sidecar_path(log, which, side));
}

void sidecars_rename(const char *from, const char *to)
{
	char side[SIDECAR_PATH_MAX], side_to[SIDECAR_PATH_MAX];

	for (int which = 0; which < SIDECARS; which++) {
		sidecar_path(to, which, side_to);
		if (rename(sidecar_path(from, which, side), side_to))
			unlink(side_to);
	}
}

/* Where the header of an SQLite database has what `PRAGMA application_id` says, big end first. */
#define HEADER_BYTES	   100
#define HEADER_APPLICATION 68

/* An empty file is what a recorder leaves that is killed in its first moments. */
static bool file_is_log(int fd)
{
	unsigned char h[HEADER_BYTES];
	const unsigned char *id = h + HEADER_APPLICATION;
	ssize_t n = pread(fd, h, sizeof(h), 0);

	return !n || (n == sizeof(h) && !memcmp(h, LOG_FILE_MAGIC, sizeof(LOG_FILE_MAGIC)) &&
		      ((uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 |
		       id[3]) == LOG_APPLICATION_ID);
}

int log_file_check_replaceable(const char *path, struct error *error)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	CLEANUP(cleanup_close) int fd = open(path, flags);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno == ELOOP)
		return error_set(error, -EINVAL,
				 "%s: is a symbolic link; choose another name, or that of the file "
				 "that it leads to",
				 path);
	if (fd < 0)
		return error_set(error, -errno, "%s: cannot be replaced: %s", path,
				 strerror(errno));
	/* A directory or a device is nothing to tell people to remove. */
	if (fstat(fd, &st) || S_ISDIR(st.st_mode))
		return error_set(error, -EISDIR, "%s: cannot be replaced: %s", path,
				 strerror(EISDIR));
	if (!S_ISREG(st.st_mode))
		return error_set(error, -EINVAL, "%s: not a regular file; choose another name",
				 path);
	if (!file_is_log(fd))
		return error_set(error, -EINVAL,
				 "%s: is not a log of pmtop, so it stays; choose another name",
				 path);
	if (flock(fd, LOCK_EX | LOCK_NB))
		return error_set(error, -EBUSY, "%s: another recorder writes to it", path);
	return 0;
}

/* Takes away what has the name, if that is wanted and it is a log that nobody records into. */
static int file_remove_old(const char *path, bool replace, struct error *error)
{
	int code = log_file_check_replaceable(path, error);

	if (code)
		return code;
	if (!replace)
		return error_set(error, -EEXIST, "%s: exists; remove it, or choose another name",
				 path);
	return unlink(path) ? error_set(error, -errno, "%s: %s", path, strerror(errno)) : 0;
}

/* What is left there would be taken for a part of the new log. */
static int file_check_sidecars(const char *path, struct error *error)
{
	char side[SIDECAR_PATH_MAX];
	struct stat st;

	for (int which = 0; which < SIDECARS; which++)
		if (!lstat(sidecar_path(path, which, side), &st))
			return error_set(
				error, -EACCES,
				"%s%s is in the way, and cannot be removed; choose another "
				"name",
				path, sidecar_suffixes[which]);
	return 0;
}

int log_file_create(const char *path, bool replace, struct log_file *ret_file, struct error *error)
{
	int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;
	CLEANUP(cleanup_close) int fd = open(path, flags, 0600);
	int code;

	if (fd < 0 && errno == EEXIST) {
		code = file_remove_old(path, replace, error);
		if (code)
			return code;
		fd = open(path, flags, 0600);
	}
	if (fd < 0)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	/* An O_EXCL file is ours alone, but another recorder may have opened it by now. */
	if (flock(fd, LOCK_EX | LOCK_NB))
		return error_set(error, -EBUSY, "%s: another recorder writes to it", path);
	/* Of an older log of this name, which somebody may be reading still. */
	sidecars_remove(path);
	code = file_check_sidecars(path, error);
	*ret_file = (struct log_file){ .path = strdup(path), .fd = -1 };
	if (!code && !ret_file->path)
		code = error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
	if (code) {
		unlink(path);
		log_file_close(ret_file);
		return code;
	}
	ret_file->fd = TAKE_FD(fd);
	return 0;
}

void log_file_close(struct log_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	free(file->path);
	*file = (struct log_file){ .fd = -1 };
}

void log_file_remove(const struct log_file *file)
{
	unlink(file->path);
	sidecars_remove(file->path);
}

void log_file_make_shm(const struct log_file *file)
{
	int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	char side[SIDECAR_PATH_MAX];
	int fd = open(sidecar_path(file->path, SIDECAR_SHM, side), flags, 0600);

	if (fd >= 0)
		close(fd);
}

void log_file_remove_shm(const struct log_file *file)
{
	char side[SIDECAR_PATH_MAX];

	unlink(sidecar_path(file->path, SIDECAR_SHM, side));
}

static bool file_leads_to(const char *path, int fd)
{
	struct stat mine, found;

	return !fstat(fd, &mine) && !stat(path, &found) && mine.st_dev == found.st_dev &&
	       mine.st_ino == found.st_ino;
}

/* Whether it has no name any more. */
static bool file_is_gone(const struct log_file *file)
{
	struct stat mine;

	return !fstat(file->fd, &mine) && !mine.st_nlink;
}

int log_file_check(const struct log_file *file, struct error *error)
{
	if (file_leads_to(file->path, file->fd))
		return 0;
	if (file_is_gone(file))
		return error_set(error, -ESTALE, "%s: somebody removed or replaced it", file->path);
	return error_set(error, -ESTALE,
			 "%s: somebody moved it; its newest samples are in its -wal: keep both",
			 file->path);
}

void log_file_know_sidecars(struct log_file *file)
{
	char side[SIDECAR_PATH_MAX];
	struct stat st;

	for (int which = 0; which < SIDECARS; which++)
		if (!lstat(sidecar_path(file->path, which, side), &st))
			file->sidecars[which] = (struct sidecar_id){ st.st_dev, st.st_ino };
}

/*
 * Locks what has the name now, or an empty file, so that no recorder begins with it meanwhile: its
 * descriptor, or -1.
 */
static int file_hold_name(const char *path, bool *ret_made)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
	CLEANUP(cleanup_close) int fd = open(path, flags | O_CREAT | O_EXCL, 0600);

	*ret_made = fd >= 0;
	if (fd < 0)
		fd = open(path, flags);
	/* Who looks at an empty file lets go of it soon; a recorder has made it its own by then. */
	if (fd < 0 || flock(fd, *ret_made ? LOCK_EX : LOCK_EX | LOCK_NB) ||
	    !file_leads_to(path, fd))
		return -1;
	return TAKE_FD(fd);
}

void log_file_remove_orphans(const struct log_file *file)
{
	char side[SIDECAR_PATH_MAX];
	struct stat st;
	bool made = false;
	CLEANUP(cleanup_close)
	int fd = file_is_gone(file) ? file_hold_name(file->path, &made) : -1;

	if (fd < 0)
		return;
	for (int which = 0; which < SIDECARS; which++)
		if (file->sidecars[which].inode &&
		    !lstat(sidecar_path(file->path, which, side), &st) &&
		    st.st_dev == file->sidecars[which].device &&
		    st.st_ino == file->sidecars[which].inode)
			unlink(side);
	if (made)
		unlink(file->path);
}
