/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_MAPPING_H
#define PMTOP_MAPPING_H

#include <stdbool.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One mapping (VMA) of a process: where it is, what backs it, what it is called. Immutable once
 * made and reference counted, so that all snapshots of an unchanged mapping share one. The name is
 * what the kernel says, raw: whoever draws or prints it escapes it.
 */

#define PMTOP_PAGE_SHIFT 12
#define PMTOP_PAGE_SIZE	 4096u

enum mapping_kind {
	MAPPING_ANON,
	MAPPING_HEAP,
	MAPPING_STACK,
	MAPPING_FILE,
	MAPPING_SHMEM,
	MAPPING_HUGETLB,
	MAPPING_SPECIAL,
	MAPPING_KINDS
};

struct mapping {
	atomic_uint refs;
	uint64_t start, end; /* addresses; end is the first byte after */
	uint64_t offset; /* bytes into the object */
	uint64_t inode;
	uint32_t dev_major, dev_minor;
	char perms[5]; /* "rw-s" */
	uint8_t kind; /* enum mapping_kind */
	bool hugetlb_file; /* hugetlb by a file on a hugetlbfs mount, not by a flag */
	uint16_t name_length;
	char name[]; /* NUL-terminated */
};

/* "anon", "heap", … as in `dump --json`. */
extern const char *const mapping_kind_names[MAPPING_KINDS];

/* A mapping with one reference, equal to *like but for the name; NULL when memory is out. */
struct mapping *mapping_new(const struct mapping *like, const char *name, size_t name_length);

struct mapping *mapping_ref(struct mapping *mapping);
void mapping_unref(struct mapping *mapping);

/* The same in everything that the kernel says about it. */
bool mapping_equal(const struct mapping *a, const struct mapping *b);

static inline uint64_t mapping_pages(const struct mapping *m)
{
	return (m->end - m->start) >> PMTOP_PAGE_SHIFT;
}

static inline bool mapping_is_private(const struct mapping *m)
{
	return m->perms[3] != 's';
}

#endif
