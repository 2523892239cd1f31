// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/smaps.h"
#include "kernel/swap_types.h"
#include "kernel/swaps.h"
#include "sample/pass_internal.h"

/* Shared memory up to this size is asked for its sums instead of being sampled (256 MiB). */
#define SIGN_PAGES_LIMIT 65536u

bool pass_sign(struct pass *pass, const struct snapshot *snapshot,
	       struct pass_signature *ret_signature)
{
	struct pass_signature s = { 0 };
	uint64_t asked = 0;

	if (!pass->probe->has[PROBE_CACHESTAT] || target_counters(pass->target, &s.counters) < 0)
		return false;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct mapping *m = snapshot->mappings[i].mapping;
		uint64_t cached, swapped;
		bool told;

		if (m->kind != MAPPING_SHMEM)
			continue;
		asked += mapping_pages(m);
		if (asked > SIGN_PAGES_LIMIT)
			return false;
		told = object_totals(pass->objects, m, &cached, &swapped);
		object_close(pass->objects);
		if (!told)
			return false;
		s.shmem_cached += cached;
		s.shmem_swapped += swapped;
	}
	*ret_signature = s;
	return true;
}

/* The object's part of the evidence, back from the state that it led to. */
static enum object_page pass_facts_object_of_state(enum page_state state, uint16_t marks)
{
	switch (state) {
	case PAGE_CACHED:
		return marks & MARK_ALLOCATED ? OBJECT_ALLOCATED : OBJECT_CACHED;
	case PAGE_SHARED_SWAP:
		return marks & MARK_SWAP_CACHED ? OBJECT_SWAP_CACHED : OBJECT_SWAPPED;
	case PAGE_NONE:
		return OBJECT_HOLE;
	case PAGE_POISON:
		return OBJECT_POISONED;
	default:
		return OBJECT_UNKNOWN;
	}
}

uint8_t pass_find_rule(const struct pass *pass, const struct snapshot_mapping *m, uint64_t page,
		       uint64_t word)
{
	struct evidence e = pass_word_evidence(pass, word);
	enum page_state state = pages_state(m->pages, page);

	if (pass->probe->has[PROBE_PAGEMAP_SCAN]) {
		e.known |= SEEN_ZERO;
		if (state == PAGE_ZERO)
			e.bits |= SEEN_ZERO;
	}
	e.object = (uint8_t)pass_facts_object_of_state(state, pages_marks(m->pages, page));
	return classify_page(m->mapping, &e).rule;
}

/* The NUMA node of each page in RAM; asking moves nothing (move_pages(2) without a target). */
void pass_find_nodes(const struct pass *pass, struct page_detail *detail)
{
	struct page_detail *d = detail;
	CLEANUP(cleanup_free) void **addresses = calloc(d->count, sizeof(*addresses));
	CLEANUP(cleanup_free) int *nodes = calloc(d->count, sizeof(*nodes));

	if (!addresses || !nodes)
		return;
	for (size_t i = 0; i < d->count; i++)
		addresses[i] = (void *)(uintptr_t)(d->pages ? d->pages[i] << PMTOP_PAGE_SHIFT
							    : d->start + i * PMTOP_PAGE_SIZE);
	if (syscall(SYS_move_pages, pass->target->pid, d->count, addresses, NULL, nodes, 0) < 0)
		return;
	for (size_t i = 0; i < d->count; i++)
		if (nodes[i] >= 0 && nodes[i] <= INT8_MAX)
			d->nodes[i] = (int8_t)nodes[i];
}

/* Place of a cgroup in the table of known ones; its name is looked up the first time. */
static uint8_t pass_facts_find_group(struct pass *p, uint64_t inode)
{
	struct page_group *g;

	for (unsigned int i = 0; i < p->group_count; i++)
		if (p->groups[i].inode == inode)
			return (uint8_t)i;
	if (p->group_count == PAGE_GROUPS)
		return PAGE_NO_GROUP;
	g = &p->groups[p->group_count];
	g->inode = inode;
	g->name[0] = '\0';
	memcg_name(p->memcg, inode, g->name, sizeof(g->name));
	return (uint8_t)p->group_count++;
}

