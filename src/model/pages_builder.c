// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/pages_internal.h"

/*
 * A block of up to this many runs is cheaper as uniform extents (24 bytes each) than as a dense
 * block (80 bytes, and 64 for each bit that varies).
 */
#define RUNS_AS_EXTENTS 8u

/*
 * Runs in a mixed block are short: values are stored this many at a time, and the next run
 * overwrites.
 */
#define FILL_AT_ONCE 8u

struct pages_builder {
	const struct pages *after;
	size_t after_cursor; /* extent of `after` that was looked at last */
	uint32_t skew;
	uint64_t position;
	bool out_of_memory;

	/* The block that is being filled: places [from, to), and what they have in common. */
	uint16_t values[BLOCK_PAGES + FILL_AT_ONCE];
	unsigned int from, to;
	uint16_t all, any;
	uint64_t block_first; /* page at place `from` */
	unsigned int run_count;
	uint16_t run_places[RUNS_AS_EXTENTS]; /* where the first ones start */

	struct extent *extents;
	size_t extent_count, extent_room;
	struct slot_run *slots;
	size_t slot_count, slot_room;
	struct page_counts counts;
	struct block *scratch; /* with room for every plane */
};

struct pages_builder *pages_builder_new(void)
{
	struct pages_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->scratch = calloc(1, block_size((1 << VALUE_BITS) - 1));
	if (!b->scratch) {
		free(b);
		return NULL;
	}
	return b;
}

static void pages_builder_drop_extents(struct pages_builder *b)
{
	for (size_t i = 0; i < b->extent_count; i++)
		if (b->extents[i].block)
			block_unref(b->extents[i].block);
	b->extent_count = 0;
}

void pages_builder_free(struct pages_builder *builder)
{
	pages_builder_drop_extents(builder);
	free(builder->extents);
	free(builder->slots);
	free(builder->scratch);
	free(builder);
}

static void pages_builder_begin_block(struct pages_builder *b)
{
	b->from = b->to = 0;
	b->all = UINT16_MAX;
	b->any = 0;
	b->run_count = 0;
}

void pages_builder_start(struct pages_builder *builder, uint64_t start, const struct pages *after)
{
	pages_builder_drop_extents(builder);
	builder->skew = (uint32_t)(start >> 12 & (BLOCK_PAGES - 1));
	builder->after = after && after->skew == builder->skew ? after : NULL;
	builder->after_cursor = 0;
	builder->position = 0;
	builder->out_of_memory = false;
	pages_builder_begin_block(builder);
	builder->slot_count = 0;
	memset(&builder->counts, 0, sizeof(builder->counts));
}

uint64_t pages_builder_position(const struct pages_builder *builder)
{
	return builder->position;
}

/* Room for one more element at the end of a growing array. */
static bool pages_builder_make_room(void **array, size_t *room, size_t count, size_t element)
{
	size_t wanted = *room ? *room * 2 : 64;
	void *grown;

	if (count < *room)
		return true;
	grown = reallocarray(*array, wanted, element);
	if (!grown)
		return false;
	*array = grown;
	*room = wanted;
	return true;
}

/* Appends an extent; what is in it now belongs to the builder. */
static void pages_builder_push(struct pages_builder *b, const struct extent *extent)
{
	if (!pages_builder_make_room((void **)&b->extents, &b->extent_room, b->extent_count,
				     sizeof(*extent))) {
		b->out_of_memory = true;
		if (extent->block)
			block_unref(extent->block);
		return;
	}
	b->extents[b->extent_count++] = *extent;
}

static void pages_builder_push_uniform(struct pages_builder *b, uint64_t first, uint16_t value)
{
	const struct extent *last = b->extent_count ? &b->extents[b->extent_count - 1] : NULL;

	if (last && !last->block && last->value == value)
		return;
	pages_builder_push(b, &(struct extent){ .first = first, .value = value });
}

/* The block of `after` at the same place, if it holds the same as the scratch block. */
static struct block *pages_builder_find_same_block(struct pages_builder *b, uint64_t first)
{
	const struct pages *after = b->after;
	struct block *old;

	if (!after)
		return NULL;
	while (b->after_cursor < after->extent_count &&
	       after->extents[b->after_cursor].first < first)
		b->after_cursor++;
	if (b->after_cursor == after->extent_count ||
	    after->extents[b->after_cursor].first != first)
		return NULL;
	old = after->extents[b->after_cursor].block;
	if (!old || !block_equal(old, b->scratch))
		return NULL;
	atomic_fetch_add_explicit(&old->refs, 1, memory_order_relaxed);
	return old;
}

static void pages_builder_count_run(struct page_counts *counts, uint64_t count, uint16_t value)
{
	counts->state[value_state(value)] += count;
	for (unsigned int m = value_marks(value); m; m &= m - 1)
		counts->mark[__builtin_ctz(m)] += count;
}

