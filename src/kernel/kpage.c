// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/kpage.h"
#include "kernel/pagemap.h"

/* Frames between two wanted ones that are cheaper to read than to leave out (measured). */
#define CHEAP_GAP 8

#define BATCH 512u

struct kpage {
	int flags, counts, groups;
};

struct kpage *kpage_new(void)
{
	struct kpage *k = malloc(sizeof(*k));

	if (!k)
		return NULL;
	k->flags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	k->counts = open("/proc/kpagecount", O_RDONLY | O_CLOEXEC);
	k->groups = open("/proc/kpagecgroup", O_RDONLY | O_CLOEXEC);
	return k;
}

void kpage_free(struct kpage *kpage)
{
	if (kpage->flags >= 0)
		close(kpage->flags);
	if (kpage->counts >= 0)
		close(kpage->counts);
	if (kpage->groups >= 0)
		close(kpage->groups);
	free(kpage);
}

/* How many words from `at` on can be answered by one read that starts at the frame of the first. */
static size_t kpage_batch_length(const uint64_t *words, size_t at, size_t count)
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

static int kpage_read_frames(int fd, const uint64_t *words, size_t count, uint64_t *ret)
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
		n = kpage_batch_length(words, i, count);
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
	return kpage_read_frames(kpage->flags, words, count, ret_flags);
}

int kpage_counts(struct kpage *kpage, const uint64_t *words, size_t count, uint64_t *ret_counts)
{
	return kpage_read_frames(kpage->counts, words, count, ret_counts);
}

int kpage_groups(struct kpage *kpage, const uint64_t *words, size_t count, uint64_t *ret_inodes)
{
	return kpage_read_frames(kpage->groups, words, count, ret_inodes);
}

/* The flags of all frames of one naturally aligned block; a folio of up to 2 MiB lies inside. */
struct frame_block {
	uint64_t first; /* frame, UINT64_MAX: none read yet */
	uint64_t flags[BATCH];
	unsigned int reads;
};

#define BLOCK_READS 512u

static bool kpage_load_block(int fd, struct frame_block *b, uint64_t pfn)
{
	uint64_t first = pfn & ~(uint64_t)(BATCH - 1);

	if (b->first == first)
		return true;
	if (b->reads++ == BLOCK_READS)
		return false;
	b->first = pread(fd, b->flags, sizeof(b->flags), (off_t)(first * sizeof(uint64_t))) ==
				   (ssize_t)sizeof(b->flags)
			   ? first
			   : UINT64_MAX;
	return b->first == first;
}

/* From the head before a tail to the last tail. */
static uint8_t kpage_order_in_block(const struct frame_block *b, unsigned int place)
{
	unsigned int head = place, end;

	while (head && b->flags[head] & KPF_TAIL)
		head--;
	for (end = head + 1; end < BATCH && b->flags[end] & KPF_TAIL;)
		end++;
	return (uint8_t)(31 - __builtin_clz(end - head));
}

int kpage_orders(struct kpage *kpage, const uint64_t *words, const uint64_t *flags, size_t count,
		 uint8_t *ret_orders)
{
	struct frame_block block = { .first = UINT64_MAX };

	if (kpage->flags < 0)
		return -EACCES;
	for (size_t i = 0; i < count; i++) {
		uint64_t pfn = PM_PFN(words[i]);

		ret_orders[i] = 0xff;
		if (!(words[i] & PM_PRESENT) || !pfn)
			continue;
		if (!(flags[i] & (KPF_HEAD | KPF_TAIL)))
			ret_orders[i] = 0;
		else if (kpage_load_block(kpage->flags, &block, pfn))
			ret_orders[i] =
				kpage_order_in_block(&block, (unsigned int)(pfn - block.first));
	}
	return 0;
}

/* The flags of the first page of the folio that a frame of the block is part of. */
static uint64_t kpage_head_flags(const struct frame_block *b, unsigned int place)
{
	while (place && b->flags[place] & KPF_TAIL)
		place--;
	return b->flags[place];
}

void kpage_complete_tails(struct kpage *kpage, const uint64_t *words, size_t count, uint64_t *flags)
{
	struct frame_block block = { .first = UINT64_MAX };

	for (size_t i = 0; i < count; i++) {
		uint64_t pfn = PM_PFN(words[i]);

		if (!(flags[i] & KPF_TAIL) || flags[i] & KPF_SWAPBACKED)
			continue;
		flags[i] |= kpage_load_block(kpage->flags, &block, pfn)
				    ? kpage_head_flags(&block, (unsigned int)(pfn - block.first)) &
					      KPF_SWAPBACKED
				    : KPF_SWAPBACKED;
	}
}

bool kpage_is_poisoned(struct kpage *kpage, uint64_t pfn)
{
	uint64_t flags;

	return kpage->flags >= 0 &&
	       pread(kpage->flags, &flags, sizeof(flags), (off_t)(pfn * sizeof(flags))) ==
		       sizeof(flags) &&
	       flags & KPF_HWPOISON;
}
