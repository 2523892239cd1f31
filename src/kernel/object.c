// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/object.h"
#include "kernel/object_bpf.h"
#include "kernel/object_cache.h"
#include "kernel/object_open.h"

struct object_reader {
	const struct target *target;
	const struct probe *probe;
	struct filesystems *filesystems;
	struct object_statistics statistics;
	bool want_marks;
	struct object_bpf bpf;
	bool fell_back; /* the walk could not answer for a part of this object */

	/* The object that is open, and how it is asked. */
	const struct mapping *mapping;
	struct object_cache *cache; /* &own, or that of a file that is kept */
	struct object_cache own; /* .fd is -1 when the object could not be opened */
	struct object_files files;
	struct object_descriptors descriptors; /* of one sample, and the looks after it */
	unsigned char residency[OBJECT_CACHE_WINDOW]; /* one buffer for them all */
};

struct object_reader *object_reader_new(const struct target *target, const struct probe *probe,
					struct filesystems *filesystems)
{
	struct object_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->target = target;
	r->probe = probe;
	r->filesystems = filesystems;
	r->own = (struct object_cache){ .fd = -1 };
	r->cache = &r->own;
	return r;
}

void object_reader_free(struct object_reader *reader)
{
	object_reader_let_go(reader);
	object_bpf_release(&reader->bpf);
	free(reader);
}

void object_reader_want_marks(struct object_reader *reader, bool want)
{
	reader->want_marks = want;
}

void object_reader_begin(struct object_reader *reader)
{
	object_close(reader);
	object_files_begin(&reader->files);
	object_descriptors_forget(&reader->descriptors);
}

void object_reader_end(struct object_reader *reader)
{
	object_close(reader);
	object_files_let_go(&reader->files, false);
}

void object_reader_let_go(struct object_reader *reader)
{
	object_close(reader);
	object_files_let_go(&reader->files, true);
	object_descriptors_forget(&reader->descriptors);
}

void object_close(struct object_reader *reader)
{
	object_cache_unmap(&reader->own);
	if (reader->own.fd >= 0)
		close(reader->own.fd);
	reader->own.fd = -1;
	reader->cache = &reader->own;
	reader->mapping = NULL;
	reader->fell_back = false;
	object_bpf_forget(&reader->bpf);
}

static enum filesystem_kind object_kind(struct object_reader *r, const struct mapping *m)
{
	return filesystems_kind_mapped(r->filesystems, m->dev_major, m->dev_minor);
}

/*
 * Files are asked only on local disks; shared memory always, and so is a disk that is mapped itself
 * (maps.c calls no other device a file).
 */
static bool object_may_ask(struct object_reader *r, const struct mapping *m)
{
	if (m->kind == MAPPING_SHMEM || m->kind == MAPPING_HUGETLB)
		return true;
	if (m->kind != MAPPING_FILE)
		return false;
	return !strncmp(m->name, "/dev/", 5) || object_kind(r, m) == FILESYSTEM_LOCAL ||
	       object_kind(r, m) == FILESYSTEM_STACKED;
}

/* What is said of pages when the object could not be asked. */
static enum object_page object_not_asked(struct object_reader *r, const struct mapping *m)
{
	if (m->kind != MAPPING_FILE)
		return OBJECT_UNKNOWN;
	if (object_may_ask(r, m))
		return OBJECT_NOT_ALLOWED;
	return object_kind(r, m) == FILESYSTEM_UNKNOWN ? OBJECT_NO_KIND : OBJECT_NOT_ASKED;
}

static void object_select_object(struct object_reader *r, const struct mapping *m)
{
	struct object_cache *kept;

	if (r->mapping == m)
		return;
	object_close(r);
	r->mapping = m;
	if (!object_may_ask(r, m))
		return;
	kept = object_files_find(&r->files, m);
	if (!kept) {
		r->statistics.opens++;
		r->own = (struct object_cache){ .fd = object_open(r->target, r->probe, m,
								  &r->descriptors),
						.shmem = m->kind == MAPPING_SHMEM,
						.stacked = m->kind == MAPPING_FILE &&
							   object_kind(r, m) == FILESYSTEM_STACKED,
						.want_marks = r->want_marks,
						.probe = r->probe,
						.statistics = &r->statistics,
						.residency = r->residency };
		kept = r->own.fd >= 0 ? object_files_keep(&r->files, m, &r->own) : NULL;
		if (kept)
			r->own.fd = -1;
	}
	r->cache = kept ? kept : &r->own;
}

/* From pages of the object back to pages of the mapping. */
struct shift {
	object_sink *sink;
	void *context;
	uint64_t by;
};

static int object_shift_run(void *context, const struct object_run *run)
{
	const struct shift *s = context;
	struct object_run shifted = *run;

	shifted.first -= s->by;
	return s->sink(s->context, &shifted);
}

static bool object_use_bpf(struct object_reader *r, const struct mapping *m)
{
	return (m->kind == MAPPING_SHMEM || m->kind == MAPPING_HUGETLB) &&
	       r->probe->has[PROBE_BPF] && object_bpf_ready(&r->bpf);
}