static void pages_builder_push_dense(struct pages_builder *b)
{
	struct block *block;

	memset(b->values, 0, b->from * sizeof(b->values[0]));
	memset(b->values + b->to, 0, (BLOCK_PAGES - b->to) * sizeof(b->values[0]));
	block_fill(b->scratch, b->values, b->from, b->to, b->all, b->any);
	block_count(b->scratch, &b->counts);
	block = pages_builder_find_same_block(b, b->block_first);
	if (!block) {
		block = malloc(block_size(b->scratch->varied));
		if (!block) {
			b->out_of_memory = true;
			return;
		}
		memcpy(block, b->scratch, block_size(b->scratch->varied));
		atomic_init(&block->refs, 1);
	}
	pages_builder_push(b, &(struct extent){ .first = b->block_first, .block = block });
}

/* Puts away the pages gathered since the last 2 MiB border. */
static void pages_builder_finish_block(struct pages_builder *b)
{
	if (b->run_count > RUNS_AS_EXTENTS) {
		pages_builder_push_dense(b);
	} else {
		for (unsigned int i = 0; i < b->run_count; i++) {
			unsigned int place = b->run_places[i];
			unsigned int end = i + 1 < b->run_count ? b->run_places[i + 1] : b->to;

			pages_builder_push_uniform(b, b->block_first + (place - b->from),
						   b->values[place]);
			pages_builder_count_run(&b->counts, end - place, b->values[place]);
		}
	}
	pages_builder_begin_block(b);
}

/* The block's place of the next page; the block begins with it if none is being filled. */
static unsigned int pages_builder_next_place(struct pages_builder *b)
{
	if (!b->run_count) {
		b->from = b->to = (unsigned int)((b->skew + b->position) & (BLOCK_PAGES - 1));
		b->block_first = b->position;
	}
	return b->to;
}

static void pages_builder_begin_run(struct pages_builder *b, unsigned int place)
{
	if (b->run_count < RUNS_AS_EXTENTS)
		b->run_places[b->run_count] = (uint16_t)place;
	b->run_count++;
}

static void pages_builder_fill(struct pages_builder *b, unsigned int count, uint16_t value)
{
	unsigned int place = pages_builder_next_place(b);

	if (!b->run_count || b->values[place - 1] != value)
		pages_builder_begin_run(b, place);
	b->all &= value;
	b->any |= value;
	for (unsigned int i = 0; i < count; i += FILL_AT_ONCE)
		for (unsigned int k = 0; k < FILL_AT_ONCE; k++)
			b->values[place + i + k] = value;
	b->to += count;
	b->position += count;
	if (b->to == BLOCK_PAGES)
		pages_builder_finish_block(b);
}

void pages_builder_add(struct pages_builder *builder, uint64_t count, enum page_state state,
		       uint16_t marks)
{
	struct pages_builder *b = builder;
	uint16_t value = value_of(state, marks);

	while (count) {
		unsigned int place = (unsigned int)((b->skew + b->position) & (BLOCK_PAGES - 1));
		uint64_t n = BLOCK_PAGES - place;

		if (!place && count >= BLOCK_PAGES) {
			n = count & ~(uint64_t)(BLOCK_PAGES - 1);
			pages_builder_push_uniform(b, b->position, value);
			pages_builder_count_run(&b->counts, n, value);
			b->position += n;
		} else {
			n = count < n ? count : n;
			pages_builder_fill(b, (unsigned int)n, value);
		}
		count -= n;
	}
}

void pages_builder_add_mixed(struct pages_builder *builder, const uint16_t *values, size_t count)
{
	struct pages_builder *b = builder;

	while (count) {
		unsigned int place = pages_builder_next_place(b), n = BLOCK_PAGES - place, i;
		uint16_t all = b->all, any = b->any;

		n = count < n ? (unsigned int)count : n;
		memcpy(b->values + place, values, n * sizeof(*values));
		for (i = 0; i < n; i++) {
			all &= values[i];
			any |= values[i];
		}
		/* Where runs start matters only while they are few. */
		for (i = 0; i < n && b->run_count <= RUNS_AS_EXTENTS; i++)
			if (!b->run_count || b->values[place + i] != b->values[place + i - 1])
				pages_builder_begin_run(b, place + i);
		b->all = all;
		b->any = any;
		b->to += n;
		b->position += n;
		values += n;
		count -= n;
		if (b->to == BLOCK_PAGES)
			pages_builder_finish_block(b);
	}
}

void pages_builder_add_planes(struct pages_builder *builder, const uint64_t (*planes)[PLANE_WORDS],
			      unsigned int from, unsigned int to)
{
	uint16_t values[BLOCK_PAGES];

	planes_values(planes, values);
	pages_builder_add_mixed(builder, values + from, to - from);
}

