// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "log/reader.h"
#include "sample/replay.h"

/*
 * facts_compare PID LOG: what a replay of LOG shows in its last sample of the raw facts of each page,
 * against a bare read of /proc of the process, which must stand still. Every page that changed in the
 * log must have facts, and they must be the kernel's own.
 */

#define SPAN 65536u

/*
 * May change by themselves: locked, referenced, uptodate, dirty, lru, active, writeback, reclaim,
 * idle; and swapcache, with the bit of its owner, since a page that came back keeps its copy in swap
 * only until swap is half full or somebody reclaims.
 */
#define RESTLESS_FLAGS UINT64_C(0x200200237d)

struct totals {
	uint64_t changed, recorded, missing, present, swapped, words, flags, counts, unchanged;
};

static uint64_t word_at(int fd, uint64_t index)
{
	uint64_t word = 0;

	if (pread(fd, &word, sizeof(word), (off_t)(index * sizeof(word))) != sizeof(word))
		return 0;
	return word;
}

static uint64_t slot_of(const struct pages *pages, uint64_t page)
{
	uint64_t offset = 0;
	uint32_t type = 0;

	return pages_slot(pages, page, &type, &offset) ? offset << 8 | type << 1 | 1 : 0;
}

/* Whether a page of the mapping changed in any sample, as far as the mapping was there. */
static void mark_changes(struct log_reader *reader, const struct mapping *mapping, uint8_t *changed)
{
	struct pages *last = NULL;

	for (uint64_t n = 0; n < log_reader_info(reader)->samples; n++) {
		struct snapshot *s = NULL;
		struct pages *now = NULL;
		size_t i;

		if (log_reader_load(reader, n, &s, NULL))
			exit(puts("a sample cannot be loaded"));
		i = snapshot_find(s, mapping->start);
		if (i < s->count && s->mappings[i].mapping->start == mapping->start)
			now = s->mappings[i].pages;
		for (uint64_t p = 0; n && now && now != last && p < mapping_pages(mapping); p++)
			if (p >= pages_total(now) || !last || p >= pages_total(last) ||
			    pages_state(now, p) != pages_state(last, p) ||
			    pages_marks(now, p) != pages_marks(last, p) ||
			    slot_of(now, p) != slot_of(last, p))
				changed[p] = 1;
		if (last)
			pages_unref(last);
		last = now ? pages_ref(now) : NULL;
		snapshot_unref(s);
	}
	if (last)
		pages_unref(last);
}

static bool has_facts(struct log_reader *reader, uint64_t start, uint64_t count)
{
	uint64_t last = log_reader_info(reader)->samples - 1;
	struct page_detail *detail;

	if (log_reader_detail(reader, last, start, count, &detail, NULL))
		return false;
	page_detail_unref(detail);
	return true;
}

/* The last sample with the facts of [start, start + count), if there are any; within a minute. */
static struct sample *look(struct source *source, struct log_reader *reader, uint64_t start,
			   uint64_t count)
{
	bool wanted = has_facts(reader, start, count);
	const struct source_focus focus = { start, count };
	struct pollfd fd = { .fd = source_fd(source), .events = POLLIN };
	struct sample *found = NULL;
	struct source_span span;

	source_set_focus(source, &focus);
	source->ops->span(source, &span);
	source->ops->seek(source, span.samples - 1);
	for (int looks = 0; looks < 3000; looks++) {
		struct sample *s = source_take(source);

		if (s)
			sample_unref(found);
		found = s ? s : found;
		if (found && found->snapshot->taken_ns == span.last_ns &&
		    (!wanted || (found->focus && found->focus->start == start)))
			break;
		poll(&fd, 1, 20);
	}
	return found;
}

static void compare_page(const int fds[3], const struct page_detail *d, size_t at, uint64_t address,
			 struct totals *t)
{
	uint64_t word = word_at(fds[0], address >> 12), frame = word & ((UINT64_C(1) << 55) - 1);
	uint64_t flags = word >> 63 ? word_at(fds[1], frame) : 0;
	uint64_t count = word >> 63 ? word_at(fds[2], frame) : 0;

	t->present += word >> 63;
	t->swapped += word >> 62 == 1;
	if (d->words[at] != word && t->words++ < 5)
		printf("%lx: word %lx, recorded %lx\n", (unsigned long)address, (unsigned long)word,
		       (unsigned long)d->words[at]);
	if ((d->flags[at] ^ flags) & ~RESTLESS_FLAGS && t->flags++ < 5)
		printf("%lx: flags %lx, recorded %lx\n", (unsigned long)address,
		       (unsigned long)flags, (unsigned long)d->flags[at]);
	if (d->map_counts[at] != count && t->counts++ < 5)
		printf("%lx: mapped %lu, recorded %lu\n", (unsigned long)address,
		       (unsigned long)count, (unsigned long)d->map_counts[at]);
}

static void compare_mapping(struct source *source, struct log_reader *reader, const int fds[3],
			    const struct mapping *m, struct totals *t)
{
	uint64_t count = mapping_pages(m) < SPAN ? mapping_pages(m) : SPAN;
	CLEANUP(cleanup_free) uint8_t *changed = calloc(count, 1);
	struct sample *s = look(source, reader, m->start, count);
	size_t at;

	mark_changes(reader, m, changed);
	for (uint64_t p = 0; p < count; p++) {
		bool found = s && s->focus && page_detail_find(s->focus, m->start + (p << 12), &at);

		t->changed += changed[p];
		t->recorded += found;
		t->missing += changed[p] && !found;
		t->unchanged += found && !changed[p];
		if (found)
			compare_page(fds, s->focus, at, m->start + (p << 12), t);
	}
	if (s)
		sample_unref(s);
}

int main(int argc, char **argv)
{
	struct error problem;
	char path[64];
	struct snapshot *last = NULL;
	struct log_reader *reader;
	struct source *source;
	struct error error;
	struct totals t = { 0 };
	int fds[3];

	if (argc != 3)
		return 2;
	snprintf(path, sizeof(path), "/proc/%s/pagemap", argv[1]);
	fds[0] = open(path, O_RDONLY | O_CLOEXEC);
	fds[1] = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	fds[2] = open("/proc/kpagecount", O_RDONLY | O_CLOEXEC);
	if (replay_open(argv[2], 0, &source, &problem) ||
	    log_reader_open(argv[2], &reader, &error) ||
	    log_reader_load(reader, log_reader_info(reader)->samples - 1, &last, &error)) {
		printf("%s cannot be read\n", argv[2]);
		return 1;
	}
	source_set_paused(source, true);
	for (size_t i = 0; i < last->count; i++)
		if (mapping_pages(last->mappings[i].mapping) <= SPAN)
			compare_mapping(source, reader, fds, last->mappings[i].mapping, &t);
	snapshot_unref(last);
	source_free(source);
	log_reader_free(reader);
	printf("%lu pages changed, %lu have facts (%lu present, %lu in swap by their word), %lu lack "
	       "them, %lu did not change; wrong: %lu words, %lu flags, %lu counts\n",
	       (unsigned long)t.changed, (unsigned long)t.recorded, (unsigned long)t.present,
	       (unsigned long)t.swapped, (unsigned long)t.missing, (unsigned long)t.unchanged,
	       (unsigned long)t.words, (unsigned long)t.flags, (unsigned long)t.counts);
	return t.missing || t.unchanged || t.words || t.flags || t.counts;
}
