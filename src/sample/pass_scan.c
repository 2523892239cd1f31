// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "kernel/smaps.h"
#include "kernel/xarray.h"
#include "sample/pass_internal.h"

static void pass_scan_add_verdict(struct pass *pass, uint64_t count, const struct verdict *verdict);

static int pass_scan_add_absent(struct pass *pass, uint64_t count, const struct evidence *evidence);

/* From runs of page-table entries to the pages of each mapping. */

enum scan_wish pass_scan_wish(const struct pass *pass, const struct mapping *mapping)
{
	/* The vsyscall page lies above what a scan accepts. */
	if (mapping->kind == MAPPING_SPECIAL)
		return mapping->start >> 63 ? SCAN_NOT : SCAN_ENTRIES_AND_FILE;
	if (mapping_is_private(mapping) && mapping->inode &&
	    (mapping->kind == MAPPING_FILE || mapping->kind == MAPPING_SHMEM ||
	     mapping->kind == MAPPING_HUGETLB))
		return SCAN_ENTRIES_AND_FILE;
	return SCAN_ENTRIES;
}

static const struct mapping *pass_scan_scan_current(const struct pass *p)
{
	return p->now.mapping->mapping;
}

static int pass_scan_add_evidence(struct pass *p, uint64_t count, const struct evidence *e)
{
	struct verdict v;

	if (classify_needs_object(pass_scan_scan_current(p), e))
		return pass_scan_add_absent(p, count, e);
	v = classify_page(pass_scan_scan_current(p), e);
	pass_scan_add_verdict(p, count, &v);
	return 0;
}

/* Entries that the scan has told enough about. */
static int pass_scan_add_scanned(struct pass *p, uint64_t count, uint16_t bits)
{
	struct evidence e = { .bits = bits, .known = pagemap_scan_known(&p->scan) };

	if (p->now.verdict_known && p->now.bits == bits) {
		pages_builder_add(p->builder, count, p->now.verdict.state, p->now.verdict.marks);
		return 0;
	}
	if (classify_needs_object(pass_scan_scan_current(p), &e))
		return pass_scan_add_absent(p, count, &e);
	p->now.verdict = classify_page(pass_scan_scan_current(p), &e);
	p->now.bits = bits;
	p->now.verdict_known = true;
	pass_scan_add_verdict(p, count, &p->now.verdict);
	return 0;
}

/* Marks that only the page frame knows; shared memory asks its object for the last one. */
#define MARKS_OF_FRAMES (MARK_KSM | MARK_LAZYFREE | MARK_SWAP_CACHED)

static uint16_t pass_scan_frame_marks(const struct pass *p, uint64_t flags)
{
	uint16_t marks = 0;

	if (flags & KPF_KSM)
		marks |= MARK_KSM;
	/* Pages of the hugetlb pool are never backed by swap, and never freed lazily either. */
	if (flags & KPF_ANON && !(flags & (KPF_SWAPBACKED | KPF_ZERO_PAGE | KPF_HUGE)))
		marks |= MARK_LAZYFREE;
	/* Back in RAM, with its slot kept for the next time. */
	if (flags & KPF_ANON && flags & KPF_SWAPCACHE)
		marks |= MARK_SWAP_CACHED;
	return marks & p->now.facts.marks_known;
}

struct evidence pass_word_evidence(const struct pass *pass, uint64_t word)
{
	struct evidence e = pagemap_evidence(pass->probe, word);

	/* Migrations and broken memory leave entries that only the page frame tells apart. */
	if (e.swap_type == SWAP_TYPE_MIGRATION && kpage_is_poisoned(pass->kpage, PM_OFFSET(word)))
		e.swap_type = SWAP_TYPE_HWPOISON;
	return e;
}

/*
 * Since 7.3 the scan tells protected pages only in mappings that userfaultfd watches, and there are
 * two protections with one bit (pagemap.rst). A mapping has one at most: the first page that may
 * have it tells, and VmFlags which.
 */
static bool pass_scan_is_write_protected(struct pass *p, uint64_t word)
{
	char flags[VM_FLAGS_BYTES];

	if (p->now.protection == UFFD_NOT_ASKED && word & (PM_PRESENT | PM_SWAP)) {
		p->now.protection = word & PM_UFFD_WP ? UFFD_WRITE_PROTECTION : UFFD_NO_PROTECTION;
		if (word & PM_UFFD_WP &&
		    smaps_vm_flags(p->target->proc, pass_scan_scan_current(p)->start, flags,
				   sizeof(flags)) == 0 &&
		    strstr(flags, "ur"))
			p->now.protection = UFFD_ACCESS_PROTECTION;
	}
	return p->now.protection == UFFD_WRITE_PROTECTION;
}

