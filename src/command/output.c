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

#define NEW_FILE_MODE 0666

/* mkostemp() makes files for their owner alone; a report gets what the umask leaves. */
static void output_give_usual_mode(int fd)
{
	mode_t mask = umask(0);

	umask(mask);
	fchmod(fd, NEW_FILE_MODE & ~mask);
}

static int output_open_temporary(const char *path, struct output *output)
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
	output_give_usual_mode(fd);
	file = fdopen(fd, "w");
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

int output_open(const char *path, struct output *ret_output)
{
	struct output output = { .path = path };
	struct stat there;
	int error;

	if (!path || !strcmp(path, "-")) {
		*ret_output = (struct output){ .file = stdout };
		return 0;
	}
	if (!stat(path, &there) && !S_ISREG(there.st_mode)) {
		output.file = fopen(path, "we");
		error = output.file ? 0 : -errno;
	} else {
		error = output_open_temporary(path, &output);
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
		strerror(-error));
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