static void pass_facts_find_groups(struct pass *p, struct page_detail *d)
{
	CLEANUP(cleanup_free) uint64_t *inodes = calloc(d->count, sizeof(*inodes));

	if (!inodes || kpage_groups(p->kpage, d->words, d->count, inodes) < 0)
		return;
	for (size_t i = 0; i < d->count; i++)
		if (inodes[i])
			d->groups[i] = pass_facts_find_group(p, inodes[i]);
	memcpy(d->group_table, p->groups, sizeof(d->group_table));
}

/* VmFlags stand only in smaps, which is dear: read once for a mapping. */
static void pass_facts_find_vm_flags(struct pass *p, struct mapping *m, struct page_detail *d)
{
	if (p->flags_mapping != m) {
		if (p->flags_mapping)
			mapping_unref(p->flags_mapping);
		p->flags_mapping = mapping_ref(m);
		p->vm_flags[0] = '\0';
		smaps_vm_flags(p->target->proc, m->start, p->vm_flags, sizeof(p->vm_flags));
	}
	memcpy(d->vm_flags, p->vm_flags, sizeof(d->vm_flags));
}

/* Slots of a mapping that are looked at for their types: neighbours are mostly of one area. */
#define SLOTS_LOOKED_AT 512

/* Types that occur in the process; bit t is type t. */
static uint32_t pass_facts_types_seen(const struct snapshot *snapshot, const struct page_detail *d)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		size_t count = 0;
		const struct slot_run *slots =
			snapshot->mappings[i].pages
				? pages_slots(snapshot->mappings[i].pages, &count)
				: NULL;

		for (size_t k = 0; k < count && k < SLOTS_LOOKED_AT; k++)
			if (slots[k].type < PAGE_SWAP_TYPES)
				seen |= UINT32_C(1) << slots[k].type;
	}
	for (size_t i = 0; i < d->count; i++)
		if (d->words[i] & PM_SWAP && PM_OFFSET(d->words[i]) &&
		    PM_TYPE(d->words[i]) < PAGE_SWAP_TYPES)
			seen |= UINT32_C(1) << PM_TYPE(d->words[i]);
	return seen;
}

/* The names of the areas that these types stand for, as far as that is certain. */
bool pass_find_swap_paths(const struct snapshot *snapshot, struct page_detail *detail)
{
	struct page_detail *d = detail;
	uint32_t seen = pass_facts_types_seen(snapshot, d);
	struct census_area *areas;
	size_t count;

	if (!seen || swaps_read(&areas, &count) < 0)
		return false;
	for (unsigned int type = 0; type < PAGE_SWAP_TYPES; type++) {
		int line = swap_type_line(seen, count, type);

		if (line >= 0)
			d->swap_paths[type] = strdup(areas[line].path);
	}
	swaps_free(areas, count);
	return true;
}

void pass_read_frames(struct pass *pass, struct page_detail *detail)
{
	struct page_detail *d = detail;
	struct pass *p = pass;

	d->flags_known = kpage_flags(p->kpage, d->words, d->count, d->flags) == 0;
	d->counts_known = kpage_counts(p->kpage, d->words, d->count, d->map_counts) == 0;
	if (d->flags_known)
		kpage_orders(p->kpage, d->words, d->flags, d->count, d->orders);
	pass_facts_find_groups(p, d);
}

int pass_detail(struct pass *pass, const struct snapshot *snapshot, uint64_t start, uint64_t count,
		struct page_detail **ret_detail)
{
	size_t at = snapshot_find(snapshot, start);
	const struct snapshot_mapping *m = &snapshot->mappings[at];
	struct page_detail *d;

	if (at == snapshot->count || start < m->mapping->start || !m->pages)
		return -ENOENT;
	if (count > (m->mapping->end - start) >> PMTOP_PAGE_SHIFT)
		count = (m->mapping->end - start) >> PMTOP_PAGE_SHIFT;
	d = page_detail_new(start, (size_t)count);
	if (!d)
		return -ENOMEM;
	d->words_known =
		pagemap_read(pass->probe, pass->target->pagemap, start, d->words, d->count) == 0;
	if (d->words_known && pass->probe->has[PROBE_PFN])
		pass_read_frames(pass, d);
	pass_find_nodes(pass, d);
	pass_find_swap_paths(snapshot, d);
	pass_facts_find_vm_flags(pass, m->mapping, d);
	for (size_t i = 0; i < d->count; i++)
		d->rules[i] = pass_find_rule(pass, m,
					     ((start - m->mapping->start) >> PMTOP_PAGE_SHIFT) + i,
					     d->words[i]);
	*ret_detail = d;
	return 0;
}