/* What the scan saw of pages at an address, without a protection that nobody made. */
static uint16_t pass_scan_without_false_protection(struct pass *p, uint64_t address, uint16_t bits)
{
	uint64_t word = 0;

	if (p->probe->has[PROBE_SCAN_WP] || !p->probe->has[PROBE_PAGEMAP_SCAN] || !(bits & SEEN_WP))
		return bits;
	if (p->now.protection == UFFD_NOT_ASKED)
		pagemap_read(p->probe, p->target->pagemap, address, &word, 1);
	return pass_scan_is_write_protected(p, word) ? bits : bits & (uint16_t)~SEEN_WP;
}

/* One word, put together with what the scan saw of the same page. */
static struct evidence pass_scan_word_evidence(struct pass *p, uint64_t word, uint16_t scanned)
{
	struct evidence e = pass_word_evidence(p, word);

	if (e.bits & SEEN_WP && !p->probe->has[PROBE_SCAN_WP] &&
	    p->probe->has[PROBE_PAGEMAP_SCAN] && !pass_scan_is_write_protected(p, word))
		e.bits &= (uint16_t)~SEEN_WP;
	if (p->probe->has[PROBE_PAGEMAP_SCAN]) {
		e.known |= SEEN_ZERO | SEEN_HUGE;
		if (e.bits & scanned & SEEN_PRESENT)
			e.bits |= scanned & (SEEN_ZERO | SEEN_HUGE);
	}
	return e;
}

static bool pass_scan_alike(const struct evidence *a, const struct evidence *b)
{
	return a->bits == b->bits && a->swap_type == b->swap_type;
}

static int pass_scan_add_words(struct pass *p, size_t count, uint16_t scanned)
{
	bool frames = p->now.facts.marks_known & MARKS_OF_FRAMES &&
		      kpage_flags(p->kpage, p->words, count, p->flags) == 0;

	if (frames)
		kpage_complete_tails(p->kpage, p->words, count, p->flags);
	for (size_t i = 0, n; i < count; i += n) {
		struct evidence e = pass_scan_word_evidence(p, p->words[i], scanned);
		uint16_t extra = frames ? pass_scan_frame_marks(p, p->flags[i]) : 0;

		for (n = 1; i + n < count; n++) {
			struct evidence next = pass_scan_word_evidence(p, p->words[i + n], scanned);

			if (!pass_scan_alike(&e, &next) ||
			    (frames && pass_scan_frame_marks(p, p->flags[i + n]) != extra) ||
			    (e.swap_type == SWAP_TYPE_AREA &&
			     p->words[i + n] != p->words[i] + (n << 5)))
				break;
		}
		p->now.swapped |= e.bits & SEEN_SWAPPED && e.swap_type == SWAP_TYPE_AREA;
		if (e.bits & SEEN_SWAPPED && e.swap_type == SWAP_TYPE_AREA && p->complete)
			pages_builder_slot(p->builder,
					   &(struct slot_run){ pages_builder_position(p->builder),
							       n, PM_OFFSET(p->words[i]),
							       PM_TYPE(p->words[i]) });
		if (extra && e.bits & SEEN_PRESENT) {
			struct verdict v = classify_page(pass_scan_scan_current(p), &e);

			v.marks |= extra;
			pass_scan_add_verdict(p, n, &v);
		} else {
			int error = pass_scan_add_evidence(p, n, &e);

			if (error)
				return error;
		}
	}
	return 0;
}

/* Entries about which the scan says too little: their words say the rest. */
static int pass_scan_add_read(struct pass *p, uint64_t address, uint64_t count, uint16_t scanned)
{
	while (count) {
		size_t n = count < WORDS ? (size_t)count : WORDS;
		int error = pagemap_read(p->probe, p->target->pagemap, address, p->words, n);

		if (!error)
			error = pass_scan_add_words(p, n, scanned);
		if (error)
			return error;
		address += n * PMTOP_PAGE_SIZE;
		count -= n;
	}
	return 0;
}

static bool pass_scan_needs_word(const struct pass *p, uint16_t bits)
{
	return p->complete ||
	       (bits & SEEN_SWAPPED && !(bits & SEEN_GUARD) && p->probe->has[PROBE_PFN]);
}

