// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All ways to ask shared memory say the same of every page of a stopped process, apart from what
 * each says that it cannot know:
 *
 *   slots_agree PID START
 *
 * One line of figures on standard output; status 1 when two ways differ.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/maps.h"
#include "kernel/object.h"

#define WAYS	     3
#define MAX_REPORTED 20

static const struct {
	const char *name, *without;
} ways[WAYS] = {
	{ "bpf", "" },
	{ "cachestat", "bpf" },
	{ "mincore", "bpf,cachestat" },
};

static const char *const words[] = {
	[OBJECT_NOT_ASKED] = "not_asked",
	[OBJECT_HOLE] = "hole",
	[OBJECT_CACHED] = "cached",
	[OBJECT_ALLOCATED] = "allocated",
	[OBJECT_SWAPPED] = "swapped",
	[OBJECT_SWAP_CACHED] = "swap_cached",
	[OBJECT_HOLE_OR_ALLOCATED] = "hole_or_allocated",
	[OBJECT_CACHED_OR_SWAPPED] = "cached_or_swapped",
	[OBJECT_UNKNOWN] = "unknown",
};
#define WORDS (sizeof(words) / sizeof(*words))

struct answer {
	uint8_t *what;
	uint64_t next, slots;
};

static int take(void *context, const struct object_run *run)
{
	struct answer *a = context;

	if (run->first != a->next)
		return -ERANGE;
	a->next += run->count;
	memset(a->what + run->first, run->what, run->count);
	if (run->slot_known)
		a->slots += run->count;
	return 0;
}

static int ask(const struct target *target, const struct mapping *m, const char *without,
	       uint64_t step, struct answer *ret_answer, struct object_statistics *ret_statistics)
{
	struct answer a = { .what = calloc(mapping_pages(m) + 1, 1) };
	struct filesystems *filesystems;
	struct object_reader *reader;
	struct probe probe;
	const char *bad;
	int error = 0;

	probe_run(&probe);
	if (*without && probe_take_away(&probe, without, &bad) < 0)
		return -EINVAL;
	filesystems = filesystems_new(&probe);
	reader = object_reader_new(target, &probe, filesystems);
	object_reader_want_marks(reader, true);
	while (a.next < mapping_pages(m) && !error) {
		uint64_t left = mapping_pages(m) - a.next;

		error = object_query(reader, m, a.next, left < step ? left : step, take, &a);
	}
	*ret_statistics = *object_statistics(reader);
	object_reader_free(reader);
	filesystems_free(filesystems);
	*ret_answer = a;
	return error;
}

/* What the third way cannot tell, it says so; only then may it differ. */
static bool agree(uint8_t exact, uint8_t other)
{
	if (other == OBJECT_HOLE_OR_ALLOCATED)
		return exact == OBJECT_HOLE || exact == OBJECT_ALLOCATED;
	if (other == OBJECT_CACHED_OR_SWAPPED)
		return exact == OBJECT_CACHED || exact == OBJECT_SWAPPED ||
		       exact == OBJECT_SWAP_CACHED;
	return exact == other;
}

static int compare(const struct answer *a, const struct answer *b, uint64_t pages, const char *name)
{
	int differences = 0;

	for (uint64_t i = 0; i < pages; i++) {
		if (agree(a->what[i], b->what[i]))
			continue;
		if (differences++ < MAX_REPORTED)
			fprintf(stderr, "page %" PRIu64 ": bpf %s, %s %s\n", i, words[a->what[i]],
				name, words[b->what[i]]);
	}
	return differences;
}

static struct mapping *find(const struct target *target, uint64_t start)
{
	struct mapping_list list = { 0 };
	struct filesystems *filesystems;
	struct mapping *found = NULL;
	struct probe probe;

	probe_run(&probe);
	filesystems = filesystems_new(&probe);
	if (maps_read(target, &probe, filesystems, NULL, &list) < 0)
		return NULL;
	for (size_t i = 0; i < list.count; i++)
		if (list.items[i]->start == start)
			found = mapping_ref(list.items[i]);
	mapping_list_release(&list);
	filesystems_free(filesystems);
	return found;
}

static void print(const char *name, const struct answer *a, uint64_t pages)
{
	uint64_t counts[WORDS] = { 0 };

	for (uint64_t i = 0; i < pages; i++)
		counts[a->what[i]]++;
	printf("\"%s\":{\"slots\":%" PRIu64, name, a->slots);
	for (size_t w = 0; w < WORDS; w++)
		if (counts[w])
			printf(",\"%s\":%" PRIu64, words[w], counts[w]);
	printf("},");
}

struct round {
	struct answer answers[WAYS + 2];
	struct object_statistics statistics[WAYS + 2];
};

/* All three ways; the walk again, asked in small gaps as a page table has them; and once more. */
static int ask_all(const struct target *target, const struct mapping *m, struct round *r)
{
	for (int w = 0; w < WAYS + 2; w++) {
		int error = ask(target, m, w < WAYS ? ways[w].without : "",
				w == WAYS ? 7 : UINT64_MAX, &r->answers[w], &r->statistics[w]);

		if (error) {
			fprintf(stderr, "way %d: %s\n", w, strerror(-error));
			return error;
		}
	}
	return 0;
}

static void forget(struct round *r)
{
	for (int w = 0; w < WAYS + 2; w++)
		free(r->answers[w].what);
}

/* Somebody may switch a swap area off meanwhile, which moves pages of a stopped process too. */
static bool has_moved(const struct round *r, uint64_t pages)
{
	return memcmp(r->answers[0].what, r->answers[WAYS + 1].what, pages) != 0;
}

int main(int argc, char **argv)
{
	struct target target = TARGET_CLOSED;
	struct mapping *m;
	struct round r;
	int differences = 0;
	uint64_t pages;

	if (argc < 3)
		return 2;
	if (target_open(strtol(argv[1], NULL, 10), &target) < 0)
		return 1;
	m = find(&target, strtoull(argv[2], NULL, 16));
	if (!m)
		return 1;
	pages = mapping_pages(m);
	for (int attempt = 0;; attempt++) {
		if (ask_all(&target, m, &r))
			return 1;
		if (!has_moved(&r, pages) || attempt == 4)
			break;
		fprintf(stderr, "the pages were moved meanwhile: once more\n");
		forget(&r);
	}
	printf("{");
	for (int w = 0; w < WAYS; w++)
		print(ways[w].name, &r.answers[w], pages);
	for (int w = 1; w < WAYS + 2; w++)
		differences += compare(&r.answers[0], &r.answers[w], pages,
				       w < WAYS ? ways[w].name : "bpf again");
	printf("\"walks\":%" PRIu64 ",\"walks_in_gaps\":%" PRIu64 ",\"differences\":%d}\n",
	       r.statistics[0].walks, r.statistics[WAYS].walks, differences);
	forget(&r);
	mapping_unref(m);
	target_close(&target);
	return differences || !r.statistics[0].walks;
}
