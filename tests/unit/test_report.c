// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/escape.h"
#include "model/pages.h"
#include "report/columns.h"
#include "report/report.h"

/*
 * Reports of one made-up process against stored files. With PMTOP_GOLDEN=update in the environment
 * the files are written anew: look at the difference before you commit it.
 */

struct part {
	uint64_t count;
	uint8_t state;
	uint16_t marks;
};

struct area {
	uint64_t start;
	const char *perms, *name;
	uint8_t kind, doubt;
	uint16_t marks_known;
	uint64_t unplaced;
	struct part parts[8];
	struct slot_run slots[4];
};

#define SOFT_DIRTY (MARK_WRITTEN | MARK_EXCLUSIVE)

static const struct area areas[] = {
	{ 0x55d0c8a00000,
	  "r-xp",
	  "/usr/bin/pagemap-test",
	  MAPPING_FILE,
	  0,
	  SOFT_DIRTY,
	  0,
	  { { 2, PAGE_FILE, 0 }, { 1, PAGE_CACHED, 0 } },
	  { { 0 } } },
	{ 0x55d0c9e11000,
	  "rw-p",
	  "[heap]",
	  MAPPING_HEAP,
	  0,
	  SOFT_DIRTY,
	  0,
	  { { 3, PAGE_ANON, MARK_WRITTEN | MARK_EXCLUSIVE },
	    { 1, PAGE_ZERO, 0 },
	    { 4, PAGE_SWAP, 0 },
	    { 25, PAGE_NONE, 0 } },
	  { { 4, 2, 7, 0 }, { 6, 1, 100, 1 } } },
	{ 0x600000000000,
	  "rw-p",
	  "",
	  MAPPING_ANON,
	  0,
	  SOFT_DIRTY,
	  0,
	  { { 1, PAGE_GUARD, 0 }, { (uint64_t)1 << 32, PAGE_NONE, 0 } },
	  { { 0 } } },
	{ 0x7f21b0000000,
	  "rw-s",
	  "/dev/zero (deleted)",
	  MAPPING_SHMEM,
	  0,
	  SOFT_DIRTY,
	  0,
	  { { 10, PAGE_SHARED_SWAP, 0 },
	    { 200, PAGE_SHARED_SWAP, MARK_SWAP_CACHED },
	    { 6, PAGE_SHARED_SWAP, 0 },
	    { 40, PAGE_SHMEM, MARK_WRITTEN } },
	  { { 0, 10, 72261, 0 }, { 11, 203, 80000, 0 }, { 214, 2, 90000, 0 } } },
	/* A name that nobody wishes for: quotes, a comma, a newline, escapes, broken UTF-8. */
	{ 0x7f21c0000000,
	  "r--s",
	  "/tmp/a\"b,\n\x1b[2J\xc2\x9b\xff\xc3\xbc",
	  MAPPING_SHMEM,
	  DOUBT_NO_RIGHT,
	  0,
	  25,
	  { { 40, PAGE_SHMEM, 0 }, { 60, PAGE_UNKNOWN, 0 } },
	  { { 0 } } },
	{ 0xffffffffff600000,
	  "--xp",
	  "[vsyscall]",
	  MAPPING_SPECIAL,
	  DOUBT_KERNEL_MEMORY,
	  0,
	  0,
	  { { 1, PAGE_UNKNOWN, 0 } },
	  { { 0 } } },
};
#define AREAS (sizeof(areas) / sizeof(*areas))

static void fill(struct snapshot_mapping *m, const struct area *area)
{
	struct pages_builder *builder = pages_builder_new();
	struct pages_facts facts = { .marks_known = area->marks_known,
				     .slots_known = true,
				     .doubt = area->doubt,
				     .swap_unplaced = area->unplaced };
	struct mapping like = { .start = area->start,
				.end = area->start,
				.kind = area->kind,
				.inode = area->start >> 28 & 0xfff,
				.offset = area->kind == MAPPING_SHMEM ? 8192 : 0 };

	memcpy(like.perms, area->perms, sizeof(like.perms));
	pages_builder_start(builder, area->start, NULL);
	for (const struct part *p = area->parts; p->count; p++) {
		pages_builder_add(builder, p->count, p->state, p->marks);
		like.end += p->count << PMTOP_PAGE_SHIFT;
	}
	for (const struct slot_run *s = area->slots; s->count; s++)
		pages_builder_slot(builder, s);
	assert_int_equal(pages_builder_finish(builder, &facts, &m->pages), 0);
	pages_builder_free(builder);
	m->mapping = mapping_new(&like, area->name, strlen(area->name));
	assert_non_null(m->mapping);
}

