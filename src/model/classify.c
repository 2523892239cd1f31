// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "model/classify.h"

static const char *const rule_texts[RULES] = {
	[RULE_SPECIAL] = "device or kernel memory: the kernel gives no page states for it",
	[RULE_VDSO] = "present, code that the kernel lends to every process",
	[RULE_GUARD] = "the page-table entry is a guard marker",
	[RULE_ZERO] = "present, the entry points at the shared zero page",
	[RULE_PRESENT_ANON] = "present in an anonymous mapping",
	[RULE_PRESENT_COPIED] = "present and anonymous in a mapping of an object: copied on write",
	[RULE_PRESENT_FILE] = "present, a page of the mapped file",
	[RULE_PRESENT_SHMEM] = "present, a page of the mapped shared memory",
	[RULE_PRESENT_UNDECIDED] = "present, but the zero page cannot be told apart here",
	[RULE_MIGRATION] = "the entry is a migration entry, which pagemap calls swapped",
	[RULE_POISON] = "the entry is a poison marker",
	[RULE_SWAP] = "the entry holds a swap slot",
	[RULE_SWAP_HIDDEN_TYPE] = "the entry is a swap entry, its type is hidden from this user",
	[RULE_SWAP_UNDECIDED_TYPE] =
		"the entry is swap, on the move or broken: the kernel does not tell which types are areas",
	[RULE_HUGETLB_FILLED] =
		"no page-table entry; the object holds huge pages, which ones is not known",
	[RULE_KERNEL_PAGE] = "present, a page of the kernel or a driver that the process shares",
	[RULE_NOTHING] = "no page-table entry, and no object behind the mapping that could hold it",
	[RULE_HOLE] = "no page-table entry, and the object holds nothing here",
	[RULE_CACHED] = "no page-table entry, but the page cache holds the page",
	[RULE_ALLOCATED] = "no page-table entry; the page was fallocated and never written",
	[RULE_SHARED_SWAP] = "no page-table entry, the shmem mapping holds a swap entry",
	[RULE_SHARED_SWAP_CACHED] =
		"no page-table entry, the shmem mapping holds a swap entry; a copy is in RAM",
	[RULE_CACHED_OR_SWAPPED] =
		"no page-table entry; the object has data in RAM, which may be a copy of swap",
	[RULE_OBJECT_UNKNOWN] = "no page-table entry, and the object behind cannot be asked",
	[RULE_OBJECT_POISON] =
		"no page-table entry; the shmem mapping holds a marker: reading it back from swap failed",
};

const char *page_rule_text(enum page_rule rule)
{
	return rule_texts[rule];
}

static bool classify_is_anonymous(const struct mapping *m)
{
	return m->kind == MAPPING_ANON || m->kind == MAPPING_HEAP || m->kind == MAPPING_STACK;
}

static struct verdict classify_decide(enum page_state state, enum page_rule rule)
{
	return (struct verdict){ .state = (uint8_t)state, .rule = (uint8_t)rule };
}

static struct verdict classify_doubted(enum page_state state, enum page_rule rule,
				       enum page_doubt doubt)
{
	struct verdict v = classify_decide(state, rule);

	v.doubt = (uint8_t)doubt;
	return v;
}

/* A page of the object that the mapping shows, not a private copy. */
static struct verdict classify_present_of_object(const struct mapping *m)
{
	if (m->kind == MAPPING_SHMEM || (m->kind == MAPPING_HUGETLB && !m->hugetlb_file))
		return classify_decide(PAGE_SHMEM, RULE_PRESENT_SHMEM);
	return classify_decide(PAGE_FILE, RULE_PRESENT_FILE);
}

static struct verdict classify_present(const struct mapping *m, const struct evidence *e)
{
	if (e->bits & SEEN_ZERO)
		return classify_decide(PAGE_ZERO, RULE_ZERO);
	if (classify_is_anonymous(m)) {
		/*
		 * Only the huge zero page is "file" in anonymous memory: pagemap says so for a page
		 * that has no anonymous owner (measured on 5.10 to 6.18).
		 */
		if (e->bits & SEEN_FILE)
			return classify_decide(PAGE_ZERO, RULE_ZERO);
		/* The zero page is never mapped exclusively. */
		if (!(e->known & SEEN_ZERO) && !(e->bits & SEEN_EXCLUSIVE))
			return classify_doubted(PAGE_UNKNOWN, RULE_PRESENT_UNDECIDED,
						DOUBT_NO_SCAN);
		return classify_decide(PAGE_ANON, RULE_PRESENT_ANON);
	}
	if (mapping_is_private(m) && !(e->bits & SEEN_FILE))
		return classify_decide(PAGE_ANON, RULE_PRESENT_COPIED);
	return classify_present_of_object(m);
}