static int pass_scan_add_entries(struct pass *p, uint64_t address, uint64_t count, uint16_t scanned)
{
	if (pass_scan_needs_word(p, scanned))
		return pass_scan_add_read(p, address, count, scanned);
	return pass_scan_add_scanned(p, count,
				     pass_scan_without_false_protection(p, address, scanned));
}

/* Marks that are told for every page of the mapping by this pass. */
static uint16_t pass_scan_marks_known(struct pass *p, const struct mapping *m)
{
	uint16_t known = MARK_UFFD_WP | MARK_HUGETLB;

	if (m->kind == MAPPING_SPECIAL)
		return 0;
	if (p->probe->has[PROBE_SOFT_DIRTY] && m->kind != MAPPING_HUGETLB)
		known |= MARK_WRITTEN;
	if (p->probe->has[PROBE_PAGEMAP_SCAN])
		known |= MARK_HUGE;
	if (p->complete) {
		known |= MARK_EXCLUSIVE;
		if (p->probe->has[PROBE_KPAGEFLAGS] && p->probe->has[PROBE_PFN])
			known |= MARK_LAZYFREE | (p->probe->ksm_unreliable ? 0 : MARK_KSM);
		if (known & MARK_LAZYFREE && m->kind != MAPPING_SHMEM)
			known |= MARK_SWAP_CACHED;
	}
	known |= object_marks_known(p->objects, m);
	/* A private view of shared memory has pages of both sorts. */
	if (mapping_is_private(m) && !(known & MARK_LAZYFREE))
		known &= (uint16_t)~MARK_SWAP_CACHED;
	return known;
}

static void pass_scan_begin_mapping(struct pass *p)
{
	struct snapshot_mapping *m = &p->snapshot->mappings[p->at];

	p->now = (struct assembly){ .mapping = m };
	p->now.facts.marks_known = pass_scan_marks_known(p, m->mapping);
	p->now.facts.slots_known = p->complete && p->probe->has[PROBE_PFN];
	pages_builder_start(p->builder, m->mapping->start, pass_pages_before(p, m->mapping));
}

/* Pages up to `page` have no entry. */
static int pass_scan_add_gap(struct pass *p, uint64_t page)
{
	uint64_t position = pages_builder_position(p->builder);
	struct evidence nothing = { .known = pagemap_scan_known(&p->scan) };

	if (position >= page)
		return 0;
	if (!p->now.gap_known) {
		if (classify_needs_object(pass_scan_scan_current(p), &nothing))
			return pass_scan_add_absent(p, page - position, &nothing);
		p->now.gap = classify_page(pass_scan_scan_current(p), &nothing);
		p->now.gap_known = true;
	}
	pass_scan_add_verdict(p, page - position, &p->now.gap);
	return 0;
}

/* Slots of shared pages are known only where a backend gave them. */
static void pass_scan_limit_slot_knowledge(struct pass *p)
{
	const struct mapping *m = pass_scan_scan_current(p);
	bool shared = object_slots_known(p->objects, m);

	if (m->kind == MAPPING_SHMEM)
		p->now.facts.slots_known =
			shared && (p->now.facts.slots_known || !mapping_is_private(m));
}

static int pass_scan_finish_mapping(struct pass *p)
{
	int error = pass_scan_add_gap(p, mapping_pages(pass_scan_scan_current(p)));

	if (error)
		return error;
	pass_scan_limit_slot_knowledge(p);
	/* Of a private page in swap nothing tells whether it is in RAM as well. */
	if (p->now.swapped)
		p->now.facts.marks_known &= (uint16_t)~MARK_SWAP_CACHED;
	object_close(p->objects);
	error = pages_builder_finish(p->builder, &p->now.facts, &p->now.mapping->pages);
	p->at++;
	return error;
}

static int pass_scan_take_entries(void *context, const struct entry_run *run)
{
	struct pass *p = context;
	uint64_t address = run->start, count = run->count;

	while (count && p->at < p->to) {
		const struct mapping *m = pass_scan_scan_current(p);
		uint64_t n = (m->end - address) >> PMTOP_PAGE_SHIFT;
		int error;

		if (address >= m->end) {
			error = pass_scan_finish_mapping(p);
			if (error)
				return error;
			if (p->at < p->to)
				pass_scan_begin_mapping(p);
			continue;
		}
		if (address < m->start) { /* mapped after the list was read */
			n = (m->start - address) >> PMTOP_PAGE_SHIFT;
			n = n < count ? n : count;
		} else {
			n = n < count ? n : count;
			error = pass_scan_add_gap(p, (address - m->start) >> PMTOP_PAGE_SHIFT);
			if (!error)
				error = pass_scan_add_entries(p, address, n, run->bits);
			if (error)
				return error;
		}
		address += n << PMTOP_PAGE_SHIFT;
		count -= n;
	}
	return 0;
}

