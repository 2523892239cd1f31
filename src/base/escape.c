// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/escape.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int utf8_decode(const char *text, size_t length, uint32_t *ret_character)
{
	/* What a sequence of this many bytes must reach at least, else it is overlong. */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *bytes = (const unsigned char *)text;
	uint32_t character;
	int size;

	if (bytes[0] < 0x80) {
		*ret_character = bytes[0];
		return 1;
	}
	size = (bytes[0] & 0xe0) == 0xc0   ? 2
	       : (bytes[0] & 0xf0) == 0xe0 ? 3
	       : (bytes[0] & 0xf8) == 0xf0 ? 4
					   : 0;
	if (!size || (size_t)size > length)
		return -EILSEQ;
	character = bytes[0] & (0x7f >> size);
	for (int i = 1; i < size; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return -EILSEQ;
		character = character << 6 | (bytes[i] & 0x3f);
	}
	if (character < least[size] || character > 0x10ffff ||
	    (character >= 0xd800 && character < 0xe000))
		return -EILSEQ;
	*ret_character = character;
	return size;
}

int utf8_encode(uint32_t character, char buf[static 4])
{
	if (character < 0x80) {
		buf[0] = (char)character;
		return 1;
	}
	if (character < 0x800) {
		buf[0] = (char)(0xc0 | character >> 6);
		buf[1] = (char)(0x80 | (character & 0x3f));
		return 2;
	}
	if (character < 0x10000) {
		buf[0] = (char)(0xe0 | character >> 12);
		buf[1] = (char)(0x80 | (character >> 6 & 0x3f));
		buf[2] = (char)(0x80 | (character & 0x3f));
		return 3;
	}
	buf[0] = (char)(0xf0 | character >> 18);
	buf[1] = (char)(0x80 | (character >> 12 & 0x3f));
	buf[2] = (char)(0x80 | (character >> 6 & 0x3f));
	buf[3] = (char)(0x80 | (character & 0x3f));
	return 4;
}

bool escape_is_safe(uint32_t character)
{
	static const struct {
		uint32_t first, last;
	} unsafe[] = {
		{ 0x00, 0x1f },	       { 0x7f, 0x9f },	   { 0xad, 0xad },     { 0x61c, 0x61c },
		{ 0x180e, 0x180e },    { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfeff, 0xfeff },    { 0xfff0, 0xfffb }, { 0xfffe, 0xffff }, { 0xe0000, 0xe0fff },
		{ 0xf0000, 0x10ffff }, /* private use: what it shows is anybody's guess */
	};

	for (size_t i = 0; i < sizeof(unsafe) / sizeof(*unsafe); i++)
		if (character >= unsafe[i].first && character <= unsafe[i].last)
			return false;
	return true;
}

size_t escape_next(const char *text, size_t length, char buf[static ESCAPE_MAX])
{
	uint32_t character;
	int size = utf8_decode(text, length, &character);

	if (size < 0) {
		snprintf(buf, ESCAPE_MAX, "\\x%02x", (unsigned char)text[0]);
		return 1;
	}
	if (escape_is_safe(character)) {
		memcpy(buf, text, (size_t)size);
		buf[size] = '\0';
	} else {
		snprintf(buf, ESCAPE_MAX, size == 1 ? "\\x%02x" : "\\u%04x", character);
	}
	return (size_t)size;
}

size_t escape_text(const char *text, size_t length, char *buf, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < length;) {
		char one[ESCAPE_MAX];
		size_t taken = escape_next(text + i, length - i, one);
		size_t width = strlen(one);

		if (used + width + 1 > size)
			break;
		memcpy(buf + used, one, width);
		used += width;
		i += taken;
	}
	buf[used] = '\0';
	return used;
}