/*
 * The object of private huge pages that a flag asked for holds nothing, ever: each mapping has one
 * of its own (hugetlb_file_setup() in fs/hugetlbfs/inode.c).
 */
static bool classify_has_object(const struct mapping *m)
{
	if (m->kind == MAPPING_HUGETLB)
		return !mapping_is_private(m) || strncmp(m->name, "/anon_hugepage", 14) != 0;
	return m->kind == MAPPING_SHMEM || m->kind == MAPPING_FILE;
}

/* No page-table entry holds the page: what the process would find is what the object holds. */
static struct verdict classify_absent(const struct mapping *m, const struct evidence *e)
{
	if (!classify_has_object(m))
		return classify_decide(PAGE_NONE, RULE_NOTHING);
	switch ((enum object_page)e->object) {
	case OBJECT_NOT_ASKED:
		return classify_doubted(PAGE_UNKNOWN, RULE_OBJECT_UNKNOWN, DOUBT_CACHE_NOT_ASKED);
	case OBJECT_NOT_ALLOWED:
		return classify_doubted(PAGE_UNKNOWN, RULE_OBJECT_UNKNOWN, DOUBT_CACHE_NOT_ALLOWED);
	case OBJECT_STACKED:
		return classify_doubted(PAGE_UNKNOWN, RULE_OBJECT_UNKNOWN, DOUBT_STACKED);
	case OBJECT_NO_KIND:
		return classify_doubted(PAGE_UNKNOWN, RULE_OBJECT_UNKNOWN, DOUBT_NO_KIND);
	case OBJECT_HOLE:
		return classify_decide(PAGE_NONE, RULE_HOLE);
	case OBJECT_HOLE_OR_ALLOCATED:
		return classify_doubted(PAGE_NONE, RULE_HOLE, DOUBT_UNWRITTEN);
	case OBJECT_CACHED:
		return classify_decide(PAGE_CACHED, RULE_CACHED);
	case OBJECT_ALLOCATED: {
		struct verdict v = classify_decide(PAGE_CACHED, RULE_ALLOCATED);

		v.marks = MARK_ALLOCATED;
		return v;
	}
	case OBJECT_SWAPPED:
		return classify_decide(PAGE_SHARED_SWAP, RULE_SHARED_SWAP);
	case OBJECT_SWAP_CACHED: {
		struct verdict v = classify_decide(PAGE_SHARED_SWAP, RULE_SHARED_SWAP_CACHED);

		v.marks = MARK_SWAP_CACHED;
		return v;
	}
	case OBJECT_POISONED:
		return classify_decide(PAGE_POISON, RULE_OBJECT_POISON);
	case OBJECT_CACHED_OR_SWAPPED:
		return classify_doubted(PAGE_UNKNOWN, RULE_CACHED_OR_SWAPPED, DOUBT_NO_CACHESTAT);
	case OBJECT_HUGETLB_FILLED:
		return classify_doubted(PAGE_UNKNOWN, RULE_HUGETLB_FILLED, DOUBT_HUGETLB);
	case OBJECT_UNKNOWN:
	case OBJECT_PAGES:
		break;
	}
	return classify_doubted(PAGE_UNKNOWN, RULE_OBJECT_UNKNOWN, DOUBT_NO_RIGHT);
}

/*
 * A swap type that is hidden: a shared mapping has no private swap, so its entry is the marker that
 * keeps a write protection, or something rare. In private memory swap is the rule; the sum is held
 * against VmSwap by whoever takes the sample.
 */
static struct verdict classify_hidden(const struct mapping *m, const struct evidence *e)
{
	if (mapping_is_private(m))
		return classify_doubted(PAGE_SWAP, RULE_SWAP_HIDDEN_TYPE, DOUBT_SWAP_TYPE);
	if (e->bits & SEEN_WP)
		return classify_absent(m, e);
	return classify_doubted(PAGE_UNKNOWN, RULE_SWAP_HIDDEN_TYPE, DOUBT_SWAP_TYPE);
}

