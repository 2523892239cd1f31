// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/shmem_bpf.h"

struct bpf_link;
struct xarray_bpf;

/* Between the files of shmem_bpf only: the loaded program, and one run of it. */

/* Runs handed to the sink at once: they stay in the second-level cache. */
#define SHMEM_BPF_BATCH 2048

struct shmem_bpf {
	struct xarray_bpf *skeleton;
	const struct xarray_record *records;
	struct xarray_walk *walk;
	struct xarray_frames frames;
	/* The iterator over one task's mappings; it only goes up. */
	struct bpf_link *link;
	pid_t pid;
	int iterator;
	uint64_t passed; /* the iterator is at the mapping of this address */
	struct xarray_runs batch;
};

#ifdef PMTOP_HAVE_BPF

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "kernel/bpf_task.h"
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

static void shmem_bpf_unbind(struct shmem_bpf *bpf)
{
	shmem_bpf_drop_iterator(bpf);
	if (bpf->link)
		bpf_link__destroy(bpf->link);
	bpf->link = NULL;
}

/* Makes the program look at the task `pid`; nothing to do if it does. */
static int shmem_bpf_bind(struct shmem_bpf *bpf, pid_t pid)
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

/*
 * One run over [addr, end) of the task: at most XARRAY_RECORDS records. The status that it left
 * (enum xarray_status), or -errno.
 */
static int shmem_bpf_run(struct shmem_bpf *bpf, uint64_t addr, uint64_t end, bool flags)
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

#ifdef PMTOP_HAVE_BPF

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "xarray.skel.h"

#define CALIBRATION_PAGES 64
#define CALIBRATION_BYTES ((size_t)CALIBRATION_PAGES * PMTOP_PAGE_SIZE)

static int shmem_bpf_say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

bool shmem_bpf_knows_pfn(const struct shmem_bpf *bpf)
{
	return bpf->frames.page_size;
}

static int shmem_bpf_own_pfns(const void *memory, uint64_t *pfns)
{
	off_t at = (uintptr_t)memory / PMTOP_PAGE_SIZE * sizeof(*pfns);
	CLEANUP(cleanup_close) int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (pread(fd, pfns, CALIBRATION_PAGES * sizeof(*pfns), at) !=
	    CALIBRATION_PAGES * (ssize_t)sizeof(*pfns))
		return -EIO;
	for (int i = 0; i < CALIBRATION_PAGES; i++)
		pfns[i] = pfns[i] >> 63 ? pfns[i] & ((UINT64_C(1) << 55) - 1) : 0;
	return 0;
}

/*
 * The folio of each of these pages from the walk, the pfn from pagemap: they all have to give the
 * same base. 0 also when there is no such base (pfns hidden, another memory model).
 */
static int shmem_bpf_compare_frames(struct shmem_bpf *bpf, const void *memory)
{
	uint64_t addr = (uintptr_t)memory, pfns[CALIBRATION_PAGES], base = 0, offset;
	struct xarray_walk *walk = bpf->walk;
	int status, r;

	r = shmem_bpf_bind(bpf, gettid());
	if (r < 0)
		return r;
	status = shmem_bpf_run(bpf, addr, addr + CALIBRATION_BYTES, false);
	if (status < 0)
		return status;
	if (status != XARRAY_DONE || walk->records != 1)
		return -EAGAIN;
	r = shmem_bpf_own_pfns(memory, pfns);
	if (r < 0)
		return r;
	for (int i = 0; i < CALIBRATION_PAGES; i++) {
		uint64_t folio = xarray_folio(&bpf->records[0], i, &offset);
		uint64_t guess = folio - (pfns[i] - offset) * walk->page_struct_size;

		if (!folio)
			return -EAGAIN;
		if (!pfns[i] || (i && guess != base))
			return 0;
		base = guess;
	}
	bpf->frames = (struct xarray_frames){ base, walk->page_struct_size };
	return 0;
}

/* Learns how a folio becomes a pfn; proves at the same time that the walk works here. */
static int shmem_bpf_calibrate(struct shmem_bpf *bpf)
{
	size_t size = CALIBRATION_BYTES;
	CLEANUP(cleanup_close) int fd = memfd_create("pmtop-probe", MFD_CLOEXEC);
	char *memory;
	int r = -EAGAIN;

	if (fd < 0 || ftruncate(fd, size) < 0)
		return -errno;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	/* Under pressure a page may be on its way out just now: a few attempts. */
	for (int i = 0; i < 8 && (r == -EAGAIN || (!r && !bpf->frames.page_size)); i++) {
		memset(memory, 1, size);
		r = shmem_bpf_compare_frames(bpf, memory);
	}
	munmap(memory, size);
	shmem_bpf_unbind(bpf);
	return r;
}