/* A call of the kernel returns 512 regions at most: more mappings than that gain nothing. */
#define MAPPINGS_A_STEP 1024u

/* Where the next step through the segment begins and ends; what is not mapped is none of it. */
static uint64_t pass_scan_step(void *context, uint64_t *start, uint64_t bytes)
{
	const struct pass *p = context;
	size_t at = snapshot_find(p->snapshot, *start);
	size_t to = at + MAPPINGS_A_STEP < p->to ? at + MAPPINGS_A_STEP : p->to;
	uint64_t end = 0, left = bytes;

	if (at < p->to && p->snapshot->mappings[at].mapping->start > *start)
		*start = p->snapshot->mappings[at].mapping->start;
	for (; at < to && left; at++) {
		const struct mapping *m = p->snapshot->mappings[at].mapping;
		uint64_t from = m->start > *start ? m->start : *start;

		end = m->end - from > left ? from + left : m->end;
		left -= end - from;
	}
	return end;
}

/* All pages of a mapping in one state, for one reason. */
static int pass_scan_fill_mapping(struct pass *p, enum page_state state, enum page_doubt doubt)
{
	struct pages_facts facts = { .doubt = (uint8_t)doubt };
	struct snapshot_mapping *m = p->now.mapping;

	pages_builder_start(p->builder, m->mapping->start, pass_pages_before(p, m->mapping));
	pages_builder_add(p->builder, mapping_pages(m->mapping), state, 0);
	return pages_builder_finish(p->builder, &facts, &m->pages);
}

int pass_scan_segment(struct pass *pass, struct snapshot *snapshot, size_t from, size_t to)
{
	struct pass *p = pass;
	enum scan_wish wish = pass_scan_wish(p, snapshot->mappings[from].mapping);
	int error;

	p->snapshot = snapshot;
	p->at = from;
	p->to = to;
	if (wish == SCAN_NOT) {
		p->now.mapping = &snapshot->mappings[from];
		return pass_scan_fill_mapping(p, PAGE_UNKNOWN, DOUBT_KERNEL_MEMORY);
	}
	pass_scan_begin_mapping(p);
	p->scan.file = wish == SCAN_ENTRIES_AND_FILE;
	p->scan.step = pass_scan_step;
	error = pagemap_scan(&p->scan, snapshot->mappings[from].mapping->start,
			     snapshot->mappings[to - 1].mapping->end, pass_scan_take_entries, p);
	while (!error && p->at < to) {
		error = pass_scan_finish_mapping(p);
		if (!error && p->at < to)
			pass_scan_begin_mapping(p);
	}
	return error;
}

int pass_fill_unknown(struct pass *pass, struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->count; i++) {
		int error;

		if (snapshot->mappings[i].pages)
			continue;
		pass->now.mapping = &snapshot->mappings[i];
		error = pass_scan_fill_mapping(pass, PAGE_UNKNOWN, DOUBT_GONE);
		if (error)
			return error;
	}
	return 0;
}

/* Pages that the page table does not hold: what the object behind the mapping says of them. */

/* Pages of an object that go to the builder at once. */
#define AT_ONCE 256u

static const struct mapping *pass_scan_current(const struct pass *p)
{
	return p->now.mapping->mapping;
}

/* The most telling doubt of a mapping is the first one of the enum. */
static void pass_scan_take_doubt(struct pass *p, uint8_t doubt)
{
	uint8_t *has = &p->now.facts.doubt;

	/* Sums may settle all others, so that one must not hide behind them. */
	if (doubt && *has != DOUBT_UNWRITTEN && (!*has || doubt == DOUBT_UNWRITTEN || doubt < *has))
		*has = doubt;
}

/* Appends pages of which everything is known to the mapping that is being put together. */
static void pass_scan_add_verdict(struct pass *p, uint64_t count, const struct verdict *v)
{
	pass_scan_take_doubt(p, v->doubt);
	pages_builder_add(p->builder, count, v->state, v->marks);
}

struct absent {
	struct pass *pass;
	struct evidence evidence;
};

