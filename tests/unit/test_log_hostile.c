// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "log/codec.h"
#include "log/writer.h"
#include "tests/fuzz/walk_log.h"
#include "tests/unit/log_folder.h"
#include "tests/unit/log_world.h"
#include "log_append.h"

/* Logs that lie, in every way that we could think of. */

#define SAMPLES 12

struct bytes {
	uint8_t *data;
	size_t size;
};

static struct bytes slurp(void)
{
	FILE *file = fopen(path, "rb");
	struct bytes b = { 0 };

	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	b.size = (size_t)ftell(file);
	rewind(file);
	b.data = malloc(b.size + 1);
	assert_int_equal(fread(b.data, 1, b.size, file), b.size);
	fclose(file);
	return b;
}

static struct snapshot *all[SAMPLES];

/* A good log to start from; changed by SQL if there is some. */
static struct bytes make(const char *sql)
{
	const struct log_fact facts[] = { { "kernel", "6.18" }, { "needs", "9.8.7" } };
	const struct log_writer_options options = {
		.path = path, .replace = true, .facts = facts, .fact_count = 2
	};
	struct world *w = world_new(7);
	struct log_writer *writer;
	struct bytes b;
	sqlite3 *db;

	assert_int_equal(log_writer_open(&options, &writer, NULL), 0);
	for (int i = 0; i < SAMPLES; i++) {
		struct page_detail *raw;
		struct snapshot *s;

		world_turn(w);
		s = world_snapshot(w);
		/* A log can lose raw facts and still be whole. */
		raw = sql && strstr(sql, "raw") ? world_detail(s) : NULL;
		assert_int_equal(append_snapshot(writer, s, raw, NULL, NULL), 0);
		page_detail_unref(raw);
		if (all[i])
			snapshot_unref(all[i]);
		all[i] = s;
	}
	log_writer_event(writer, EVENT_BOOKMARK, 5, "x\x1b[2J", NULL);
	assert_int_equal(log_writer_close(writer, NULL), 0);
	world_free(w);
	if (sql) {
		char *message = NULL;

		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		if (sqlite3_exec(db, sql, NULL, NULL, &message))
			fail_msg("%s: %s", sql, message);
		sqlite3_close(db);
	}
	b = slurp();
	unlink(path);
	return b;
}

static int walk_sql(const char *sql, struct error *error)
{
	struct bytes b = make(sql);
	int code = walk_log(b.data, b.size, error);

	free(b.data);
	return code;
}

static void test_good(void **state)
{
	assert_int_equal(walk_sql(NULL, NULL), SAMPLES);
}

static void test_truncated(void **state)
{
	struct bytes b = make(NULL);
	struct error error;

	for (size_t size = 0; size < b.size; size += size < 200 ? 7 : 1777) {
		int code = walk_log(b.data, size, &error);

		/* Cut anywhere, it never loads all. */
		assert_true(code < SAMPLES);
		if (code < 0)
			assert_true(strlen(error.text) > 5);
	}
	free(b.data);
}

/* A flipped bit is noticed, or changes nothing that is a sample's. */
static void test_flipped_bits(void **state)
{
	const struct report_options options = { .pages = true };
	struct bytes b = make(NULL);
	uint64_t random = 77;
	int refused = 0, survived = 0;

	for (int n = 0; n < 1500; n++) {
		size_t at = build_below(&random, b.size);
		uint8_t bit = (uint8_t)(1 << build_below(&random, 8));
		struct log_reader *reader;

		b.data[at] ^= bit;
		if (log_reader_open_bytes(b.data, b.size, &reader, NULL) == 0) {
			uint64_t sample = build_below(&random, SAMPLES);
			struct snapshot *s = NULL;

			if (sample < log_reader_info(reader)->samples &&
			    log_reader_load(reader, sample, &s, NULL) == 0) {
				char *x, *y;
				size_t size;
				FILE *out = open_memstream(&x, &size);

				report_json(out, s, &options);
				fclose(out);
				out = open_memstream(&y, &size);
				report_json(out, all[sample], &options);
				fclose(out);
				if (strcmp(x, y) != 0)
					fail_msg("byte %zu bit %x: a lie was believed", at, bit);
				free(x);
				free(y);
				snapshot_unref(s);
				survived++;
			} else {
				refused++;
			}
			log_reader_free(reader);
		} else {
			refused++;
		}
		b.data[at] ^= bit;
	}
	/* Most of a log is slack and old rows, but the check must have had something to do. */
	assert_true(refused > 50);
	assert_true(survived > 50);
	free(b.data);
}

struct lie {
	const char *sql;
	int code; /* of opening; 0: it opens, but nothing or not all can be loaded */
	int at_most; /* samples that may be loaded */
};

