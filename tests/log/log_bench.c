// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log/reader.h"
#include "log/writer.h"
#include "tests/unit/build.h"
#include "../unit/log_append.h"

/*
 * log_bench worst|demo|thrash FILE [SAMPLES]: writes the log of an hour at ten samples a second, and says
 * what writing, opening and seeking cost. log_bench seek FILE: the same of a log that is there. A
 * benchmark: it judges nothing.
 */

#define BLOCK 512u
#define SEEKS 201
#define OPENS 9

/* What a process looks like. */
static const struct kind {
	const char *name;
	unsigned int blocks[2]; /* of 2 MiB, in random states from the start */
	unsigned int period[2], turns[2]; /* samples: of each period, these change something */
	unsigned int changed_blocks,
		changed_pages; /* in such a sample: blocks, and pages of each */
} kinds[] = {
	/* 4 GiB of which a little changes once a minute, and 64 MiB that change in bursts. */
	{ "worst", { 2048, 32 }, { 600, 100 }, { 1, 10 }, 16, 40 },
	/* The reproduction: 1 MiB, of which some pages move all the time. */
	{ "demo", { 1, 1 }, { 1, 600 }, { 1, 1 }, 1, 8 },
	/* What log_thrash sees: 3,400 pages a sample. */
	{ "thrash", { 16, 16 }, { 1, 1 }, { 1, 1 }, 16, 107 },
};

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct region {
	uint64_t start_page;
	unsigned int blocks;
	uint8_t *states;
	uint64_t *slots;
	struct mapping *mapping;
};

static void shuffle_block(struct region *r, unsigned int block, uint64_t *seed,
			  unsigned int changes)
{
	static const uint8_t states[] = { PAGE_SHMEM, PAGE_SHARED_SWAP, PAGE_NONE };

	for (unsigned int i = 0; i < changes; i++) {
		size_t page = block * BLOCK + build_below(seed, BLOCK);

		r->states[page] = states[build_below(seed, 3)];
		r->slots[page] = build_below(seed, 1 << 16);
	}
}

static struct region *region_new(uint64_t start_page, unsigned int blocks, uint64_t *seed)
{
	struct region *r = calloc(1, sizeof(*r));
	struct mapping like;

	memset(&like, 0, sizeof(like));
	r->start_page = start_page;
	r->blocks = blocks;
	r->states = calloc(blocks, BLOCK);
	r->slots = calloc(blocks, BLOCK * sizeof(*r->slots));
	like.start = start_page << 12;
	like.end = (start_page + (uint64_t)blocks * BLOCK) << 12;
	like.inode = start_page; /* an object of its own */
	like.kind = MAPPING_SHMEM;
	memcpy(like.perms, "rw-s", 5);
	r->mapping = mapping_new(&like, "/dev/zero (deleted)", 19);
	for (unsigned int b = 0; b < blocks; b++)
		shuffle_block(r, b, seed, BLOCK);
	return r;
}

static struct pages *region_pages(const struct region *r, struct pages_builder *b,
				  const struct pages *after)
{
	const struct pages_facts facts = { .marks_known = 0x1fe, .slots_known = true };
	struct pages *pages;

	pages_builder_start(b, r->start_page << 12, after);
	for (size_t i = 0; i < (size_t)r->blocks * BLOCK; i++) {
		const struct slot_run slot = { i, 1, r->slots[i], 0 };

		pages_builder_add(b, 1, (enum page_state)r->states[i], 0);
		if (r->states[i] == PAGE_SHARED_SWAP)
			pages_builder_slot(b, &slot);
	}
	if (pages_builder_finish(b, &facts, &pages))
		abort();
	return pages;
}

static struct snapshot *snapshot_of(struct region *const *regions, struct pages *const *pages,
				    uint64_t n)
{
	struct snapshot *s = snapshot_new(2);

	for (int i = 0; i < 2; i++) {
		s->mappings[i].mapping = mapping_ref(regions[i]->mapping);
		s->mappings[i].pages = pages_ref(pages[i]);
	}
	s->pid = 1;
	s->sequence = n;
	s->taken_ns = INT64_C(1700000000000000000) + (int64_t)n * 100000000;
	s->clock_ns = (int64_t)n * 100000000;
	memcpy(s->comm, "bench", 6);
	snapshot_seal(s);
	return s;
}

static void change(const struct kind *kind, struct region **regions, struct pages **pages,
		   struct pages_builder *b, uint64_t n, uint64_t *seed)
{
	for (int i = 0; i < 2; i++) {
		struct pages *now_pages;

		if ((n + 1) % kind->period[i] >= kind->turns[i])
			continue;
		for (unsigned int k = 0; k < kind->changed_blocks; k++)
			shuffle_block(regions[i],
				      (unsigned int)build_below(seed, regions[i]->blocks), seed,
				      kind->changed_pages);
		now_pages = region_pages(regions[i], b, pages[i]);
		pages_unref(pages[i]);
		pages[i] = now_pages;
	}
}

