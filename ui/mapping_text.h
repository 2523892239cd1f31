/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_MAPPING_TEXT_H
#define PMTOP_MAPPING_TEXT_H

#include "base/units.h"
#include "model/snapshot.h"
#include "ui/canvas.h"

/* A mapping in words: its name for people, its numbers, and whether it matches what was typed. */

/* The name, or "anonymous"; raw text from the target. Returns the name itself or a constant. */
const char *mapping_title(const struct mapping *mapping);

/*
 * The longest form of the title that fits into `width` columns: all of it, without " (deleted)",
 * without the directories; the shortest when none fits. buf may or may not be
 * used; without a canvas bytes count as columns.
 */
const char *mapping_short_title(const struct mapping *mapping, const struct canvas *canvas,
				int width, char *buf, size_t size);

/* Pages as a size: "-" for none. */
const char *pages_text(uint64_t pages, char buf[static UNITS_SIZE_MAX]);

/*
 * Does it match: part of its name (in any case), an address inside of it, its permissions or a part
 * of them with a dash, its kind, or a state or letter's name of which it has pages.
 */
bool mapping_matches(const struct snapshot_mapping *m, const char *text);

#endif
