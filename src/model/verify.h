/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_VERIFY_H
#define PMTOP_VERIFY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/mapping.h"
#include "model/change.h"
#include "model/pages.h"

struct snapshot;

/*
 * Compares what pmtop says of a mapping with the kernel's own sums (smaps), and names the cause
 * where they may differ. Pure: the sums come from kernel/smaps.
 */

/* What is compared, in pages. */
enum verify_sum {
	VERIFY_RSS, /* Rss: present pages but for zero pages and those of hugetlb */
	VERIFY_ANONYMOUS, /* Anonymous: private pages among them */
	VERIFY_SWAP, /* Swap: private and shared */
	VERIFY_SUMS
};

/* "rss", "anonymous", "swap": as in `dump --json --verify`. */
extern const char *const verify_sum_names[VERIFY_SUMS];

struct verify_sums {
	uint64_t pages[VERIFY_SUMS];
};

/* Why they may differ; the later, the worse. */
enum verify_cause {
	VERIFY_AGREES,
	VERIFY_GUARD, /* exception: smaps counts swapped pages behind guard and poison markers */
	VERIFY_COPIES, /* exception: it counts swapped pages that private copies hide */
	VERIFY_ENTRIES, /* exception: it counts what large swap entries hold beyond the mapping */
	VERIFY_MOVED, /* smaps itself changed while the sample was taken */
	VERIFY_UNKNOWN_PAGES, /* the difference fits into the pages that pmtop calls unknown */
	VERIFY_DIFFERS, /* nothing explains it */
	VERIFY_CAUSES
};

struct verify_verdict {
	struct verify_sums own; /* pmtop's, counted as smaps counts */
	struct verify_sums smaps;
	enum verify_cause cause[VERIFY_SUMS];
};

/* The outcome for one mapping of a snapshot. */
struct verify_result {
	bool found; /* smaps has a mapping of exactly this range, before and after the sample */
	struct verify_verdict verdict;
};

/* The outcomes for all mappings of a snapshot, in its order. Reference counted and immutable. */
struct verified {
	atomic_uint refs;
	size_t count;
	struct verify_result results[];
};

/* With room for `count` results, none of them found; NULL when memory is out. */
struct verified *verified_new(size_t count);
struct verified *verified_ref(struct verified *verified);
void verified_unref(struct verified *verified); /* NULL is fine */

/*
 * What still holds for list->after of what was verified for list->before: mappings in which nothing
 * changed. NULL: nothing does.
 */
struct verified *verified_inherit(const struct verified *verified, const struct change_list *list);

/*
 * before and after: the sums read right before and right after the sample. A sum of pmtop that lies
 * between them agrees; when it lies outside and they differ, all that can be said is that it moved.
 */
void verify_mapping(const struct mapping *mapping, const struct pages *pages,
		    const struct verify_sums *before, const struct verify_sums *after,
		    struct verify_verdict *ret_verdict);

/* Swapped pages of the object that smaps counts and the process does not reach, as seen there. */
struct verify_unreached {
	uint64_t markers; /* behind guard and poison markers, or poisoned themselves */
	uint64_t copies; /* behind private copies */
	uint64_t beyond; /* outside of the mapping, in entries that reach into it */
};

/*
 * Names the cause of a difference in Swap where what was seen is the whole of it, page for page;
 * else the verdict stays.
 */
void verify_explain_swap(const struct mapping *mapping, const struct verify_unreached *seen,
			 struct verify_verdict *verdict);

/* The cause that matters most of a verdict, for one line a mapping. */
enum verify_cause verify_worst(const struct verify_verdict *verdict);

/* True for what is no disagreement: equal, or one of the exceptions that the manual names. */
bool verify_is_explained(enum verify_cause cause);

/* One sentence for people; "" for VERIFY_AGREES. */
const char *verify_cause_text(enum verify_cause cause);

#endif
