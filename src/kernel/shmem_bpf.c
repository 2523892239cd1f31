// SPDX-License-Identifier: GPL-2.0-or-later
#ifdef PMTOP_HAVE_BPF

#include "kernel/shmem_bpf_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel/bpf_task.h"
#include "model/cleanup.h"
#include "xarray.skel.h"

/* Records of one run: what the target may feel of it is its mmap lock held for about 0.1 ms. */
#define RECORDS_PLAIN XARRAY_RECORDS
#define RECORDS_FLAGS 64

/* How often a place that changes under the walk is looked at again. */
#define ATTEMPTS 32

/* One walk under way. */
struct pass {
	struct shmem_bpf *bpf;
	const struct shmem_bpf_request *request;
	shmem_bpf_sink *sink;
	void *context;
	const struct xarray_pages *pages; /* where to instead, or NULL */
	struct shmem_bpf_file *file;
	uint64_t addr, end; /* what is left */
	unsigned int attempts;
};

static void shmem_bpf_drop_iterator(struct shmem_bpf *bpf)
{
	if (bpf->iterator >= 0)
		close(bpf->iterator);
	bpf->iterator = -1;
	bpf->passed = 0;
}

void shmem_bpf_unbind(struct shmem_bpf *bpf)
{
	shmem_bpf_drop_iterator(bpf);
	if (bpf->link)
		bpf_link__destroy(bpf->link);
	bpf->link = NULL;
}

int shmem_bpf_bind(struct shmem_bpf *bpf, pid_t pid)
{
	if (bpf->link && bpf->pid == pid)
		return 0;
	shmem_bpf_unbind(bpf);
	bpf->link = bpf_task_attach(bpf->skeleton->progs.walk_vma, pid);
	if (!bpf->link)
		return -errno;
	bpf->pid = pid;
	return 0;
}

/* Makes the iterator stand at or before `addr`. */
static int shmem_bpf_place_iterator(struct shmem_bpf *bpf, uint64_t addr)
{
	if (bpf->iterator >= 0 && addr >= bpf->passed)
		return 0;
	shmem_bpf_drop_iterator(bpf);
	bpf->iterator = bpf_iter_create(bpf_link__fd(bpf->link));
	if (bpf->iterator < 0)
		return -errno;
	return 0;
}

int shmem_bpf_run(struct shmem_bpf *bpf, uint64_t addr, uint64_t end, bool flags)
{
	struct xarray_walk *walk = bpf->walk;
	char unused[64];
	ssize_t n;
	int r;

	r = shmem_bpf_place_iterator(bpf, addr);
	if (r < 0)
		return r;
	walk->addr = addr;
	walk->end = end;
	walk->want_flags = flags;
	walk->max_records = flags ? RECORDS_FLAGS : RECORDS_PLAIN;
	walk->status = XARRAY_NOT_RUN;
	walk->records = 0;
	bpf->passed = addr;
	do
		n = read(bpf->iterator, unused, sizeof(unused));
	while (n < 0 && walk->status == XARRAY_NOT_RUN && (errno == EAGAIN || errno == EINTR));
	if (n < 0 && errno != EAGAIN)
		return -errno;
	if (n >= 0) {
		shmem_bpf_drop_iterator(bpf);
		return XARRAY_NO_MAPPING;
	}
	return walk->status;
}

/*
 * BPF reads any process. Whether this one may be read, only an open of its pagemap tells (a ptrace
 * check); the directory makes sure that it is still the same process.
 */
