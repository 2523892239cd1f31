// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/maps.h"
#include "kernel/smaps.h"
#include "model/mapping.h"

/* The longest line that is needed whole is a header up to its name, or "Name:   12345 kB". */
#define LINE_ROOM 192
#define READ_ROOM ((size_t)128 * 1024)

struct smaps_parser {
	smaps_callback *callback;
	void *context;
	bool in_entry;
	struct smaps_entry entry;
	size_t length;
	char line[LINE_ROOM];
};

struct smaps_parser *smaps_parser_new(smaps_callback *callback, void *context)
{
	struct smaps_parser *parser = calloc(1, sizeof(*parser));

	if (!parser)
		return NULL;
	parser->callback = callback;
	parser->context = context;
	return parser;
}

void smaps_parser_free(struct smaps_parser *parser)
{
	free(parser);
}

/* Hexadecimal digits from p up to `stop`; NULL when there is anything else. */
static const char *smaps_parse_hex(const char *p, const char *end, char stop, uint64_t *ret_value)
{
	const char *first = p;
	uint64_t value = 0;

	for (; p < end && *p != stop; p++) {
		int digit = *p >= '0' && *p <= '9'   ? *p - '0'
			    : *p >= 'a' && *p <= 'f' ? *p - 'a' + 10
						     : -1;

		if (digit < 0)
			return NULL;
		value = value << 4 | (uint64_t)digit;
	}
	if (p == end || p == first || p - first > 16)
		return NULL;
	*ret_value = value;
	return p + 1;
}

static int smaps_parse_header(struct smaps_parser *parser)
{
	const char *end = parser->line + parser->length;
	struct smaps_entry entry = { 0 };
	const char *p = smaps_parse_hex(parser->line, end, '-', &entry.start);

	p = p ? smaps_parse_hex(p, end, ' ', &entry.end) : NULL;
	if (!p || entry.end <= entry.start)
		return -EPROTO;
	parser->entry = entry;
	parser->in_entry = true;
	return 0;
}

/* The number of a line "Name:   123 kB", in kB; false for a line of another form. */
static bool smaps_parse_value(const char *p, const char *end, uint64_t *ret_kib)
{
	uint64_t value = 0;
	bool digits = false;

	while (p < end && *p == ' ')
		p++;
	for (; p < end && *p >= '0' && *p <= '9'; p++, digits = true)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return false;
	if (!digits || end - p != 3 || memcmp(p, " kB", 3) != 0)
		return false;
	*ret_kib = value;
	return true;
}

static int smaps_parse_field(struct smaps_parser *parser, const char *colon)
{
	const struct {
		const char *name;
		uint64_t *pages;
	} fields[] = {
		{ "Rss", &parser->entry.sums.pages[VERIFY_RSS] },
		{ "Anonymous", &parser->entry.sums.pages[VERIFY_ANONYMOUS] },
		{ "Swap", &parser->entry.sums.pages[VERIFY_SWAP] },
		{ "LazyFree", &parser->entry.lazyfree },
	};
	size_t length = (size_t)(colon - parser->line);
	uint64_t kib;

	if (!parser->in_entry)
		return -EPROTO;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		if (strlen(fields[i].name) != length ||
		    memcmp(parser->line, fields[i].name, length) != 0)
			continue;
		if (!smaps_parse_value(colon + 1, parser->line + parser->length, &kib))
			return -EPROTO;
		*fields[i].pages = kib / (PMTOP_PAGE_SIZE / 1024);
		return 0;
	}
	return 0;
}

static int smaps_finish_entry(struct smaps_parser *parser)
{
	if (!parser->in_entry)
		return 0;
	parser->in_entry = false;
	return parser->callback(parser->context, &parser->entry);
}

static int smaps_parse_line(struct smaps_parser *parser)
{
	const char *space = memchr(parser->line, ' ', parser->length);
	const char *colon = memchr(parser->line, ':', parser->length);
	int error;

	if (!parser->length)
		return -EPROTO;
	/* A header has its first blank before any colon ("08:01"); a field has its colon first. */
	if (colon && (!space || colon < space))
		return smaps_parse_field(parser, colon);
	error = smaps_finish_entry(parser);
	return error < 0 ? error : smaps_parse_header(parser);
}

