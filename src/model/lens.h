/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LENS_H
#define PMTOP_LENS_H

#include <stdint.h>

/*
 * Lenses: the questions that a grid of pages can answer, and the answers ("values") of each, with
 * letter and words. Which page has which value is told by tile.h; colours are the theme's.
 */

enum lens { LENS_WHERE, LENS_WRITTEN, LENS_SHARING, LENS_SIZE, LENS_AGE, LENS_DIFFERENCE, LENSES };

/* The values of LENS_WHERE are enum page_state, those of LENS_DIFFERENCE enum page_change. */

enum written_value {
	WRITTEN_NOTHING, /* no content that could have been written */
	WRITTEN_CLEAN,
	WRITTEN_MARKED, /* since the marks were cleared */
	WRITTEN_NOW, /* within the last sample */
	WRITTEN_REMEMBERED, /* marked before the page was swapped out, which lost the mark */
	WRITTEN_UNKNOWN, /* out of the page table, or a kernel without the marks */
	WRITTEN_VALUES
};

enum sharing_value {
	SHARING_NOTHING, /* not mapped */
	SHARING_ONE,
	SHARING_TWO, /* and so on up to nine */
	SHARING_NINE = SHARING_TWO + 7,
	SHARING_MORE,
	SHARING_SHARED, /* by more than one; how many was not looked up */
	SHARING_UNKNOWN,
	SHARING_VALUES
};

enum size_value {
	SIZE_NOTHING,
	SIZE_BASE,
	SIZE_FOLIO, /* part of a large folio, mapped page by page */
	SIZE_PMD,
	SIZE_HUGETLB,
	SIZE_SMALL, /* base page or large folio: not looked up */
	SIZE_UNKNOWN,
	SIZE_VALUES
};

enum age_value {
	AGE_NOTHING,
	AGE_SECOND, /* under 1 s in its present state */
	AGE_SECONDS, /* under 10 s */
	AGE_MINUTE, /* under 1 min */
	AGE_MINUTES, /* under 10 min */
	AGE_OLD,
	AGE_UNKNOWN,
	AGE_VALUES
};

#define LENS_VALUES_MAX 13

struct lens_value {
	char letter;
	const char *name; /* short, for the legend */
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