static int pass_scan_add_object_run(void *context, const struct object_run *run)
{
	struct absent *a = context;
	struct verdict v;

	a->evidence.object = run->what;
	v = classify_page(pass_scan_current(a->pass), &a->evidence);
	pass_scan_add_verdict(a->pass, run->count, &v);
	if (run->slot_known)
		pages_builder_slot(a->pass->builder, &(struct slot_run){ run->first, run->count,
									 run->offset, run->type });
	return 0;
}

/* The verdicts on pages without an entry, once for all that is in the mapping. */
static void pass_scan_prepare_values(struct pass *p, const struct evidence *nothing)
{
	struct evidence e = *nothing;

	p->now.values_known = true;
	for (unsigned int what = 0; what < OBJECT_PAGES; what++) {
		struct verdict v;

		e.object = (uint8_t)what;
		v = classify_page(pass_scan_current(p), &e);
		p->now.values[what] = (uint16_t)(v.state | v.marks << PAGE_VALUE_MARKS);
		p->now.doubts[what] = v.doubt;
	}
}

static void pass_scan_add_slots(struct pass *p, const struct object_view *view, uint64_t first,
				size_t count)
{
	for (size_t i = 0, n; i < count; i += n) {
		n = 1;
		if (view->what[i] != OBJECT_SWAPPED)
			continue;
		while (i + n < count && view->what[i + n] == OBJECT_SWAPPED &&
		       view->slots[i + n] == view->slots[i] + n)
			n++;
		pages_builder_slot(p->builder,
				   &(struct slot_run){ first + i, n,
						       XARRAY_SLOT_OFFSET(view->slots[i]),
						       XARRAY_SLOT_TYPE(view->slots[i]) });
	}
}

/* Pages without an entry one by one, as far as the object is known like that; how many. */
static uint64_t pass_scan_add_viewed(struct pass *p, uint64_t first, uint64_t count,
				     const struct evidence *evidence)
{
	struct object_view view;
	uint64_t known, done = 0;
	uint16_t values[AT_ONCE];

	if (evidence->bits)
		return 0;
	while (done < count && (known = object_view(p->objects, pass_scan_current(p), first + done,
						    count - done, &view))) {
		size_t n = known < AT_ONCE ? (size_t)known : AT_ONCE;
		uint8_t doubt = 0;

		if (!p->now.values_known)
			pass_scan_prepare_values(p, evidence);
		for (size_t i = 0; i < n; i++) {
			values[i] = p->now.values[view.what[i]];
			doubt |= p->now.doubts[view.what[i]];
		}
		/* Only one answer leaves a doubt: that there was none. */
		pass_scan_take_doubt(p, doubt);
		pass_scan_add_slots(p, &view, first + done, n);
		pages_builder_add_mixed(p->builder, values, n);
		done += n;
	}
	return done;
}

/* The same for pages without an entry, or with a marker alone: the object behind them is asked. */
static int pass_scan_add_absent(struct pass *p, uint64_t count, const struct evidence *evidence)
{
	struct absent a = { p, *evidence };
	uint64_t first = pages_builder_position(p->builder), done;
	uint64_t viewed = pass_scan_add_viewed(p, first, count, evidence);
	int error = 0;

	if (viewed < count)
		error = object_query(p->objects, pass_scan_current(p), first + viewed,
				     count - viewed, pass_scan_add_object_run, &a);
	if (error && error != -EACCES)
		return error;
	/* An object that stopped to answer half way leaves the rest unknown. */
	done = pages_builder_position(p->builder) - first;
	if (done < count)
		return pass_scan_add_object_run(&a, &(struct object_run){ .first = first + done,
									  .count = count - done,
									  .what = OBJECT_UNKNOWN });
	return 0;
}

/* What the pages of a mapping that were open turn out to be. */
struct settlement {
	enum page_state open; /* pages of this state ... */
	bool protected_only; /* ... and only those that userfaultfd protects ... */
	enum page_state state; /* ... have this one; PAGE_UNKNOWN: still open */
	enum page_doubt doubt;
	uint64_t swap_unplaced;
	uint16_t marks, not_marks; /* that they have then, and have not */
	uint16_t not_known; /* marks that are not told of the mapping */
};

/* `part` of `unknown` pages are in the one state, the others in the other. */
static enum page_state pass_scan_all_or_none(uint64_t part, uint64_t unknown, enum page_state all,
					     enum page_state none)
{
	if (!part)
		return none;
	return part == unknown ? all : PAGE_UNKNOWN;
}

