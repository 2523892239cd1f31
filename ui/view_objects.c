// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/view_objects.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "model/page.h"
#include "ui/table.h"

enum object_column {
	COLUMN_INODE,
	COLUMN_SIZE,
	COLUMN_RAM,
	COLUMN_SWAP,
	COLUMN_MAPPERS,
	COLUMN_BAR,
	COLUMN_NAME,
	COLUMN_WHO,
	COLUMNS
};

static const struct table_column columns[COLUMNS] = {
	[COLUMN_INODE] = { "INODE", 8, 7, false, false, false },
	[COLUMN_SIZE] = { "SIZE", 6, 4, false, false, false },
	[COLUMN_RAM] = { "RAM", 6, 3, false, false, false },
	[COLUMN_SWAP] = { "SHSWAP", 6, 1, false, false, false },
	[COLUMN_MAPPERS] = { "MAPS", 5, 2, false, false, false },
	[COLUMN_BAR] = { "PAGES", 8, 5, true, true, true },
	[COLUMN_NAME] = { "OBJECT", 22, 0, true, false, false },
	[COLUMN_WHO] = { "MAPPED BY", 10, 6, true, true, false },
};

static size_t view_objects_count(const void *data)
{
	const struct census *census = data;

	return census->object_count;
}

static struct table_identity view_objects_identity(const void *data, size_t row)
{
	const struct census *census = data;
	const struct census_object *o = &census->objects[row];
	uint64_t device = (uint64_t)o->dev_major << 32 | o->dev_minor;

	return (struct table_identity){ device << 1 | o->sysv, o->inode ^ o->ipc << 32 };
}

static bool view_objects_is_mapper(const struct census *census, const struct census_object *o,
				   const char *text)
{
	for (size_t i = 0; i < o->mapper_count; i++) {
		pid_t pid = census->mappers[o->mapper_first + i];
		const struct census_process *p = census_find(census, pid);
		char number[16];

		snprintf(number, sizeof(number), "%d", (int)pid);
		if (!strcmp(number, text) || (p && table_contains(p->comm, text)))
			return true;
	}
	return false;
}

static bool view_objects_matches(const void *data, size_t row, const char *text)
{
	const struct census *census = data;
	const struct census_object *o = &census->objects[row];

	return table_contains(o->name, text) || view_objects_is_mapper(census, o, text);
}

static int view_objects_compare(const void *data, size_t a, size_t b, int column)
{
	const struct census *census = data;
	const struct census_object *x = &census->objects[a], *y = &census->objects[b];

	switch ((enum object_column)column) {
	case COLUMN_INODE:
		return x->inode < y->inode ? -1 : x->inode > y->inode;
	case COLUMN_SIZE:
		return table_compare_numbers(x->size, y->size);
	case COLUMN_RAM:
		return table_compare_numbers(x->ram, y->ram);
	case COLUMN_MAPPERS:
		return table_compare_numbers(x->mapper_count, y->mapper_count);
	case COLUMN_NAME:
		return strcasecmp(x->name, y->name);
	default:
		return table_compare_numbers(x->swap, y->swap);
	}
}

static void view_objects_size_text(const struct census_object *o, uint64_t bytes,
				   struct table_text *cell)
{
	char buf[UNITS_SIZE_MAX];

	cell->role = o->doubt == CENSUS_KNOWN && bytes ? ROLE_TEXT : ROLE_DIM;
	snprintf(cell->text, sizeof(cell->text), "%s",
		 o->doubt != CENSUS_KNOWN ? "?"
		 : bytes		  ? units_format_size(bytes, buf)
					  : "-");
}

static void view_objects_who_text(const struct census *census, const struct census_object *o,
				  struct table_text *cell)
{
	size_t used = 0;

