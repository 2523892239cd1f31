// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/kpage.h"
#include "kernel/pagemap.h"

/* Frames between two wanted ones that are cheaper to read than to leave out (measured). */
#define CHEAP_GAP 8

#define BATCH 512u

struct kpage {
	int flags, counts;
};

struct kpage *kpage_new(void)
{
	struct kpage *k = malloc(sizeof(*k));

	if (!k)
		return NULL;
	k->flags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	k->counts = open("/proc/kpagecount", O_RDONLY | O_CLOEXEC);
	return k;
}

void kpage_free(struct kpage *kpage)
{
	if (kpage->flags >= 0)
		close(kpage->flags);
	if (kpage->counts >= 0)
		close(kpage->counts);
	free(kpage);
}

/* How many words from `at` on can be answered by one read that starts at the frame of the first. */
static size_t batch_length(const uint64_t *words, size_t at, size_t count)
{
	uint64_t first = PM_PFN(words[at]), last = first;
	size_t n = 1;

	while (at + n < count && words[at + n] & PM_PRESENT) {
		uint64_t pfn = PM_PFN(words[at + n]);

		if (pfn < last || pfn - last > CHEAP_GAP || pfn - first >= BATCH)
			break;
		last = pfn;
		n++;
	}
	return n;
}

static int read_frames(int fd, const uint64_t *words, size_t count, uint64_t *ret)
{
	uint64_t buffer[BATCH];

	if (fd < 0)
		return -EACCES;
	memset(ret, 0, count * sizeof(*ret));
	for (size_t i = 0; i < count;) {
		uint64_t first = PM_PFN(words[i]);
		size_t n, frames;
		ssize_t bytes;

		if (!(words[i] & PM_PRESENT) || !first) {
			i++;
			continue;
		}
		n = batch_length(words, i, count);
		frames = (size_t)(PM_PFN(words[i + n - 1]) - first) + 1;
		bytes = pread(fd, buffer, frames * sizeof(uint64_t),
			      (off_t)(first * sizeof(uint64_t)));
		for (size_t k = 0; bytes > 0 && k < n; k++) {
			uint64_t frame = PM_PFN(words[i + k]) - first;

			if (frame < (uint64_t)bytes / sizeof(uint64_t))
				ret[i + k] = buffer[frame];
		}
		i += n;
	}
	return 0;
}

int kpage_flags(struct kpage *kpage, const uint64_t *words, size_t count, uint64_t *ret_flags)
{
	return read_frames(kpage->flags, words, count, ret_flags);
}

int kpage_counts(struct kpage *kpage, const uint64_t *words, size_t count, uint64_t *ret_counts)
{
	return read_frames(kpage->counts, words, count, ret_counts);
}
