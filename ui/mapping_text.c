// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/mapping_text.h"

#include <stdlib.h>
#include <string.h>

const char *mapping_title(const struct mapping *mapping)
{
	if (mapping->name_length)
		return mapping->name;
	return mapping->kind == MAPPING_ANON ? "anonymous" : mapping_kind_names[mapping->kind];
}

/* The part behind the last slash. */
static const char *mapping_text_base_name(const char *title)
{
	const char *slash = title[0] == '/' ? strrchr(title, '/') : NULL;

	return slash && slash[1] ? slash + 1 : title;
}

/* Without a canvas bytes stand for columns, which is right for most names. */
static int mapping_text_width_of(const struct canvas *canvas, const char *text)
{
	return canvas ? canvas_text_width(canvas, text) : (int)strlen(text);
}

const char *mapping_short_title(const struct mapping *mapping, const struct canvas *canvas,
				int width, char *buf, size_t size)
{
	static const char deleted[] = " (deleted)";
	const char *title = mapping_title(mapping);
	size_t length = strlen(title), tail = sizeof(deleted) - 1;

	if (mapping_text_width_of(canvas, title) <= width)
		return title;
	if (length > tail && length - tail < size && !strcmp(title + length - tail, deleted)) {
		memcpy(buf, title, length - tail);
		buf[length - tail] = '\0';
		title = buf;
	}
	return mapping_text_width_of(canvas, title) <= width ? title
							     : mapping_text_base_name(title);
}

const char *pages_text(uint64_t pages, char buf[static UNITS_SIZE_MAX])
{
	if (!pages)
		return "-";
	return units_format_size(pages * PMTOP_PAGE_SIZE, buf);
}

static bool mapping_text_address_matches(const struct mapping *m, const char *text)
{
	char *end;
	uint64_t address;

	if (!strncmp(text, "0x", 2))
		text += 2;
	if (strlen(text) < 4 || strspn(text, "0123456789abcdefABCDEF") != strlen(text))
		return false;
	address = strtoull(text, &end, 16);
	return !*end && address >= m->start && address < m->end;
}

static bool mapping_text_perms_match(const struct mapping *m, const char *text)
{
	return strlen(text) <= 4 && strchr(text, '-') && strspn(text, "rwxsp-") == strlen(text) &&
	       strstr(m->perms, text);
}

bool mapping_matches(const struct snapshot_mapping *m, const char *text)
{
	int state;

	if (!*text || strcasestr(m->mapping->name, text) ||
	    mapping_text_address_matches(m->mapping, text) ||
	    mapping_text_perms_match(m->mapping, text) || !strcmp(m->mapping->perms, text) ||
	    !strcasecmp(mapping_kind_names[m->mapping->kind], text))
		return true;
	if (!m->mapping->name_length && strcasestr(mapping_title(m->mapping), text))
		return true;
	state = page_state_parse(text);
	return state >= 0 && m->pages && pages_counts(m->pages)->state[state];
}