static void test_lies(void **state)
{
	static const struct lie lies[] = {
		{ "PRAGMA user_version=2", -EPROTONOSUPPORT, 0 },
		{ "PRAGMA user_version=2147483647", -EPROTONOSUPPORT, 0 },
		{ "PRAGMA user_version=0", -EPROTONOSUPPORT, 0 },
		{ "PRAGMA user_version=-4", -EPROTONOSUPPORT, 0 },
		{ "PRAGMA application_id=7", -EMEDIUMTYPE, 0 },
		{ "DROP TABLE block", -EBADMSG, 0 },
		{ "DROP INDEX block_by_place", -EBADMSG, 0 },
		{ "ALTER TABLE sample ADD COLUMN more INTEGER", -EBADMSG, 0 },
		{ "DROP TABLE total; CREATE VIEW total AS SELECT * FROM sample", -EBADMSG, 0 },
		{ "DELETE FROM sample", -ENODATA, 0 },
		{ "DELETE FROM environment", -EBADMSG, 0 },
		{ "UPDATE environment SET value='-1' WHERE key='pid'", -EBADMSG, 0 },
		{ "UPDATE environment SET value=zeroblob(3000000) WHERE key='kernel'", 0, SAMPLES },
		{ "UPDATE sample SET sample=9223372036854775807 WHERE sample=11", -EBADMSG, 0 },
		{ "UPDATE sample SET sample=9223372036854775806 WHERE sample=11", -EBADMSG, 0 },
		{ "DELETE FROM sample WHERE sample=5", 0, SAMPLES - 1 },
		{ "UPDATE sample SET clock_ns=9223372036854775807", -EBADMSG, 0 },
		{ "UPDATE sample SET sequence='x'", -EBADMSG, 0 },
		{ "UPDATE sample SET comm=zeroblob(15)", -EBADMSG, 0 },
		{ "UPDATE sample SET comm=comm||char(0)||'x'", -EBADMSG, 0 },
		{ "UPDATE sample SET last_block=1<<62 WHERE sample=5", 0, SAMPLES - 1 },
		{ "UPDATE sample SET taken_ns=-1 WHERE sample=5", 0, SAMPLES - 1 },
		{ "DELETE FROM total", 0, 0 },
		{ "UPDATE total SET none=none+1", 0, 0 },
		{ "UPDATE total SET none='many'", 0, 0 },
		{ "UPDATE total SET none=NULL", 0, 0 },
		{ "UPDATE mapping SET last_sample=first_sample", 0, SAMPLES - 1 },
		{ "UPDATE mapping SET fill=15", 0, 0 },
		{ "UPDATE mapping SET fill=-1", 0, 0 },
		{ "DELETE FROM mapping", 0, 0 },
		{ "UPDATE mapping SET start=0, end=4096", 0, 0 },
		{ "UPDATE mapping SET end=start", 0, 0 },
		{ "UPDATE mapping SET end=-4096", 0, 0 },
		{ "UPDATE mapping SET name=zeroblob(9000)", 0, 0 },
		{ "UPDATE mapping SET kind='anon; DROP TABLE'", 0, 0 },
		{ "DELETE FROM block", 0, 2 },
		{ "UPDATE block SET data=zeroblob(100000)", 0, 2 },
		{ "UPDATE block SET data='text'", 0, 2 },
		{ "UPDATE block SET data=x'01'", 0, 2 },
		{ "UPDATE block SET data=x'0100000000'", 0, 2 },
		{ "UPDATE block SET base=id", 0, 2 },
		{ "UPDATE block SET base=1 WHERE id>1", 0, SAMPLES },
		{ "UPDATE block SET block=block-1", 0, 2 },
		{ "UPDATE raw SET data=zeroblob(100000)", 0, SAMPLES },
		{ "UPDATE raw SET data='text'", 0, SAMPLES },
		{ "UPDATE raw SET data=(SELECT data FROM block WHERE data IS NOT NULL)", 0,
		  SAMPLES },
		{ "UPDATE block SET data=(SELECT data FROM raw)", 0, 2 },
		{ "UPDATE raw SET sample=-sample, block=block*2", 0, SAMPLES },
		{ "DROP TABLE raw_left_out", -EBADMSG, 0 },
		{ "UPDATE event SET sample=-1", 0, SAMPLES },
		{ "UPDATE event SET sample=12", 0, SAMPLES },
		{ "UPDATE event SET sample=12*2147483648/177+1", 0, SAMPLES },
		{ "UPDATE event SET sample=9223372036854775807, text='x'", 0, SAMPLES },
		{ "UPDATE event SET sample='far'", 0, SAMPLES },
		{ "UPDATE event SET taken_ns=1e300", 0, SAMPLES },
		{ "UPDATE event SET taken_ns=-9223372036854775807", 0, SAMPLES },
		{ "UPDATE event SET text=zeroblob(1000000), kind=x'00'", 0, SAMPLES },
		{ "CREATE TRIGGER t AFTER INSERT ON sample BEGIN DELETE FROM sample; END", 0,
		  SAMPLES },
		{ "CREATE VIEW v AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r) "
		  "SELECT * FROM r",
		  0, SAMPLES },
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		struct error error = { 0 };
		int code = walk_sql(lies[i].sql, &error);

		if (lies[i].code ? code != lies[i].code : code < 0 || code > lies[i].at_most)
			fail_msg("%s: %d %s", lies[i].sql, code, error.text);
	}
}

