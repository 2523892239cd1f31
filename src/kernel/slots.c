// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "kernel/maps.h"
#include "kernel/pagemap.h"

/* Real slots have types below 28 (MAX_SWAPFILES, include/linux/swap.h); the word has 5 bits. */
#define TYPES	   32
#define WORDS_READ 4096u

struct slot_set {
	uint64_t *bits[TYPES];
	uint64_t room[TYPES]; /* in words of 64 */
	uint64_t count;
};

struct slot_set *slot_set_new(void)
{
	return calloc(1, sizeof(struct slot_set));
}

void slot_set_free(struct slot_set *set)
{
	if (!set)
		return;
	for (int t = 0; t < TYPES; t++)
		free(set->bits[t]);
	free(set);
}

uint64_t slot_set_count(const struct slot_set *set)
{
	return set->count;
}

int slot_set_add(struct slot_set *set, uint32_t type, uint64_t offset)
{
	uint64_t word = offset / 64, bit = UINT64_C(1) << (offset % 64);

	if (type >= TYPES || offset >> 50)
		return -EINVAL;
	if (word >= set->room[type]) {
		uint64_t room = (word + 1) * 2;
		uint64_t *grown = reallocarray(set->bits[type], room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		memset(grown + set->room[type], 0, (room - set->room[type]) * sizeof(*grown));
		set->bits[type] = grown;
		set->room[type] = room;
	}
	if (set->bits[type][word] & bit)
		return 0;
	set->bits[type][word] |= bit;
	set->count++;
	return 1;
}

struct walk {
	struct slot_set *set;
	const struct probe *probe;
	const struct target *target;
	struct pagemap_scan scan;
	uint64_t *words; /* WORDS_READ */
	uint64_t slots, known;
	uint64_t start, end; /* neighbouring mappings that were not scanned yet */
};

static int slots_take_words(struct walk *w, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct evidence e = pagemap_evidence(w->probe, w->words[i]);
		int r;

		if (!(e.bits & SEEN_SWAPPED) || e.swap_type != SWAP_TYPE_AREA)
			continue;
		r = slot_set_add(w->set, PM_TYPE(w->words[i]), PM_OFFSET(w->words[i]));
		if (r < 0)
			return r;
		w->slots++;
		w->known += !r;
	}
	return 0;
}

static int slots_on_run(void *context, const struct entry_run *run)
{
	struct walk *w = context;
	uint64_t address = run->start, left = run->count;
	int r;

	if (!(run->bits & SEEN_SWAPPED))
		return 0;
	while (left) {
		size_t n = left < WORDS_READ ? left : WORDS_READ;

		r = pagemap_read(w->probe, w->target->pagemap, address, w->words, n);
		if (!r)
			r = slots_take_words(w, n);
		if (r < 0)
			return r;
		address += (uint64_t)n << PMTOP_PAGE_SHIFT;
		left -= n;
	}
	return 0;
}

static int slots_scan_pending(struct walk *w)
{
	int r = 0;

	if (w->start < w->end)
		r = pagemap_scan(&w->scan, w->start, w->end, slots_on_run, w);
	w->start = w->end = 0;
	return r;
}

/* Private pages only: neighbours are scanned together. */
static int slots_on_mapping(void *context, const struct mapping *raw, const char *name,
			    size_t length)
{
	struct walk *w = context;
	int r = 0;

	/* The vsyscall page lies above what a scan accepts. */
	if (!mapping_is_private(raw) || raw->start >> 63)
		return 0;
	if (raw->start != w->end) {
		r = slots_scan_pending(w);
		w->start = raw->start;
	}
	w->end = raw->end;
	return r;
}

int slots_of_process(struct slot_set *set, pid_t pid, const struct probe *probe,
		     uint64_t *ret_slots, uint64_t *ret_known)
{
	CLEANUP(cleanup_free) uint64_t *words = calloc(WORDS_READ, sizeof(*words));
	struct target target;
	struct walk w = { .set = set, .probe = probe, .target = &target, .words = words };
	int r;

	if (!words)
		return -ENOMEM;
	r = target_open(pid, &target);
	if (r < 0)
		return r;
	w.scan.fd = target.pagemap;
	w.scan.probe = probe;
	w.scan.pause = true;
	r = maps_each(&target, slots_on_mapping, &w);
	if (!r)
		r = slots_scan_pending(&w);
	target_close(&target);
	if (r < 0)
		return r;
	*ret_slots = w.slots;
	*ret_known = w.known;
	return 0;
}