/*
 * smaps counts swapped pages of the object behind guard and poison markers, and, where a private
 * mapping cannot be written, also those that private copies hide: its sum may then belong to other
 * pages.
 */
static bool pass_scan_may_count_hidden(const struct mapping *m, const struct page_counts *counts)
{
	if (counts->state[PAGE_GUARD] + counts->state[PAGE_POISON])
		return true;
	return mapping_is_private(m) && m->perms[1] != 'w' &&
	       counts->state[PAGE_ANON] + counts->state[PAGE_SWAP];
}

/* Shared memory: unknown pages are in swap, or (cached, when in core; else nothing that shows). */
static struct settlement pass_scan_settle_shared(const struct mapping *mapping,
						 const struct pages *pages,
						 const struct verify_sums *sums)
{
	const struct page_counts *counts = pages_counts(pages);
	uint64_t unknown = counts->state[PAGE_UNKNOWN];
	uint64_t placed = counts->state[PAGE_SWAP] + counts->state[PAGE_SHARED_SWAP];
	uint64_t swap = sums->pages[VERIFY_SWAP];
	enum page_doubt doubt = pages_facts(pages)->doubt;
	bool in_core = doubt == DOUBT_NO_CACHESTAT || doubt == DOUBT_UNWRITTEN;
	struct settlement s = { .open = PAGE_UNKNOWN, .state = PAGE_UNKNOWN, .doubt = doubt };

	/* The sum moved on, or counts what a private copy hides: it settles nothing. */
	if (swap < placed || swap - placed > unknown)
		return s;
	if (swap > placed && pass_scan_may_count_hidden(mapping, counts))
		return s;
	s.state = pass_scan_all_or_none(swap - placed, unknown, PAGE_SHARED_SWAP,
					in_core ? PAGE_CACHED : PAGE_NONE);
	if (s.state == PAGE_UNKNOWN)
		s.swap_unplaced = swap - placed;
	else if (doubt != DOUBT_UNWRITTEN) /* which is about pages that are not unknown */
		s.doubt = s.state == PAGE_NONE ? DOUBT_CACHE_NOT_ALLOWED : DOUBT_NONE;
	if (s.state == PAGE_NONE)
		s.state = PAGE_UNKNOWN; /* or cached: not in swap is all that the sum says */
	return s;
}

/*
 * smaps counts what the mapped file itself has in swap, also below a stacked file system, and where
 * no mount tells that it is shared memory. Without swap, what is not in core is nowhere.
 */
static struct settlement pass_scan_settle_file(const struct mapping *mapping,
					       const struct pages *pages,
					       const struct verify_sums *sums)
{
	const struct page_counts *counts = pages_counts(pages);
	struct settlement s = pass_scan_settle_shared(mapping, pages, sums);

	if (s.state == PAGE_SHARED_SWAP || s.swap_unplaced)
		return s;
	s.doubt = (enum page_doubt)pages_facts(pages)->doubt;
	if (s.doubt == DOUBT_STACKED &&
	    sums->pages[VERIFY_SWAP] ==
		    counts->state[PAGE_SWAP] + counts->state[PAGE_SHARED_SWAP]) {
		s.state = PAGE_NONE;
		s.doubt = DOUBT_NONE;
	}
	return s;
}

/* Anonymous memory without PAGEMAP_SCAN: unknown pages are the zero page, which Rss leaves out. */
static struct settlement pass_scan_settle_anonymous(const struct pages *pages,
						    const struct verify_sums *sums)
{
	const struct page_counts *counts = pages_counts(pages);
	uint64_t rss = sums->pages[VERIFY_RSS], known = counts->state[PAGE_ANON];
	struct settlement s = { .open = PAGE_UNKNOWN,
				.state = PAGE_UNKNOWN,
				.doubt = pages_facts(pages)->doubt };

	if (rss < known || rss - known > counts->state[PAGE_UNKNOWN])
		return s;
	s.state = pass_scan_all_or_none(rss - known, counts->state[PAGE_UNKNOWN], PAGE_ANON,
					PAGE_ZERO);
	if (s.state != PAGE_UNKNOWN)
		s.doubt = DOUBT_NONE;
	return s;
}

/*
 * Huge pages that are not mapped here: the object holds none but those that are mapped, or is full.
 */