/* By the walk; the object is opened only for what the walk cannot tell. */
static int object_query_bpf(struct object_reader *r, const struct mapping *m, uint64_t first,
			    uint64_t count, object_sink *sink, void *context, uint64_t *ret_done)
{
	bool marks = r->want_marks && m->kind == MAPPING_SHMEM;
	int error;

	if (marks)
		object_select_object(r, m);
	error = object_bpf_query(&r->bpf, r->target, m, first, count, marks, r->cache, sink,
				 context, ret_done);
	r->statistics.walks = r->bpf.walks;
	return error;
}

bool object_hugetlb_filled(struct object_reader *reader, const struct mapping *mapping,
			   uint64_t *ret_filled, uint64_t *ret_pages)
{
	struct stat st;

	object_select_object(reader, mapping);
	if (reader->cache->fd < 0 || fstat(reader->cache->fd, &st) < 0)
		return false;
	/* Blocks of 512 bytes, of pages that are there, not of those reserved [mm/hugetlb.c]. */
	*ret_filled = (uint64_t)st.st_blocks >> (PMTOP_PAGE_SHIFT - 9);
	*ret_pages = (uint64_t)st.st_size >> PMTOP_PAGE_SHIFT;
	return true;
}

/* Without the walk only the number of pages that the object holds is known. */
static enum object_page object_hugetlb_page(struct object_reader *r, const struct mapping *m)
{
	uint64_t filled, pages;

	if (!object_hugetlb_filled(r, m, &filled, &pages))
		return OBJECT_UNKNOWN;
	return filled ? OBJECT_HUGETLB_FILLED : OBJECT_HOLE;
}

int object_query(struct object_reader *reader, const struct mapping *mapping, uint64_t first,
		 uint64_t count, object_sink *sink, void *context)
{
	struct shift shift = { sink, context, mapping->offset >> PMTOP_PAGE_SHIFT };
	struct object_run unknown = { 0 };

	if (object_use_bpf(reader, mapping)) {
		uint64_t done = 0;
		int error = object_query_bpf(reader, mapping, first, count, sink, context, &done);

		if (error != -ENOSYS)
			return error;
		reader->fell_back = true;
		first += done;
		count -= done;
	}
	unknown.first = first;
	unknown.count = count;
	unknown.what = (uint8_t)object_not_asked(reader, mapping);
	if (mapping->kind == MAPPING_HUGETLB) {
		unknown.what = (uint8_t)object_hugetlb_page(reader, mapping);
		return sink(context, &unknown);
	}
	object_select_object(reader, mapping);
	if (reader->cache->fd >= 0) {
		int error = object_cache_query(reader->cache, first + shift.by, count,
					       object_shift_run, &shift);

		if (error != -EPERM && error != -ENOSYS)
			return error;
	}
	return sink(context, &unknown);
}

uint64_t object_view(struct object_reader *reader, const struct mapping *mapping, uint64_t first,
		     uint64_t count, struct object_view *ret_view)
{
	uint64_t known;

	if (reader->want_marks || mapping->kind != MAPPING_SHMEM ||
	    !object_use_bpf(reader, mapping))
		return 0;
	known = object_bpf_view(&reader->bpf, reader->target, mapping, first, count, ret_view);
	reader->statistics.walks = reader->bpf.walks;
	return known;
}

uint16_t object_marks_known(struct object_reader *reader, const struct mapping *mapping)
{
	const bool *has = reader->probe->has;
	bool bpf;

	if (mapping->kind != MAPPING_SHMEM || !reader->want_marks)
		return 0;
	bpf = object_use_bpf(reader, mapping);
	object_select_object(reader, mapping);
	if (!bpf && !has[PROBE_CACHESTAT])
		return 0; /* mincore and SEEK_DATA do not see what is allocated only */
	if (reader->cache->fd < 0)
		return bpf ? MARK_ALLOCATED : 0;
	return MARK_ALLOCATED | (has[PROBE_MINCORE] ? MARK_SWAP_CACHED : 0);
}

bool object_slots_known(struct object_reader *reader, const struct mapping *mapping)
{
	/*
	 * Where nothing had to be asked, nothing is in swap, and the program is not loaded for it.
	 */
	return mapping->kind == MAPPING_SHMEM && reader->probe->has[PROBE_BPF] &&
	       !(reader->bpf.tried && !reader->bpf.bpf) && !reader->fell_back;
}

const char *object_slots_lack(const struct object_reader *reader)
{
	if (reader->probe->taken_away[PROBE_BPF])
		return "taken away by --without";
	return reader->probe->has[PROBE_BPF] ? reader->bpf.reason : reader->probe->bpf_reason;
}

bool object_totals(struct object_reader *reader, const struct mapping *mapping,
		   uint64_t *ret_cached, uint64_t *ret_swapped)
{
	object_select_object(reader, mapping);
	return reader->cache->fd >= 0 &&
	       object_cache_totals(reader->cache, mapping->offset >> PMTOP_PAGE_SHIFT,
				   mapping_pages(mapping), ret_cached, ret_swapped);
}

const struct object_statistics *object_statistics(const struct object_reader *reader)
{
	return &reader->statistics;
}