static struct verdict classify_swapped(const struct mapping *m, const struct evidence *e)
{
	switch ((enum swap_type_meaning)e->swap_type) {
	case SWAP_TYPE_HIDDEN:
		return classify_hidden(m, e);
	case SWAP_TYPE_AREA:
		return classify_decide(PAGE_SWAP, RULE_SWAP);
	case SWAP_TYPE_MARKER_WP:
		return classify_absent(m, e);
	case SWAP_TYPE_MARKER_GUARD:
		return classify_decide(PAGE_GUARD, RULE_GUARD);
	case SWAP_TYPE_MARKER_POISON:
	case SWAP_TYPE_HWPOISON:
		return classify_decide(PAGE_POISON, RULE_POISON);
	case SWAP_TYPE_MIGRATION:
		return classify_decide(PAGE_MIGRATING, RULE_MIGRATION);
	case SWAP_TYPE_UNDECIDED:
		return classify_doubted(PAGE_UNKNOWN, RULE_SWAP_UNDECIDED_TYPE, DOUBT_SWAP_AREAS);
	case SWAP_TYPE_SPECIAL:
		break;
	}
	return classify_doubted(PAGE_UNKNOWN, RULE_SPECIAL, DOUBT_KERNEL_MEMORY);
}

static uint16_t classify_marks(const struct mapping *m, const struct evidence *e,
			       enum page_state state)
{
	uint16_t marks = 0;

	/*
	 * Soft-dirty of an entry that holds no page is the mapping's flag, not the page's; hugetlb
	 * never has a right one (kernel 6.1 and 6.12, both interfaces, measured).
	 */
	if (e->bits & SEEN_WRITTEN && m->kind != MAPPING_HUGETLB &&
	    (page_state_is_present(state) || state == PAGE_SWAP))
		marks |= MARK_WRITTEN;
	if (e->bits & SEEN_EXCLUSIVE && e->bits & SEEN_PRESENT)
		marks |= MARK_EXCLUSIVE;
	if (e->bits & SEEN_WP)
		marks |= MARK_UFFD_WP;
	if (m->kind == MAPPING_HUGETLB) {
		if (page_state_is_present(state))
			marks |= MARK_HUGETLB;
	} else if (e->bits & SEEN_HUGE && page_state_is_present(state)) {
		marks |= MARK_HUGE;
	}
	return marks;
}

/*
 * What the kernel shares page by page (rings of sockets and io_uring, BPF maps, memfd_secret) is in
 * RAM while it is mapped, and smaps counts it in Rss. What has no struct page (VM_PFNMAP, single
 * entries of VM_MIXEDMAP) is never "file", and counts nowhere.
 */
static struct verdict classify_special(const struct mapping *m, const struct evidence *e)
{
	if (strcmp(m->name, "[vdso]") != 0)
		return e->bits & SEEN_PRESENT && e->bits & SEEN_FILE
			       ? classify_decide(PAGE_SHMEM, RULE_KERNEL_PAGE)
			       : classify_doubted(PAGE_UNKNOWN, RULE_SPECIAL, DOUBT_KERNEL_MEMORY);
	return e->bits & SEEN_PRESENT ? classify_decide(PAGE_FILE, RULE_VDSO)
				      : classify_decide(PAGE_NONE, RULE_NOTHING);
}

struct verdict classify_page(const struct mapping *mapping, const struct evidence *evidence)
{
	struct verdict v;

	if (mapping->kind == MAPPING_SPECIAL)
		return classify_special(mapping, evidence);
	if (evidence->bits & SEEN_GUARD)
		v = classify_decide(PAGE_GUARD, RULE_GUARD);
	else if (evidence->bits & SEEN_PRESENT)
		v = classify_present(mapping, evidence);
	else if (evidence->bits & SEEN_SWAPPED)
		v = classify_swapped(mapping, evidence);
	else
		v = classify_absent(mapping, evidence);
	v.marks |= classify_marks(mapping, evidence, v.state);
	return v;
}

bool classify_needs_object(const struct mapping *mapping, const struct evidence *evidence)
{
	if (!classify_has_object(mapping) || evidence->bits & (SEEN_PRESENT | SEEN_GUARD))
		return false;
	if (!(evidence->bits & SEEN_SWAPPED))
		return true;
	if (evidence->swap_type == SWAP_TYPE_HIDDEN)
		return !mapping_is_private(mapping) && evidence->bits & SEEN_WP;
	return evidence->swap_type == SWAP_TYPE_MARKER_WP;
}