int smaps_parser_feed(struct smaps_parser *parser, const char *text, size_t length)
{
	while (length) {
		const char *newline = memchr(text, '\n', length);
		size_t piece = newline ? (size_t)(newline - text) : length;
		size_t keep = LINE_ROOM - parser->length;
		int error;

		if (keep > piece)
			keep = piece;
		memcpy(parser->line + parser->length, text, keep);
		parser->length += keep;
		if (!newline)
			return 0;
		error = smaps_parse_line(parser);
		if (error < 0)
			return error;
		parser->length = 0;
		text += piece + 1;
		length -= piece + 1;
	}
	return 0;
}

int smaps_parser_end(struct smaps_parser *parser)
{
	int error = parser->length ? -EPROTO : smaps_finish_entry(parser);

	return error < 0 ? error : 0;
}

static int smaps_append(void *context, const struct smaps_entry *entry)
{
	struct smaps_list *list = context;

	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 256;
		struct smaps_entry *entries = reallocarray(list->entries, room, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		list->entries = entries;
		list->room = room;
	}
	list->entries[list->count++] = *entry;
	return 0;
}

static int smaps_read_all(int fd, struct smaps_parser *parser)
{
	CLEANUP(cleanup_free) char *buffer = malloc(READ_ROOM);
	ssize_t got;
	int error;

	if (!buffer)
		return -ENOMEM;
	while ((got = read(fd, buffer, READ_ROOM)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		error = smaps_parser_feed(parser, buffer, (size_t)got);
		if (error < 0)
			return error;
	}
	return smaps_parser_end(parser);
}

DEFINE_CLEANUP(cleanup_parser, struct smaps_parser *, smaps_parser_free)

int smaps_read(int proc_fd, struct smaps_list *ret_list)
{
	CLEANUP(cleanup_close) int fd = openat(proc_fd, "smaps", O_RDONLY | O_CLOEXEC);
	struct smaps_list list = { 0 };
	CLEANUP(cleanup_parser) struct smaps_parser *parser = smaps_parser_new(smaps_append, &list);
	int error;

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	if (!parser)
		return -ENOMEM;
	error = smaps_read_all(fd, parser);
	if (error < 0) {
		smaps_list_free(&list);
		return error;
	}
	*ret_list = list;
	return 0;
}

void smaps_list_free(struct smaps_list *list)
{
	free(list->entries);
	memset(list, 0, sizeof(*list));
}

static int smaps_compare_entries(const void *key, const void *element)
{
	const struct smaps_entry *a = key, *b = element;

	return a->start < b->start ? -1 : a->start > b->start;
}

const struct smaps_entry *smaps_list_find(const struct smaps_list *list, uint64_t start,
					  uint64_t end)
{
	const struct smaps_entry key = { .start = start };
	const struct smaps_entry *found = list->count ? bsearch(&key, list->entries, list->count,
								sizeof(key), smaps_compare_entries)
						      : NULL;

	return found && found->end == end ? found : NULL;
}

void smaps_verify(const struct snapshot *snapshot, const struct smaps_list *before,
		  const struct smaps_list *after, struct verify_result *ret_results)
{
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct snapshot_mapping *m = &snapshot->mappings[i];
		const struct smaps_entry *first =
			smaps_list_find(before, m->mapping->start, m->mapping->end);
		const struct smaps_entry *last =
			smaps_list_find(after, m->mapping->start, m->mapping->end);

		ret_results[i] = (struct verify_result){ .found = first && last && m->pages };
		if (ret_results[i].found)
			verify_mapping(m->mapping, m->pages, &first->sums, &last->sums,
				       &ret_results[i].verdict);
	}
}

int smaps_vm_flags(int proc_fd, uint64_t start, char *flags, size_t size)
{
	static const char key[] = "VmFlags:";
	CLEANUP(cleanup_fclose) FILE *file = NULL;
	CLEANUP(cleanup_free) char *line = NULL;
	int fd = openat(proc_fd, "smaps", O_RDONLY | O_CLOEXEC);
	size_t room = 0, name_length;
	bool here = false;
	const char *name;
	ssize_t n;

	if (fd < 0)
		return -errno;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	while ((n = getline(&line, &room, file)) > 0) {
		struct mapping m;

		if (line[n - 1] == '\n')
			line[--n] = '\0';
		if (here && !strncmp(line, key, sizeof(key) - 1)) {
			snprintf(flags, size, "%s",
				 line + sizeof(key) - 1 + strspn(line + sizeof(key) - 1, " "));
			return 0;
		}
		if (maps_parse_line(line, (size_t)n, &m, &name, &name_length))
			here = m.start == start;
	}
	return -ENOENT;
}
