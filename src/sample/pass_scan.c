// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "sample/pass_internal.h"

/* From runs of page-table entries to the pages of each mapping. */

enum scan_wish pass_scan_wish(const struct pass *pass, const struct mapping *mapping)
{
	if (mapping->kind == MAPPING_SPECIAL)
		return strcmp(mapping->name, "[vdso]") == 0 ? SCAN_ENTRIES : SCAN_NOT;
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
		return pass_add_absent(p, count, e);
	v = classify_page(pass_scan_scan_current(p), e);
	pass_add_verdict(p, count, &v);
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
		return pass_add_absent(p, count, &e);
	p->now.verdict = classify_page(pass_scan_scan_current(p), &e);
	p->now.bits = bits;
	p->now.verdict_known = true;
	pass_add_verdict(p, count, &p->now.verdict);
	return 0;
}

/* Marks that only the page frame knows. */
static uint16_t pass_scan_frame_marks(const struct pass *p, uint64_t flags)
{
	uint16_t marks = 0;

	if (flags & KPF_KSM)
		marks |= MARK_KSM;
	/* Pages of the hugetlb pool are never backed by swap, and never freed lazily either. */
	if (flags & KPF_ANON && !(flags & (KPF_SWAPBACKED | KPF_ZERO_PAGE | KPF_HUGE)))
		marks |= MARK_LAZYFREE;
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

/* One word, put together with what the scan saw of the same page. */
static struct evidence pass_scan_word_evidence(const struct pass *p, uint64_t word,
					       uint16_t scanned)
{
	struct evidence e = pass_word_evidence(p, word);

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
	bool frames = p->now.facts.marks_known & (MARK_KSM | MARK_LAZYFREE) &&
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
		if (e.bits & SEEN_SWAPPED && e.swap_type == SWAP_TYPE_AREA && p->complete)
			pages_builder_slot(p->builder,
					   &(struct slot_run){ pages_builder_position(p->builder),
							       n, PM_OFFSET(p->words[i]),
							       PM_TYPE(p->words[i]) });
		if (extra && e.bits & SEEN_PRESENT) {
			struct verdict v = classify_page(pass_scan_scan_current(p), &e);

			v.marks |= extra;
			pass_add_verdict(p, n, &v);
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
	}
	return known | object_marks_known(p->objects, m);
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
			return pass_add_absent(p, page - position, &nothing);
		p->now.gap = classify_page(pass_scan_scan_current(p), &nothing);
		p->now.gap_known = true;
	}
	pass_add_verdict(p, page - position, &p->now.gap);
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
				error = pass_scan_needs_word(p, run->bits)
						? pass_scan_add_read(p, address, n, run->bits)
						: pass_scan_add_scanned(p, n, run->bits);
			if (error)
				return error;
		}
		address += n << PMTOP_PAGE_SHIFT;
		count -= n;
	}
	return 0;
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
