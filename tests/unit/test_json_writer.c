// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/json_writer.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* What a name becomes: ASCII only, and read back by another's parser. */
static json_t *round_trip(const char *name, size_t length, char **ret_text)
{
	size_t size;
	FILE *out = open_memstream(ret_text, &size);
	struct json_writer json = JSON_WRITER(out);
	json_t *root;

	json_begin_object(&json, NULL);
	json_put_name(&json, "name", name, length);
	json_end(&json);
	fclose(out);
	for (size_t i = 0; i < size; i++)
		assert_in_range((unsigned char)(*ret_text)[i], 0x20, 0x7e);
	root = json_loadb(*ret_text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	assert_non_null(root);
	return root;
}

static void test_names_come_back(void **state)
{
	static const struct {
		const char *name;
		size_t length;
	} names[] = {
		{ "", 0 },
		{ "plain", 5 },
		{ "a\"b\\c/d", 7 },
		{ "\x01\x1b[2J\x7f\b\f\n\r\t", 11 },
		{ "nul\0in it", 9 },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7", 9 },
		{ "\xe2\x80\xae\xc2\x9b", 5 },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *text;
		json_t *root = round_trip(names[i].name, names[i].length, &text);
		json_t *name = json_object_get(root, "name");

		assert_int_equal(json_string_length(name), names[i].length);
		assert_memory_equal(json_string_value(name), names[i].name, names[i].length);
		assert_null(json_object_get(root, "name_bytes"));
		json_decref(root);
		free(text);
	}
}

static void test_bytes_that_are_no_text(void **state)
{
	char *text;
	json_t *root = round_trip("x\xff\xc3y\xed\xa0\x80", 7, &text);

	assert_string_equal(json_string_value(json_object_get(root, "name")),
			    "x\xef\xbf\xbd\xef\xbf\xbdy\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(json_string_value(json_object_get(root, "name_bytes")),
			    "78ffc379eda080");
	json_decref(root);
	free(text);
}

static void test_nesting_and_commas(void **state)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct json_writer json = JSON_WRITER(out);

	json_begin_object(&json, NULL);
	json_begin_array(&json, "empty");
	json_end(&json);
	json_begin_array(&json, "list");
	json_put_number(&json, NULL, UINT64_MAX);
	json_put_signed(&json, NULL, -1);
	json_begin_object(&json, NULL);
	json_put_bool(&json, "yes", true);
	json_end(&json);
	json_put_null(&json, NULL);
	json_end(&json);
	json_put_address(&json, "at", 0x7f00);
	json_put_number_or_null(&json, "n", false, 7);
	json_end(&json);
	fclose(out);
	assert_string_equal(text, "{\"empty\": [], \"list\": [18446744073709551615, -1, "
				  "{\"yes\": true}, null], \"at\": \"7f00\", \"n\": null}");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_come_back),
		cmocka_unit_test(test_bytes_that_are_no_text),
		cmocka_unit_test(test_nesting_and_commas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
