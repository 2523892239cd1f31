// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "command/command.h"

static int output_open_temporary(const char *path, mode_t mode, struct output *output)
{
	CLEANUP(cleanup_free) char *temporary = NULL;
	FILE *file;
	int fd, error;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	file = fchmod(fd, mode) ? NULL : fdopen(fd, "w");
	if (!file) {
		error = -errno;
		close(fd);
		unlink(temporary);
		return error;
	}
	output->file = file;
	output->temporary = TAKE(temporary);
	return 0;
}

/* A device, a pipe: nothing is cut off, whatever has its name by now. */
static int output_open_in_place(const char *path, struct output *output)
{
	int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || S_ISREG(st.st_mode)) {
		close(fd);
		return -ESTALE;
	}
	output->file = fdopen(fd, "w");
	return output->file ? 0 : -ENOMEM;
}

int output_open(const char *path, bool counts_only, struct output *ret_output)
{
	struct output output = { .path = path };
	struct stat there, link;
	mode_t mask = umask(0), mode = (counts_only ? 0666 : 0600) & ~mask;
	int error;

	umask(mask);
	if (!path || !strcmp(path, "-")) {
		*ret_output = (struct output){ .file = stdout };
		return 0;
	}
	if (!stat(path, &there) && !S_ISREG(there.st_mode)) {
		error = output_open_in_place(path, &output);
	} else if (!lstat(path, &link) && S_ISLNK(link.st_mode)) {
		error = -ELOOP;
	} else {
		/* Whoever made a file of their own there does not decide who reads ours. */
		if (!lstat(path, &there) && there.st_uid == geteuid())
			mode = there.st_mode & 0777;
		error = output_open_temporary(path, mode, &output);
	}
	if (!error)
		*ret_output = output;
	return error;
}

int output_commit(struct output *output)
{
	bool failed = ferror(output->file);
	int error = 0;

	errno = 0;
	if (fflush(output->file) || failed)
		error = errno ? -errno : -EIO;
	if (!output->path || error)
		return error;
	if (fclose(output->file))
		error = -errno;
	output->file = NULL;
	if (!error && output->temporary && rename(output->temporary, output->path))
		error = -errno;
	if (!error) {
		free(output->temporary);
		output->temporary = NULL;
	}
	return error;
}

int output_finish(struct output *output, const char *word, const char *path, int error)
{
	/* The reason of a failed write shows when it is finished, so ask for it in any case. */
	if (output->file && (!error || error == -EIO))
		error = output_commit(output);
	if (!error)
		return EXIT_DONE;
	fprintf(stderr, "pmtop %s: cannot write %s: %s\n", word, path ? path : "to standard output",
		error == -ELOOP ? "it is a symbolic link; name the file that it points to"
				: strerror(-error));
	return EXIT_ERROR;
}

void output_discard(struct output *output)
{
	if (output->file && output->path)
		fclose(output->file);
	if (output->temporary) {
		unlink(output->temporary);
		free(output->temporary);
	}
	*output = (struct output){ 0 };
}
