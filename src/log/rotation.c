// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/rotation.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/file.h"

struct rotation {
	char *path;
	uint64_t pushed, gone; /* samples */
	unsigned int keep, count;
	struct log_size logs[]; /* FILE.1 first; room for `keep` */
};

void rotation_free(struct rotation *rotation)
{
	if (rotation)
		free(rotation->path);
	free(rotation);
}

struct rotation *rotation_new(const char *path, unsigned int keep)
{
	struct rotation *r = calloc(1, sizeof(*r) + keep * sizeof(*r->logs));

	if (!r)
		return NULL;
	r->keep = keep;
	r->path = strdup(path);
	if (r->path)
		return r;
	rotation_free(r);
	return NULL;
}

/* FILE.number; FILE for 0. Returns buf. */
static char *rotation_name_of(const struct rotation *r, unsigned int number,
			      char buf[static PATH_MAX])
{
	if (number)
		snprintf(buf, PATH_MAX, "%s.%u", r->path, number);
	else
		snprintf(buf, PATH_MAX, "%s", r->path);
	return buf;
}

static int rotation_rename_all(const struct rotation *r, struct error *error)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (unsigned int i = r->keep; i; i--) {
		rotation_name_of(r, i - 1, from);
		rotation_name_of(r, i, to);
		if (!rename(from, to))
			sidecars_rename(from, to);
		else if (errno != ENOENT)
			return error_set(error, -errno, "%s: %s", to, strerror(errno));
	}
	return 0;
}

int rotation_check(const struct rotation *r, struct error *error)
{
	char name[PATH_MAX];
	int code = 0;

	for (unsigned int i = 1; !code && i <= r->keep; i++)
		code = log_file_check_replaceable(rotation_name_of(r, i, name), error);
	return code;
}

int rotation_push(struct rotation *r, const struct log_size *newest, struct error *error)
{
	int code = rotation_check(r, error);

	if (!code)
		code = rotation_rename_all(r, error);
	if (code)
		return code;
	if (r->count == r->keep)
		r->gone += r->logs[--r->count].samples;
	memmove(r->logs + 1, r->logs, r->count++ * sizeof(*r->logs));
	r->logs[0] = *newest;
	r->pushed += newest->samples;
	return 0;
}

uint64_t rotation_samples(const struct rotation *r)
{
	return r->pushed;
}

uint64_t rotation_gone(const struct rotation *r)
{
	return r->gone;
}

unsigned int rotation_count(const struct rotation *r, struct log_size *ret_sum)
{
	char name[PATH_MAX];
	unsigned int n;

	*ret_sum = (struct log_size){ 0 };
	for (n = 0; n < r->count && !access(rotation_name_of(r, n + 1, name), F_OK); n++) {
		ret_sum->samples += r->logs[n].samples;
		ret_sum->bytes += r->logs[n].bytes;
	}
	return n;
}
