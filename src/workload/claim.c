// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cleanup.h"
#include "base/directory.h"
#include "workload/cgdir.h"
#include "workload/claim.h"
#include "workload/swaparea.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#define PREFIX	   "pmtop-"
#define TIMEOUT_MS 5000 /* for processes to be gone, and for the kernel to let a group go */
#define FILE_MAX   16384 /* nothing that we write comes near */

/* Where claims may be; a name of which another user has made a folder is not the only one. */
static int claim_folders(glob_t *ret)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char path[PATH_MAX];
	int r;

	if (geteuid() == 0 || !runtime || runtime[0] != '/')
		runtime = "/run";
	snprintf(path, sizeof(path), "%s/pmtop", runtime);
	r = glob(path, GLOB_NOCHECK, NULL, ret);
	snprintf(path, sizeof(path), "/tmp/pmtop-%u", (unsigned)geteuid());
	r = r ? r : glob(path, GLOB_NOCHECK | GLOB_APPEND, NULL, ret);
	snprintf(path, sizeof(path), "/tmp/pmtop-%u-*", (unsigned)geteuid());
	r = r ? r : glob(path, GLOB_APPEND, NULL, ret);
	return r && r != GLOB_NOMATCH ? -ENOMEM : 0;
}

/*
 * Opens such a folder, if it is ours alone: /tmp is everybody's, and what stands in a claim will
 * be killed and deleted.
 */
static int claim_open_folder(const char *path, bool make)
{
	struct stat st;
	int fd;

	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 022)) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

/*
 * Whether the lock that we hold is on the file that the name stands for now, and nobody else can
 * have written it.
 */
static bool claim_still_named(int dir, const char *name, int fd)
{
	struct stat a, b;

	return !fstat(fd, &a) && !fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino && S_ISREG(a.st_mode) &&
	       a.st_uid == geteuid() && a.st_nlink == 1 && !(a.st_mode & 022);
}

