// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pagemap-test.h"

/*
 * None of this is what pmtop does. Whether a page of shared memory is in swap is asked of smaps, by
 * a second mapping of the object in which every page is a mapping of its own (every other one has
 * another protection): its "Swap:" line is then about one page. Nothing is ever touched through
 * that second mapping, so it changes nothing. Whether a page is in core is asked of mincore(2) on
 * the same mapping. The pagemap word is only used for what it can tell for sure about one's own
 * page tables: a private page is here or in swap, an object's page is mapped or not.
 */

uint64_t word_read(struct test *t, const void *address)
{
	uint64_t word = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("/proc/self/pagemap");
	if (pread(fd, &word, 8, (uintptr_t)address / t->page_size * 8) != 8)
		die("pread of /proc/self/pagemap");
	close(fd);
	return word;
}

static void words_read(struct test *t, struct region *r, size_t first, size_t n, struct fact *fact)
{
	uint64_t word[FACTS];
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("/proc/self/pagemap");
	if (pread(fd, word, n * 8, ((uintptr_t)r->base / t->page_size + first) * 8) !=
	    (ssize_t)(n * 8))
		die("pread of /proc/self/pagemap");
	close(fd);
	for (size_t i = 0; i < n; i++)
		fact[i].word = word[i];
}

/* One line of smaps: either it opens a mapping, or it is the Swap line of the one opened last. */
static void smaps_line(struct test *t, const char *line, char *base, size_t n, size_t *page,
		       struct fact *fact)
{
	char *end;
	uintptr_t from = strtoull(line, &end, 16), to;

	if (*end == '-' && end > line) {
		to = strtoull(end + 1, NULL, 16);
		*page = n;
		if (from < (uintptr_t)base || from >= (uintptr_t)base + n * t->page_size)
			return;
		if (to - from != t->page_size)
			die("the mapping to ask smaps with is not one page long");
		*page = (from - (uintptr_t)base) / t->page_size;
	} else if (!strncmp(line, "Swap:", 5) && *page < n) {
		fact[*page].out = strtoull(line + 5, NULL, 10) > 0;
		*page = n;
	}
}

static void smaps_read(struct test *t, char *base, size_t n, struct fact *fact)
{
	char buffer[1024];
	size_t have = 0, page = n;
	ssize_t got;
	int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("/proc/self/smaps");
	while ((got = read(fd, buffer + have, sizeof(buffer) - 1 - have)) > 0) {
		char *line = buffer, *end;

		have += got;
		buffer[have] = '\0';
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			smaps_line(t, line, base, n, &page, fact);
		}
		have -= line - buffer;
		/* A name longer than the buffer: what was before it is enough. */
		if (have >= sizeof(buffer) - 1)
			have = 0;
		memmove(buffer, line, have);
	}
	if (got < 0)
		die("read of /proc/self/smaps");
	close(fd);
}

static void object_read(struct test *t, struct region *r, size_t first, size_t n, struct fact *fact)
{
	unsigned char core[FACTS];
	size_t ps = t->page_size;
	char *alias = region_alias(t, r, first, n, PROT_NONE);

	if (mincore(alias, n * ps, core))
		die("mincore");
	for (size_t i = 0; i < n; i++)
		fact[i].core = core[i] & 1;
	if (r->object == OBJECT_SHMEM) {
		for (size_t i = 1; i < n; i += 2)
			if (mprotect(alias + i * ps, ps, PROT_READ))
				die("mprotect");
		smaps_read(t, alias, n, fact);
	}
	if (munmap(alias, n * ps))
		die("munmap");
}

void facts_read(struct test *t, struct region *r, size_t first, size_t n, struct fact *fact)
{
	memset(fact, 0, n * sizeof(*fact));
	if (r->page[first].is & IS_KERNEL)
		return;
	words_read(t, r, first, n, fact);
	if (r->object == OBJECT_SHMEM || r->object == OBJECT_FILE)
		object_read(t, r, first, n, fact);
}