static void test_newer_schema_names_version(void **state)
{
	struct error error = { 0 };

	assert_int_equal(walk_sql("PRAGMA user_version=5", &error), -EPROTONOSUPPORT);
	assert_non_null(strstr(error.text, "schema 5"));
	assert_non_null(strstr(error.text, "pmtop 9.8.7 is needed"));
}

static void test_other_files(void **state)
{
	static const uint8_t junk[] = "PK\3\4 this is an archive, not a log, and it is long enough "
				      "to look like one, if one does not look closely at all.";
	struct error error = { 0 };
	struct log_reader *reader;
	sqlite3 *db;
	FILE *file;

	assert_int_equal(log_reader_open(path, &reader, &error), -ENOENT);
	assert_int_equal(log_reader_open("/tmp", &reader, &error), -EMEDIUMTYPE);
	assert_int_equal(log_reader_open("/dev/zero", &reader, &error), -EMEDIUMTYPE);
	file = fopen(path, "wb");
	fwrite(junk, 1, sizeof(junk), file);
	fclose(file);
	assert_int_equal(log_reader_open(path, &reader, &error), -EMEDIUMTYPE);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(log_reader_open(path, &reader, &error), -EMEDIUMTYPE);
	unlink(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_exec(db, "CREATE TABLE cookies(name, value)", NULL, NULL, NULL);
	sqlite3_close(db);
	assert_int_equal(log_reader_open(path, &reader, &error), -EMEDIUMTYPE);
	assert_non_null(strstr(error.text, "not a log"));
	unlink(path);
	file = fopen(path, "wb");
	fclose(file);
	assert_int_equal(log_reader_open(path, &reader, &error), -ENODATA);
}

/* Data that unpack to far more get the room of one block, and no more. */
static void test_bomb(void **state)
{
	static uint8_t zeroes[64 << 20], data[LOG_DATA_MAX];
	struct log_codec *codec = log_codec_new();
	int length = log_pack(codec, zeroes, sizeof(zeroes), data);
	struct log_block block;
	struct rusage before, after;

	assert_true(length > 0);
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(log_block_decode(codec, data, (size_t)length, NULL, &block), -EBADMSG);
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < 4096);
	log_codec_free(codec);
}

static int decode(struct log_codec *codec, const uint8_t *bytes, size_t size)
{
	static uint8_t data[LOG_DATA_MAX];
	struct log_block block;
	int length = log_pack(codec, bytes, size, data);

	assert_true(length > 0);
	return log_block_decode(codec, data, (size_t)length, NULL, &block);
}

/* What no writer makes of a block of pages. */
static void test_impossible_blocks(void **state)
{
	static const struct {
		uint8_t bytes[8];
		size_t size;
		int code;
	} blocks[] = {
		{ { 1, 0x80, 0, 0 }, 4, 0 }, /* all are mapped, and anon */
		{ { 0, 0, 0, 0 }, 4, 0 }, /* nothing is mapped */
		{ { 1, 0x80, 0 }, 3, -EBADMSG }, /* cut off */
		{ { 1, 0x80, 0, 0, 7 }, 5, -EBADMSG }, /* more than there is to say */
		{ { 1, 0x80, 1, 0 }, 4, -EBADMSG }, /* a plane is missing */
		{ { 1, 0, 0, 0 }, 4, -EBADMSG }, /* anon, but not mapped */
		{ { 15, 0x80, 0, 0 }, 4, -EBADMSG }, /* no such state */
		{ { 0, 0xa0, 0, 0 }, 4, -EBADMSG }, /* no such bit */
		{ { 6, 0xc0, 0, 0, 3, 1 }, 6, -EBADMSG }, /* slots of two pages only */
		{ { 6, 0xc0, 0, 0, 2 }, 5, -EBADMSG }, /* a slot before the first one */
		{ { 6, 0xc0, 0, 0, 0 }, 5, -EBADMSG }, /* there is no base */
	};
	struct log_codec *codec = log_codec_new();

	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++)
		assert_int_equal(decode(codec, blocks[i].bytes, blocks[i].size), blocks[i].code);
	log_codec_free(codec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		log_unit_test(test_good),
		log_unit_test(test_truncated),
		log_unit_test(test_flipped_bits),
		log_unit_test(test_lies),
		log_unit_test(test_newer_schema_names_version),
		log_unit_test(test_other_files),
		log_unit_test(test_bomb),
		log_unit_test(test_impossible_blocks),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	for (int i = 0; i < SAMPLES; i++)
		if (all[i])
			snapshot_unref(all[i]);
	return failed;
}
