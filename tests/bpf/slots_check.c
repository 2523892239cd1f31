// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Proves the BPF walk on a process that slots_target runs:
 *
 *   slots_check exact PID START SEED SKIP HOLES   the process is stopped: every page, byte by byte
 *   slots_check churn PID START WALKS             the process changes all the time: nothing absurd
 *   slots_check show  PID START                   prints the runs of the mapping
 *   slots_check refused PID START                 must not be walked; says why
 *
 * One line of figures on standard output; status 1 when anything differs.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "areas.h"
#include "kernel/shmem_bpf.h"
#include "pattern.h"

#define PAGE_BYTES   4096ul
#define MAX_REPORTED 20

struct subject {
	pid_t pid;
	int proc_fd;
	struct mapping *mapping;
	uint64_t pages, size; /* size: of the file, in bytes */
	struct shmem_bpf *bpf;
};

/* What one walk said, page by page. */
struct picture {
	struct xarray_run *page; /* count is 0 for a hole */
	uint64_t pages, runs, bad;
	uint64_t last_end;
};

static int reported;

static void complain(const char *what, uint64_t page, uint64_t got, uint64_t expected)
{
	if (reported++ < MAX_REPORTED)
		fprintf(stderr, "%s: page %" PRIu64 ": %#" PRIx64 ", expected %#" PRIx64 "\n", what,
			page, got, expected);
	if (reported == MAX_REPORTED)
		_exit(1);
}

static void fatal(const char *what, int error)
{
	fprintf(stderr, "slots_check: %s: %s\n", what, strerror(error < 0 ? -error : error));
	_exit(1);
}

/* Takes a number off the line, and the one character behind it. */
static uint64_t number(char **at, int base)
{
	uint64_t n = strtoull(*at, at, base);

	if (**at)
		++*at;
	return n;
}

/* "START-END PERMS OFFSET MAJOR:MINOR INODE NAME" */
static struct mapping *parse_mapping(char *line)
{
	struct mapping like = { .kind = MAPPING_SHMEM };

	like.start = number(&line, 16);
	like.end = number(&line, 16);
	memcpy(like.perms, line, 4);
	line += 5;
	like.offset = number(&line, 16);
	like.dev_major = number(&line, 16);
	like.dev_minor = number(&line, 16);
	like.inode = number(&line, 10);
	return mapping_new(&like, "", 0);
}

static int open_of(pid_t pid, const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	if (fd < 0)
		fatal(path, errno);
	return fd;
}

static void find_mapping(struct subject *s, uint64_t start)
{
	FILE *f = fdopen(open_of(s->pid, "maps", 0), "r");
	char line[512];

	s->proc_fd = open_of(s->pid, "", O_DIRECTORY);
	while (!s->mapping && fgets(line, sizeof(line), f))
		if (strtoull(line, NULL, 16) == start)
			s->mapping = parse_mapping(line);
	fclose(f);
	if (!s->mapping)
		fatal("no such mapping", ENOENT);
	s->pages = mapping_pages(s->mapping);
}

static int take_runs(void *context, const struct xarray_run *runs, size_t count)
{
	struct picture *p = context;

	for (size_t i = 0; i < count; i++) {
		const struct xarray_run *r = &runs[i];

		if (!r->count || r->first < p->last_end || r->first + r->count > p->pages) {
			p->bad++;
			complain("run out of order", r->first, r->count, p->last_end);
			continue;
		}
		p->last_end = r->first + r->count;
		p->runs++;
		for (uint64_t k = 0; p->page && k < r->count; k++) {
			p->page[r->first + k] = *r;
			if (r->value != XARRAY_NO_PFN)
				p->page[r->first + k].value += k;
			p->page[r->first + k].count = 1;
		}
	}
	return 0;
}

static struct picture look(struct subject *s, bool flags, struct shmem_bpf_file *ret_file)
{
	struct picture p = { .pages = s->pages };
	struct shmem_bpf_request request = {
		.pid = s->pid,
		.proc_fd = s->proc_fd,
		.mapping = s->mapping,
		.count = s->pages,
		.flags = flags,
	};
	int r;

