// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/kpage.h"
#include "kernel/pagemap.h"
#include "kernel/pagemap_scan_abi.h"
#include "kernel/probe_trials.h"
#include "kernel/shmem_bpf.h"
#include "kernel/swap_limit.h"
#include "kernel/swaps.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

/* A page of pmtop's own to try things on. */
struct page {
	volatile char *at;
};

static void probe_trials_page_unmap(const struct page *page)
{
	if (page->at)
		munmap((void *)page->at, PMTOP_PAGE_SIZE);
}

static int probe_trials_page_map(struct page *page, int flags, int fd)
{
	void *at = mmap(NULL, PMTOP_PAGE_SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	page->at = at;
	return 0;
}

/* The word of pmtop's own pagemap for a page. */
static int probe_trials_own_word(const struct page *page, uint64_t *ret_word)
{
	CLEANUP(cleanup_close) int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	uint64_t word;

	if (fd < 0)
		return -errno;
	if (pread(fd, &word, sizeof(word),
		  (off_t)(((uintptr_t)page->at >> PMTOP_PAGE_SHIFT) * sizeof(word))) !=
	    sizeof(word))
		return -EIO;
	*ret_word = word;
	return 0;
}

static int probe_trials_own_anonymous_word(bool write, uint64_t *ret_word)
{
	CLEANUP(probe_trials_page_unmap) struct page page = { NULL };
	int error = probe_trials_page_map(&page, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (error)
		return error;
	if (write)
		page.at[0] = 1;
	else
		(void)page.at[0];
	return probe_trials_own_word(&page, ret_word);
}

static int probe_trials_try_pagemap(struct probe *probe)
{
	uint64_t word = 0;
	int error = probe_trials_own_anonymous_word(true, &word);

	return error ? error : word & PM_PRESENT ? 0 : -ENODATA;
}

/* Which of these categories the scan gives a page of our own that was just written. */
static int probe_trials_scan_own_page(uint64_t categories, uint64_t *ret_categories)
{
	CLEANUP(cleanup_close) int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	CLEANUP(probe_trials_page_unmap) struct page page = { NULL };
	struct pmscan_region region;
	struct pmscan_arg arg = { .size = sizeof(arg),
				  .vec = (uintptr_t)&region,
				  .vec_len = 1,
				  .category_anyof_mask = PMSCAN_PRESENT,
				  .return_mask = PMSCAN_PRESENT | categories };
	int error = probe_trials_page_map(&page, MAP_PRIVATE | MAP_ANONYMOUS, -1), n;

	if (fd < 0 || error)
		return fd < 0 ? -ENOENT : error;
	page.at[0] = 1;
	arg.start = (uintptr_t)page.at;
	arg.end = arg.start + PMTOP_PAGE_SIZE;
	n = ioctl(fd, PMSCAN_IOCTL, &arg);
	if (n != 1)
		return n < 0 ? -errno : -ENODATA;
	*ret_categories = region.categories;
	return 0;
}

static int probe_trials_try_pagemap_scan(struct probe *probe)
{
	uint64_t categories;

	return probe_trials_scan_own_page(0, &categories);
}

static int probe_trials_try_scan_guard(struct probe *probe)
{
	uint64_t categories;

	return probe_trials_scan_own_page(PMSCAN_GUARD, &categories);
}

/* Nobody protects this page: without the category, its lack says nothing of a protection. */
static int probe_trials_try_scan_wp(struct probe *probe)
{
	uint64_t categories;
	int error = probe_trials_scan_own_page(PMSCAN_WRITTEN, &categories);

	return error ? error : categories & PMSCAN_WRITTEN ? 0 : -EOPNOTSUPP;
}

/* A page just written is soft-dirty, or this kernel has no such bit; clear_refs proves nothing. */
static int probe_trials_try_soft_dirty(struct probe *probe)
{
	uint64_t word = 0;
	int error = probe_trials_own_anonymous_word(true, &word);

	return error ? error : word & PM_SOFT_DIRTY ? 0 : -EOPNOTSUPP;
}

/* The swap type of markers: a guard region has one, else a write-protected hole of a memfd. */
static void probe_trials_learn_marker_by_guard(struct probe *probe)
{
	CLEANUP(probe_trials_page_unmap) struct page page = { NULL };
	uint64_t word = 0;

	if (probe_trials_page_map(&page, MAP_PRIVATE | MAP_ANONYMOUS, -1) == 0 &&
	    madvise((void *)page.at, PMTOP_PAGE_SIZE, MADV_GUARD_INSTALL) == 0 &&
	    probe_trials_own_word(&page, &word) == 0 && word & PM_SWAP)
		probe->marker_swap_type = (int)PM_TYPE(word);
}

static void probe_trials_learn_marker_by_uffd(struct probe *probe)
{
	CLEANUP(cleanup_close) int memfd = memfd_create("pmtop-probe", MFD_CLOEXEC);
	CLEANUP(cleanup_close)
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	CLEANUP(probe_trials_page_unmap) struct page page = { NULL };
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_WP_HUGETLBFS_SHMEM };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };
	struct uffdio_writeprotect protect = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	uint64_t word = 0;

	if (memfd < 0 || uffd < 0 || ftruncate(memfd, PMTOP_PAGE_SIZE) < 0 ||
	    probe_trials_page_map(&page, MAP_SHARED, memfd) < 0 ||
	    ioctl(uffd, UFFDIO_API, &api) < 0)
		return;
	reg.range.start = protect.range.start = (uintptr_t)page.at;
	reg.range.len = protect.range.len = PMTOP_PAGE_SIZE;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) == 0 &&
	    ioctl(uffd, UFFDIO_WRITEPROTECT, &protect) == 0 &&
	    probe_trials_own_word(&page, &word) == 0 && word & PM_SWAP)
		probe->marker_swap_type = (int)PM_TYPE(word);
}

