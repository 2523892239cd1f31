/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_CLEANUP_H
#define PMTOP_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Scope-bound release of what a function holds, instead of goto ladders. */

#define CLEANUP(function) __attribute__((cleanup(function)))

/*
 * Defines NAME(type *) for CLEANUP, which calls release() unless the variable holds NULL.
 * NOLINT: a type cannot stand in parentheses here.
 */
/* NOLINTBEGIN(bugprone-macro-parentheses) */
#define DEFINE_CLEANUP(name, type, release)                                                        \
	static inline void name(type *p)                                                           \
	{                                                                                          \
		if (*p)                                                                            \
			release(*p);                                                               \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

DEFINE_CLEANUP(cleanup_fclose, FILE *, fclose)

/* Hands a pointer out of the scope that would have released it. */
#define TAKE(p)                                                                                    \
	({                                                                                         \
		__typeof__(p) take_p_ = (p);                                                       \
		(p) = NULL;                                                                        \
		take_p_;                                                                           \
	})

/* The same for a descriptor. */
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int taken = (fd);                                                                  \
		(fd) = -1;                                                                         \
		taken;                                                                             \
	})

#endif