static struct settlement pass_scan_settle_hugetlb(struct pass *p, const struct mapping *mapping,
						  const struct pages *pages)
{
	const struct page_counts *counts = pages_counts(pages);
	uint64_t mapped = counts->state[PAGE_SHMEM] + counts->state[PAGE_FILE], filled, size;
	struct settlement s = { .open = PAGE_UNKNOWN,
				.state = PAGE_UNKNOWN,
				.doubt = pages_facts(pages)->doubt };

	if (!object_hugetlb_filled(p->objects, mapping, &filled, &size))
		return s;
	object_close(p->objects);
	if (filled == mapped)
		s.state = PAGE_NONE;
	else if (filled == size &&
		 (mapping->offset >> PMTOP_PAGE_SHIFT) + mapping_pages(mapping) <= size)
		s.state = PAGE_CACHED;
	if (s.state != PAGE_UNKNOWN)
		s.doubt = DOUBT_NONE;
	return s;
}

static uint64_t pass_scan_protected_swap(const struct pages *pages)
{
	struct page_run run;
	uint64_t sum = 0;

	for (uint64_t i = 0; pages_run(pages, i, &run); i = run.first + run.count)
		if (run.state == PAGE_SWAP && run.marks & MARK_UFFD_WP)
			sum += run.count;
	return sum;
}

/*
 * Private swap entries whose types are hidden, in a process that has less swap than that. What
 * smaps counts are the real ones (smaps_pte_entry() in fs/proc/task_mmu.c). The others are markers:
 * those of a write protection can be told, as they carry it; where that does not add up all is
 * open.
 */
static struct settlement pass_scan_settle_hidden(const struct mapping *mapping,
						 const struct pages *pages,
						 const struct verify_sums *sums)
{
	const struct page_counts *counts = pages_counts(pages);
	uint64_t entries = counts->state[PAGE_SWAP], swap = sums->pages[VERIFY_SWAP];
	uint64_t shared = counts->state[PAGE_SHARED_SWAP];
	struct settlement s = { .open = PAGE_SWAP,
				.state = PAGE_UNKNOWN,
				.doubt = DOUBT_SWAP_TYPE };
	bool object = mapping->kind == MAPPING_SHMEM || mapping->kind == MAPPING_FILE;

	/* With an object behind, pages that are unknown may be in its swap, and count as well. */
	if (object && (counts->state[PAGE_UNKNOWN] || pass_scan_may_count_hidden(mapping, counts)))
		return s;
	if (swap == entries + shared) {
		s.state = PAGE_SWAP;
	} else if (swap + pass_scan_protected_swap(pages) == entries + shared) {
		s.protected_only = true;
		s.state = object ? PAGE_UNKNOWN : PAGE_NONE;
	}
	if (s.state != PAGE_UNKNOWN && pages_facts(pages)->doubt == DOUBT_SWAP_TYPE)
		s.doubt = DOUBT_NONE;
	else if (s.state != PAGE_UNKNOWN)
		s.doubt = pages_facts(pages)->doubt;
	return s;
}

static bool pass_scan_can_be_settled(const struct snapshot_mapping *m)
{
	enum page_doubt doubt = pages_facts(m->pages)->doubt;

	return pages_counts(m->pages)->state[PAGE_UNKNOWN] &&
	       (doubt == DOUBT_NO_RIGHT || doubt == DOUBT_NO_CACHESTAT ||
		doubt == DOUBT_UNWRITTEN || doubt == DOUBT_NO_SCAN || doubt == DOUBT_HUGETLB ||
		doubt == DOUBT_STACKED || doubt == DOUBT_NO_KIND);
}

static bool pass_scan_is_open(const struct settlement *settlement, const struct page_run *run)
{
	return run->state == settlement->open &&
	       (!settlement->protected_only || run->marks & MARK_UFFD_WP);
}

/* The same pages with the open ones replaced. */
static int pass_scan_apply(struct pass *p, struct snapshot_mapping *m,
			   const struct settlement *settlement)
{
	struct pages_facts facts = *pages_facts(m->pages);
	struct page_run run;
	struct pages *pages;
	const struct slot_run *slots;
	size_t slot_count;
	int error;

	facts.doubt = (uint8_t)settlement->doubt;
	facts.swap_unplaced = settlement->swap_unplaced;
	facts.slots_known &= settlement->state != PAGE_SHARED_SWAP;
	facts.marks_known &= (uint16_t)~settlement->not_known;
	pages_builder_start(p->builder, m->mapping->start, pass_pages_before(p, m->mapping));
	for (uint64_t i = 0; pages_run(m->pages, i, &run); i = run.first + run.count)
		if (pass_scan_is_open(settlement, &run))
			pages_builder_add(p->builder, run.count, settlement->state,
					  (run.marks | settlement->marks) &
						  (uint16_t)~settlement->not_marks);
		else
			pages_builder_add(p->builder, run.count, run.state, run.marks);
	slots = pages_slots(m->pages, &slot_count);
	for (size_t i = 0; i < slot_count; i++)
		pages_builder_slot(p->builder, &slots[i]);
	error = pages_builder_finish(p->builder, &facts, &pages);
	if (error)
		return error;
	pages_unref(m->pages);
	m->pages = pages;
	return 0;
}

