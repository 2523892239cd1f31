// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/directory.h"
#include "kernel/filesystems.h"
#include "kernel/object_open.h"

/* Others have no page cache, and to open them would call a driver; a mapped disk is open anyway. */
static bool object_open_has_page_cache(mode_t mode)
{
	return S_ISREG(mode) || S_ISBLK(mode);
}

/* A mount that the target sees, and whether what is on it answers without a server. */
struct mount {
	int id;
	bool answers;
	dev_t device; /* that maps shows; stat shows that of a part of it (btrfs) */
};

struct mounts {
	struct mount *items; /* ascending by id */
	size_t count;
};

static int object_open_compare_mounts(const void *a, const void *b)
{
	const struct mount *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Field 3 is major:minor. */
static dev_t object_open_mount_device(const char *line)
{
	unsigned int major, minor;

	return sscanf(line, "%*d %*d %u:%u", &major, &minor) == 2 ? makedev(major, minor) : 0;
}

/* The id is the first field, the type comes behind " - " (proc_pid_mountinfo(5)). */
static void object_open_read_mounts(const struct target *target, struct mounts *mounts)
{
	CLEANUP(cleanup_fclose) FILE *file = NULL;
	CLEANUP(cleanup_free) char *line = NULL;
	int fd = target_openat(target, "mountinfo");
	size_t size = 0;

	file = fd < 0 ? NULL : fdopen(fd, "r");
	while (file && getline(&line, &size, file) > 0) {
		char *type = strstr(line, " - ");
		struct mount *grown;

		if (!type)
			continue;
		type += 3;
		type[strcspn(type, " ")] = '\0';
		grown = reallocarray(mounts->items, mounts->count + 1, sizeof(*grown));
		if (!grown)
			break;
		mounts->items = grown;
		grown[mounts->count++] = (struct mount){
			.id = (int)strtol(line, NULL, 10),
			.answers = filesystem_type_kind(type) < FILESYSTEM_KERNEL,
			.device = object_open_mount_device(line),
		};
	}
	if (mounts->count)
		qsort(mounts->items, mounts->count, sizeof(*mounts->items),
		      object_open_compare_mounts);
}

static struct mount *object_open_find_mount(const struct mounts *mounts, int id)
{
	const struct mount wanted = { .id = id };

	return mounts->count ? bsearch(&wanted, mounts->items, mounts->count,
				       sizeof(*mounts->items), object_open_compare_mounts)
			     : NULL;
}

/* Whether the mount that the file was found on is of the device that maps shows (Linux 5.8). */
static bool object_open_is_on_device(const struct target *target, int fd, const struct mapping *m)
{
	struct mounts mounts = { 0 };
	const struct mount *found;
	struct statx st;
	bool is;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID))
		return false;
	object_open_read_mounts(target, &mounts);
	found = object_open_find_mount(&mounts, (int)st.stx_mnt_id);
	is = found && found->device == makedev(m->dev_major, m->dev_minor);
	free(mounts.items);
	return is;
}

static bool object_open_is_object(const struct target *target, int fd, const struct mapping *m)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !object_open_has_page_cache(st.st_mode) || st.st_ino != m->inode)
		return false;
	return st.st_dev == makedev(m->dev_major, m->dev_minor) ||
	       object_open_is_on_device(target, fd, m);
}

/*
 * Opens for reading what an O_PATH descriptor stands for. O_NOATIME, since mmap (which mincore
 * needs) would move the access time; only the owner may ask for that, so it is tried first.
 */
static int object_open_reopen(int directory, const char *name)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int fd = openat(directory, name, flags | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = openat(directory, name, flags);
	return fd < 0 ? -errno : fd;
}

static int object_open_open_verified(const struct target *target, int directory, const char *name,
				     const struct mapping *m)
{
	struct stat st;
	int fd;

	if (fstatat(directory, name, &st, 0) < 0)
		return -errno;
	if (!object_open_has_page_cache(st.st_mode) || st.st_ino != m->inode)
		return -ENXIO;
	fd = object_open_reopen(directory, name);
	if (fd >= 0 && !object_open_is_object(target, fd, m)) {
		close(fd);
		return -ENXIO;
	}
	return fd;
}

static int object_open_open_by_map_files(const struct target *target, const struct mapping *m)
{
	char name[64];

	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, m->start, m->end);
	return object_open_open_verified(target, target->proc, name, m);
}

/* A descriptor on a regular file or shared memory. */
struct object_descriptor {
	dev_t device;
	ino_t inode;
	unsigned int number;
};

static int object_open_compare_descriptors(const void *a, const void *b)
{
	const struct object_descriptor *x = a, *y = b;

	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	return (x->inode > y->inode) - (x->inode < y->inode);
}

void object_descriptors_forget(struct object_descriptors *descriptors)
{
	free(descriptors->items);
	descriptors->items = NULL;
	descriptors->count = 0;
	descriptors->looked = false;
}

