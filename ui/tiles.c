// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/tiles.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ui/theme.h"

/* What lens 6 shows of a mapping; made when first asked for. */
static const struct pages *tiles_difference(struct scene_kept *kept, const struct scene *scene,
					    size_t mapping)
{
	if (!scene->baseline)
		return NULL;
	if (!kept->since_baseline &&
	    change_list_new(scene->baseline, scene->snapshot, &kept->since_baseline) < 0)
		return NULL;
	if (!kept->diff_maps) {
		kept->diff_maps = calloc(scene->snapshot->count + 1, sizeof(*kept->diff_maps));
		kept->diff_map_count = scene->snapshot->count;
	}
	if (!kept->diff_maps)
		return NULL;
	if (!kept->diff_maps[mapping] &&
	    change_map(kept->since_baseline, mapping, &kept->diff_maps[mapping]) < 0)
		return NULL;
	return kept->diff_maps[mapping];
}

struct tile_source scene_tiles(const struct scene *scene, size_t mapping)
{
	const struct snapshot_mapping *m = &scene->snapshot->mappings[mapping];
	struct tile_source source = { .mapping = m->mapping, .pages = m->pages, .index = mapping };

	source.now_ns = scene->snapshot->taken_ns;
	source.detail = scene->sample->focus;
	if (scene->lens == LENS_WRITTEN)
		source.changes = scene->sample->changes;
	if (scene->sample->track && (scene->lens == LENS_WRITTEN || scene->lens == LENS_AGE))
		source.track = track_mapping(scene->sample->track, mapping);
	if (scene->lens == LENS_DIFFERENCE)
		source.difference = tiles_difference(scene->kept, scene, mapping);
	return source;
}

void tile_draw(const struct scene *scene, const struct tile *tile, uint32_t *ret_glyph,
	       struct style *ret_style)
{
	char letter = lens_value(scene->lens, tile->value).letter;

	*ret_glyph = (unsigned char)(tile->upper ? toupper((unsigned char)letter) : letter);
	*ret_style = theme_value(scene->theme, scene->lens, tile->value);
	if (tile->mixed)
		ret_style->attr |= ATTR_UNDERLINE;
}

static void tiles_add_counts(struct tile_counts *sum, const struct tile_counts *part)
{
	for (int v = 0; v < LENS_VALUES_MAX; v++)
		sum->value[v] += part->value[v];
	sum->written += part->written;
}

static struct tile_counts tiles_count_mapping(const struct scene *scene, size_t mapping)
{
	struct tile_source source = scene_tiles(scene, mapping);
	struct tile_counts counts;

	tile_count(&source, scene->lens, 0, mapping_pages(source.mapping), &counts);
	return counts;
}

const struct tile_counts *scene_counts(struct scene *scene, size_t mapping)
{
	struct scene_kept *kept = scene->kept;
	struct kept_counts *slot = mapping == SIZE_MAX ? &kept->all : &kept->one;
	struct tile_counts part;

	if (slot->valid && slot->lens == scene->lens && slot->mapping == mapping)
		return &slot->counts;
	memset(slot, 0, sizeof(*slot));
	slot->lens = scene->lens;
	slot->mapping = mapping;
	slot->valid = true;
	if (mapping != SIZE_MAX) {
		slot->counts = tiles_count_mapping(scene, mapping);
		return &slot->counts;
	}
	for (size_t i = 0; i < scene->snapshot->count; i++) {
		part = tiles_count_mapping(scene, i);
		tiles_add_counts(&slot->counts, &part);
	}
	return &slot->counts;
}

void scene_forget(struct scene *scene)
{
	struct scene_kept *kept = scene->kept;

	for (size_t i = 0; i < kept->diff_map_count; i++)
		if (kept->diff_maps[i])
			pages_unref(kept->diff_maps[i]);
	free(kept->diff_maps);
	change_list_unref(kept->since_baseline);
	memset(kept, 0, sizeof(*kept));
}

const char *lens_unavailable_reason(const struct scene *scene)
{
	if (scene->lens == LENS_WRITTEN && scene->snapshot && !scene->snapshot->partial &&
	    !scene->snapshot->known.written)
		return "this kernel cannot tell (no soft-dirty)";
	if (scene->lens == LENS_DIFFERENCE && !scene->baseline)
		return "no baseline yet: press b to make what is shown the baseline";
	return NULL;
}

int lens_value_find(enum lens lens, const char *word)
{
	for (unsigned v = 0; v < lens_value_count(lens); v++) {
		struct lens_value value = lens_value(lens, v);

		if ((word[0] == value.letter && !word[1]) || !strcasecmp(word, value.name))
			return (int)v;
	}
	return -ENOENT;
}

bool scene_event_sample(const struct scene *scene, const struct source_event *event,
			size_t *ret_index)
{
	/* What happened before the first sample that was seen belongs to that one. */
	if (history_has_dropped(scene->history) && event->taken_ns < history_reach(scene->history))
		return false;
	return history_find_time(scene->history, event->taken_ns, ret_index) >= 0;
}