/* Without the right to see swap types, VmSwap tells whether all entries are swap. */
static int pass_scan_check_private_swap(struct pass *p, struct snapshot *s)
{
	struct target_counters counters;
	uint64_t swap = 0;
	int error;

	if (s->known.swap_exact)
		return 0;
	error = target_counters(p->target, &counters);
	if (error)
		return error;
	for (size_t i = 0; i < s->count; i++)
		swap += pages_counts(s->mappings[i].pages)->state[PAGE_SWAP];
	s->known.swap_exact = swap == counters.swap;
	return 0;
}

static int pass_scan_settle_mapping(struct pass *p, struct snapshot_mapping *m,
				    const struct verify_sums *sums, bool swap_exact)
{
	struct settlement s;
	int error = 0;

	if (pass_scan_can_be_settled(m)) {
		s = m->mapping->kind == MAPPING_HUGETLB
			    ? pass_scan_settle_hugetlb(p, m->mapping, m->pages)
		    : m->mapping->kind == MAPPING_SHMEM
			    ? pass_scan_settle_shared(m->mapping, m->pages, sums)
		    : m->mapping->kind == MAPPING_FILE
			    ? pass_scan_settle_file(m->mapping, m->pages, sums)
			    : pass_scan_settle_anonymous(m->pages, sums);
		error = pass_scan_apply(p, m, &s);
	}
	if (!error && !swap_exact && pages_counts(m->pages)->state[PAGE_SWAP]) {
		s = pass_scan_settle_hidden(m->mapping, m->pages, sums);
		error = pass_scan_apply(p, m, &s);
	}
	return error;
}

/* Pages that the page frame calls given up. */
static uint64_t pass_scan_given_up(const struct pages *pages)
{
	return pages_counts(pages)->mark[__builtin_ctz(MARK_LAZYFREE)];
}

/*
 * A page that was given up and written again stays like one in its frame until the kernel comes to
 * reclaim it; only the dirty bit of its entry tells, which smaps counts by and nothing shows. So
 * does each page of a droppable mapping (MAP_DROPPABLE, 6.11), which nobody gave up. Where not all
 * of them are given up, which ones are is not known.
 */
static int pass_scan_settle_lazyfree(struct pass *p, struct snapshot_mapping *m, uint64_t lazyfree)
{
	const struct pages_facts *facts = pages_facts(m->pages);
	struct settlement s = { .open = PAGE_ANON,
				.state = PAGE_ANON,
				.doubt = (enum page_doubt)facts->doubt,
				.swap_unplaced = facts->swap_unplaced,
				.not_marks = MARK_LAZYFREE,
				.not_known = lazyfree ? MARK_LAZYFREE : 0 };

	return lazyfree == pass_scan_given_up(m->pages) ? 0 : pass_scan_apply(p, m, &s);
}

int settle_by_sums(struct pass *pass, struct snapshot *snapshot)
{
	struct smaps_list list = { 0 };
	CLEANUP(cleanup_smaps) struct smaps_list *read = NULL;
	int error = pass_scan_check_private_swap(pass, snapshot);
	bool exact = snapshot->known.swap_exact;

	pass->before_at = 0;
	for (size_t i = 0; !error && i < snapshot->count; i++) {
		struct snapshot_mapping *m = &snapshot->mappings[i];
		const struct smaps_entry *entry;

		if (!pass_scan_can_be_settled(m) && !pass_scan_given_up(m->pages) &&
		    (exact || !pages_counts(m->pages)->state[PAGE_SWAP]))
			continue;
		if (!read) {
			error = smaps_read(pass->target->proc, &list);
			if (error)
				return error == -ESRCH ? error : 0;
			read = &list;
		}
		entry = smaps_list_find(read, m->mapping->start, m->mapping->end);
		if (entry)
			error = pass_scan_settle_mapping(pass, m, &entry->sums, exact);
		if (entry && !error)
			error = pass_scan_settle_lazyfree(pass, m, entry->lazyfree);
	}
	return error;
}
