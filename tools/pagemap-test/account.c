// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pagemap-test.h"

/* The words of the account are its own: they are those of pmtop's manual, not of its source. */

static const char *const did_names[] = {
	"write", "read",    "out",     "drop",	 "punch", "beside", "allocate",
	"guard", "unguard", "protect", "poison", "free",  "fork",   "truncate",
};

static const char *const is_names[] = {
	"data", "out",	"mapped",    "private", "private_out", "zero", "guard",	 "poison",
	"wp",	"huge", "allocated", "twice",	"maybe",       "thin", "kernel", "free",
};

/* How many surprises of a region are told one by one. */
#define SURPRISES_TOLD 4

struct surprise {
	size_t page;
	struct fact fact;
};

/* What is printed of a page: neighbours that are equal in all of it make one run. */
struct verdict {
	const char *state;
	uint16_t did;
	bool swap_cached, protected, allocated, huge, not_huge, hugetlb, lazyfree, not_lazyfree;
	bool once, twice;
};

static bool verdict_equal(const struct verdict *a, const struct verdict *b)
{
	return a->state == b->state && a->did == b->did && a->swap_cached == b->swap_cached &&
	       a->protected == b->protected && a->allocated == b->allocated && a->huge == b->huge &&
	       a->not_huge == b->not_huge && a->hugetlb == b->hugetlb && a->once == b->once &&
	       a->twice == b->twice && a->lazyfree == b->lazyfree &&
	       a->not_lazyfree == b->not_lazyfree;
}

static const char *private_state(struct page *page, const struct fact *fact, uint64_t zero,
				 size_t *surprises)
{
	bool here = fact->word & WORD_PRESENT, out = fact->word & WORD_SWAPPED;

	if (!here && !out) {
		*surprises += !(page->is & (IS_MAYBE | IS_FREE));
		return "none";
	}
	if (here != !!(page->is & IS_PRIVATE) && !(page->is & (IS_MAYBE | IS_THIN)))
		++*surprises;
	if (!here)
		return "swap";
	/* Only with the right to see page numbers can the two be told apart. */
	if ((page->is & IS_THIN) && (zero & WORD_PFN))
		return (fact->word & WORD_PFN) == (zero & WORD_PFN) ? "zero" : "anon";
	return "anon";
}

static const char *object_state(struct region *r, struct page *page, const struct fact *fact,
				size_t *surprises)
{
	bool mapped = fact->word & WORD_PRESENT;
	/* Memory that was allocated and never written is in RAM, but not "in core" to mincore. */
	bool data = fact->core || (page->is & IS_ALLOCATED);

	if (!(page->is & IS_MAYBE) &&
	    (mapped != !!(page->is & IS_MAPPED) || fact->out != !!(page->is & IS_OUT) ||
	     (!fact->out && data != !!(page->is & IS_DATA))))
		++*surprises;
	if (mapped)
		return r->object == OBJECT_FILE ? "file" : "shmem";
	if (fact->out)
		return "shared_swap";
	return data ? "cached" : "none";
}

static const char *page_state(struct region *r, struct page *page, const struct fact *fact,
			      uint64_t zero, size_t *surprises)
{
	bool here = fact->word & WORD_PRESENT;

	if (page->is & IS_KERNEL)
		return "unknown";
	if (page->is & (IS_GUARD | IS_POISON)) {
		*surprises += here;
		return page->is & IS_GUARD ? "guard" : "poison";
	}
	if (page->is & (IS_PRIVATE | IS_PRIVATE_OUT) && r->object != OBJECT_HUGETLB)
		return private_state(page, fact, zero, surprises);
	if (r->object == OBJECT_SHMEM || r->object == OBJECT_FILE)
		return object_state(r, page, fact, surprises);
	if (here != !!(page->is & (IS_ZERO | IS_MAPPED | IS_PRIVATE)) && !(page->is & IS_MAYBE))
		++*surprises;
	if (!here)
		return r->object == OBJECT_HUGETLB && page->is & IS_DATA ? "cached" : "none";
	if (page->is & IS_ZERO)
		return "zero";
	if (page->is & IS_MAPPED && r->object == OBJECT_NONE)
		return "file"; /* the vdso */
	return r->object == OBJECT_HUGETLB && r->shared ? "shmem" : "anon";
}