static void write_log(const struct kind *kind, const char *path, uint64_t samples)
{
	const struct log_fact facts[] = { { "needs", "0.2.0" } };
	const struct log_writer_options options = {
		.path = path, .replace = true, .facts = facts, .fact_count = 1
	};
	struct pages_builder *b = pages_builder_new();
	uint64_t seed = 42;
	struct region *regions[2] = { region_new(1 << 20, kind->blocks[0], &seed),
				      region_new(1 << 22, kind->blocks[1], &seed) };
	struct pages *pages[2] = { region_pages(regions[0], b, NULL),
				   region_pages(regions[1], b, NULL) };
	struct error error;
	struct log_writer *writer;
	double cpu = 0;

	if (log_writer_open(&options, &writer, &error)) {
		puts(error.text);
		exit(1);
	}
	for (uint64_t n = 0; n < samples; n++) {
		struct snapshot *s = snapshot_of(regions, pages, n);
		double start = now(CLOCK_THREAD_CPUTIME_ID);

		if (append_snapshot(writer, s, NULL, NULL, &error)) {
			puts(error.text);
			exit(1);
		}
		cpu += now(CLOCK_THREAD_CPUTIME_ID) - start;
		if (n == 0)
			printf("first sample: %.1f ms of CPU, %.1f KiB\n", cpu,
			       (double)log_writer_bytes(writer) / 1024);
		snapshot_unref(s);
		change(kind, regions, pages, b, n, &seed);
	}
	log_writer_close(writer, NULL);
	printf("writing: %.3f ms of CPU a sample\n", cpu / (double)samples);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void say_times(const char *what, double (*times)[2], size_t count)
{
	qsort(times, count, sizeof(*times), compare);
	printf("%s: median %.1f ms, worst of %zu %.1f ms (by the clock; %.1f of CPU)\n", what,
	       times[count / 2][0], count, times[count - 1][0], times[count - 1][1]);
}

static struct log_reader *open_log(const char *path)
{
	struct log_reader *reader;
	struct error error;

	if (!log_reader_open(path, &reader, &error))
		return reader;
	puts(error.text);
	exit(1);
}

static void load(struct log_reader *reader, uint64_t sample, double times[2])
{
	double start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_THREAD_CPUTIME_ID);
	struct error error;
	struct snapshot *s;

	if (log_reader_load(reader, sample, &s, &error)) {
		puts(error.text);
		exit(1);
	}
	times[0] = now(CLOCK_MONOTONIC) - start;
	times[1] = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
	snapshot_unref(s);
}

static void read_log(const char *path)
{
	double opens[OPENS][2], firsts[OPENS][2], times[SEEKS][2], start;
	struct log_reader *reader = open_log(path);
	uint64_t seed = 7, samples = log_reader_info(reader)->samples, steps;

	for (int i = 0; i < OPENS; i++) {
		log_reader_free(reader);
		start = now(CLOCK_MONOTONIC);
		opens[i][1] = now(CLOCK_THREAD_CPUTIME_ID);
		reader = open_log(path);
		opens[i][0] = now(CLOCK_MONOTONIC) - start;
		opens[i][1] = now(CLOCK_THREAD_CPUTIME_ID) - opens[i][1];
		load(reader, build_below(&seed, samples), firsts[i]);
	}
	say_times("opening", opens, OPENS);
	say_times("first seek", firsts, OPENS);
	for (int i = 0; i < SEEKS; i++)
		load(reader, build_below(&seed, samples), times[i]);
	say_times("seeking", times, SEEKS);
	start = now(CLOCK_MONOTONIC);
	steps = samples < 2000 ? samples : 2000;
	for (uint64_t n = 0; n < steps; n++)
		load(reader, n, times[0]);
	printf("going on by one: %.3f ms\n", (now(CLOCK_MONOTONIC) - start) / (double)steps);
	log_reader_free(reader);
}

int main(int argc, char **argv)
{
	uint64_t samples = argc > 3 ? strtoull(argv[3], NULL, 10) : 36000;
	struct stat st;

	if (argc < 3)
		return 2;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		if (!strcmp(argv[1], kinds[k].name))
			write_log(&kinds[k], argv[2], samples);
	if (strcmp(argv[1], "seek") != 0 && !stat(argv[2], &st))
		printf("%llu samples: %.2f MiB, %.1f KiB a minute\n", (unsigned long long)samples,
		       (double)st.st_size / 1048576,
		       (double)st.st_size / 1024 / ((double)samples / 600));
	read_log(argv[2]);
	return 0;
}