	p.page = calloc(s->pages, sizeof(*p.page));
	r = shmem_bpf_walk(s->bpf, &request, take_runs, &p, ret_file);
	if (r < 0)
		fatal("walk", r);
	return p;
}

static uint64_t *words(struct subject *s)
{
	int fd = open_of(s->pid, "pagemap", 0);
	uint64_t *w = calloc(s->pages, sizeof(*w));
	size_t size = s->pages * sizeof(*w);

	if (pread(fd, w, size, s->mapping->start / PAGE_BYTES * sizeof(*w)) != (ssize_t)size)
		fatal("pagemap", errno);
	close(fd);
	return w;
}

/* "Swap:" of this mapping in smaps, in pages. */
static uint64_t smaps_swap(struct subject *s)
{
	FILE *f = fdopen(open_of(s->pid, "smaps", 0), "r");
	char line[512], begin[40];
	uint64_t kib = 0;
	bool here = false;

	snprintf(begin, sizeof(begin), "%" PRIx64 "-%" PRIx64 " ", s->mapping->start,
		 s->mapping->end);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, begin, strlen(begin)))
			here = true;
		if (here && !strncmp(line, "Swap:", 5)) {
			kib = strtoull(line + 5, NULL, 10);
			break;
		}
	}
	fclose(f);
	return kib / 4;
}

struct figures {
	uint64_t swap, proven, resident, pfn_equal, unmapped, holes, orders[16],
		resident_orders[16];
};

static void check_page(struct subject *s, struct areas *areas, const struct xarray_run *page,
		       uint64_t i, uint64_t word, uint64_t seed, uint64_t skip, struct figures *f)
{
	uint64_t content[512];

	if (!page->count) {
		f->holes++;
		if (word >> 63)
			complain("present, but a hole by the walk", i, word, 0);
		return;
	}
	switch (page->kind) {
	case XARRAY_SWAP:
		f->swap++;
		f->orders[page->order & 15]++;
		if (word >> 63)
			complain("present, but swapped by the walk", i, word, page->value);
		pattern_fill(content, seed, skip + i);
		if (areas_holds(areas, page->type, page->value, content))
			f->proven++;
		else
			complain("the slot holds something else", i, page->value, page->type);
		break;
	case XARRAY_RESIDENT:
		f->resident++;
		f->resident_orders[page->order & 15]++;
		if (!(word >> 63))
			f->unmapped++;
		else if ((word & ((UINT64_C(1) << 55) - 1)) == page->value)
			f->pfn_equal++;
		else
			complain("pfn", i, page->value, word & ((UINT64_C(1) << 55) - 1));
		if (!(page->flags & XARRAY_UPTODATE))
			complain("written, but not up to date by the walk", i, page->flags, 1);
		break;
	default:
		complain("neither page nor slot", i, page->kind, 0);
	}
}

static void print_orders(const char *name, const uint64_t *orders)
{
	printf(",\"%s\":{", name);
	for (int o = 0, n = 0; o < 16; o++)
		if (orders[o])
			printf("%s\"%d\":%" PRIu64, n++ ? "," : "", o, orders[o]);
	printf("}");
}

/* The walk changes nothing: page tables, tree and smaps are the same after a hundred more. */
static void check_untouched(struct subject *s, const struct picture *before)
{
	uint64_t *old_words = words(s), *new_words, swap = smaps_swap(s);
	struct picture after;

	for (int i = 0; i < 100; i++) {
		after = look(s, i & 1, NULL);
		if (i < 99)
			free(after.page);
	}
	new_words = words(s);
	if (memcmp(old_words, new_words, s->pages * sizeof(*old_words)) || swap != smaps_swap(s))
		complain("the target changed", 0, swap, smaps_swap(s));
	for (uint64_t i = 0; i < s->pages; i++) {
		before->page[i].flags = after.page[i].flags;
		if (memcmp(&before->page[i].value, &after.page[i].value, 8) ||
		    before->page[i].kind != after.page[i].kind)
			complain("the tree changed", i, after.page[i].value, before->page[i].value);
	}
	free(after.page);
	free(old_words);
	free(new_words);
}

