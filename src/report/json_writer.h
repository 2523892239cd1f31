/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_JSON_WRITER_H
#define PMTOP_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * JSON as a stream: what is written is not kept, so a report of any size needs no memory. ASCII
 * alone: no character of a name can act on a terminal that shows it. Inside an object each value
 * has a key; inside an array the key is NULL. Errors are those of the stream (ferror()).
 */

#define JSON_DEPTH_MAX 16

struct json_writer {
	FILE *out;
	unsigned int depth;
	bool filled[JSON_DEPTH_MAX]; /* something stands in the value that is open at this depth */
	char close[JSON_DEPTH_MAX];
};

#define JSON_WRITER(stream)                                                                        \
	(struct json_writer)                                                                       \
	{                                                                                          \
		.out = (stream)                                                                    \
	}

void json_begin_object(struct json_writer *json, const char *key);
void json_begin_array(struct json_writer *json, const char *key);
void json_end(struct json_writer *json); /* of the innermost object or array */

void json_put_null(struct json_writer *json, const char *key);
void json_put_bool(struct json_writer *json, const char *key, bool value);
void json_put_number(struct json_writer *json, const char *key, uint64_t value);
void json_put_signed(struct json_writer *json, const char *key, int64_t value);
void json_put_number_or_null(struct json_writer *json, const char *key, bool known, uint64_t value);

/* An address: a string of hexadecimal digits, since numbers of JSON lose bits in many readers. */
void json_put_address(struct json_writer *json, const char *key, uint64_t address);

/* A string of pmtop's own. */
void json_put_text(struct json_writer *json, const char *key, const char *text);

/*
 * A string from outside. What is not UTF-8 becomes U+FFFD, and a second key, KEY_bytes, then has
 * all bytes as hexadecimal digits.
 */
void json_put_name(struct json_writer *json, const char *key, const char *text, size_t length);

#endif
