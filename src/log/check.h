/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_CHECK_H
#define PMTOP_LOG_CHECK_H

#include <stddef.h>
#include <stdint.h>

/*
 * The check number of a row: FNV-1a over its columns, numbers as eight bytes, little end first.
 * SQLite does not notice a flipped bit in a number or a name; with this, a reader does. It is no
 * defence against somebody who wants to deceive.
 */
#define LOG_CHECK_START UINT32_C(2166136261)

static inline uint32_t log_check_bytes(uint32_t check, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	while (length--)
		check = (check ^ *at++) * UINT32_C(16777619);
	return check;
}

static inline uint32_t log_check_number(uint32_t check, int64_t number)
{
	for (int i = 0; i < 8; i++)
		check = (check ^ (uint8_t)((uint64_t)number >> 8 * i)) * UINT32_C(16777619);
	return check;
}

#endif
