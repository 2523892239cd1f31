/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PASS_INTERNAL_H
#define PMTOP_PASS_INTERNAL_H

#include "base/cleanup.h"
#include "kernel/kpage.h"
#include "kernel/maps.h"
#include "kernel/memcg.h"
#include "kernel/object.h"
#include "kernel/pagemap.h"
#include "sample/pass.h"

/* The inside of struct pass, for pass*.c only. */

#define WORDS 4096u

/* What a mapping wants of the scan. */
enum scan_wish {
	SCAN_NOT, /* kernel memory: not readable at all */
	SCAN_ENTRIES,
	SCAN_ENTRIES_AND_FILE, /* private copies must be told from pages of the object */
};

/* What userfaultfd does in a mapping, as far as it had to be looked at. */
enum uffd_protection {
	UFFD_NOT_ASKED,
	UFFD_NO_PROTECTION,
	UFFD_WRITE_PROTECTION,
	/* Of all accesses, since 7.3: bit 57 of pagemap and the markers then stand for that. */
	UFFD_ACCESS_PROTECTION,
};

/* The mapping whose pages are being put together. */
struct assembly {
	struct snapshot_mapping *mapping;
	struct pages_facts facts;
	uint8_t protection; /* enum uffd_protection */
	uint16_t bits; /* evidence of the verdict that is remembered; neighbours are often alike */
	struct verdict verdict;
	bool verdict_known;
	bool values_known; /* and those on such pages by what the object holds, for the builder */
	uint16_t values[OBJECT_PAGES];
	uint8_t doubts[OBJECT_PAGES];
	bool swapped; /* some private page is in swap */
	bool gap_known; /* so is the verdict on pages without an entry */
	struct verdict gap;
};

struct pass {
	struct target *target;
	const struct probe *probe;
	bool complete;
	pass_progress *progress;
	void *progress_context;
	int64_t progress_at;
	uint64_t focus;

	struct filesystems *filesystems;
	struct object_reader *objects;
	struct pages_builder *builder;
	struct kpage *kpage;
	struct memcg *memcg;
	struct mapping_list list;
	bool list_is_new; /* read for this sample, not left by the one before */
	bool list_is_restless; /* it was another one when it was read last */
	struct pagemap_scan scan;

	uint64_t sequence; /* of the snapshots to come */
	const struct snapshot *before;
	size_t before_at;

	/* The segment that is being scanned. */
	struct snapshot *snapshot;
	size_t at, to;
	struct assembly now;
	uint64_t words[WORDS], flags[WORDS];

	/* What was looked up for the inspector, and stays true. */
	struct mapping *flags_mapping; /* whose vm_flags are kept */
	char vm_flags[VM_FLAGS_BYTES];
	struct page_group groups[PAGE_GROUPS];
	unsigned int group_count;

	uint64_t changes_from; /* page that has the next turn when too many changed */
	int64_t swap_paths_at; /* when the swap areas were last asked for with them */
};

enum scan_wish pass_scan_wish(const struct pass *pass, const struct mapping *mapping);

/* Reads the pages of mappings [from, to), which have one wish. */
int pass_scan_segment(struct pass *pass, struct snapshot *snapshot, size_t from, size_t to);

/*
 * Sums of the kernel settle what single pages could not: VmSwap proves that private swap entries
 * are swap, and smaps says of pages that are all in one of two states which one it is. Changes
 * pages of a snapshot that is not sealed yet. 0, or -ESRCH, -ENOMEM.
 */
int settle_by_sums(struct pass *pass, struct snapshot *snapshot);

/* Gives mappings without pages unknown ones: they did not hold still. */
int pass_fill_unknown(struct pass *pass, struct snapshot *snapshot);

/* What a pagemap word says, with the page frame's word where that alone does not decide. */
struct evidence pass_word_evidence(const struct pass *pass, uint64_t word);

/* Pages of the snapshot before at the same start, or NULL; mappings are asked in order. */
const struct pages *pass_pages_before(struct pass *pass, const struct mapping *mapping);

#endif