static int shmem_bpf_map_records(struct shmem_bpf *bpf)
{
	int fd = bpf_map__fd(bpf->skeleton->maps.records);
	void *memory = mmap(NULL, XARRAY_RECORDS * sizeof(struct xarray_record), PROT_READ,
			    MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return -errno;
	bpf->records = memory;
	return 0;
}

static int shmem_bpf_load(struct shmem_bpf *bpf)
{
	int r;

	libbpf_set_print(shmem_bpf_say_nothing);
	bpf->skeleton = xarray_bpf__open();
	if (!bpf->skeleton)
		return -errno;
	bpf->skeleton->rodata->page_shift = PMTOP_PAGE_SHIFT;
	r = xarray_bpf__load(bpf->skeleton);
	if (r < 0)
		return r;
	bpf->walk = &bpf->skeleton->bss->walk;
	r = shmem_bpf_map_records(bpf);
	if (r < 0)
		return r;
	return shmem_bpf_calibrate(bpf);
}

static bool shmem_bpf_file_says(const char *path, const char *words)
{
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[128];
	ssize_t n;

	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, words);
}

/* CAP_SYS_ADMIN (21), or CAP_PERFMON (38) and CAP_BPF (39). */
static bool shmem_bpf_has_capabilities(void)
{
	CLEANUP(cleanup_fclose) FILE *status = fopen("/proc/self/status", "re");
	unsigned long long set = 0;
	char line[256];

	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, "CapEff:", 7))
			set = strtoull(line + 7, NULL, 16);
	return set >> 21 & 1 || (set >> 38 & 3) == 3;
}

int shmem_bpf_check(char *reason, size_t reason_size)
{
	if (!shmem_bpf_has_capabilities()) {
		snprintf(reason, reason_size, "needs CAP_BPF and CAP_PERFMON");
		return -EPERM;
	}
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		snprintf(reason, reason_size, "%s",
			 access("/sys/kernel", X_OK)
				 ? "/sys is not mounted here, so BTF cannot be read"
				 : "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)");
		return -ESRCH;
	}
	if (shmem_bpf_file_says("/sys/kernel/security/lockdown", "[confidentiality]")) {
		snprintf(reason, reason_size,
			 "the kernel is locked down (lockdown=confidentiality)");
		return -EPERM;
	}
	return 0;
}

static void shmem_bpf_say_why(int error, char *reason, size_t size)
{
	if (shmem_bpf_check(reason, size) < 0)
		return;
	if (error == -EPERM || error == -EACCES)
		snprintf(reason, size, "the kernel refuses BPF programs here: %s",
			 strerror(-error));
	else
		snprintf(
			reason, size,
			"the kernel does not take the program (older than 6.1, or locked down): %s",
			strerror(-error));
}

int shmem_bpf_open(struct shmem_bpf **ret_bpf, char *reason, size_t reason_size)
{
	struct shmem_bpf *bpf = calloc(1, sizeof(*bpf));
	int r = -ENOMEM;

	if (bpf) {
		bpf->iterator = -1;
		bpf->batch.room = SHMEM_BPF_BATCH;
		bpf->batch.runs = calloc(SHMEM_BPF_BATCH, sizeof(*bpf->batch.runs));
		r = bpf->batch.runs ? shmem_bpf_load(bpf) : -ENOMEM;
	}
	if (r < 0) {
		shmem_bpf_say_why(r, reason, reason_size);
		shmem_bpf_close(bpf);
		return r;
	}
	if (reason_size)
		reason[0] = '\0';
	*ret_bpf = bpf;
	return 0;
}

void shmem_bpf_close(struct shmem_bpf *bpf)
{
	if (!bpf)
		return;
	shmem_bpf_unbind(bpf);
	if (bpf->records)
		munmap((void *)bpf->records, XARRAY_RECORDS * sizeof(struct xarray_record));
	if (bpf->skeleton)
		xarray_bpf__destroy(bpf->skeleton);
	free(bpf->batch.runs);
	free(bpf);
}

#else

#include "kernel/shmem_bpf.h"

#include <errno.h>
#include <stdio.h>

int shmem_bpf_check(char *reason, size_t reason_size)
{
	snprintf(reason, reason_size, "pmtop was built without BPF");
	return -ENOSYS;
}

int shmem_bpf_open(struct shmem_bpf **ret_bpf, char *reason, size_t reason_size)
{
	return shmem_bpf_check(reason, reason_size);
}

void shmem_bpf_close(struct shmem_bpf *bpf)
{
}

bool shmem_bpf_knows_pfn(const struct shmem_bpf *bpf)
{
	return false;
}

int shmem_bpf_walk(struct shmem_bpf *bpf, const struct shmem_bpf_request *request,
		   shmem_bpf_sink *sink, void *context, struct shmem_bpf_file *ret_file)
{
	return -ENOSYS;
}

int shmem_bpf_walk_pages(struct shmem_bpf *bpf, const struct shmem_bpf_request *request,
			 const struct xarray_pages *pages)
{
	return -ENOSYS;
}

#endif
