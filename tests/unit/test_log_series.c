// SPDX-License-Identifier: GPL-2.0-or-later
/* The series of a mapping, point by point: samples far apart, not read, and with wild clocks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

#include "log/reader.h"
#include "log/writer.h"
#include "tests/unit/log_folder.h"
#include "tests/unit/log_world.h"
#include "log_append.h"

#define SECOND	  INT64_C(1000000000)
#define REPEAT_NS (60 * SECOND)
#define FIRST_NS  INT64_C(1700000000000000000)
#define START	  UINT64_C(0x7f0000000000)

/* One sample: a mapping of one state, or gone, or not read. */
struct step {
	int64_t at_ns; /* since the first sample */
	int pages; /* -1: not read; -2: no mapping */
	const char *comm;
};

#define NOT_READ (-1)
#define GONE	 (-2)

static struct snapshot *take(const struct step *step, uint64_t sequence)
{
	static const struct mapping blank;
	struct snapshot *s = snapshot_new(step->pages != GONE);
	struct mapping like;

	memcpy(&like, &blank, sizeof(like));
	like.start = START;
	like.end = START + 64 * 4096;
	memcpy(like.perms, "rw-p", 5);
	if (step->pages != GONE)
		s->mappings[0].mapping = mapping_new(&like, "", 0);
	if (step->pages >= 0) {
		const struct pages_facts facts = { .marks_known = 0 };
		struct pages_builder *b = pages_builder_new();

		pages_builder_start(b, START, NULL);
		pages_builder_add(b, (uint64_t)step->pages, PAGE_ANON, 0);
		pages_builder_add(b, 64 - (uint64_t)step->pages, PAGE_NONE, 0);
		assert_int_equal(pages_builder_finish(b, &facts, &s->mappings[0].pages), 0);
		pages_builder_free(b);
	}
	s->pid = 7;
	s->sequence = sequence;
	s->taken_ns = FIRST_NS + step->at_ns % (1000 * 3600 * SECOND);
	s->clock_ns = step->at_ns;
	snprintf(s->comm, sizeof(s->comm), "%s", step->comm ? step->comm : "x");
	snapshot_seal(s);
	return s;
}

static void write_log(const struct step *steps, size_t count)
{
	const struct log_writer_options options = { .path = path, .replace = true };
	struct error error = { 0 };
	struct log_writer *writer;

	assert_int_equal(log_writer_open(&options, &writer, &error), 0);
	for (size_t i = 0; i < count; i++) {
		struct snapshot *s = take(&steps[i], i);

		if (append_snapshot(writer, s, NULL, NULL, &error))
			fail_msg("%s", error.text);
		snapshot_unref(s);
	}
	assert_int_equal(log_writer_close(writer, &error), 0);
}

/* "SECOND:PAGES " of every point. */
static int print(void *context, const struct log_series *series)
{
	char *text = context;

	for (size_t i = 0; i < series->count; i++)
		sprintf(text + strlen(text), "%lld:%llu ",
			(long long)((series->points[i].taken_ns - FIRST_NS) / SECOND),
			(unsigned long long)series->points[i].state[PAGE_ANON]);
	return 0;
}

static void assert_points(const struct step *steps, size_t count, const char *want)
{
	char text[1024] = "";
	struct log_series_range range = { 0, count - 1, REPEAT_NS };
	struct error error = { 0 };
	struct log_reader *reader;

	write_log(steps, count);
	if (log_reader_open(path, &reader, &error) ||
	    log_reader_series(reader, &range, print, text, &error))
		fail_msg("%s", error.text);
	assert_string_equal(text, want);
	log_reader_free(reader);
}

#define ASSERT_POINTS(steps, want) assert_points(steps, sizeof(steps) / sizeof(*(steps)), want)

static void test_near_samples(void **state)
{
	static const struct step steps[] = {
		{ .at_ns = 0, .pages = 3 },	      { .at_ns = 30 * SECOND, .pages = 3 },
		{ .at_ns = 60 * SECOND, .pages = 3 }, { .at_ns = 90 * SECOND, .pages = 3 },
		{ .at_ns = 95 * SECOND, .pages = 4 }, { .at_ns = 100 * SECOND, .pages = 4 },
	};

	ASSERT_POINTS(steps, "0:3 60:3 90:3 95:4 100:4 ");
}

/* Then every sample is a point: there is no other to say that the mapping is as it was. */
static void test_samples_far_apart(void **state)
{
	static const struct step steps[] = {
		{ .at_ns = 0, .pages = 3 },
		{ .at_ns = 90 * SECOND, .pages = 3 },
		{ .at_ns = 180 * SECOND, .pages = 3 },
		{ .at_ns = 270 * SECOND, .pages = 3 },
		{ .at_ns = 360 * SECOND, .pages = 3 },
	};

	ASSERT_POINTS(steps, "0:3 90:3 180:3 270:3 360:3 ");
}

/* What was not read is not told, neither as it was before nor as nothing. */
static void test_not_read(void **state)
{
	static const struct step steps[] = {
		{ .at_ns = 0, .pages = 3 },
		{ .at_ns = 10 * SECOND, .pages = 3 },
		{ .at_ns = 20 * SECOND, .pages = NOT_READ },
		{ .at_ns = 30 * SECOND, .pages = NOT_READ },
		{ .at_ns = 40 * SECOND, .pages = 3 },
		{ .at_ns = 50 * SECOND, .pages = GONE },
		{ .at_ns = 60 * SECOND, .pages = NOT_READ },
		{ .at_ns = 70 * SECOND, .pages = 5 },
		{ .at_ns = 80 * SECOND, .pages = NOT_READ },
	};

	ASSERT_POINTS(steps, "0:3 10:3 40:3 50:0 70:5 ");
}

static void test_wild_clocks(void **state)
{
	static const struct step steps[] = {
		{ .at_ns = 0, .pages = 3 },
		{ .at_ns = INT64_MAX - 5, .pages = 4, .comm = "y" },
		{ .at_ns = SECOND, .pages = 4, .comm = "z" },
		{ .at_ns = 2 * SECOND, .pages = 4 },
	};
	static const struct step before_all[] = {
		{ .at_ns = 0, .pages = 3 },
		{ .at_ns = -SECOND, .pages = 3, .comm = "y" },
	};
	struct error error = { 0 };
	struct log_reader *reader;

	/* Bounded and never backwards is all that can be wanted. */
	ASSERT_POINTS(steps, "0:3 172036:4 172037:4 ");
	write_log(before_all, 2);
	assert_int_equal(log_reader_open(path, &reader, &error), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		log_unit_test(test_near_samples),
		log_unit_test(test_samples_far_apart),
		log_unit_test(test_not_read),
		log_unit_test(test_wild_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
