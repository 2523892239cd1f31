// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/pages_builder_internal.h"

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