static struct snapshot *make_snapshot(void)
{
	struct snapshot *snapshot = snapshot_new(AREAS);

	snapshot->pid = 4242;
	strcpy(snapshot->comm, "pagemap\x1btest");
	snapshot->taken_ns = 1637503351123456789;
	snapshot->known.written = true;
	snapshot->known.private_slots = true;
	snapshot->known.shared_slots = true;
	snapshot->known.swap_exact = true;
	for (size_t i = 0; i < AREAS; i++)
		fill(&snapshot->mappings[i], &areas[i]);
	snapshot_seal(snapshot);
	return snapshot;
}

typedef int report_function(FILE *, const struct snapshot *, const struct report_options *);

static char *write_report(report_function *report, const struct snapshot *snapshot,
			  const struct report_options *options)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	assert_int_equal(report(out, snapshot, options), 0);
	fclose(out);
	assert_int_equal(strlen(text), length);
	return text;
}

static void check_golden(const char *name, const char *text)
{
	const char *mode = getenv("PMTOP_GOLDEN");
	char path[256];
	char stored[32768];
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "%s/report/%s", FIXTURES, name);
	if (mode && !strcmp(mode, "update")) {
		file = fopen(path, "we");
		assert_non_null(file);
		fputs(text, file);
		fclose(file);
	}
	file = fopen(path, "re");
	assert_non_null(file);
	length = fread(stored, 1, sizeof(stored) - 1, file);
	stored[length] = '\0';
	fclose(file);
	assert_string_equal(text, stored);
}

/* smaps agrees on all, but for one page of the heap, the guard exception, and one that is gone. */
static void make_verdicts(const struct snapshot *snapshot, struct verify_result *verdicts)
{
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct snapshot_mapping *m = &snapshot->mappings[i];
		struct verify_sums sums = { { 0 } };

		verify_mapping(m->mapping, m->pages, &sums, &sums, &verdicts[i].verdict);
		sums = verdicts[i].verdict.own;
		if (i == 1)
			sums.pages[VERIFY_SWAP]++;
		verify_mapping(m->mapping, m->pages, &sums, &sums, &verdicts[i].verdict);
		verdicts[i].found = i != 2;
	}
	verdicts[3].verdict.cause[VERIFY_SWAP] = VERIFY_GUARD;
}

static void test_goldens(void **state)
{
	static const struct {
		report_function *report;
		bool pages, verify;
		const char *golden;
	} rows[] = {
		{ report_text, false, false, "plain.txt" },
		{ report_text, true, true, "full.txt" },
		{ report_csv, false, false, "plain.csv" },
		{ report_csv, false, true, "verify.csv" },
		{ report_csv, true, false, "pages.csv" },
		{ report_json, false, false, "plain.json" },
		{ report_json, true, true, "full.json" },
	};
	struct snapshot *snapshot = make_snapshot();
	struct verify_result verdicts[AREAS];

	make_verdicts(snapshot, verdicts);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct report_options options = { .pages = rows[i].pages,
						  .verdicts = rows[i].verify ? verdicts : NULL };
		char *text = write_report(rows[i].report, snapshot, &options);

		check_golden(rows[i].golden, text);
		free(text);
	}
	snapshot_unref(snapshot);
}

/* Nothing but printable characters and the line ends of our own. */
static void test_no_escapes(void **state)
{
	static report_function *const reports[] = { report_text, report_csv, report_json };
	struct snapshot *snapshot = make_snapshot();

	for (size_t i = 0; i < 3; i++) {
		struct report_options options = { .pages = true };
		char *text = write_report(reports[i], snapshot, &options);
		size_t length = strlen(text);

		for (size_t at = 0; at < length;) {
			uint32_t character;
			int size = utf8_decode(text + at, length - at, &character);

			assert_true(size > 0);
			assert_true(character == '\n' || escape_is_safe(character));
			at += (size_t)size;
		}
		free(text);
	}
	snapshot_unref(snapshot);
}

static json_int_t number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

