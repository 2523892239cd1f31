// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/object_files.h"

#include <sys/stat.h>
#include <unistd.h>

struct object_cache *object_files_find(struct object_files *files, const struct mapping *mapping)
{
	for (unsigned int i = 0; i < files->count; i++) {
		struct object_file *f = &files->items[i];

		if (f->inode == mapping->inode && f->dev_major == mapping->dev_major &&
		    f->dev_minor == mapping->dev_minor) {
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
				   .used = true,
				   .cache = *cache };
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
	}
	files->count = kept;
}
