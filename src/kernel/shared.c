// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/shared.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/clock.h"
#include "kernel/maps.h"
#include "kernel/object_cache.h"
#include "kernel/object_open.h"
#include "kernel/shared_objects.h"
#include "model/cleanup.h"

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
	uint64_t swapped; /* pages */
	/* An object could not be asked, or private copies may hide swapped pages of one. */
	bool incomplete;
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

static bool shared_is_shmem(struct look *look, const struct mapping *m)
{
	struct shared_reader *r = look->reader;
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
	d.shmem = filesystems_kind(r->filesystems, look->target, d.major, d.minor) ==
		  FILESYSTEM_SHMEM;
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

/* Swapped pages of the part that this mapping shows; asked once for all that map the same part. */
static int shared_count_swapped(struct look *look, const struct mapping *m, struct shared_object *o,
				uint64_t *ret_swapped)
{
	uint64_t first = m->offset >> PMTOP_PAGE_SHIFT, count = mapping_pages(m);
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
	uint64_t swapped = 0;
	int r;

	if (!shared_is_shmem(look, raw))
		return 0;
	m = mapping_new(raw, name, length);
	if (!m)
		return -ENOMEM;
	r = shared_objects_add(&look->reader->objects, m, look->target->pid, &o);
	if (r < 0)
		return r;
	if (shared_count_swapped(look, m, o, &swapped) < 0)
		look->incomplete = true;
	else
		look->swapped += swapped;
	if (mapping_is_private(m) && m->perms[1] == 'w' && swapped)
		look->incomplete = true;
	return 0;
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
	if (look->incomplete &&
	    shared_by_rollup(look->target, p->private_swap, &p->shared_swap) < 0)
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
	filesystems_refresh(reader->filesystems);
	if (!r)
		r = maps_each(&target, shared_on_mapping, &look);
	if (!r)
		shared_settle(&look, process);
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
	size_t size = 0;
	int r = 0;

	if (!file)
		return 0; /* a kernel without SysV IPC */
	while (!r && getline(&line, &size, file) > 0)
		if (sysv_parse_line(line, &s))
			r = shared_objects_add_sysv(&reader->objects, reader->probe, &s);
	return r;
}

int shared_export(const struct shared_reader *reader, struct census *census)
{
	return shared_objects_export(&reader->objects, census);
}