/*
 * Pages outside the mapping that lie in a large swap entry which is partly inside. smaps counts such
 * an entry whole (shmem_partial_swap_usage() in mm/shmem.c), so that much more than what is mapped.
 */
static uint64_t swapped_outside(const struct subject *s, const struct picture *p)
{
	uint64_t begin = s->mapping->offset / PAGE_BYTES, end = begin + s->pages, mask;
	const struct xarray_run *first = &p->page[0], *last = &p->page[s->pages - 1];
	uint64_t outside = 0;

	if (first->count && first->kind == XARRAY_SWAP)
		outside += begin & ((UINT64_C(1) << first->order) - 1);
	mask = (UINT64_C(1) << last->order) - 1;
	if (last->count && last->kind == XARRAY_SWAP)
		outside += (0 - end) & mask;
	return outside;
}

static int check_exact(struct subject *s, uint64_t seed, uint64_t skip, bool holes)
{
	struct shmem_bpf_file file;
	struct picture p = look(s, true, &file);
	uint64_t *w = words(s), smaps = smaps_swap(s), outside;
	struct figures f = { 0 };
	struct areas areas;

	areas_open(&areas);
	if (!areas_learn(&areas))
		complain("no private page shows a type of swap", 0, 0, 0);
	for (uint64_t i = 0; i < s->pages; i++) {
		bool hole = holes && pattern_hole(seed, skip + i);

		if (hole != !p.page[i].count)
			complain("hole", i, !p.page[i].count, hole);
		check_page(s, &areas, &p.page[i], i, w[i], seed, skip, &f);
	}
	outside = swapped_outside(s, &p);
	if (f.swap + outside != smaps)
		complain("smaps counts another number", 0, f.swap + outside, smaps);
	/* Pages of the file before the mapping may be in swap too, by entries of their own. */
	if (file.swapped < f.swap + outside ||
	    file.swapped > f.swap + (outside > skip ? outside : skip))
		complain("the file counts another number", 0, f.swap + outside, file.swapped);
	check_untouched(s, &p);
	printf("{\"pages\":%" PRIu64 ",\"swap\":%" PRIu64 ",\"byte_equal\":%" PRIu64
	       ",\"smaps\":%" PRIu64 ",\"outside\":%" PRIu64 ",\"resident\":%" PRIu64
	       ",\"pfn_equal\":%" PRIu64 ",\"unmapped\":%" PRIu64 ",\"holes\":%" PRIu64
	       ",\"runs\":%" PRIu64,
	       s->pages, f.swap, f.proven, smaps, outside, f.resident, f.pfn_equal, f.unmapped,
	       f.holes, p.runs);
	print_orders("swap_orders", f.orders);
	print_orders("resident_orders", f.resident_orders);
	areas_close(&areas);
	free(p.page);
	free(w);
	printf(",\"differences\":%d}\n", reported);
	return reported != 0;
}

/* One past the last frame of System RAM. */
static uint64_t end_of_ram(void)
{
	FILE *f = fopen("/proc/iomem", "re");
	char line[256], *at;
	uint64_t end = 0;

	while (f && fgets(line, sizeof(line), f)) {
		at = line;
		number(&at, 16);
		if (strstr(line, "System RAM"))
			end = number(&at, 16) / PAGE_BYTES + 1;
	}
	if (f)
		fclose(f);
	return end;
}

/* Walks go on for so long, in seconds, until both kinds of pages were seen: the target may be slow. */
#define CHURN_WAIT 60

