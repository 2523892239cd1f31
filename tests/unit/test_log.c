// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "log/reader.h"
#include "log/writer.h"
#include "report/report.h"
#include "tests/unit/log_world.h"

#define SAMPLES 60

static char *dump(const struct snapshot *snapshot)
{
	const struct report_options options = { .pages = true };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(report_json(out, snapshot, &options), 0);
	fclose(out);
	return text;
}

static void assert_same_json(const struct snapshot *a, const struct snapshot *b)
{
	char *x = dump(a), *y = dump(b);

	for (size_t i = 0; x[i] || y[i]; i++)
		if (x[i] != y[i])
			fail_msg("sample %d, byte %d: \"%.160s\", recorded \"%.160s\"",
				 (int)b->sequence, (int)i, x + (i > 60 ? i - 60 : 0),
				 y + (i > 60 ? i - 60 : 0));
	free(x);
	free(y);
}

static void assert_same(const struct snapshot *a, const struct snapshot *b)
{
	assert_int_equal(a->pid, b->pid);
	assert_string_equal(a->comm, b->comm);
	assert_int_equal(a->taken_ns, b->taken_ns);
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->sequence, b->sequence);
	assert_int_equal(a->start_time, b->start_time);
	assert_int_equal(a->clock_ns, b->clock_ns);
	assert_memory_equal(&a->known, &b->known, sizeof(a->known));
	for (size_t i = 0; i < a->count; i++) {
		assert_true(mapping_equal(a->mappings[i].mapping, b->mappings[i].mapping));
		assert_true(pages_equal(a->mappings[i].pages, b->mappings[i].pages));
	}
}

static struct log_writer *create(const char *path)
{
	const struct log_fact facts[] = { { "kernel", "6.18" }, { "needs", "0.1.0" } };
	const struct log_writer_options options = {
		.path = path, .replace = true, .facts = facts, .fact_count = 2
	};
	struct log_writer *writer = NULL;
	struct log_error error = { 0 };

	if (log_writer_open(&options, &writer, &error))
		fail_msg("%s", error.text);
	return writer;
}

static const char *path_of(char *buf, size_t size)
{
	snprintf(buf, size, "/tmp/pmtop-test-log.%d", getpid());
	return buf;
}

static void load_same(struct log_reader *reader, uint64_t sample, const struct snapshot *want,
		      bool json)
{
	struct log_error error = { 0 };
	struct snapshot *s = NULL;

	if (log_reader_load(reader, sample, &s, &error))
		fail_msg("sample %d: %s", (int)sample, error.text);
	assert_same(s, want);
	if (json)
		assert_same_json(s, want);
	snapshot_unref(s);
}

/* Writes a world and reads every sample: in order, backward, and at random. */
static void round_trip(uint64_t seed)
{
	char path[64];
	struct world *w = world_new(seed);
	struct snapshot *all[SAMPLES];
	struct log_writer *writer = create(path_of(path, sizeof(path)));
	struct log_reader *reader;
	struct log_error error = { 0 };
	uint64_t random = seed + 5;

	for (int i = 0; i < SAMPLES; i++) {
		for (uint64_t n = build_below(&w->seed, 4); n; n--)
			world_turn(w);
		all[i] = world_snapshot(w);
		if (log_writer_append(writer, all[i], &error))
			fail_msg("seed %d sample %d: %s", (int)seed, i, error.text);
	}
	assert_int_equal(log_writer_close(writer, &error), 0);
	if (log_reader_open(path, &reader, &error))
		fail_msg("%s", error.text);
	assert_int_equal(log_reader_info(reader)->samples, SAMPLES);
	for (int i = 0; i < SAMPLES; i++)
		load_same(reader, (uint64_t)i, all[i], true);
	for (int i = SAMPLES - 1; i >= 0; i--)
		load_same(reader, (uint64_t)i, all[i], false);
	for (int i = 0; i < SAMPLES; i++) {
		uint64_t sample = build_below(&random, SAMPLES);

		load_same(reader, sample, all[sample], false);
	}
	log_reader_free(reader);
	unlink(path);
	for (int i = 0; i < SAMPLES; i++)
		snapshot_unref(all[i]);
	world_free(w);
}

static void test_round_trip(void **state)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		round_trip(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
