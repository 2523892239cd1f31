// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "kernel/maps.h"
#include "kernel/object_cache.h"
#include "kernel/object_open.h"
#include "kernel/shared.h"

DEFINE_CLEANUP(cleanup_mapping, struct mapping *, mapping_unref)

/* What a device number is, as the mounts of one mount namespace say. */
struct device {
	uint64_t namespace;
	uint32_t major, minor;
	bool shmem;
};

struct shared_reader {
	const struct probe *probe;
	struct filesystems *filesystems;
	struct object_statistics statistics;
	struct shared_objects objects;
	struct device *devices;
	size_t device_count, device_room;
};

struct shared_reader *shared_reader_new(const struct probe *probe)
{
	struct shared_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->probe = probe;
	r->filesystems = filesystems_new(probe);
	if (!r->filesystems) {
		free(r);
		return NULL;
	}
	return r;
}

void shared_reader_free(struct shared_reader *reader)
{
	if (!reader)
		return;
	shared_objects_clear(&reader->objects);
	filesystems_free(reader->filesystems);
	free(reader->devices);
	free(reader);
}

void shared_round(struct shared_reader *reader)
{
	shared_objects_clear(&reader->objects);
	reader->device_count = 0;
}

/* A look at one process. */
struct look {
	struct shared_reader *reader;
	const struct target *target;
	uint64_t namespace; /* its mount namespace */
	struct object_descriptors descriptors;
	struct view *views;
	size_t view_count, view_room;
	uint64_t swapped; /* pages, each once */
	/* An object could not be asked, or private copies may hide swapped pages of one. */
	bool incomplete;
	bool overlaps; /* some page is shown by more than one mapping */
};

/* A mapping of shared memory. */
struct view {
	struct mapping *mapping;
	size_t object; /* index in objects */
	uint64_t first, end; /* pages of the object */
	bool hides; /* private and writable: copies may stand before pages of the object */
};

static bool shared_remember_device(struct shared_reader *r, const struct device *device)
{
	if (r->device_count == r->device_room) {
		size_t room = r->device_room ? r->device_room * 2 : 32;
		struct device *grown = reallocarray(r->devices, room, sizeof(*grown));

		if (!grown)
			return false;
		r->devices = grown;
		r->device_room = room;
	}
	r->devices[r->device_count++] = *device;
	return true;
}

static bool shared_is_shmem(struct look *look, const struct mapping *m, const char *name,
			    size_t length)
{
	struct shared_reader *r = look->reader;
	CLEANUP(cleanup_mapping) struct mapping *named = NULL;
	enum filesystem_kind kind;
	struct device d = { look->namespace, m->dev_major, m->dev_minor, false };

	/* memfd, shared anonymous memory and SysV; the first SysV segment has inode 0. */
	if (m->dev_major == r->probe->shmem_dev_major && m->dev_minor == r->probe->shmem_dev_minor)
		return true;
	if (!m->inode)
		return false;
	for (size_t i = 0; i < r->device_count; i++)
		if (r->devices[i].namespace == d.namespace && r->devices[i].major == d.major &&
		    r->devices[i].minor == d.minor)
			return r->devices[i].shmem;
	named = mapping_new(m, name, length);
	kind = named ? filesystems_behind(r->filesystems, look->target, named) : FILESYSTEM_UNKNOWN;
	d.shmem = kind == FILESYSTEM_SHMEM;
	/* That this process could not tell (a chroot shows fewer mounts) is true of it alone. */
	if (kind != FILESYSTEM_UNKNOWN)
		shared_remember_device(r, &d);
	return d.shmem;
}

/* Asks the kernel for pages [first, first + count) of the object; all of it the first time. */
static int shared_ask(struct look *look, const struct mapping *m, struct shared_object *o,
		      uint64_t first, uint64_t count, uint64_t *ret_swapped)
{
	CLEANUP(cleanup_close)
	int fd = object_open(look->target, look->reader->probe, m, &look->descriptors);
	struct object_cache cache = { .fd = fd, .shmem = true, .probe = look->reader->probe };
	struct stat st;
	uint64_t cached;

	cache.statistics = &look->reader->statistics;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -EACCES;
	if (o->doubt != CENSUS_KNOWN) {
		o->pages = ((uint64_t)st.st_size + PMTOP_PAGE_SIZE - 1) >> PMTOP_PAGE_SHIFT;
		/* A length of 0 would mean all of it. */
		if (!o->pages)
			o->cached = o->swapped = 0;
		else if (!object_cache_totals(&cache, 0, o->pages, &o->cached, &o->swapped))
			return -ENOSYS;
		o->doubt = CENSUS_KNOWN;
	}
	if (!first && count >= o->pages) {
		*ret_swapped = o->swapped;
		return 0;
	}
	return object_cache_totals(&cache, first, count, &cached, ret_swapped) ? 0 : -ENOSYS;
}