static struct verdict verdict_of(struct region *r, struct page *page, const struct fact *fact,
				 uint64_t zero, size_t *surprises)
{
	struct verdict v;
	size_t known_surprises = *surprises;
	bool counted;

	v.state = page_state(r, page, fact, zero, surprises);
	v.did = page->did;
	v.swap_cached = !strcmp(v.state, "shared_swap") && fact->core;
	v.protected = page->is & IS_PROTECTED;
	v.allocated = (page->is & IS_ALLOCATED) && !strcmp(v.state, "cached");
	v.huge = page->is & IS_HUGE;
	v.not_huge = r->huge && !v.huge;
	/* A mark of pages that are mapped here, as huge is. */
	v.hugetlb =
		r->object == OBJECT_HUGETLB && strcmp(v.state, "none") && strcmp(v.state, "cached");
	v.lazyfree = (page->is & IS_FREE) && !strcmp(v.state, "anon");
	v.not_lazyfree = !v.lazyfree;
	if (r->lazyfree_open && v.lazyfree)
		v.lazyfree = false;
	counted = !strcmp(v.state, "anon") || !strcmp(v.state, "shmem");
	v.twice = (page->is & IS_TWICE) || !strcmp(v.state, "zero") || !strcmp(v.state, "swap");
	v.once = counted && !v.twice && r->object != OBJECT_HUGETLB &&
		 !(page->is & (IS_THIN | IS_MAYBE)) && *surprises == known_surprises;
	return v;
}

static void mark_print(FILE *out, const char *name, bool is, bool *first)
{
	if (!is)
		return;
	fprintf(out, "%s\"%s\"", *first ? "" : ", ", name);
	*first = false;
}

static void run_print(FILE *out, const struct verdict *v, char *start, size_t pages, bool first)
{
	bool none = true;

	fprintf(out, "%s{\"start\": \"%lx\", \"pages\": %zu, \"did\": [", first ? "" : ", ",
		(unsigned long)start, pages);
	for (size_t i = 0; i < sizeof(did_names) / sizeof(did_names[0]); i++)
		mark_print(out, did_names[i], v->did >> i & 1, &none);
	fprintf(out, "], \"state\": \"%s\", \"marks\": [", v->state);
	none = true;
	mark_print(out, "swap_cached", v->swap_cached, &none);
	mark_print(out, "uffd_wp", v->protected, &none);
	mark_print(out, "allocated", v->allocated, &none);
	mark_print(out, "huge", v->huge, &none);
	mark_print(out, "hugetlb", v->hugetlb, &none);
	mark_print(out, "lazyfree", v->lazyfree, &none);
	mark_print(out, "exclusive", v->once, &none);
	fputs("], \"unmarks\": [", out);
	none = true;
	/* A private page may keep the slot that it once had: only the kernel knows. */
	mark_print(out, "swap_cached", !v->swap_cached && strcmp(v->state, "anon"), &none);
	mark_print(out, "uffd_wp", !v->protected, &none);
	mark_print(out, "allocated", !v->allocated, &none);
	mark_print(out, "huge", v->not_huge, &none);
	mark_print(out, "hugetlb", !v->hugetlb, &none);
	mark_print(out, "lazyfree", v->not_lazyfree, &none);
	mark_print(out, "exclusive", v->twice, &none);
	fputs("]}", out);
}

/* Both sides of each: what was done and is so expected, and what the kernel says. */
static void surprises_print(struct test *t, struct region *r, FILE *out,
			    const struct surprise *told, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		const struct page *page = &r->page[told[k].page];
		const struct fact *fact = &told[k].fact;
		bool none = true;

		fprintf(out, "%s{\"at\": \"%lx\", \"did\": [", k ? ", " : "",
			(unsigned long)(r->base + told[k].page * t->page_size));
		for (size_t i = 0; i < sizeof(did_names) / sizeof(did_names[0]); i++)
			mark_print(out, did_names[i], page->did >> i & 1, &none);
		fputs("], \"expected\": [", out);
		none = true;
		for (size_t i = 0; i < sizeof(is_names) / sizeof(is_names[0]); i++)
			mark_print(out, is_names[i], page->is >> i & 1, &none);
		fprintf(out, "], \"word\": \"%llx\", \"out\": %s, \"core\": %s}",
			(unsigned long long)fact->word, fact->out ? "true" : "false",
			fact->core ? "true" : "false");
	}
}

