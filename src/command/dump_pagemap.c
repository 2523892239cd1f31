// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "command/command.h"
#include "command/dump_pagemap.h"
#include "command/options.h"
#include "command/output.h"
#include "kernel/pagemap_slots.h"
#include "model/mapping.h"

#define WORD "dump"

DEFINE_CLEANUP(cleanup_slots, struct pagemap_slots *, pagemap_slots_close)

/* Digits only: strtoull() would take blanks and signs as well. */
static bool dump_pagemap_take_number(const char **text, int base, uint64_t *ret_value)
{
	const char *digits = base == 16 ? "0123456789abcdefABCDEF" : "0123456789";
	char *end;

	if (base == 16 && (*text)[0] == '0' && ((*text)[1] == 'x' || (*text)[1] == 'X'))
		*text += 2;
	if (!strspn(*text, digits))
		return false;
	errno = 0;
	*ret_value = strtoull(*text, &end, base);
	*text = end;
	return !errno;
}

static bool dump_pagemap_parse_range(const char *text, uint64_t *ret_start, uint64_t *ret_pages)
{
	uint64_t start, value;
	char sign;

	if (!dump_pagemap_take_number(&text, 16, &start) || (*text != '+' && *text != '-'))
		return false;
	sign = *text++;
	if (!dump_pagemap_take_number(&text, sign == '+' ? 10 : 16, &value) || *text)
		return false;
	if (sign == '-') {
		if (value <= start || value % PMTOP_PAGE_SIZE)
			return false;
		value = (value - start) / PMTOP_PAGE_SIZE;
	}
	if (start % PMTOP_PAGE_SIZE || !value || value > (UINT64_MAX - start) / PMTOP_PAGE_SIZE)
		return false;
	*ret_start = start;
	*ret_pages = value;
	return true;
}

static int dump_pagemap_write_words(struct pagemap_slots *slots, uint64_t address, uint64_t pages,
				    FILE *file)
{
	CLEANUP(cleanup_free) uint64_t *words = calloc(PAGEMAP_SLOTS_MOST, sizeof(*words));
	int error = words ? 0 : -ENOMEM;

	while (pages && !error) {
		size_t n = pages < PAGEMAP_SLOTS_MOST ? pages : PAGEMAP_SLOTS_MOST;

		error = pagemap_slots_read(slots, address, words, n);
		if (!error && fwrite(words, sizeof(*words), n, file) != n)
			error = -EIO;
		address += n * PMTOP_PAGE_SIZE;
		pages -= n;
	}
	return error;
}

static int dump_pagemap_explain(struct pagemap_slots *slots, pid_t pid, int error)
{
	if (error == -ENOTSUP) {
		const char *lack = pagemap_slots_lack(slots);

		fprintf(stderr,
			"pmtop dump: shared pages are in swap here, and nothing tells their slots: %s\n",
			*lack ? lack : "the mapping changed while it was read");
		return EXIT_ERROR;
	}
	if (error == -ERANGE) {
		fprintf(stderr, "pmtop dump: the range leaves the addresses of process %d\n", pid);
		return EXIT_ERROR;
	}
	if (error == -EIO || error == -ENOSPC || error == -EPIPE) {
		fprintf(stderr, "pmtop dump: cannot write: %s\n", strerror(-error));
		return EXIT_ERROR;
	}
	return options_explain_target(WORD, pid, error);
}

static int dump_pagemap_refuse(const char *range)
{
	char buf[64];

	escape_text(range, strlen(range), buf, sizeof(buf));
	fprintf(stderr,
		"pmtop dump: '%s' is no range of pages; write ADDRESS+PAGES or ADDRESS-ADDRESS, "
		"addresses in hexadecimal and at the start of a page\n",
		buf);
	return EXIT_USAGE;
}

int dump_pagemap(pid_t pid, const struct probe *probe, const char *range, const char *path)
{
	CLEANUP(target_close) struct target target = TARGET_CLOSED;
	CLEANUP(cleanup_slots) struct pagemap_slots *slots = NULL;
	CLEANUP(output_discard) struct output output = { 0 };
	uint64_t address, pages;
	int error;

	if (!dump_pagemap_parse_range(range, &address, &pages))
		return dump_pagemap_refuse(range);
	if (!path && isatty(STDOUT_FILENO)) {
		fprintf(stderr, "pmtop dump: --pagemap writes binary words; send them to a file or "
				"through hexdump -C\n");
		return EXIT_USAGE;
	}
	error = target_open(pid, &target);
	if (!error)
		error = pagemap_slots_open(&target, probe, &slots);
	if (error)
		return options_explain_target(WORD, pid, error);
	error = output_open(path, false, &output);
	if (!error)
		error = dump_pagemap_write_words(slots, address, pages, output.file);
	if (!error)
		error = output_commit(&output);
	return error ? dump_pagemap_explain(slots, pid, error) : EXIT_DONE;
}
