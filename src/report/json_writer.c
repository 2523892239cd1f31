// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/json_writer.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/escape.h"

#define REPLACEMENT_CHARACTER 0xfffd

/* What stands before a value: a comma where another one stands, and the key. */
static void json_writer_begin_value(struct json_writer *json, const char *key)
{
	if (json->depth && json->filled[json->depth - 1])
		fputs(", ", json->out);
	if (json->depth)
		json->filled[json->depth - 1] = true;
	if (key)
		fprintf(json->out, "\"%s\": ", key);
}

static void json_writer_open(struct json_writer *json, const char *key, char open, char close)
{
	assert(json->depth < JSON_DEPTH_MAX);
	json_writer_begin_value(json, key);
	fputc(open, json->out);
	json->filled[json->depth] = false;
	json->close[json->depth++] = close;
}

void json_begin_object(struct json_writer *json, const char *key)
{
	json_writer_open(json, key, '{', '}');
}

void json_begin_array(struct json_writer *json, const char *key)
{
	json_writer_open(json, key, '[', ']');
}

void json_end(struct json_writer *json)
{
	fputc(json->close[--json->depth], json->out);
}

void json_put_null(struct json_writer *json, const char *key)
{
	json_writer_begin_value(json, key);
	fputs("null", json->out);
}

void json_put_bool(struct json_writer *json, const char *key, bool value)
{
	json_writer_begin_value(json, key);
	fputs(value ? "true" : "false", json->out);
}

void json_put_number(struct json_writer *json, const char *key, uint64_t value)
{
	json_writer_begin_value(json, key);
	fprintf(json->out, "%" PRIu64, value);
}

void json_put_signed(struct json_writer *json, const char *key, int64_t value)
{
	json_writer_begin_value(json, key);
	fprintf(json->out, "%" PRId64, value);
}

void json_put_number_or_null(struct json_writer *json, const char *key, bool known, uint64_t value)
{
	if (known)
		json_put_number(json, key, value);
	else
		json_put_null(json, key);
}

void json_put_address(struct json_writer *json, const char *key, uint64_t address)
{
	json_writer_begin_value(json, key);
	fprintf(json->out, "\"%" PRIx64 "\"", address);
}

static void json_writer_put_character(FILE *out, uint32_t character)
{
	static const char names[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	const char *name = character && character < 0x80 ? strchr(names, (int)character) : NULL;

	if (name && (name - names) % 2 == 0)
		fprintf(out, "\\%c", name[1]);
	else if (character >= 0x20 && character < 0x7f)
		fputc((int)character, out);
	else if (character < 0x10000)
		fprintf(out, "\\u%04X", character);
	else
		fprintf(out, "\\u%04X\\u%04X", 0xd800 + ((character - 0x10000) >> 10),
			0xdc00 + ((character - 0x10000) & 0x3ff));
}

/* False: some bytes were no UTF-8. */
static bool json_writer_put_string(FILE *out, const char *text, size_t length)
{
	bool valid = true;

	fputc('"', out);
	for (size_t i = 0; i < length;) {
		uint32_t character;
		int size = utf8_decode(text + i, length - i, &character);

		if (size < 0) {
			character = REPLACEMENT_CHARACTER;
			size = 1;
			valid = false;
		}
		json_writer_put_character(out, character);
		i += (size_t)size;
	}
	fputc('"', out);
	return valid;
}

void json_put_text(struct json_writer *json, const char *key, const char *text)
{
	json_writer_begin_value(json, key);
	json_writer_put_string(json->out, text, strlen(text));
}

void json_put_name(struct json_writer *json, const char *key, const char *text, size_t length)
{
	json_writer_begin_value(json, key);
	if (json_writer_put_string(json->out, text, length))
		return;
	fprintf(json->out, ", \"%s_bytes\": \"", key);
	for (size_t i = 0; i < length; i++)
		fprintf(json->out, "%02x", (unsigned char)text[i]);
	fputc('"', json->out);
}
