// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "model/mapping.h"

const char *const mapping_kind_names[MAPPING_KINDS] = {
	[MAPPING_ANON] = "anon",       [MAPPING_HEAP] = "heap",	  [MAPPING_STACK] = "stack",
	[MAPPING_FILE] = "file",       [MAPPING_SHMEM] = "shmem", [MAPPING_HUGETLB] = "hugetlb",
	[MAPPING_SPECIAL] = "special",
};

struct mapping *mapping_new(const struct mapping *like, const char *name, size_t name_length)
{
	struct mapping *m = malloc(sizeof(*m) + name_length + 1);

	if (!m)
		return NULL;
	memcpy(m, like, sizeof(*m));
	atomic_init(&m->refs, 1);
	m->name_length = (uint16_t)name_length;
	memcpy(m->name, name, name_length);
	m->name[name_length] = '\0';
	return m;
}

struct mapping *mapping_ref(struct mapping *mapping)
{
	atomic_fetch_add_explicit(&mapping->refs, 1, memory_order_relaxed);
	return mapping;
}

void mapping_unref(struct mapping *mapping)
{
	if (atomic_fetch_sub_explicit(&mapping->refs, 1, memory_order_acq_rel) == 1)
		free(mapping);
}

bool mapping_equal(const struct mapping *a, const struct mapping *b)
{
	return a->start == b->start && a->end == b->end && a->offset == b->offset &&
	       a->inode == b->inode && a->dev_major == b->dev_major &&
	       a->dev_minor == b->dev_minor && a->kind == b->kind &&
	       a->hugetlb_file == b->hugetlb_file && a->name_length == b->name_length &&
	       !memcmp(a->perms, b->perms, sizeof(a->perms)) &&
	       !memcmp(a->name, b->name, a->name_length);
}
