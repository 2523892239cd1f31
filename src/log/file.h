/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_FILE_H
#define PMTOP_LOG_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/error.h"

/*
 * The file of a log that is being written, and the files that SQLite keeps beside it: names, locks,
 * and what may be removed or replaced. Only src/log includes this.
 */

/* What an SQLite database begins with. */
#define LOG_FILE_MAGIC "SQLite format 3"

/* They are there while somebody writes to the log, or still reads it. */
enum sidecar { SIDECAR_WAL, SIDECAR_SHM, SIDECARS };
extern const char *const sidecar_suffixes[SIDECARS];
#define SIDECAR_PATH_MAX (PATH_MAX + 8)

/* The name of one of them. Returns buf. */
char *sidecar_path(const char *log, enum sidecar which, char buf[static SIDECAR_PATH_MAX]);

/* Takes away what there is of them. */
void sidecars_remove(const char *log);

/*
 * Where somebody reads a log, they stay, and may hold samples that could not be moved into it: then
 * they go with the log. What is left there of another log goes away.
 */
void sidecars_rename(const char *from, const char *to);

/*
 * Whether a name may be given to another log: there is nothing, or a log of pmtop into which nobody
 * records. -EINVAL: something else, which is to be left alone; -EBUSY.
 */
int log_file_check_replaceable(const char *path, struct error *error);

struct sidecar_id {
	dev_t device;
	ino_t inode; /* 0: there is none */
};

struct log_file {
	char *path;
	int fd; /* flock()ed as long as the recorder lives */
	struct sidecar_id sidecars[SIDECARS];
};

/*
 * Creates the file, with mode 0600, and locks it. With `replace` an older log of this name goes
 * away. The descriptor stays open until log_file_close(), which must come after SQLite has closed
 * its own: closing one drops all POSIX locks of a process on a file. -EEXIST, -EBUSY (somebody
 * records into it), -EINVAL (not a log), others as open(2).
 */
int log_file_create(const char *path, bool replace, struct log_file *ret_file, struct error *error);
void log_file_close(struct log_file *file);

/* Takes away a log that nobody can read, with all that SQLite has beside it. */
void log_file_remove(const struct log_file *file);

/*
 * An empty FILE-shm, for whoever reads a log that was cut off where there is no room to make one;
 * SQLite itself uses none while the log is ours alone.
 */
void log_file_make_shm(const struct log_file *file);
void log_file_remove_shm(const struct log_file *file);

/* -ESTALE when the path does not lead to the file any more, into which SQLite goes on writing. */
int log_file_check(const struct log_file *file, struct error *error);

/*
 * Remembers what SQLite has beside the log, to take away no more than that when somebody removed or
 * replaced the log: what has the inode of a file that SQLite holds open is that file. Not when the
 * log only has another name now: then some of it is in there.
 */
void log_file_know_sidecars(struct log_file *file);
void log_file_remove_orphans(const struct log_file *file);

#endif
