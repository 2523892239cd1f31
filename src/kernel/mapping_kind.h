/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_MAPPING_KIND_H
#define PMTOP_MAPPING_KIND_H

#include "kernel/filesystems.h"
#include "kernel/probe.h"
#include "kernel/target.h"
#include "model/mapping.h"

/*
 * Sets kind and hugetlb_file of a mapping that has just been read: by its name where the kernel
 * makes the name, else by the file system behind its device number, else by what the file is.
 */
void mapping_find_kind(struct mapping *mapping, const struct target *target,
		       const struct probe *probe, struct filesystems *filesystems);

#endif
