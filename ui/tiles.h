/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TILES_H
#define PMTOP_TILES_H

#include "model/tile.h"
#include "ui/view.h"

/* Tiles of the scene's snapshot through its lens: what to ask, how to draw, and the counts. */

/* Everything that the lens needs to know of one mapping of the snapshot shown. */
struct tile_source scene_tiles(const struct scene *scene, size_t mapping);

/* Letter (or, for half blocks, only the colour) of a tile. */
void tile_draw(const struct scene *scene, const struct tile *tile, uint32_t *ret_glyph,
	       struct style *ret_style);

/*
 * Counts of one mapping, or of all with mapping == SIZE_MAX. Kept until the snapshot or the lens
 * changes, since lenses 5 and 6 look at every block. The pointer is good until the next call.
 */
const struct tile_counts *scene_counts(struct scene *scene, size_t mapping);

/* Why the lens cannot answer here and what helps, or NULL. */
const char *lens_unavailable_reason(const struct scene *scene);

/* The value of a lens with this letter or name, or -ENOENT. */
int lens_value_find(enum lens lens, const char *word);

/*
 * The sample of the history that an event belongs to: the newest one of its time. False: it is
 * gone.
 */
bool scene_event_sample(const struct scene *scene, const struct source_event *event,
			size_t *ret_index);

/* Forgets what was kept of the scene's snapshot, before it is replaced. */
void scene_forget(struct scene *scene);

#endif
