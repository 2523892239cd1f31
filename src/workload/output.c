// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload/output.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* More than the lines that are kept can need, and far from what the writer may be overwriting. */
#define TAIL  (OUTPUT_SIZE / 2)
#define PIECE UINT64_C(4096) /* what is put at once */

int output_make(void)
{
	int fd = memfd_create("pmtop-output", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(struct output)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int output_map(int fd, struct output **ret)
{
	void *p = mmap(NULL, sizeof(struct output), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	*ret = p;
	return 0;
}

void output_unmap(struct output *o)
{
	if (o)
		munmap(o, sizeof(*o));
}

void output_put(struct output *o, const char *bytes, size_t n)
{
	uint64_t at = atomic_load_explicit(&o->written, memory_order_relaxed);

	/* In pieces, so that a reader never finds more than one piece overwritten early. */
	while (n) {
		size_t offset = at % OUTPUT_SIZE;
		size_t piece = n < PIECE ? n : PIECE;

		if (piece > OUTPUT_SIZE - offset)
			piece = OUTPUT_SIZE - offset;
		memcpy(o->bytes + offset, bytes, piece);
		at += piece;
		bytes += piece;
		n -= piece;
		atomic_store_explicit(&o->written, at, memory_order_release);
	}
}

/* Copies the newest bytes; fewer when the writer went round meanwhile. Returns how many. */
static size_t output_copy_tail(struct output *o, char *buf, uint64_t *ret_written)
{
	uint64_t end = atomic_load_explicit(&o->written, memory_order_acquire);
	uint64_t start = end > TAIL ? end - TAIL : 0, oldest;

	for (uint64_t k = start; k < end; k++)
		buf[k - start] = o->bytes[k % OUTPUT_SIZE];
	/* A release keeps the copy above it; a fence would, but ThreadSanitizer knows none. */
	*ret_written = atomic_fetch_or_explicit(&o->written, 0, memory_order_acq_rel);
	/* What is being written now, at most a piece, is not counted in `written` yet. */
	oldest = *ret_written + PIECE > OUTPUT_SIZE ? *ret_written + PIECE - OUTPUT_SIZE : 0;
	if (oldest <= start)
		return end - start;
	if (oldest >= end)
		return 0;
	memmove(buf, buf + (oldest - start), end - oldest);
	return end - oldest;
}

void output_tail(struct output *o, struct workload_status *ret)
{
	char buf[TAIL] = { 0 };
	size_t n = output_copy_tail(o, buf, &ret->output_bytes);
	size_t end = n;
	unsigned lines = 0;

	memset(ret->output, 0, sizeof(ret->output));
	/* From the end backwards, each line into the place that counts from the last one. */
	if (n && buf[n - 1] == '\n')
		end--;
	while (n && lines < WORKLOAD_LINES) {
		const char *newline = memrchr(buf, '\n', end);
		size_t start = newline ? (size_t)(newline - buf) + 1 : 0;
		size_t length = end - start;
		char *line = ret->output[WORKLOAD_LINES - ++lines];

		if (length > WORKLOAD_COLUMNS)
			length = WORKLOAD_COLUMNS;
		for (size_t i = 0; i < length; i++)
			line[i] = buf[start + i] ? buf[start + i] : '?';
		if (!start)
			break;
		end = start - 1;
	}
	memmove(ret->output[0], ret->output[WORKLOAD_LINES - lines],
		lines * sizeof(ret->output[0]));
	ret->lines = lines;
}