	if (!o->mapper_count) {
		cell->role = ROLE_WARNING;
		snprintf(cell->text, sizeof(cell->text), "nobody");
		return;
	}
	for (size_t i = 0; i < o->mapper_count && used < sizeof(cell->text) - 1; i++) {
		pid_t pid = census->mappers[o->mapper_first + i];
		const struct census_process *p = census_find(census, pid);
		int n = snprintf(cell->text + used, sizeof(cell->text) - used, "%s%d %s",
				 i ? ", " : "", (int)pid, p ? p->comm : "");

		used += n > 0 ? (size_t)n : 0;
	}
}

static void view_objects_text(const void *data, size_t row, int column, struct table_text *cell)
{
	const struct census *census = data;
	const struct census_object *o = &census->objects[row];

	switch ((enum object_column)column) {
	case COLUMN_INODE:
		cell->role = ROLE_ADDRESS;
		snprintf(cell->text, sizeof(cell->text), "%lu", (unsigned long)o->inode);
		break;
	case COLUMN_SIZE:
		view_objects_size_text(o, o->size, cell);
		break;
	case COLUMN_RAM:
		view_objects_size_text(o, o->ram, cell);
		break;
	case COLUMN_SWAP:
		view_objects_size_text(o, o->swap, cell);
		break;
	case COLUMN_MAPPERS:
		snprintf(cell->text, sizeof(cell->text), "%zu", o->mapper_count);
		break;
	case COLUMN_WHO:
		view_objects_who_text(census, o, cell);
		break;
	default:
		snprintf(cell->text, sizeof(cell->text), "%s", o->name);
		break;
	}
}

static size_t view_objects_parts(const void *data, size_t row, struct table_part *parts)
{
	const struct census *census = data;
	const struct census_object *o = &census->objects[row];
	uint64_t here = o->ram + o->swap;

	parts[0] = (struct table_part){ PAGE_SHMEM, o->ram };
	parts[1] = (struct table_part){ PAGE_SHARED_SWAP, o->swap };
	parts[2] = (struct table_part){ PAGE_NONE, o->size > here ? o->size - here : 0 };
	return 3;
}

static void view_objects_summary(const void *data, char *buf, size_t size)
{
	const struct census *census = data;
	char swapped[UNITS_SIZE_MAX], ram[UNITS_SIZE_MAX];
	uint64_t in_ram = 0;
	size_t closed = 0;
	int n;

	for (size_t i = 0; i < census->object_count; i++) {
		in_ram += census->objects[i].ram;
		closed += census->objects[i].doubt != CENSUS_KNOWN;
	}
	n = snprintf(buf, size, "%zu shared objects, each once: RAM %s, swap %s",
		     census->object_count, units_format_size(in_ram, ram),
		     units_format_size(census->totals.object_swap, swapped));
	if (n < 0 || (size_t)n >= size)
		return;
	if (!census->complete)
		snprintf(buf + n, size - (size_t)n, "; still counting");
	else if (closed)
		snprintf(buf + n, size - (size_t)n, "; %zu closed: see doctor", closed);
}

/* Enter opens the first process that maps it. */
static pid_t view_objects_pid(const void *data, size_t row)
{
	const struct census *census = data;
	const struct census_object *o = &census->objects[row];

	return o->mapper_count ? census->mappers[o->mapper_first] : 0;
}

static const struct table_kind kind = {
	.screen = SCREEN_OBJECTS,
	.noun = "shared object",
	.nouns = "shared objects",
	.waiting = "counting",
	.bar_share = 60,
	.columns = columns,
	.column_count = COLUMNS,
	.first_sort = COLUMN_SWAP,
	.count = view_objects_count,
	.identity = view_objects_identity,
	.matches = view_objects_matches,
	.compare = view_objects_compare,
	.text = view_objects_text,
	.parts = view_objects_parts,
	.summary = view_objects_summary,
	.pid = view_objects_pid,
};

struct view *view_objects_new(struct census_feed *feed)
{
	return table_new(&kind, feed);
}
