/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PAGE_FACTS_H
#define PMTOP_PAGE_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/snapshot.h"
#include "ui/lines.h"
#include "ui/theme.h"

/*
 * What the kernel says of one page, raw and in words: its pagemap word, the flags and map count of
 * its frame, where in RAM it is, which cgroup pays for it, how its mapping is set up. Adds only
 * what is known.
 */
void page_facts_add(struct lines *lines, const struct theme *theme,
		    const struct page_detail *detail, size_t index, bool present);

/* VmFlags of smaps ("rd wr mr") as words ("readable, writable, …"); for tests too. */
void vm_flags_text(const char *flags, char *text, size_t size);

#endif