static int probe_trials_try_pfn(struct probe *probe)
{
	uint64_t word = 0;
	int error = probe_trials_own_anonymous_word(true, &word);

	if (error)
		return error;
	if (!PM_PFN(word))
		return -EPERM;
	if (probe_trials_own_anonymous_word(false, &word) == 0 && word & PM_PRESENT)
		probe->zero_pfn = PM_PFN(word);
	probe_trials_learn_marker_by_guard(probe);
	if (probe->marker_swap_type < 0)
		probe_trials_learn_marker_by_uffd(probe);
	probe->swap_areas = swap_limit_read();
	probe->hwpoison_swap_types = !access("/proc/sys/vm/memory_failure_early_kill", F_OK);
	return 0;
}

static int probe_trials_try_cachestat(struct probe *probe)
{
	CLEANUP(cleanup_close) int fd = memfd_create("pmtop-probe", MFD_CLOEXEC);
	uint64_t range[2] = { 0, PMTOP_PAGE_SIZE }, counts[5] = { 0 };

	if (fd < 0 || write(fd, "x", 1) != 1)
		return -errno;
	if (syscall(SYS_cachestat, fd, range, counts, 0) < 0)
		return -errno;
	return counts[0] == 1 ? 0 : -ENODATA;
}

static int probe_trials_try_mincore(struct probe *probe)
{
	CLEANUP(probe_trials_page_unmap) struct page page = { NULL };
	unsigned char core = 0;
	int error = probe_trials_page_map(&page, MAP_SHARED | MAP_ANONYMOUS, -1);

	if (error)
		return error;
	page.at[0] = 1;
	if (mincore((void *)page.at, PMTOP_PAGE_SIZE, &core) < 0)
		return -errno;
	return core & 1 ? 0 : -ENODATA;
}

