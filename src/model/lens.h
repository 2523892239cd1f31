/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LENS_H
#define PMTOP_LENS_H

#include <stdint.h>

#include "model/change.h"
#include "model/page.h"

/*
 * Lenses: the questions that a grid of pages can answer, and the answers ("values") of each, with
 * letter and words. Which page has which value is told by tile.h; colours are the theme's.
 */

/*
 * The one table of lenses. The enum, the names, the values and the requests are made from it; a new
 * lens is a row with its values here, which page has which value (tile.c) and the styles (theme.c).
 *
 *   A for a table in it, id, prefix of its tables, name, key, question, priority of the footer word
 *   and the word or NULL, help of the request
 */
/* clang-format off */
#define LENS_TABLE(X, A) \
	X(A, WHERE, where, "where", "1", "where is each page", 3, "lens", \
	  "Lens: where the content of each page is") \
	X(A, WRITTEN, written, "written", "2", "what was written since the marks were cleared", 5, NULL, \
	  "Lens: what was written since the marks were cleared") \
	X(A, SHARING, sharing, "sharing", "3", "how many times is each page mapped", 5, NULL, \
	  "Lens: how often each page is mapped") \
	X(A, SIZE, size, "page size", "4", "how large are the pages", 5, NULL, \
	  "Lens: size of the pages") \
	X(A, AGE, age, "age", "5", "for how long has pmtop seen each page in its present state", 5, NULL, \
	  "Lens: time since pmtop first saw the page in its present state") \
	X(A, DIFFERENCE, difference, "difference", "6", "what changed since the baseline", 5, NULL, \
	  "Lens: difference to the baseline")

/*
 * The values of each lens: id, letter, name for the legend, rank (see lens_rank()), meaning for the
 * help. Rare and telling values have a higher rank than plain ones, "nothing" has the lowest.
 * Those of LENS_WHERE are enum page_state, those of LENS_DIFFERENCE enum page_change.
 */
#define WHERE_VALUE_TABLE(X) PAGE_STATE_TABLE(LENS_STATE_##X)
#define WRITTEN_VALUE_TABLE(X) \
	X(WRITTEN_NOTHING, '.', "nothing", 0, "nothing here that could have been written") \
	X(WRITTEN_CLEAN, '-', "clean", 1, "not written since the marks were cleared") \
	X(WRITTEN_MARKED, '+', "written", 3, "written since the marks were cleared") \
	X(WRITTEN_NOW, '*', "just now", 5, "written within the last sample") \
	X(WRITTEN_REMEMBERED, '~', "remembered", 4, \
	  "was marked written before it was swapped, which lost the mark") \
	X(WRITTEN_UNKNOWN, '?', "unknown", 2, \
	  "not in the page table, or this kernel cannot tell")

#define SHARING_VALUE_TABLE(X) \
	X(SHARING_NOTHING, '.', "not mapped", 0, "no page of RAM is mapped here") \
	X(SHARING_ONE, 'e', "once", 1, "mapped once: exclusive") \
	X(SHARING_TWO, '2', "2", 2, "mapped twice") \
	X(SHARING_THREE, '3', "3", 3, "mapped 3 times") \
	X(SHARING_FOUR, '4', "4", 4, "mapped 4 times") \
	X(SHARING_FIVE, '5', "5", 5, "mapped 5 times") \
	X(SHARING_SIX, '6', "6", 6, "mapped 6 times") \
	X(SHARING_SEVEN, '7', "7", 7, "mapped 7 times") \
	X(SHARING_EIGHT, '8', "8", 8, "mapped 8 times") \
	X(SHARING_NINE, '9', "9", 9, "mapped 9 times") \
	X(SHARING_MORE, '#', "more", 10, "mapped 10 times or more") \
	X(SHARING_SHARED, 'm', "shared", 11, "mapped more than once; zoom in to count") \
	X(SHARING_UNKNOWN, '?', "unknown", 12, \
	  "zoom in to look it up; needs rights: pmtop doctor")

#define SIZE_VALUE_TABLE(X) \
	X(SIZE_NOTHING, '.', "not mapped", 0, "no page of RAM is mapped here") \
	X(SIZE_BASE, 'k', "base", 2, "a base page of 4 KiB") \
	X(SIZE_FOLIO, 'm', "folio", 4, "part of a large folio, mapped page by page") \
	X(SIZE_PMD, 'H', "huge", 5, "mapped as one huge page") \
	X(SIZE_HUGETLB, 'G', "hugetlb", 6, "page of the hugetlb pool") \
	X(SIZE_SMALL, 'b', "not huge", 1, \
	  "mapped page by page; zoom in to tell base pages from folios") \
	X(SIZE_UNKNOWN, '?', "unknown", 3, "the state of the page is unknown")

#define AGE_VALUE_TABLE(X) \
	X(AGE_NOTHING, '.', "nothing", 0, "nothing here") \
	X(AGE_SECOND, '4', "<1s", 6, "pmtop saw it change less than 1 s ago") \
	X(AGE_SECONDS, '3', "<10s", 5, "first seen in its present state less than 10 s ago") \
	X(AGE_MINUTE, '2', "<1m", 4, "first seen in its present state less than 1 min ago") \
	X(AGE_MINUTES, '1', "<10m", 3, "first seen in its present state less than 10 min ago") \
	X(AGE_OLD, '0', "older", 2, "first seen in its present state 10 min ago or more") \
	X(AGE_UNKNOWN, '?', "unknown", 1, "its state is unknown, or was not followed")

#define DIFFERENCE_VALUE_TABLE(X) PAGE_CHANGE_TABLE(LENS_CHANGE_##X)
/* clang-format on */

#define LENS_ENUM(A, id, ...) LENS_##id,
enum lens { LENS_TABLE(LENS_ENUM, ) LENSES };

#define LENS_VALUE_ENUM(id, ...) id,
enum written_value { WRITTEN_VALUE_TABLE(LENS_VALUE_ENUM) WRITTEN_VALUES };
enum sharing_value { SHARING_VALUE_TABLE(LENS_VALUE_ENUM) SHARING_VALUES };
enum size_value { SIZE_VALUE_TABLE(LENS_VALUE_ENUM) SIZE_VALUES };
enum age_value { AGE_VALUE_TABLE(LENS_VALUE_ENUM) AGE_VALUES };

#define LENS_VALUES_MAX 13

struct lens_value {
	char letter;
	const char *name; /* short, for the legend */
	uint8_t rank;
	const char *meaning; /* one line, for the help */
};

/* A word for the title, and the question in full. */
const char *lens_name(enum lens lens);
const char *lens_question(enum lens lens);

unsigned lens_value_count(enum lens lens);
struct lens_value lens_value(enum lens lens, unsigned value);

/*
 * Which of two equally common values a tile shows: the one with the higher rank, that is the one
 * that matters more. No two values of a lens have the same rank.
 */
unsigned lens_rank(enum lens lens, unsigned value);

/* The value of LENS_AGE for a page that has been in its state for so long. */
enum age_value lens_age(int64_t age_ns);

#endif
