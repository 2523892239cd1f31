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
#include "kernel/xarray.h"

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
	[OBJECT_POISONED] = "poisoned",
};
#define WORDS (sizeof(words) / sizeof(*words))

struct answer {
	uint8_t *what;
	uint64_t *where; /* slot of each page: type << 58 | offset */
	uint64_t next, slots, viewed;
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
	for (uint64_t k = 0; k < run->count; k++)
		a->where[run->first + k] =
			run->slot_known ? (uint64_t)run->type << 58 | (run->offset + k) : 0;
	return 0;
}

/* Page by page where that can be had, as samples do. */
static int ask_pages(struct object_reader *reader, const struct mapping *m, uint64_t count,
		     struct answer *a)
{
	struct object_view view;
	uint64_t n = object_view(reader, m, a->next, count, &view);

	if (!n)
		return object_query(reader, m, a->next, count, take, a);
	for (uint64_t k = 0; k < n; k++) {
		a->what[a->next + k] = view.what[k];
		a->where[a->next + k] = view.what[k] == OBJECT_SWAPPED ? view.slots[k] : 0;
		a->slots += view.what[k] == OBJECT_SWAPPED;
	}
	a->next += n;
	a->viewed += n;
	return 0;
}

static int ask(const struct target *target, const struct mapping *m, const char *without,
	       uint64_t step, bool by_page, struct answer *ret_answer,
	       struct object_statistics *ret_statistics)
{
	struct answer a = { .what = calloc(mapping_pages(m) + 1, 1),
			    .where = calloc(mapping_pages(m) + 1, sizeof(uint64_t)) };
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
	object_reader_want_marks(reader, !by_page);
	while (a.next < mapping_pages(m) && !error) {
		uint64_t left = mapping_pages(m) - a.next;

		left = left < step ? left : step;
		error = by_page ? ask_pages(reader, m, left, &a)
				: object_query(reader, m, a.next, left, take, &a);
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

/* The three ways; the walk in small gaps, as a page table has them; page by page; and once more. */
#define LOOKS	(WAYS + 3)
#define IN_GAPS WAYS
#define BY_PAGE (WAYS + 1)
#define AGAIN	(WAYS + 2)

struct round {
	struct answer answers[LOOKS];
	struct object_statistics statistics[LOOKS];
};

/* Page by page there are no marks, but each slot must be the same. */
static int compare_pages(const struct answer *a, const struct answer *b, uint64_t pages)
{
	int differences = 0;

	for (uint64_t i = 0; i < pages; i++) {
		uint8_t what = a->what[i];

		what = what == OBJECT_SWAP_CACHED ? OBJECT_SWAPPED : what;
		what = what == OBJECT_ALLOCATED ? OBJECT_CACHED : what;
		if (what == b->what[i] && a->where[i] == b->where[i])
			continue;
		if (differences++ < MAX_REPORTED)
			fprintf(stderr,
				"page %" PRIu64 ": %s at %" PRIx64 ", by page %s at %" PRIx64 "\n",
				i, words[what], a->where[i], words[b->what[i]], b->where[i]);
	}
	return differences;
}

static int ask_all(const struct target *target, const struct mapping *m, struct round *r)
{
	for (int w = 0; w < LOOKS; w++) {
		int error = ask(target, m, w < WAYS ? ways[w].without : "",
				w == IN_GAPS || w == BY_PAGE ? 7 : UINT64_MAX, w == BY_PAGE,
				&r->answers[w], &r->statistics[w]);

		if (error) {
			fprintf(stderr, "way %d: %s\n", w, strerror(-error));
			return error;
		}
	}
	return 0;
}

static void forget(struct round *r)
{
	for (int w = 0; w < LOOKS; w++) {
		free(r->answers[w].what);
		free(r->answers[w].where);
	}
}

/* Looks at pages that move. */
#define ATTEMPTS 20

/*
 * Somebody may switch a swap area off meanwhile, which moves pages of a stopped process too, and some
 * machines push out by themselves what no process maps (DAMON, every few seconds).
 */
static bool has_moved(const struct round *r, uint64_t pages)
{
	return memcmp(r->answers[0].what, r->answers[AGAIN].what, pages) != 0;
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
		if (!has_moved(&r, pages) || attempt == ATTEMPTS)
			break;
		fprintf(stderr, "the pages were moved meanwhile: once more\n");
		forget(&r);
	}
	printf("{");
	for (int w = 0; w < WAYS; w++)
		print(ways[w].name, &r.answers[w], pages);
	for (int w = 1; w < LOOKS; w++)
		differences += w == BY_PAGE ? compare_pages(&r.answers[0], &r.answers[w], pages)
					    : compare(&r.answers[0], &r.answers[w], pages,
						      w < WAYS ? ways[w].name : "bpf again");
	printf("\"walks\":%" PRIu64 ",\"walks_in_gaps\":%" PRIu64 ",\"by_page\":%" PRIu64
	       ",\"differences\":%d}\n",
	       r.statistics[0].walks, r.statistics[IN_GAPS].walks, r.answers[BY_PAGE].viewed,
	       differences);
	forget(&r);
	mapping_unref(m);
	target_close(&target);
	return differences || !r.statistics[0].walks;
}