void pages_builder_slot(struct pages_builder *builder, const struct slot_run *run)
{
	struct slot_run *last =
		builder->slot_count ? &builder->slots[builder->slot_count - 1] : NULL;

	if (last && last->type == run->type && last->first + last->count == run->first &&
	    last->offset + last->count == run->offset) {
		last->count += run->count;
		return;
	}
	if (!pages_builder_make_room((void **)&builder->slots, &builder->slot_room,
				     builder->slot_count, sizeof(*run))) {
		builder->out_of_memory = true;
		return;
	}
	builder->slots[builder->slot_count++] = *run;
}

/* True when everything is as in `after`, whose blocks are shared already: pointers tell. */
static bool pages_builder_same_as_after(const struct pages_builder *b,
					const struct pages_facts *facts)
{
	const struct pages *after = b->after;

	if (!after || after->total != b->position || after->extent_count != b->extent_count ||
	    after->slot_count != b->slot_count)
		return false;
	if (after->facts.marks_known != facts->marks_known || after->facts.doubt != facts->doubt ||
	    after->facts.slots_known != facts->slots_known ||
	    after->facts.swap_unplaced != facts->swap_unplaced)
		return false;
	if (b->extent_count &&
	    memcmp(after->extents, b->extents, b->extent_count * sizeof(struct extent)) != 0)
		return false;
	for (size_t i = 0; i < b->slot_count; i++) {
		const struct slot_run *x = &after->slots[i], *y = &b->slots[i];

		if (x->first != y->first || x->count != y->count || x->type != y->type ||
		    x->offset != y->offset)
			return false;
	}
	return true;
}

int pages_builder_finish(struct pages_builder *builder, const struct pages_facts *facts,
			 struct pages **ret_pages)
{
	struct pages_builder *b = builder;
	size_t extent_bytes, slot_bytes;
	struct pages *pages;

	pages_builder_finish_block(b);
	if (b->out_of_memory)
		return -ENOMEM;
	if (pages_builder_same_as_after(b, facts)) {
		*ret_pages = pages_ref((struct pages *)b->after);
		return 0;
	}
	extent_bytes = b->extent_count * sizeof(struct extent);
	slot_bytes = b->slot_count * sizeof(struct slot_run);
	pages = malloc(sizeof(*pages) + extent_bytes + slot_bytes);
	if (!pages)
		return -ENOMEM;
	atomic_init(&pages->refs, 1);
	pages->skew = b->skew;
	pages->total = b->position;
	pages->counts = b->counts;
	pages->facts = *facts;
	pages->extent_count = b->extent_count;
	pages->slot_count = b->slot_count;
	pages->slots = (struct slot_run *)((char *)pages->extents + extent_bytes);
	if (extent_bytes)
		memcpy(pages->extents, b->extents, extent_bytes);
	if (slot_bytes)
		memcpy(pages->slots, b->slots, slot_bytes);
	b->extent_count = 0; /* their references now belong to the pages */
	*ret_pages = pages;
	return 0;
}

/* Takes over a whole block of `after`, which ends at page `stop`. */
static void pages_builder_share_block(struct pages_builder *b, const struct extent *extent,
				      uint64_t stop)
{
	atomic_fetch_add_explicit(&extent->block->refs, 1, memory_order_relaxed);
	pages_builder_push(b, extent);
	block_count(extent->block, &b->counts);
	b->position = stop;
}

/* The slots of pages [first, end) of `after`. */
static void pages_builder_copy_slots(struct pages_builder *b, uint64_t first, uint64_t end)
{
	const struct pages *after = b->after;

	for (size_t i = slots_from(after, first);
	     first < end && i < after->slot_count && after->slots[i].first < end; i++) {
		struct slot_run run = after->slots[i];
		uint64_t skip = run.first < first ? first - run.first : 0;

		run.first += skip;
		run.offset += skip;
		run.count -= skip;
		if (run.count > end - run.first)
			run.count = end - run.first;
		pages_builder_slot(b, &run);
	}
}

void pages_builder_copy(struct pages_builder *builder, uint64_t count)
{
	struct pages_builder *b = builder;
	const struct pages *after = b->after;
	uint64_t first = b->position, end = first + count;

	for (size_t i = extent_find(after, first); b->position < end; i++) {
		const struct extent *e = &after->extents[i];
		uint64_t stop = extent_end(after, i);
		struct page_run run;

		if (e->block && !b->run_count && e->first == b->position && stop <= end) {
			pages_builder_share_block(b, e, stop);
			continue;
		}
		for (; b->position < stop && b->position < end;) {
			pages_run(after, b->position, &run);
			if (run.count > end - b->position)
				run.count = end - b->position;
			if (run.count > stop - b->position)
				run.count = stop - b->position;
			pages_builder_add(b, run.count, (enum page_state)run.state, run.marks);
		}
	}
	pages_builder_copy_slots(b, first, end);
}