/* Returns how many surprises there were; the first of them are in @told. */
static size_t runs_print(struct test *t, struct region *r, FILE *out, uint64_t zero,
			 struct surprise told[SURPRISES_TOLD])
{
	struct fact fact[FACTS];
	struct verdict last, v;
	size_t start = 0, surprises = 0;

	for (size_t first = 0; first < r->pages; first += FACTS) {
		size_t n = r->pages - first < FACTS ? r->pages - first : FACTS;

		facts_read(t, r, first, n, fact);
		for (size_t k = 0; k < n; k++) {
			size_t i = first + k, before = surprises;

			v = verdict_of(r, &r->page[i], &fact[k], zero, &surprises);
			if (surprises > before && before < SURPRISES_TOLD)
				told[before] = (struct surprise){ i, fact[k] };
			if (i && !verdict_equal(&v, &last)) {
				run_print(out, &last, r->base + start * t->page_size, i - start,
					  !start);
				start = i;
			}
			last = v;
		}
	}
	if (r->pages)
		run_print(out, &last, r->base + start * t->page_size, r->pages - start, !start);
	return surprises;
}

/* The word of a page that is surely the zero page, to compare others with. */
static uint64_t zero_word(struct test *t)
{
	char *p = mmap(NULL, t->page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t word;

	if (p == MAP_FAILED)
		die("mmap");
	(void)*(volatile char *)p;
	word = word_read(t, p);
	munmap(p, t->page_size);
	return word;
}

void account_regions(struct test *t, FILE *out, bool *first)
{
	static const char *const objects[] = { "none", "shmem", "file", "hugetlb" };
	uint64_t zero = zero_word(t);

	for (int i = 0; i < t->regions; i++) {
		struct region *r = &t->region[i];
		struct surprise told[SURPRISES_TOLD];
		size_t surprises;

		fprintf(out,
			"%s{\"kind\": \"%s\", \"note\": \"%s\", \"pid\": %d, \"start\": \"%lx\","
			" \"pages\": %zu, \"object\": \"%s\", \"shared\": %s, \"moving\": %s,"
			" \"volatile\": %s, \"shmid\": %d, \"runs\": [",
			*first ? "" : ", ", r->kind, r->note ? r->note : "", getpid(),
			(unsigned long)r->base, r->pages, objects[r->object],
			r->shared ? "true" : "false", r->moving ? "true" : "false",
			r->volatile_ ? "true" : "false", r->shmid);
		surprises = r->volatile_ ? 0 : runs_print(t, r, out, zero, told);
		fprintf(out, "], \"surprises\": %zu, \"surprised\": [", surprises);
		surprises_print(t, r, out, told,
				surprises < SURPRISES_TOLD ? surprises : SURPRISES_TOLD);
		fputs("]}", out);
		*first = false;
	}
}

/* The other process writes its regions to its pipe; they are copied as they come. */
static void account_child(struct test *t, FILE *out, bool *first)
{
	char c;
	bool any = false;

	if (!t->child)
		return;
	if (write(t->child_ask, "a", 1) != 1)
		die("write to the child");
	while (read(t->child_answer, &c, 1) == 1 && c != '\n') {
		if (!any && !*first)
			fputs(", ", out);
		any = true;
		*first = false;
		fputc(c, out);
	}
}

void account_print(struct test *t, FILE *out)
{
	static const char *const orders[] = { "sequential", "random", "reverse" };
	bool first = true;

	fprintf(out,
		"{\"program\": \"pagemap-test\", \"pid\": %d, \"child\": %d, \"page_size\": %zu,"
		" \"seed\": %llu, \"order\": \"%s\", \"plain\": %s, \"kinds\": [",
		getpid(), t->child, t->page_size, (unsigned long long)t->opt.seed,
		orders[t->opt.order], t->opt.plain ? "true" : "false");
	for (int i = 0; i < t->opt.kind_count; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", t->opt.kinds[i]);
	fputs("], \"regions\": [", out);
	account_regions(t, out, &first);
	account_child(t, out, &first);
	fputs("], \"skipped\": [", out);
	for (int i = 0; i < t->skips; i++)
		fprintf(out, "%s{\"kind\": \"%s\", \"why\": \"%s\"}", i ? ", " : "",
			t->skipped[i].kind, t->skipped[i].why);
	fputs("]}\n", out);
	fflush(out);
}