/* Swapped pages of a part of the object; asked once for all that map the same part. */
static int shared_count_swapped(struct look *look, const struct mapping *m, struct shared_object *o,
				uint64_t first, uint64_t count, uint64_t *ret_swapped)
{
	int r;

	if (o->doubt == CENSUS_KNOWN && (!o->swapped || (!first && count >= o->pages))) {
		*ret_swapped = o->swapped;
		return 0;
	}
	if (o->doubt == CENSUS_KNOWN && o->part_count == count && o->part_first == first) {
		*ret_swapped = o->part_swapped;
		return 0;
	}
	r = shared_ask(look, m, o, first, count, ret_swapped);
	if (r < 0) {
		if (o->doubt == CENSUS_PENDING)
			o->doubt = r == -ENOSYS ? CENSUS_NO_MEANS : CENSUS_NO_RIGHT;
		return r;
	}
	o->part_first = first;
	o->part_count = count;
	o->part_swapped = *ret_swapped;
	return 0;
}

static int shared_on_mapping(void *context, const struct mapping *raw, const char *name,
			     size_t length)
{
	struct look *look = context;
	CLEANUP(cleanup_mapping) struct mapping *m = NULL;
	struct shared_object *o;
	struct view *view;
	int r;

	if (!shared_is_shmem(look, raw, name, length))
		return 0;
	m = mapping_new(raw, name, length);
	if (!m || !ARRAY_RESERVE(look->views, look->view_count, look->view_room))
		return -ENOMEM;
	r = shared_objects_add(&look->reader->objects, m, look->target->pid, &o);
	if (r < 0)
		return r;
	view = &look->views[look->view_count++];
	view->object = (size_t)(o - look->reader->objects.items);
	view->first = m->offset >> PMTOP_PAGE_SHIFT;
	view->end = view->first + mapping_pages(m);
	view->hides = mapping_is_private(m) && m->perms[1] == 'w';
	view->mapping = TAKE(m);
	return 0;
}

static int shared_by_place(const void *a, const void *b)
{
	const struct view *x = a, *y = b;

	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

/* Whether a page that copies may hide in one of the views is shown by no other. */
static bool shared_may_be_hidden(const struct view *views, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t shown = views[i].first;

		for (size_t k = 0; views[i].hides && k < count; k++)
			if (!views[k].hides && views[k].first <= shown && views[k].end > shown)
				shown = views[k].end;
		if (views[i].hides && shown < views[i].end)
			return true;
	}
	return false;
}

/* Views of one object from the first one on that leave no page between them; what they show. */
static size_t shared_count_views(struct look *look, const struct view *views, size_t count)
{
	struct shared_object *o = &look->reader->objects.items[views[0].object];
	uint64_t end = views[0].end, swapped;
	size_t n = 1;

	for (; n < count && views[n].object == views[0].object && views[n].first <= end; n++) {
		look->overlaps |= views[n].first < end;
		if (views[n].end > end)
			end = views[n].end;
	}
	if (shared_count_swapped(look, views[0].mapping, o, views[0].first, end - views[0].first,
				 &swapped) < 0)
		look->incomplete = true;
	else
		look->swapped += swapped;
	if (!look->incomplete && swapped && shared_may_be_hidden(views, n))
		look->incomplete = true;
	return n;
}

static void shared_count_all(struct look *look)
{
	if (look->view_count)
		qsort(look->views, look->view_count, sizeof(*look->views), shared_by_place);
	for (size_t i = 0; i < look->view_count;)
		i += shared_count_views(look, &look->views[i], look->view_count - i);
}

static void shared_forget_views(struct look *look)
{
	for (size_t i = 0; i < look->view_count; i++)
		mapping_unref(look->views[i].mapping);
	free(look->views);
}

/*
 * "Swap:" of smaps_rollup counts private and shared pages (proc_pid_smaps(5)), VmSwap private ones.
 */
static int shared_by_rollup(const struct target *target, uint64_t private_swap, uint64_t *ret_bytes)
{
	char text[4096];
	const char *at;
	uint64_t swap;
	int r = target_read_text(target->proc, "smaps_rollup", text, sizeof(text));

	if (r < 0)
		return r;
	at = strstr(text, "\nSwap:");
	if (!at)
		return -ENODATA;
	swap = strtoull(at + strlen("\nSwap:"), NULL, 10) * 1024;
	*ret_bytes = swap > private_swap ? swap - private_swap : 0;
	return 0;
}

