// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/beside.h"

#include <stdio.h>
#include <unistd.h>

const char *const beside_suffixes[BESIDE_FILES] = {
	[BESIDE_WAL] = "-wal",
	[BESIDE_SHM] = "-shm",
};

char *beside_path(const char *log, enum beside which, char buf[static BESIDE_MAX])
{
	snprintf(buf, BESIDE_MAX, "%s%s", log, beside_suffixes[which]);
	return buf;
}

void beside_remove(const char *log)
{
	char side[BESIDE_MAX];

	for (int which = 0; which < BESIDE_FILES; which++)
		unlink(beside_path(log, which, side));
}

void beside_rename(const char *from, const char *to)
{
	char side[BESIDE_MAX], side_to[BESIDE_MAX];

	for (int which = 0; which < BESIDE_FILES; which++) {
		beside_path(to, which, side_to);
		if (rename(beside_path(from, which, side), side_to))
			unlink(side_to);
	}
}