static int shmem_bpf_may_read(int proc_fd)
{
	int fd = openat(proc_fd, "pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	close(fd);
	return 0;
}

static bool shmem_bpf_same_file(const struct xarray_walk *walk, const struct mapping *mapping)
{
	return walk->inode == mapping->inode && walk->device >> 20 == mapping->dev_major &&
	       (walk->device & 0xfffff) == mapping->dev_minor;
}

/* Hands the batch over, all but the last run, which may go on. */
static int shmem_bpf_flush(struct pass *pass, bool all)
{
	struct xarray_runs *batch = &pass->bpf->batch;
	size_t keep = all || !batch->count ? 0 : 1, n = batch->count - keep;
	int r = n ? pass->sink(pass->context, batch->runs, n) : 0;

	if (keep)
		batch->runs[0] = batch->runs[n];
	batch->count = keep;
	return r;
}

static uint64_t shmem_bpf_address_of(const struct xarray_walk *walk, uint64_t page)
{
	return walk->vm_start + ((page - walk->vm_pgoff) << PMTOP_PAGE_SHIFT);
}

/* A record that is read again overwrites what it left. */
static bool shmem_bpf_decode_pages(const struct pass *pass, const struct xarray_record *record,
				   uint64_t bias)
{
	const struct xarray_walk *walk = pass->bpf->walk;

	return xarray_decode_pages(record, &pass->bpf->frames, walk->first, walk->stop, bias,
				   pass->pages);
}

static void shmem_bpf_look_again(struct pass *pass, uint64_t page)
{
	const struct xarray_walk *walk = pass->bpf->walk;

	pass->attempts++;
	pass->addr = shmem_bpf_address_of(walk, page > walk->first ? page : walk->first);
}

/*
 * Decodes one record. When it was torn and shall be read again, its runs are taken back and
 * pass->addr is where it starts.
 */
static int shmem_bpf_take_record(struct pass *pass, const struct xarray_record *record,
				 uint64_t bias, bool *ret_torn)
{
	const struct xarray_walk *walk = pass->bpf->walk;
	struct xarray_runs *batch = &pass->bpf->batch;
	struct xarray_run last = { 0 };
	uint64_t start = record->base + ((uint64_t)record->from << record->shift);
	size_t count;

	if (pass->pages) {
		*ret_torn = shmem_bpf_decode_pages(pass, record, bias) && pass->attempts < ATTEMPTS;
		if (*ret_torn)
			shmem_bpf_look_again(pass, start);
		return 0;
	}
	if (batch->room - batch->count < XARRAY_SLOTS) {
		int r = shmem_bpf_flush(pass, false);

		if (r)
			return r;
	}
	count = batch->count;
	if (count)
		last = batch->runs[count - 1];
	*ret_torn =
		xarray_decode(record, &pass->bpf->frames, walk->first, walk->stop, bias, batch) &&
		pass->attempts < ATTEMPTS;
	if (!*ret_torn)
		return 0;
	batch->count = count;
	if (count)
		batch->runs[count - 1] = last;
	shmem_bpf_look_again(pass, start);
	return 0;
}

/* Takes what one run of the program left; moves pass->addr on. */
static int shmem_bpf_take_records(struct pass *pass)
{
	const struct xarray_walk *walk = pass->bpf->walk;
	const struct mapping *mapping = pass->request->mapping;
	uint64_t page = (pass->addr - mapping->start) >> PMTOP_PAGE_SHIFT;
	bool torn = false;

	if (!shmem_bpf_same_file(walk, mapping))
		return -ENOENT;
	if (pass->file)
		*pass->file = (struct shmem_bpf_file){
			.inode = walk->inode,
			.size = walk->size,
			.swapped = walk->swapped,
			.dev_major = walk->device >> 20,
			.dev_minor = walk->device & 0xfffff,
		};
	for (uint32_t i = 0; i < walk->records && i < XARRAY_RECORDS; i++) {
		int r = shmem_bpf_take_record(pass, &pass->bpf->records[i], page - walk->first,
					      &torn);

		if (r || torn)
			return r;
	}
	pass->addr = walk->addr;
	return 0;
}

static int shmem_bpf_step(struct pass *pass)
{
	int status = shmem_bpf_run(pass->bpf, pass->addr, pass->end, pass->request->flags);

	if (status < 0)
		return status;
	switch (status) {
	case XARRAY_DONE:
	case XARRAY_MORE:
		return shmem_bpf_take_records(pass);
	case XARRAY_BROKEN:
		return ++pass->attempts < ATTEMPTS ? 0 : -EAGAIN;
	case XARRAY_NOT_SHMEM:
		return -EOPNOTSUPP;
	case XARRAY_LAYOUT:
		return -EPROTO;
	default:
		return -ENOENT;
	}
}

static int shmem_bpf_walk_all(struct pass *pass)
{
	int r;

	pass->bpf->batch.count = 0;
	while (pass->addr < pass->end) {
		r = shmem_bpf_step(pass);
		if (r)
			return r;
	}
	return shmem_bpf_flush(pass, true);
}

static int shmem_bpf_walk_checked(struct pass *pass)
{
	const struct shmem_bpf_request *request = pass->request;
	struct shmem_bpf *bpf = pass->bpf;
	int r;

	pass->addr = request->mapping->start + (request->first << PMTOP_PAGE_SHIFT);
	pass->end = pass->addr + (request->count << PMTOP_PAGE_SHIFT);
	r = shmem_bpf_may_read(request->proc_fd);
	if (!r)
		r = shmem_bpf_bind(bpf, request->pid);
	if (!r)
		r = shmem_bpf_walk_all(pass);
	/* The answer counts only if it was this process all the time. */
	if (r >= 0 || r == -ENOENT) {
		int after = shmem_bpf_may_read(request->proc_fd);

		r = after ? after : r;
	}
	if (r < 0)
		shmem_bpf_unbind(bpf);
	return r;
}

int shmem_bpf_walk(struct shmem_bpf *bpf, const struct shmem_bpf_request *request,
		   shmem_bpf_sink *sink, void *context, struct shmem_bpf_file *ret_file)
{
	struct shmem_bpf_file file = { 0 };
	struct pass pass = {
		.bpf = bpf, .request = request, .sink = sink, .context = context, .file = &file
	};
	int r = shmem_bpf_walk_checked(&pass);

	if (r >= 0 && ret_file)
		*ret_file = file;
	return r;
}

int shmem_bpf_walk_pages(struct shmem_bpf *bpf, const struct shmem_bpf_request *request,
			 const struct xarray_pages *pages)
{
	struct pass pass = { .bpf = bpf, .request = request, .pages = pages };

	return shmem_bpf_walk_checked(&pass);
}

#else

/* Without BPF there is nothing to walk; shmem_bpf_load.c says so. */
typedef int shmem_bpf_is_left_out;

#endif