static int check_churn(struct subject *s, uint64_t walks)
{
	uint64_t ram = end_of_ram(), seen[5] = { 0 }, retries = 0, n;
	time_t end = time(NULL) + CHURN_WAIT;
	struct areas areas;

	areas_open(&areas);
	for (n = 0;
	     n < walks || ((!seen[XARRAY_SWAP] || !seen[XARRAY_RESIDENT]) && time(NULL) < end);
	     n++) {
		struct picture p = look(s, n & 1, NULL);

		for (uint64_t i = 0; i < s->pages; i++) {
			const struct xarray_run *r = &p.page[i];

			if (!r->count) {
				seen[4]++;
				continue;
			}
			seen[r->kind & 3]++;
			if (r->order > 9)
				complain("order", i, r->order, 9);
			if (r->kind == XARRAY_SWAP &&
			    (r->type >= AREAS || !r->value || r->value >= areas_most_slots(&areas)))
				complain("slot", i, r->value, areas_most_slots(&areas));
			if (r->kind == XARRAY_RESIDENT && (!r->value || r->value >= ram))
				complain("pfn", i, r->value, ram);
			if (r->kind == XARRAY_POISON)
				complain("marker", i, r->value, 0);
			if (r->kind == XARRAY_TORN)
				retries++;
		}
		free(p.page);
	}
	areas_close(&areas);
	printf("{\"walks\":%" PRIu64 ",\"swap\":%" PRIu64 ",\"resident\":%" PRIu64
	       ",\"holes\":%" PRIu64 ",\"torn\":%" PRIu64 ",\"differences\":%d}\n",
	       n, seen[XARRAY_SWAP], seen[XARRAY_RESIDENT], seen[4], retries, reported);
	return reported != 0 || retries || !seen[XARRAY_SWAP] || !seen[XARRAY_RESIDENT];
}

static int show(struct subject *s)
{
	static const char *const kinds[] = { "swap", "resident", "poison", "torn" };
	struct picture p = look(s, true, NULL);
	uint64_t i = 0, n;

	for (; i < s->pages; i += n) {
		const struct xarray_run *a = &p.page[i];

		for (n = 1; i + n < s->pages; n++) {
			const struct xarray_run *b = &p.page[i + n];

			if (a->count != b->count || a->kind != b->kind || a->flags != b->flags ||
			    a->type != b->type || a->order != b->order ||
			    (a->count && a->value + n != b->value))
				break;
		}
		printf("%8" PRIu64 " +%-6" PRIu64 " %s", i, n,
		       a->count ? kinds[a->kind & 3] : "hole");
		if (a->count)
			printf(" type %u value %" PRIu64 " order %u flags %u", a->type, a->value,
			       a->order, a->flags);
		printf("\n");
	}
	free(p.page);
	return 0;
}

/* The program loads and would tell something; nothing of it may come out. */
static int check_refused(struct subject *s)
{
	struct picture p = { .pages = s->pages };
	struct shmem_bpf_request request = {
		.pid = s->pid,
		.proc_fd = s->proc_fd,
		.mapping = s->mapping,
		.count = s->pages,
	};
	int r = shmem_bpf_walk(s->bpf, &request, take_runs, &p, NULL);

	printf("{\"result\":\"%s\",\"runs\":%" PRIu64 ",\"knows_pfn\":%d}\n", strerror(-r), p.runs,
	       shmem_bpf_knows_pfn(s->bpf));
	return r >= 0 || p.runs;
}

int main(int argc, char **argv)
{
	struct subject s = { 0 };
	char reason[160];
	int r;

	if (argc < 4)
		return 2;
	s.pid = strtol(argv[2], NULL, 10);
	r = shmem_bpf_open(&s.bpf, reason, sizeof(reason));
	if (r < 0) {
		fprintf(stderr, "slots_check: no BPF: %s\n", reason);
		return 77;
	}
	find_mapping(&s, strtoull(argv[3], NULL, 16));
	if (!strcmp(argv[1], "exact") && argc > 6)
		r = check_exact(&s, strtoull(argv[4], NULL, 0), strtoull(argv[5], NULL, 0),
				argv[6][0] == '1');
	else if (!strcmp(argv[1], "churn") && argc > 4)
		r = check_churn(&s, strtoull(argv[4], NULL, 0));
	else if (!strcmp(argv[1], "refused"))
		r = check_refused(&s);
	else
		r = show(&s);
	shmem_bpf_close(s.bpf);
	mapping_unref(s.mapping);
	return r;
}