/* Where the kernel keeps memfds, shared anonymous memory and SysV segments. */
static int probe_trials_try_seek_data(struct probe *probe)
{
	CLEANUP(cleanup_close) int fd = memfd_create("pmtop-probe", MFD_CLOEXEC);
	CLEANUP(cleanup_close)
	int huge = memfd_create("pmtop-probe", MFD_CLOEXEC | MFD_HUGETLB);
	struct stat st;

	if (huge >= 0 && fstat(huge, &st) == 0) {
		probe->hugetlb_dev_known = true;
		probe->hugetlb_dev_major = major(st.st_dev);
		probe->hugetlb_dev_minor = minor(st.st_dev);
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	probe->shmem_dev_major = major(st.st_dev);
	probe->shmem_dev_minor = minor(st.st_dev);
	if (pwrite(fd, "x", 1, (off_t)2 * PMTOP_PAGE_SIZE) != 1)
		return -errno;
	return lseek(fd, 0, SEEK_DATA) == (off_t)2 * PMTOP_PAGE_SIZE ? 0 : -EOPNOTSUPP;
}

static int probe_trials_try_map_files(struct probe *probe)
{
	CLEANUP(cleanup_close) int memfd = memfd_create("pmtop-probe", MFD_CLOEXEC);
	CLEANUP(cleanup_close) int fd = -1;
	CLEANUP(probe_trials_page_unmap) struct page page = { NULL };
	char path[80];
	int error;

	if (memfd < 0 || ftruncate(memfd, PMTOP_PAGE_SIZE) < 0)
		return -errno;
	error = probe_trials_page_map(&page, MAP_SHARED, memfd);
	if (error)
		return error;
	snprintf(path, sizeof(path), "/proc/self/map_files/%" PRIxPTR "-%" PRIxPTR,
		 (uintptr_t)page.at, (uintptr_t)page.at + PMTOP_PAGE_SIZE);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : 0;
}

static int probe_trials_try_readable(const char *path)
{
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t word;

	if (fd < 0)
		return -errno;
	return pread(fd, &word, sizeof(word), 0) == sizeof(word) ? 0 : -ENODATA;
}

/* A page that was written a moment ago is nobody's merged page, whatever the flags say (6.12). */
static bool probe_trials_calls_every_page_ksm(void)
{
	CLEANUP(cleanup_close) int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	CLEANUP(probe_trials_page_unmap) struct page page = { NULL };
	uint64_t word = 0, flags;

	if (fd < 0 || probe_trials_page_map(&page, MAP_PRIVATE | MAP_ANONYMOUS, -1) < 0)
		return false;
	page.at[0] = 1;
	return probe_trials_own_word(&page, &word) == 0 && PM_PFN(word) &&
	       pread(fd, &flags, sizeof(flags), (off_t)(PM_PFN(word) * sizeof(flags))) ==
		       sizeof(flags) &&
	       flags & KPF_KSM;
}

static int probe_trials_try_kpageflags(struct probe *probe)
{
	probe->ksm_unreliable = probe_trials_calls_every_page_ksm();
	return probe_trials_try_readable("/proc/kpageflags");
}

static int probe_trials_try_kpagecount(struct probe *probe)
{
	return probe_trials_try_readable("/proc/kpagecount");
}

static int probe_trials_try_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	return data[capability / 32].effective & 1u << capability % 32 ? 0 : -EPERM;
}

/*
 * On oneself process_madvise needs no right, so trying it would prove nothing: on others it needs
 * CAP_SYS_NICE (process_madvise(2)). The call itself is there from 5.10 on.
 */
static int probe_trials_try_pageout(struct probe *probe)
{
	if (syscall(SYS_process_madvise, -1, NULL, 0, MADV_PAGEOUT, 0) < 0 && errno == ENOSYS)
		return -ENOSYS;
	return probe_trials_try_capability(CAP_SYS_NICE);
}

/* There may be no process of another user to try it on. */
static int probe_trials_try_others(struct probe *probe)
{
	return probe_trials_try_capability(CAP_SYS_PTRACE);
}

static int probe_trials_try_swap(struct probe *probe)
{
	CLEANUP(cleanup_fclose) FILE *file = fopen("/proc/swaps", "re");
	uint64_t total, left;
	char line[512];
	int lines = 0;

	/* subset=pid shows no such file. */
	if (!file)
		return !swaps_sums(&total, &left) && total ? 0 : -ENODEV;
	while (fgets(line, sizeof(line), file))
		lines++;
	return lines > 1 ? 0 : -ENODEV;
}

/* Loading takes 30 ms, which the first screen does not have: the first walk does it. */
static int probe_trials_try_bpf(struct probe *probe)
{
	return shmem_bpf_check(probe->bpf_reason, sizeof(probe->bpf_reason));
}

int (*const probe_trials[PROBE_FEATURES])(struct probe *probe) = {
	[PROBE_PAGEMAP] = probe_trials_try_pagemap,
	[PROBE_PAGEMAP_SCAN] = probe_trials_try_pagemap_scan,
	[PROBE_SCAN_GUARD] = probe_trials_try_scan_guard,
	[PROBE_SCAN_WP] = probe_trials_try_scan_wp,
	[PROBE_SOFT_DIRTY] = probe_trials_try_soft_dirty,
	[PROBE_PFN] = probe_trials_try_pfn,
	[PROBE_CACHESTAT] = probe_trials_try_cachestat,
	[PROBE_MINCORE] = probe_trials_try_mincore,
	[PROBE_SEEK_DATA] = probe_trials_try_seek_data,
	[PROBE_MAP_FILES] = probe_trials_try_map_files,
	[PROBE_BPF] = probe_trials_try_bpf,
	[PROBE_KPAGEFLAGS] = probe_trials_try_kpageflags,
	[PROBE_KPAGECOUNT] = probe_trials_try_kpagecount,
	[PROBE_PAGEOUT] = probe_trials_try_pageout,
	[PROBE_OTHERS] = probe_trials_try_others,
	[PROBE_SWAP] = probe_trials_try_swap,
};
