// SPDX-License-Identifier: GPL-2.0-or-later
#ifdef PMTOP_HAVE_BPF

#include "kernel/shmem_bpf_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "model/cleanup.h"
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
		snprintf(reason, reason_size, "needs CAP_BPF and CAP_PERFMON: run as root");
		return -EPERM;
	}
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		snprintf(reason, reason_size, "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)");
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
