// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

#include "log/format.h"
#include "log/reader.h"
#include "log/writer.h"
#include "tests/unit/build.h"
#include "tests/unit/log_folder.h"
#include "log_append.h"

/* Seeking over more rows than are looked at one by one. */

#define BLOCKS	40u
#define SAMPLES 250u

static const struct pages_facts facts = { .marks_known = 0x1ff, .slots_known = true };

/* In each sample one page of each block, and its slot, is another; some blocks rest for long. */
static struct pages *pages_at(struct pages_builder *b, unsigned int sample,
			      const struct pages *after)
{
	struct pages *pages = NULL;

	pages_builder_start(b, UINT64_C(1) << 33, after);
	for (unsigned int block = 0; block < BLOCKS; block++) {
		unsigned int turn = block % 8 ? sample : sample / 100;

		for (unsigned int i = 0; i < 512; i++) {
			bool out = (i * 7 + block) % 3 == 0 || i == turn % 512;
			const struct slot_run slot = { block * 512 + i, 1, i * 5 + turn % 2, 0 };

			pages_builder_add(b, 1, out ? PAGE_SHARED_SWAP : PAGE_SHMEM, 0);
			if (out)
				pages_builder_slot(b, &slot);
		}
	}
	assert_int_equal(pages_builder_finish(b, &facts, &pages), 0);
	return pages;
}

static struct snapshot *snapshot_at(struct pages_builder *b, struct mapping *mapping,
				    unsigned int sample, const struct snapshot *after)
{
	struct snapshot *s = snapshot_new(1);

	s->mappings[0].mapping = mapping_ref(mapping);
	s->mappings[0].pages = pages_at(b, sample, after ? after->mappings[0].pages : NULL);
	s->pid = 1;
	s->sequence = sample;
	s->taken_ns = s->clock_ns = (int64_t)sample * 1000;
	snapshot_seal(s);
	return s;
}

static struct mapping *new_mapping(void)
{
	struct mapping like;

	memset(&like, 0, sizeof(like));
	like.start = UINT64_C(1) << 33;
	like.end = like.start + (BLOCKS << 21);
	like.kind = MAPPING_SHMEM;
	memcpy(like.perms, "rw-s", 5);
	return mapping_new(&like, "/dev/zero (deleted)", 19);
}

static void write_log(struct pages_builder *b, struct mapping *mapping)
{
	const struct log_writer_options options = { .path = path, .replace = true };
	struct snapshot *last = NULL;
	struct log_writer *writer;

	assert_int_equal(log_writer_open(&options, &writer, NULL), 0);
	for (unsigned int n = 0; n < SAMPLES; n++) {
		struct snapshot *s = snapshot_at(b, mapping, n, last);

		assert_int_equal(append_snapshot(writer, s, NULL, NULL, NULL), 0);
		if (last)
			snapshot_unref(last);
		last = s;
	}
	snapshot_unref(last);
	assert_int_equal(log_writer_close(writer, NULL), 0);
}

static void test_far_and_near(void **state)
{
	static const unsigned int order[] = { 0,   249, 3,   248, 247, 10, 240, 1, 0,
					      130, 131, 249, 99,  100, 0,  200, 5, 205 };
	struct pages_builder *b = pages_builder_new();
	struct mapping *mapping = new_mapping();
	struct log_reader *reader;

	write_log(b, mapping);
	assert_int_equal(log_reader_open(path, &reader, NULL), 0);
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		struct snapshot *want = snapshot_at(b, mapping, order[i], NULL), *got = NULL;
		struct error error = { 0 };

		if (log_reader_load(reader, order[i], &got, &error))
			fail_msg("sample %d: %s", (int)order[i], error.text);
		assert_int_equal(got->sequence, order[i]);
		assert_true(pages_equal(want->mappings[0].pages, got->mappings[0].pages));
		snapshot_unref(want);
		snapshot_unref(got);
	}
	log_reader_free(reader);
	mapping_unref(mapping);
	pages_builder_free(b);
}

/* 700 pages of which one, in the second of two blocks, holds something: 0 none does. */
static void append_one(struct log_writer *writer, struct pages_builder *b, struct mapping *mapping,
		       uint64_t sequence, uint64_t page)
{
	struct snapshot *s = snapshot_new(1);

	pages_builder_start(b, mapping->start, NULL);
	pages_builder_add(b, page ? page : 700, PAGE_NONE, 0);
	if (page) {
		pages_builder_add(b, 1, PAGE_ANON, 0);
		pages_builder_add(b, 700 - page - 1, PAGE_NONE, 0);
	}
	s->mappings[0].mapping = mapping_ref(mapping);
	assert_int_equal(pages_builder_finish(b, &facts, &s->mappings[0].pages), 0);
	s->pid = 1;
	s->sequence = sequence;
	s->taken_ns = s->clock_ns = (int64_t)sequence * 1000;
	snapshot_seal(s);
	assert_int_equal(append_snapshot(writer, s, NULL, NULL, NULL), 0);
	snapshot_unref(s);
}

