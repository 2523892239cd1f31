// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/lens.h"

/* clang-format off */
#define LENS_VALUE(id, letter, name, rank, meaning) [id] = { letter, name, rank, meaning },
#define LENS_STATE_LENS_VALUE(id, name, key, letter, place, rank, meaning) \
	[PAGE_##id] = { letter, name, rank, meaning },
#define LENS_CHANGE_LENS_VALUE(id, letter, name, key, rank, meaning) \
	[CHANGE_##id] = { letter, name, rank, meaning },

#define LENS_VALUES(A, id, lower, ...) \
	static const struct lens_value lens_##lower##_values[] = { id##_VALUE_TABLE(LENS_VALUE) }; \
	_Static_assert(sizeof(lens_##lower##_values) / sizeof(struct lens_value) <= \
			       LENS_VALUES_MAX, "LENS_VALUES_MAX");
LENS_TABLE(LENS_VALUES, )

static const struct {
	const char *name, *question;
	const struct lens_value *values;
	unsigned count;
} lenses[LENSES] = {
#define LENS_INFO(A, id, lower, name, key, question, ...) \
	[LENS_##id] = { name, question, lens_##lower##_values, \
			sizeof(lens_##lower##_values) / sizeof(struct lens_value) },
	LENS_TABLE(LENS_INFO, )
};
/* clang-format on */

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
	return lenses[lens].values[value];
}

unsigned lens_rank(enum lens lens, unsigned value)
{
	return lenses[lens].values[value].rank;
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
