// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/shared_objects.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void shared_objects_clear(struct shared_objects *objects)
{
	for (size_t i = 0; i < objects->count; i++) {
		free(objects->items[i].name);
		free(objects->items[i].mappers);
	}
	free(objects->items);
	free(objects->index);
	*objects = (struct shared_objects){ 0 };
}

/*
 * What tells two objects apart. A SysV segment has its shmid as inode number, which another object
 * on the same device may have been given as well; the kernel's own name tells them apart.
 */
struct identity {
	uint32_t major, minor;
	uint64_t inode;
	bool sysv;
};

static bool shared_is_sysv_name(const char *name)
{
	return !strncmp(name, "/SYSV", 5);
}

static bool shared_is_same(const struct shared_object *o, const struct identity *id)
{
	return o->inode == id->inode && o->dev_major == id->major && o->dev_minor == id->minor &&
	       shared_is_sysv_name(o->name) == id->sysv;
}

static size_t shared_place_of(const struct shared_objects *t, const struct identity *id)
{
	uint64_t hash = (id->inode ^ (uint64_t)id->major << 40 ^ (uint64_t)id->minor << 20) *
			UINT64_C(0x9e3779b97f4a7c15);
	size_t mask = t->index_room - 1;

	for (size_t i = (size_t)(hash >> 20) & mask;; i = (i + 1) & mask)
		if (!t->index[i] || shared_is_same(&t->items[t->index[i] - 1], id))
			return i;
}

/* At most half of the places are taken. */
static int shared_grow_index(struct shared_objects *t)
{
	size_t room = t->index_room ? t->index_room * 2 : 64;
	uint32_t *index;

	if (t->count * 2 < t->index_room)
		return 0;
	index = calloc(room, sizeof(*index));
	if (!index)
		return -ENOMEM;
	free(t->index);
	t->index = index;
	t->index_room = room;
	for (size_t i = 0; i < t->count; i++) {
		const struct shared_object *o = &t->items[i];
		struct identity id = { o->dev_major, o->dev_minor, o->inode,
				       shared_is_sysv_name(o->name) };

		t->index[shared_place_of(t, &id)] = (uint32_t)i + 1;
	}
	return 0;
}

static int shared_find_or_make(struct shared_objects *t, uint32_t major, uint32_t minor,
			       uint64_t inode, const char *name, struct shared_object **ret_object)
{
	struct identity id = { major, minor, inode, shared_is_sysv_name(name) };
	struct shared_object *o;
	size_t place;

	if (shared_grow_index(t) < 0)
		return -ENOMEM;
	place = shared_place_of(t, &id);
	if (t->index[place]) {
		*ret_object = &t->items[t->index[place] - 1];
		return 0;
	}
	if (t->count == t->room) {
		size_t room = t->room ? t->room * 2 : 32;

		o = reallocarray(t->items, room, sizeof(*o));
		if (!o)
			return -ENOMEM;
		t->items = o;
		t->room = room;
	}
	o = &t->items[t->count];
	*o = (struct shared_object){ .dev_major = major, .dev_minor = minor, .inode = inode };
	o->doubt = CENSUS_PENDING;
	o->name = strdup(name);
	if (!o->name)
		return -ENOMEM;
	t->index[place] = (uint32_t)++t->count;
	*ret_object = o;
	return 0;
}

static int shared_add_mapper(struct shared_object *o, pid_t pid)
{
	if (o->mapper_count && o->mappers[o->mapper_count - 1] == pid)
		return 0;
	if (o->mapper_count == o->mapper_room) {
		size_t room = o->mapper_room ? o->mapper_room * 2 : 4;
		pid_t *grown = reallocarray(o->mappers, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		o->mappers = grown;
		o->mapper_room = room;
	}
	o->mappers[o->mapper_count++] = pid;
	return 0;
}

int shared_objects_add(struct shared_objects *objects, const struct mapping *mapping, pid_t pid,
		       struct shared_object **ret_object)
{
	int r = shared_find_or_make(objects, mapping->dev_major, mapping->dev_minor, mapping->inode,
				    mapping->name, ret_object);

	return r < 0 ? r : shared_add_mapper(*ret_object, pid);
}

int shared_objects_add_sysv(struct shared_objects *objects, const struct probe *probe,
			    const struct sysv_segment *segment)
{
	struct shared_object *o;
	char name[32];
	int r;

	/* The kernel names the file of a segment by its key; its inode number is the shmid. */
	snprintf(name, sizeof(name), "/SYSV%08lx", segment->key);
	r = shared_find_or_make(objects, probe->shmem_dev_major, probe->shmem_dev_minor,
				segment->shmid, name, &o);
	if (r < 0)
		return r;
	o->sysv = true;
	if (o->doubt != CENSUS_KNOWN) {
		o->doubt = CENSUS_KNOWN;
		o->pages = (segment->size + PMTOP_PAGE_SIZE - 1) >> PMTOP_PAGE_SHIFT;
		o->cached = segment->ram >> PMTOP_PAGE_SHIFT;
		o->swapped = segment->swap >> PMTOP_PAGE_SHIFT;
	}
	return 0;
}

static int shared_by_identity(const void *a, const void *b)
{
	const struct census_object *x = a, *y = b;

	if (x->dev_major != y->dev_major)
		return x->dev_major < y->dev_major ? -1 : 1;
	if (x->dev_minor != y->dev_minor)
		return x->dev_minor < y->dev_minor ? -1 : 1;
	return (x->inode > y->inode) - (x->inode < y->inode);
}

int shared_objects_export(const struct shared_objects *objects, struct census *census)
{
	size_t mappers = 0;

	for (size_t i = 0; i < objects->count; i++)
		mappers += objects->items[i].mapper_count;
	census->objects = calloc(objects->count + 1, sizeof(*census->objects));
	census->mappers = calloc(mappers + 1, sizeof(*census->mappers));
	if (!census->objects || !census->mappers)
		return -ENOMEM;
	for (size_t i = 0; i < objects->count; i++) {
		const struct shared_object *o = &objects->items[i];
		struct census_object *c = &census->objects[i];

		c->name = strdup(o->name);
		if (!c->name)
			return -ENOMEM;
		census->object_count = i + 1;
		c->dev_major = o->dev_major;
		c->dev_minor = o->dev_minor;
		c->inode = o->inode;
		c->doubt = o->doubt;
		c->sysv = o->sysv;
		c->size = o->pages << PMTOP_PAGE_SHIFT;
		c->ram = o->cached << PMTOP_PAGE_SHIFT;
		c->swap = o->swapped << PMTOP_PAGE_SHIFT;
		c->mapper_first = census->mapper_count;
		c->mapper_count = o->mapper_count;
		if (o->mapper_count)
			memcpy(census->mappers + census->mapper_count, o->mappers,
			       o->mapper_count * sizeof(pid_t));
		census->mapper_count += o->mapper_count;
	}
	qsort(census->objects, census->object_count, sizeof(*census->objects), shared_by_identity);
	return 0;
}