/* Memory that the kernel keeps on a mount of its own, by the name that it gives it. */
static bool object_open_is_memory(int directory, const char *number)
{
	static const char *const names[] = { "/memfd:", "/SYSV", "/dev/zero" };
	char name[32];
	ssize_t n = readlinkat(directory, number, name, sizeof(name) - 1);

	name[n > 0 ? n : 0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	return false;
}

/*
 * Whether a descriptor can be asked what it stands for. A stat() of a file on a server that is gone
 * never returns; where the file is, fdinfo and mountinfo tell without it.
 */
static bool object_open_answers(const struct target *target, int directory, const char *number,
				const struct mounts *mounts)
{
	char path[40], text[512];
	const struct mount *found;
	const char *id;

	snprintf(path, sizeof(path), "fdinfo/%.20s", number);
	if (target_read_text(target->proc, path, text, sizeof(text)) < 0)
		return false;
	id = strstr(text, "mnt_id:");
	if (!id)
		return false;
	found = object_open_find_mount(mounts, (int)strtol(id + strlen("mnt_id:"), NULL, 10));
	return found ? found->answers : object_open_is_memory(directory, number);
}

static void object_open_look_at_descriptors(const struct target *target,
					    struct object_descriptors *d, DIR *directory)
{
	struct mounts mounts = { 0 };
	struct dirent *entry;
	size_t room = 0;
	struct stat st;

	object_open_read_mounts(target, &mounts);
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		d->looks++;
		if (!object_open_answers(target, dirfd(directory), entry->d_name, &mounts) ||
		    fstatat(dirfd(directory), entry->d_name, &st, 0) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (d->count == room) {
			void *grown;

			room = room ? 2 * room : 64;
			grown = reallocarray(d->items, room, sizeof(*d->items));
			if (!grown)
				break;
			d->items = grown;
		}
		d->items[d->count++] = (struct object_descriptor){
			st.st_dev, st.st_ino, (unsigned int)strtoul(entry->d_name, NULL, 10)
		};
	}
	free(mounts.items);
	if (d->count)
		qsort(d->items, d->count, sizeof(*d->items), object_open_compare_descriptors);
}

static int object_open_open_by_descriptor(const struct target *target, const struct mapping *m,
					  struct object_descriptors *d)
{
	const struct object_descriptor wanted = { makedev(m->dev_major, m->dev_minor), m->inode,
						  0 };
	CLEANUP(cleanup_closedir) DIR *directory = NULL;
	const struct object_descriptor *found;
	char name[16];
	int fd;

	if (d->looked && !d->count)
		return -ENOENT;
	fd = openat(target->proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	directory = fdopendir(fd);
	if (!directory) {
		close(fd);
		return -ENOMEM;
	}
	if (!d->looked)
		object_open_look_at_descriptors(target, d, directory);
	d->looked = true;
	found = d->count ? bsearch(&wanted, d->items, d->count, sizeof(*d->items),
				   object_open_compare_descriptors)
			 : NULL;
	if (!found)
		return -ENOENT;
	snprintf(name, sizeof(name), "%u", found->number);
	return object_open_open_verified(target, fd, name, m);
}

static int object_open_open_by_name(const struct target *target, const struct mapping *m)
{
	char path[PATH_MAX];

	if (m->name[0] != '/' ||
	    snprintf(path, sizeof(path), "root%s", m->name) >= (int)sizeof(path))
		return -ENOENT;
	return object_open_open_verified(target, target->proc, path, m);
}

int object_open(const struct target *target, const struct probe *probe,
		const struct mapping *mapping, struct object_descriptors *descriptors)
{
	int fd = probe->has[PROBE_MAP_FILES] ? object_open_open_by_map_files(target, mapping)
					     : -EPERM;

	if (fd < 0)
		fd = object_open_open_by_name(target, mapping);
	if (fd < 0)
		fd = object_open_open_by_descriptor(target, mapping, descriptors);
	return fd < 0 ? -EACCES : fd;
}

int object_open_path(const struct target *target, const struct mapping *mapping)
{
	char name[64], path[PATH_MAX];
	int fd;

	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, mapping->start,
		 mapping->end);
	fd = openat(target->proc, name, O_PATH | O_CLOEXEC);
	if (fd < 0 && mapping->name[0] == '/' &&
	    snprintf(path, sizeof(path), "root%s", mapping->name) < (int)sizeof(path))
		fd = openat(target->proc, path, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

struct object_cache *object_files_find(struct object_files *files, const struct mapping *mapping)
{
	for (unsigned int i = 0; i < files->count; i++) {
		struct object_file *f = &files->items[i];

		if (f->inode == mapping->inode && f->dev_major == mapping->dev_major &&
		    f->dev_minor == mapping->dev_minor && !strcmp(f->name, mapping->name)) {
			f->used = true;
			return &f->cache;
		}
	}
	return NULL;
}

struct object_cache *object_files_keep(struct object_files *files, const struct mapping *mapping,
				       const struct object_cache *cache)
{
	struct object_file *f = &files->items[files->count];
	struct stat st;

	if (files->count == OBJECT_FILES || mapping->kind != MAPPING_FILE ||
	    fstat(cache->fd, &st) < 0 || !st.st_nlink)
		return NULL;
	*f = (struct object_file){ .dev_major = mapping->dev_major,
				   .dev_minor = mapping->dev_minor,
				   .inode = mapping->inode,
				   .name = strdup(mapping->name),
				   .used = true,
				   .cache = *cache };
	if (!f->name)
		return NULL;
	files->count++;
	return &f->cache;
}

void object_files_begin(struct object_files *files)
{
	for (unsigned int i = 0; i < files->count; i++)
		files->items[i].used = false;
}

void object_files_let_go(struct object_files *files, bool all)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < files->count; i++) {
		struct object_file *f = &files->items[i];

		if (f->used && !all) {
			files->items[kept++] = *f;
			continue;
		}
		object_cache_unmap(&f->cache);
		close(f->cache.fd);
		free(f->name);
	}
	files->count = kept;
}
