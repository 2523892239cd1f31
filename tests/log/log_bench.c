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

/*
 * log_bench FILE [SAMPLES]: writes the log of an hour at ten samples a second, of a process with 4 GiB
 * in random states (of which a little changes) and 64 MiB that change all the time in bursts, and
 * says what writing, opening and seeking cost. A benchmark: it judges nothing.
 */

#define BIG_BLOCKS 2048u
#define HOT_BLOCKS 32u
#define BLOCK	   512u

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

static void change(struct region **regions, struct pages **pages, struct pages_builder *b,
		   uint64_t n, uint64_t *seed)
{
	/* A burst of a second in each ten; the big one changes once a minute. */
	bool which[2] = { n % 600 == 599, n % 100 < 10 };

	for (int i = 0; i < 2; i++) {
		struct pages *now_pages;

		if (!which[i])
			continue;
		for (unsigned int k = 0; k < 16; k++)
			shuffle_block(regions[i],
				      (unsigned int)build_below(seed, regions[i]->blocks), seed,
				      40);
		now_pages = region_pages(regions[i], b, pages[i]);
		pages_unref(pages[i]);
		pages[i] = now_pages;
	}
}

static void write_log(const char *path, uint64_t samples)
{
	const struct log_fact facts[] = { { "needs", "0.1.0" } };
	const struct log_writer_options options = {
		.path = path, .replace = true, .facts = facts, .fact_count = 1
	};
	struct pages_builder *b = pages_builder_new();
	uint64_t seed = 42;
	struct region *regions[2] = { region_new(1 << 20, BIG_BLOCKS, &seed),
				      region_new(1 << 22, HOT_BLOCKS, &seed) };
	struct pages *pages[2] = { region_pages(regions[0], b, NULL),
				   region_pages(regions[1], b, NULL) };
	struct log_error error;
	struct log_writer *writer;
	double cpu = 0;

	if (log_writer_open(&options, &writer, &error)) {
		puts(error.text);
		exit(1);
	}
	for (uint64_t n = 0; n < samples; n++) {
		struct snapshot *s = snapshot_of(regions, pages, n);
		double start = now(CLOCK_THREAD_CPUTIME_ID);

		if (log_writer_append(writer, s, NULL, &error)) {
			puts(error.text);
			exit(1);
		}
		cpu += now(CLOCK_THREAD_CPUTIME_ID) - start;
		if (n == 0)
			printf("first sample: %.1f ms of CPU, %.1f KiB\n", cpu,
			       (double)log_writer_bytes(writer) / 1024);
		snapshot_unref(s);
		change(regions, pages, b, n, &seed);
	}
	log_writer_close(writer, NULL);
	printf("writing: %.3f ms of CPU a sample\n", cpu / (double)samples);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void read_log(const char *path, uint64_t samples)
{
	double times[201], start = now(CLOCK_MONOTONIC);
	struct log_reader *reader;
	struct log_error error;
	uint64_t seed = 7;

	if (log_reader_open(path, &reader, &error)) {
		puts(error.text);
		exit(1);
	}
	printf("opening: %.2f ms\n", now(CLOCK_MONOTONIC) - start);
	for (int i = 0; i < 201; i++) {
		struct snapshot *s;

		start = now(CLOCK_MONOTONIC);
		if (log_reader_load(reader, build_below(&seed, samples), &s, &error)) {
			puts(error.text);
			exit(1);
		}
		times[i] = now(CLOCK_MONOTONIC) - start;
		snapshot_unref(s);
	}
	qsort(times, 201, sizeof(*times), compare);
	printf("seeking: median %.1f ms, worst of 201 %.1f ms\n", times[100], times[200]);
	start = now(CLOCK_MONOTONIC);
	for (uint64_t n = 0; n < 2000 && n < samples; n++) {
		struct snapshot *s;

		if (log_reader_load(reader, n, &s, &error)) {
			puts(error.text);
			exit(1);
		}
		snapshot_unref(s);
	}
	printf("going on by one: %.3f ms\n", (now(CLOCK_MONOTONIC) - start) / 2000);
	log_reader_free(reader);
}

int main(int argc, char **argv)
{
	uint64_t samples = argc > 2 ? strtoull(argv[2], NULL, 10) : 36000;
	struct stat st;

	if (argc < 2)
		return 2;
	if (argc > 3) {
		read_log(argv[1], samples);
		return 0;
	}
	write_log(argv[1], samples);
	if (!stat(argv[1], &st))
		printf("%llu samples: %.2f MiB, %.1f KiB a minute\n", (unsigned long long)samples,
		       (double)st.st_size / 1048576,
		       (double)st.st_size / 1024 / ((double)samples / 600));
	read_log(argv[1], samples);
	return 0;
}