static int claim_make_in(int dir, struct claim *c)
{
	uint32_t random;

	for (int tries = 0; tries < 10; tries++) {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		snprintf(c->id, sizeof(c->id), PREFIX "%d-%06x", (int)getpid(), random & 0xffffff);
		c->fd = openat(dir, c->id,
			       O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (c->fd < 0 && errno == EEXIST)
			continue;
		if (c->fd < 0)
			return -errno;
		/* A sweeper may have taken the lock first, and then deletes the file. */
		if (!flock(c->fd, LOCK_EX | LOCK_NB) && claim_still_named(dir, c->id, c->fd))
			return 0;
		close(c->fd);
	}
	return -EAGAIN;
}

/* In the folder at `path`, which is made when it is not there. */
static int claim_make_at(const char *path, struct claim *ret)
{
	CLEANUP(cleanup_close) int dir = claim_open_folder(path, true);
	struct claim c = CLAIM_NONE;
	int r;

	if (dir < 0)
		return dir;
	r = claim_make_in(dir, &c);
	if (r < 0)
		return r;
	if (snprintf(c.path, sizeof(c.path), "%s/%s", path, c.id) >= (int)sizeof(c.path)) {
		close(c.fd);
		return -ENAMETOOLONG;
	}
	*ret = c;
	return 0;
}

int claim_make(struct claim *ret, struct workload_why *why_)
{
	CLEANUP(globfree) glob_t folders = { 0 };
	char path[64];
	int r = claim_folders(&folders);

	if (r < 0)
		return why(why_, r, "out of memory");
	for (size_t i = 0; i < folders.gl_pathc; i++)
		if (!claim_make_at(folders.gl_pathv[i], ret))
			return 0;
	snprintf(path, sizeof(path), "/tmp/pmtop-%u-XXXXXX", (unsigned)geteuid());
	r = mkdtemp(path) ? claim_make_at(path, ret) : -errno;
	return r < 0 ? why(why_, r,
			   "cannot write down in /run nor /tmp what this workload owns: %s",
			   strerror(-r))
		     : 0;
}

int claim_add(const struct claim *c, const char *kind, const char *path, struct workload_why *why_)
{
	char line[PATH_MAX + 16];
	int n = snprintf(line, sizeof(line), "%s %s\n", kind, path);

	if (n >= (int)sizeof(line) || strchr(path, '\n'))
		return why(why_, -EINVAL, "%s is no path to own", path);
	if (write(c->fd, line, (size_t)n) != n)
		return why(why_, -EIO, "cannot write to %s", c->path);
	return 0;
}

/*
 * A thing of a claim is an absolute path whose last part begins with the name of the claim.
 * Whatever else a broken file says is left alone.
 */
static bool claim_is_ours(const struct claim *c, const char *path)
{
	const char *name = strrchr(path, '/'), *id = strrchr(c->path, '/');
	size_t length = id ? strlen(id) : 0;

	return path[0] == '/' && length > strlen("/" PREFIX) && !strncmp(name, id, length) &&
	       (!name[length] || name[length] == '.') && !strstr(path, "/../");
}

int claim_each(const struct claim *c, claim_each_fn *each, void *data)
{
	CLEANUP(cleanup_free) char *text = malloc(FILE_MAX);
	ssize_t n = text ? pread(c->fd, text, FILE_MAX - 1, 0) : -1;
	int first = 0;
	char *next;

	if (n < 0)
		return text ? -errno : -ENOMEM;
	text[n] = '\0';
	/* A line without its end was being written when its writer died: nothing was made yet. */
	for (char *line = text; (next = strchr(line, '\n')); line = next + 1) {
		char *path;
		int r;

		*next = '\0';
		path = strchr(line, ' ');
		if (!path || !claim_is_ours(c, path + 1))
			continue;
		*path = '\0';
		r = each(line, path + 1, data);
		if (r < 0 && !first)
			first = r;
	}
	return first;
}

static int claim_kill_one(const char *kind, const char *path, void *data)
{
	return strcmp(kind, "cgroup") ? 0 : cgdir_kill(path, TIMEOUT_MS);
}

int claim_kill(const struct claim *c)
{
	return claim_each(c, claim_kill_one, NULL);
}

static int claim_release_one(const char *kind, const char *path, void *data)
{
	struct workload_why *why_ = data;
	int r;

	if (!strcmp(kind, "cgroup")) {
		r = cgdir_remove(path, TIMEOUT_MS);
		return r < 0 ? why(why_, r, "cannot remove the cgroup %s: %s", path, strerror(-r))
			     : 0;
	}
	if (!strcmp(kind, "swap"))
		return swaparea_remove(path, why_);
	return 0;
}

int claim_release(const struct claim *c, struct workload_why *why_)
{
	int r = claim_kill(c);

	if (r < 0)
		return why(why_, r, "processes of the workload cannot be killed (see %s): %s",
			   c->path, strerror(-r));
	r = claim_each(c, claim_release_one, why_);
	if (r < 0)
		return r;
	if (unlink(c->path) < 0 && errno != ENOENT)
		return why(why_, -errno, "cannot delete %s: %m", c->path);
	return 0;
}

/* 1: it was a dead one's and is released; 0: it is alive, or gone; or an error. */
static int claim_sweep_one(int dir, const char *folder_path, const char *name,
			   struct workload_why *why_)
{
	CLEANUP(cleanup_close) int fd = -1;
	struct claim c = { 0 };
	int r;

	fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || !claim_still_named(dir, name, fd))
		return 0;
	c.fd = fd;
	if (snprintf(c.path, sizeof(c.path), "%s/%s", folder_path, name) >= (int)sizeof(c.path))
		return 0;
	r = claim_release(&c, why_);
	return r < 0 ? r : 1;
}

/* Of one folder, as claim_sweep(). */
static int claim_sweep_folder(const char *path, struct workload_why *why_)
{
	CLEANUP(cleanup_closedir) DIR *stream = NULL;
	int dir = claim_open_folder(path, false), count = 0, error = 0;
	struct dirent *entry;

	if (dir < 0)
		return 0;
	stream = fdopendir(dir);
	if (!stream) {
		close(dir);
		return 0;
	}
	while ((entry = readdir(stream))) {
		int r;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
			continue;
		r = claim_sweep_one(dir, path, entry->d_name, why_);
		error = error ? error : r < 0 ? r : 0;
		count += r > 0;
	}
	return error ? error : count;
}

int claim_sweep(struct workload_why *why_)
{
	CLEANUP(globfree) glob_t folders = { 0 };
	int count = 0, error = claim_folders(&folders);

	if (error < 0)
		return why(why_, error, "out of memory");
	for (size_t i = 0; i < folders.gl_pathc; i++) {
		int r = claim_sweep_folder(folders.gl_pathv[i], why_);

		error = error ? error : r < 0 ? r : 0;
		count += r > 0 ? r : 0;
	}
	return error ? error : count;
}