struct sought {
	uint64_t sample;
	int direction;
	uint64_t page;
	int found; /* or -ENOENT */
};

static void assert_found(struct log_reader *reader, const struct mapping *mapping,
			 const struct sought *sought, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct sought *s = &sought[i];
		struct error error = { 0 };
		uint64_t found = 0;
		int code = log_reader_change(reader, s->sample, s->direction,
					     mapping->start + s->page * 4096, 4096, &found, &error);

		if (code ? code != s->found : (int)found != s->found)
			fail_msg("page %d from %d: %d %s", (int)s->page, (int)s->sample,
				 code ? code : (int)found, error.text);
	}
}

/* What a page does is told from what its neighbours do, also where their block gets a row for it. */
static void test_changes_of_one_page(void **state)
{
	static const struct sought sought[] = {
		{ 0, 1, 600, 1 },	 { 1, 1, 600, 2 },	  { 2, 1, 600, -ENOENT },
		{ 0, 1, 650, 3 },	 { 2, 1, 650, 3 },	  { 0, 1, 660, -ENOENT },
		{ 3, -1, 650, 2 },	 { 2, -1, 650, -ENOENT }, { 3, -1, 600, 1 },
		{ 3, -1, 660, -ENOENT }, { 0, 1, 100, -ENOENT },
	};
	static const uint64_t pages[] = { 0, 600, 0, 650 };
	struct pages_builder *b = pages_builder_new();
	struct mapping *mapping = new_mapping();
	const struct log_writer_options options = { .path = path, .replace = true };
	struct log_writer *writer;
	struct log_reader *reader;

	mapping->end = mapping->start + 700 * 4096;
	assert_int_equal(log_writer_open(&options, &writer, NULL), 0);
	for (uint64_t i = 0; i < 4; i++)
		append_one(writer, b, mapping, i, pages[i]);
	assert_int_equal(log_reader_open(path, &reader, NULL), 0);
	assert_found(reader, mapping, sought, sizeof(sought) / sizeof(*sought));
	/* What is recorded from now on is of samples that this reader does not have. */
	append_one(writer, b, mapping, 4, 660);
	assert_found(reader, mapping, sought, sizeof(sought) / sizeof(*sought));
	log_reader_free(reader);
	assert_int_equal(log_writer_close(writer, NULL), 0);
	mapping_unref(mapping);
	pages_builder_free(b);
}

#define LARGE_BLOCKS 2048u
#define SMALL_ONES   5000u

/* A mapping of many blocks, in each of which one page is touched or none is, among many others. */
static void append_large(struct log_writer *writer, struct pages_builder *b, uint64_t sequence)
{
	struct snapshot *s = snapshot_new(SMALL_ONES + 1);
	struct mapping like;

	memset(&like, 0, sizeof(like));
	memcpy(like.perms, "rw-p", 5);
	for (uint64_t k = 0; k <= SMALL_ONES; k++) {
		like.start =
			(UINT64_C(1) << 40) + (k ? ((uint64_t)LARGE_BLOCKS << 21) + k * 8192 : 0);
		like.end = like.start + (k ? 4096 : (uint64_t)LARGE_BLOCKS << 21);
		s->mappings[k].mapping = mapping_new(&like, "", 0);
		pages_builder_start(b, like.start, NULL);
		for (unsigned int block = 0; !k && block < LARGE_BLOCKS; block++) {
			pages_builder_add(b, 1, sequence ? PAGE_ANON : PAGE_NONE, 0);
			pages_builder_add(b, 511, PAGE_NONE, 0);
		}
		if (k)
			pages_builder_add(b, 1, PAGE_NONE, 0);
		assert_int_equal(pages_builder_finish(b, &facts, &s->mappings[k].pages), 0);
	}
	s->pid = 1;
	s->sequence = sequence;
	snapshot_seal(s);
	assert_int_equal(append_snapshot(writer, s, NULL, NULL, NULL), 0);
	snapshot_unref(s);
}

/* The mappings are not read anew for each block. */
static void test_change_of_a_large_mapping(void **state)
{
	const struct log_writer_options options = { .path = path, .replace = true };
	struct pages_builder *b = pages_builder_new();
	struct error error = { 0 };
	struct log_writer *writer;
	struct log_reader *reader;
	uint64_t found;

	assert_int_equal(log_writer_open(&options, &writer, NULL), 0);
	append_large(writer, b, 0);
	append_large(writer, b, 1);
	assert_int_equal(log_writer_close(writer, NULL), 0);
	assert_int_equal(log_reader_open(path, &reader, NULL), 0);
	if (log_reader_change(reader, 0, 1, UINT64_C(1) << 40, (uint64_t)LARGE_BLOCKS << 21, &found,
			      &error))
		fail_msg("%s", error.text);
	assert_int_equal(found, 1);
	log_reader_free(reader);
	pages_builder_free(b);
}

