// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/lens.h"

#include "model/change.h"
#include "model/page.h"

static const struct lens_value written_values[WRITTEN_VALUES] = {
	[WRITTEN_NOTHING] = { '.', "nothing", "nothing here that could have been written" },
	[WRITTEN_CLEAN] = { '-', "clean", "not written since the marks were cleared" },
	[WRITTEN_MARKED] = { '+', "written", "written since the marks were cleared" },
	[WRITTEN_NOW] = { '*', "just now", "written within the last sample" },
	[WRITTEN_REMEMBERED] = { '~', "remembered",
				 "was marked written before it was swapped, which lost the mark" },
	[WRITTEN_UNKNOWN] = { '?', "unknown", "not in the page table, or this kernel cannot tell" },
};

static const struct lens_value sharing_values[SHARING_VALUES] = {
	[SHARING_NOTHING] = { '.', "not mapped", "no page of RAM is mapped here" },
	[SHARING_ONE] = { 'e', "once", "mapped once: exclusive" },
	[SHARING_TWO] = { '2', "2", "mapped twice" },
	[SHARING_TWO + 1] = { '3', "3", "mapped 3 times" },
	[SHARING_TWO + 2] = { '4', "4", "mapped 4 times" },
	[SHARING_TWO + 3] = { '5', "5", "mapped 5 times" },
	[SHARING_TWO + 4] = { '6', "6", "mapped 6 times" },
	[SHARING_TWO + 5] = { '7', "7", "mapped 7 times" },
	[SHARING_TWO + 6] = { '8', "8", "mapped 8 times" },
	[SHARING_NINE] = { '9', "9", "mapped 9 times" },
	[SHARING_MORE] = { '#', "more", "mapped 10 times or more" },
	[SHARING_SHARED] = { 'm', "shared", "mapped more than once; zoom in to count" },
	[SHARING_UNKNOWN] = { '?', "unknown", "zoom in to look it up; needs rights: pmtop doctor" },
};

static const struct lens_value size_values[SIZE_VALUES] = {
	[SIZE_NOTHING] = { '.', "not mapped", "no page of RAM is mapped here" },
	[SIZE_BASE] = { 'k', "base", "a base page of 4 KiB" },
	[SIZE_FOLIO] = { 'm', "folio", "part of a large folio, mapped page by page" },
	[SIZE_PMD] = { 'H', "huge", "mapped as one huge page" },
	[SIZE_HUGETLB] = { 'G', "hugetlb", "page of the hugetlb pool" },
	[SIZE_SMALL] = { 'b', "not huge",
			 "mapped page by page; zoom in to tell base pages from folios" },
	[SIZE_UNKNOWN] = { '?', "unknown", "the state of the page is unknown" },
};

static const struct lens_value age_values[AGE_VALUES] = {
	[AGE_NOTHING] = { '.', "nothing", "nothing here" },
	[AGE_SECOND] = { '4', "<1s", "pmtop saw it change less than 1 s ago" },
	[AGE_SECONDS] = { '3', "<10s", "first seen in its present state less than 10 s ago" },
	[AGE_MINUTE] = { '2', "<1m", "first seen in its present state less than 1 min ago" },
	[AGE_MINUTES] = { '1', "<10m", "first seen in its present state less than 10 min ago" },
	[AGE_OLD] = { '0', "older", "first seen in its present state 10 min ago or more" },
	[AGE_UNKNOWN] = { '?', "unknown", "its state is unknown, or was not followed" },
};

/* Ranks, 0 the lowest. Rare and telling values before plain ones, "nothing" last. */
static const uint8_t written_ranks[WRITTEN_VALUES] = {
	[WRITTEN_NOTHING] = 0, [WRITTEN_CLEAN] = 1,	 [WRITTEN_UNKNOWN] = 2,
	[WRITTEN_MARKED] = 3,  [WRITTEN_REMEMBERED] = 4, [WRITTEN_NOW] = 5,
};

static const uint8_t size_ranks[SIZE_VALUES] = {
	[SIZE_NOTHING] = 0, [SIZE_SMALL] = 1, [SIZE_BASE] = 2,	  [SIZE_UNKNOWN] = 3,
	[SIZE_FOLIO] = 4,   [SIZE_PMD] = 5,   [SIZE_HUGETLB] = 6,
};

/* The hotter the sooner. */
static const uint8_t age_ranks[AGE_VALUES] = {
	[AGE_NOTHING] = 0, [AGE_UNKNOWN] = 1, [AGE_OLD] = 2,	[AGE_MINUTES] = 3,
	[AGE_MINUTE] = 4,  [AGE_SECONDS] = 5, [AGE_SECOND] = 6,
};

static const uint8_t difference_ranks[PAGE_CHANGES] = {
	[CHANGE_SAME] = 0, [CHANGE_UNKNOWN] = 1, [CHANGE_APPEARED] = 2,
	[CHANGE_GONE] = 3, [CHANGE_WRITTEN] = 4, [CHANGE_SWAP] = 5,
};

struct lens_info {
	const char *name, *question;
	unsigned count;
	const struct lens_value *values; /* NULL: named elsewhere */
	const uint8_t *ranks; /* NULL: as numbered; of states see page.h */
};

static const struct lens_info lenses[LENSES] = {
	[LENS_WHERE] = { "where", "where is each page", PAGE_STATES, NULL, NULL },
	[LENS_WRITTEN] = { "written", "what was written since the marks were cleared",
			   WRITTEN_VALUES, written_values, written_ranks },
	[LENS_SHARING] = { "sharing", "how many times is each page mapped", SHARING_VALUES,
			   sharing_values, NULL },
	[LENS_SIZE] = { "page size", "how large are the pages", SIZE_VALUES, size_values,
			size_ranks },
	[LENS_AGE] = { "age", "for how long has pmtop seen each page in its present state",
		       AGE_VALUES, age_values, age_ranks },
	[LENS_DIFFERENCE] = { "difference", "what changed since the baseline", PAGE_CHANGES, NULL,
			      difference_ranks },
};

const char *lens_name(enum lens lens)
{
	return lenses[lens].name;
}

const char *lens_question(enum lens lens)
{
	return lenses[lens].question;
}

unsigned lens_value_count(enum lens lens)
{
	return lenses[lens].count;
}

struct lens_value lens_value(enum lens lens, unsigned value)
{
	if (lens == LENS_WHERE)
		return (struct lens_value){ page_states[value].letter, page_states[value].name,
					    page_states[value].meaning };
	if (lens == LENS_DIFFERENCE)
		return (struct lens_value){ page_changes[value].letter, page_changes[value].name,
					    page_changes[value].meaning };
	return lenses[lens].values[value];
}

unsigned lens_rank(enum lens lens, unsigned value)
{
	if (lens == LENS_WHERE)
		return page_states[value].rank;
	return lenses[lens].ranks ? lenses[lens].ranks[value] : value;
}

enum age_value lens_age(int64_t age_ns)
{
	const int64_t second = 1000000000;

	if (age_ns < second)
		return AGE_SECOND;
	if (age_ns < 10 * second)
		return AGE_SECONDS;
	if (age_ns < 60 * second)
		return AGE_MINUTE;
	return age_ns < 600 * second ? AGE_MINUTES : AGE_OLD;
}