/* The runs of a mapping cover it without a gap, in the states that it counts. */
static void check_runs(const json_t *mapping)
{
	const json_t *runs = json_object_get(mapping, "runs");
	uint64_t at = strtoull(json_string_value(json_object_get(mapping, "start")), NULL, 16);
	json_int_t counted[PAGE_STATES] = { 0 };
	size_t index;
	json_t *run;

	json_array_foreach (runs, index, run) {
		const char *name = json_string_value(json_object_get(run, "state"));
		const char *start = json_string_value(json_object_get(run, "start"));

		assert_int_equal(strtoull(start, NULL, 16), at);
		at += (uint64_t)number(run, "pages") << PMTOP_PAGE_SHIFT;
		counted[page_state_parse(name)] += number(run, "pages");
	}
	assert_int_equal(strtoull(json_string_value(json_object_get(mapping, "end")), NULL, 16),
			 at);
	for (int s = 0; s < PAGE_STATES; s++)
		assert_int_equal(number(json_object_get(mapping, "states"), page_states[s].key),
				 counted[s]);
}

static void test_json_holds(void **state)
{
	struct snapshot *snapshot = make_snapshot();
	struct report_options options = { .pages = true };
	char *text = write_report(report_json, snapshot, &options);
	json_error_t error;
	json_t *root = json_loads(text, 0, &error);
	json_t *mapping;
	size_t index;

	assert_non_null(root);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
	assert_string_equal(json_string_value(json_object_get(root, "comm")), "pagemap\x1btest");
	json_array_foreach (json_object_get(root, "mappings"), index, mapping)
		check_runs(mapping);
	assert_int_equal(index, AREAS);
	mapping = json_array_get(json_object_get(root, "mappings"), 4);
	assert_string_equal(json_string_value(json_object_get(mapping, "name")),
			    "/tmp/a\"b,\n\x1b[2J\xc2\x9b\xef\xbf\xbd\xc3\xbc");
	assert_string_equal(json_string_value(json_object_get(mapping, "name_bytes")),
			    "2f746d702f6122622c0a1b5b324ac29bffc3bc");
	assert_true(json_is_null(json_object_get(mapping, "written")));
	json_decref(root);
	free(text);
	snapshot_unref(snapshot);
}

/* A mapping that has not been read has no counts, which is not the same as zero. */
static void test_not_read(void **state)
{
	struct snapshot *snapshot = make_snapshot();
	struct report_options options = { .pages = true };
	json_t *root, *mapping;
	char *text;

	pages_unref(snapshot->mappings[1].pages);
	snapshot->mappings[1].pages = NULL;
	snapshot_seal(snapshot);
	text = write_report(report_json, snapshot, &options);
	root = json_loads(text, 0, NULL);
	mapping = json_array_get(json_object_get(root, "mappings"), 1);
	assert_true(json_is_null(json_object_get(mapping, "states")));
	assert_null(json_object_get(mapping, "runs"));
	json_decref(root);
	free(text);
	free(write_report(report_text, snapshot, &options));
	free(write_report(report_csv, snapshot, &options));
	snapshot_unref(snapshot);
}

static void test_full_disk(void **state)
{
	static report_function *const reports[] = { report_text, report_csv, report_json };
	struct snapshot *snapshot = make_snapshot();
	struct report_options options = { .pages = true };

	for (size_t i = 0; i < 3; i++) {
		FILE *full = fopen("/dev/full", "we");

		setvbuf(full, NULL, _IONBF, 0);
		assert_int_equal(reports[i](full, snapshot, &options), -EIO);
		fclose(full);
	}
	snapshot_unref(snapshot);
}

/* The columns of states say what the one table of states says. */
static void test_state_keys(void **state)
{
	unsigned int seen = 0;

	for (size_t i = 0; i < mapping_column_count; i++) {
		const struct report_column *column = &mapping_columns[i];

		if (!(column->use & USE_JSON_STATES))
			continue;
		assert_string_equal(column->key, page_states[column->which].key);
		assert_int_equal(column->which, seen);
		seen++;
	}
	assert_int_equal(seen, PAGE_STATES);
}

static void test_times(void **state)
{
	char buf[TIME_MAX];

	assert_string_equal(report_time(0, buf), "1970-01-01T00:00:00.000000000Z");
	assert_string_equal(report_time(-1, buf), "1969-12-31T23:59:59.999999999Z");
	assert_string_equal(report_time(1637503351000000001, buf),
			    "2021-11-21T14:02:31.000000001Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goldens),	   cmocka_unit_test(test_no_escapes),
		cmocka_unit_test(test_json_holds), cmocka_unit_test(test_not_read),
		cmocka_unit_test(test_full_disk),  cmocka_unit_test(test_state_keys),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