/* 512 slots in no order, of which one is another in each sample. */
static void append_slots(struct log_writer *writer, struct pages_builder *b,
			 struct mapping *mapping, uint64_t sequence)
{
	struct snapshot *s = snapshot_new(1);

	pages_builder_start(b, mapping->start, NULL);
	pages_builder_add(b, 512, PAGE_SWAP, 0);
	for (uint64_t i = 0; i < 512; i++) {
		const struct slot_run slot = { i, 1, i * i * 7919 % 100003 + (i == sequence), 0 };

		pages_builder_slot(b, &slot);
	}
	s->mappings[0].mapping = mapping_ref(mapping);
	assert_int_equal(pages_builder_finish(b, &facts, &s->mappings[0].pages), 0);
	s->pid = 1;
	s->sequence = sequence;
	snapshot_seal(s);
	assert_int_equal(append_snapshot(writer, s, NULL, NULL, NULL), 0);
	snapshot_unref(s);
}

/* Whatever was read last, it does not keep the file locked. */
static void test_bookmark_after_reading(void **state)
{
	struct pages_builder *b = pages_builder_new();
	struct mapping *mapping = new_mapping();
	const struct log_writer_options options = { .path = path, .replace = true };
	struct error error = { 0 };
	struct log_writer *writer;
	struct log_reader *reader;

	mapping->end = mapping->start + 512 * 4096;
	assert_int_equal(log_writer_open(&options, &writer, NULL), 0);
	for (uint64_t i = 0; i < 4; i++)
		append_slots(writer, b, mapping, i);
	assert_int_equal(log_writer_close(writer, NULL), 0);
	assert_int_equal(log_reader_open(path, &reader, NULL), 0);
	for (uint64_t i = 0; i < 4; i++) {
		struct snapshot *s;

		assert_int_equal(log_reader_load(reader, i, &s, NULL), 0);
		/* All pages are alike and none is told of by itself, but each has its slot. */
		for (uint64_t page = 0; page < 512; page++) {
			uint32_t type;
			uint64_t offset;

			assert_true(pages_slot(s->mappings[0].pages, page, &type, &offset));
			assert_int_equal(offset, page * page * 7919 % 100003 + (page == i));
		}
		snapshot_unref(s);
		if (log_reader_keep_bookmark(reader, i, 1, "seen", &error))
			fail_msg("sample %d: %s", (int)i, error.text);
	}
	log_reader_free(reader);
	mapping_unref(mapping);
	pages_builder_free(b);
}

/* Makes the newest sample one of number `last`, and gives all in between a row of the block. */
static void stretch(int64_t last)
{
	char sql[320];
	uint32_t check = LOG_CHECK_START;
	sqlite3_stmt *s;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	snprintf(sql, sizeof(sql),
		 "PRAGMA synchronous=OFF; INSERT INTO block SELECT 100 + value, value, "
		 "(SELECT block FROM block), NULL, (SELECT data FROM block) FROM (WITH RECURSIVE "
		 "n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < %lld) "
		 "SELECT value FROM n); UPDATE sample SET sample=%lld WHERE sample=1",
		 (long long)last, (long long)last);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "SELECT * FROM sample WHERE sample > 0", -1, &s, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	for (int c = 0; c < 13; c++)
		if (c != 4) /* comm, which is empty */
			check = log_check_number(check, sqlite3_column_int64(s, c));
	sqlite3_finalize(s);
	snprintf(sql, sizeof(sql), "UPDATE sample SET \"check\"=%u WHERE sample > 0", check);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* More rows than any search looks at: it gives up, and says so. */
static void test_gives_up(void **state)
{
	const struct log_writer_options options = { .path = path, .replace = true };
	struct pages_builder *b = pages_builder_new();
	struct mapping *mapping = new_mapping();
	struct error error = { 0 };
	struct log_writer *writer;
	struct log_reader *reader;
	uint64_t found;

	mapping->end = mapping->start + 700 * 4096;
	assert_int_equal(log_writer_open(&options, &writer, NULL), 0);
	append_one(writer, b, mapping, 0, 600);
	append_one(writer, b, mapping, 1, 600);
	assert_int_equal(log_writer_close(writer, NULL), 0);
	stretch(200001);
	if (log_reader_open(path, &reader, &error))
		fail_msg("%s", error.text);
	assert_int_equal(
		log_reader_change(reader, 0, 1, mapping->start + 600 * 4096, 4096, &found, &error),
		-EFBIG);
	assert_non_null(strstr(error.text, "too often"));
	log_reader_free(reader);
	mapping_unref(mapping);
	pages_builder_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { log_unit_test(test_far_and_near),
					    log_unit_test(test_changes_of_one_page),
					    log_unit_test(test_change_of_a_large_mapping),
					    log_unit_test(test_bookmark_after_reading),
					    log_unit_test(test_gives_up) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