static void shared_settle(const struct look *look, struct census_process *p)
{
	p->shared_clock_ns = clock_ns(CLOCK_MONOTONIC);
	p->shared_doubt = CENSUS_KNOWN;
	p->shared_swap = look->swapped << PMTOP_PAGE_SHIFT;
	/* smaps counts a page for each mapping that shows it. */
	if (look->incomplete && (look->overlaps || shared_by_rollup(look->target, p->private_swap,
								    &p->shared_swap) < 0))
		p->shared_doubt = CENSUS_NO_MEANS;
}

int shared_look(struct shared_reader *reader, struct census_process *process)
{
	struct target target;
	struct look look = { .reader = reader, .target = &target };
	struct stat st;
	int r = target_open(process->pid, &target);

	if (r == -EACCES || r == -EPERM) {
		process->shared_doubt = CENSUS_NO_RIGHT;
		return 0;
	}
	if (r < 0)
		return r;
	if (target.start_time != process->start_time)
		r = -ESRCH;
	if (fstatat(target.proc, "ns/mnt", &st, 0) == 0)
		look.namespace = st.st_ino;
	reader->objects.ipc = fstatat(target.proc, "ns/ipc", &st, 0) == 0 ? st.st_ino : 0;
	filesystems_refresh(reader->filesystems);
	if (!r)
		r = maps_each(&target, shared_on_mapping, &look);
	if (!r) {
		shared_count_all(&look);
		shared_settle(&look, process);
	}
	shared_forget_views(&look);
	object_descriptors_forget(&look.descriptors);
	target_close(&target);
	return r;
}

/*
 *        key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid
 *      atime      dtime      ctime                   rss                  swap
 * with size, rss and swap in bytes [ipc/shm.c: sysvipc_shm_proc_show].
 */
bool sysv_parse_line(const char *line, struct sysv_segment *ret_segment)
{
	struct sysv_segment s = { 0 };
	long key;

	if (sscanf(line, " %ld %lu %*o %lu %*u %*u %lu %*u %*u %*u %*u %*u %*u %*u %lu %lu", &key,
		   &s.shmid, &s.size, &s.attached, &s.ram, &s.swap) != 6)
		return false;
	s.key = (uint32_t)key;
	*ret_segment = s;
	return true;
}

int shared_add_sysv(struct shared_reader *reader)
{
	CLEANUP(cleanup_fclose) FILE *file = fopen("/proc/sysvipc/shm", "re");
	CLEANUP(cleanup_free) char *line = NULL;
	struct sysv_segment s;
	struct stat st;
	size_t size = 0;
	int r = 0;

	if (!file)
		return 0; /* a kernel without SysV IPC */
	reader->objects.ipc = stat("/proc/self/ns/ipc", &st) == 0 ? st.st_ino : 0;
	while (!r && getline(&line, &size, file) > 0)
		if (sysv_parse_line(line, &s))
			r = shared_objects_add_sysv(&reader->objects, reader->probe, &s);
	return r;
}

int shared_export(const struct shared_reader *reader, struct census *census)
{
	return shared_objects_export(&reader->objects, census);
}

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
	uint64_t ipc; /* the IPC namespace of a segment: each counts from 0; else 0 */
};

static bool shared_is_sysv_name(const char *name)
{
	return !strncmp(name, "/SYSV", 5);
}

static bool shared_is_same(const struct shared_object *o, const struct identity *id)
{
	return o->inode == id->inode && o->dev_major == id->major && o->dev_minor == id->minor &&
	       o->ipc == id->ipc && shared_is_sysv_name(o->name) == id->sysv;
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
				       shared_is_sysv_name(o->name), o->ipc };

		t->index[shared_place_of(t, &id)] = (uint32_t)i + 1;
	}
	return 0;
}

static int shared_find_or_make(struct shared_objects *t, uint32_t major, uint32_t minor,
			       uint64_t inode, const char *name, struct shared_object **ret_object)
{
	bool sysv = shared_is_sysv_name(name);
	struct identity id = { major, minor, inode, sysv, sysv ? t->ipc : 0 };
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
	o->ipc = id.ipc;
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
	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return (x->ipc > y->ipc) - (x->ipc < y->ipc);
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
		c->ipc = o->ipc;
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
