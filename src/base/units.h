/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_UNITS_H
#define PMTOP_UNITS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Sizes and durations as people type them, and sizes as people read them. Pure: whether a value
 * makes sense (a limit of 0, a limit larger than RAM) is for the caller to say.
 */

/* The number that a macro stands for, as a piece of a string. */
#define UNITS_TEXT(macro)     UNITS_TEXT_OF(macro)
#define UNITS_TEXT_OF(number) #number

/*
 * A size in bytes: digits, then nothing or one of K M G T (also k m g t, KiB MiB GiB TiB), powers
 * of 1024. -EINVAL: not a number, or an unknown unit; -EDOM: negative; -ERANGE: does not fit into
 * 64 bits.
 */
int units_parse_size(const char *text, uint64_t *ret_bytes);

/*
 * A duration in nanoseconds: digits with or without a decimal fraction, then one of ms s m h;
 * without a unit, seconds. A fraction of a nanosecond is cut. Errors as of units_parse_size().
 */
int units_parse_duration(const char *text, uint64_t *ret_ns);

/* What is wrong with it, for a parser's error: "is not a size; write 512K, 64M or 2G". */
const char *units_size_problem(int error);
const char *units_duration_problem(int error);

#define UNITS_SIZE_MAX 8 /* what units_format_size() needs at most, with the final zero */

/*
 * A size for people, in at most 6 characters: "0", "812B", "512K", "1.5M", "1023G". Rounded down,
 * so that what is shown is never more than there is. Returns buf.
 */
char *units_format_size(uint64_t bytes, char buf[static UNITS_SIZE_MAX]);

#endif
