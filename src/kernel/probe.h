/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PROBE_H
#define PMTOP_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What this kernel and these rights allow, found out once at start by trying each thing on pmtop's
 * own memory. Every fallback branches on this struct; `pmtop doctor` prints it; --without LIST
 * takes single features away, so that tests reach every branch on any kernel.
 */

enum probe_feature {
	PROBE_PAGEMAP, /* /proc/PID/pagemap can be read */
	PROBE_PAGEMAP_SCAN, /* ioctl, Linux 6.7 */
	PROBE_SCAN_GUARD, /* its GUARD category, Linux 6.15 */
	/*
	 * What its WRITTEN category means: up to 7.2 it is missing only on pages that userfaultfd
	 * protects, later also on every page of a mapping that it does not watch (pagemap.rst).
	 */
	PROBE_SCAN_WP,
	PROBE_SOFT_DIRTY, /* written marks */
	PROBE_PFN, /* pfn and swap slots in pagemap (CAP_SYS_ADMIN) */
	PROBE_CACHESTAT, /* Linux 6.5 */
	PROBE_MINCORE,
	PROBE_SEEK_DATA,
	PROBE_MAP_FILES, /* /proc/PID/map_files may be followed */
	PROBE_BPF, /* walk of the shmem xarray */
	PROBE_KPAGEFLAGS,
	PROBE_KPAGECOUNT,
	PROBE_PAGEOUT, /* process_madvise(MADV_PAGEOUT) */
	PROBE_OTHERS, /* processes of other users can be read */
	PROBE_SWAP, /* this machine has swap */
	PROBE_FEATURES
};

struct probe_feature_info {
	const char *key; /* word of --without and of doctor --json */
	const char *what; /* for people */
	const char *gives; /* what pmtop can tell with it */
	const char *way_out; /* how to get it where it is missing */
};

extern const struct probe_feature_info probe_features[PROBE_FEATURES];

struct probe {
	bool has[PROBE_FEATURES];
	int error[PROBE_FEATURES]; /* errno of the trial, 0 when it was not one */
	bool taken_away[PROBE_FEATURES]; /* by --without */
	/* Learnt by making one; -1 where that was not possible. */
	int marker_swap_type; /* swap type of pte markers */
	int swap_areas; /* types below are swap areas, others are not: see swap_limit.h */
	int hwpoison_swap_types; /* how many types behind them stand for broken memory */
	uint64_t zero_pfn, huge_zero_pfn; /* UINT64_MAX: not known */
	uint32_t shmem_dev_major, shmem_dev_minor; /* device of memfd, shared anonymous, SysV */
	uint32_t hugetlb_dev_major, hugetlb_dev_minor;
	bool hugetlb_dev_known;
	bool ksm_unreliable; /* kpageflags calls every anonymous page KSM (seen on 6.12) */
	char bpf_reason[160]; /* why PROBE_BPF cannot be, or "" */
};

/* Tries everything. Never fails: what cannot be tried is not there. */
void probe_run(struct probe *ret_probe);

/*
 * Loads the BPF program for real, 30 ms, which probe_run() leaves out; for who wants to know, not
 * for who is about to use it: the first walk loads it anyway, and falls back when that fails.
 */
void probe_try_bpf(struct probe *probe);

/* Takes the features of a comma list away; -EINVAL names none (ret_bad points at the word). */
int probe_take_away(struct probe *probe, const char *list, const char **ret_bad);

/* What a swap type that pagemap reported means (enum swap_type_meaning). */
int probe_swap_type(const struct probe *probe, uint32_t type, uint64_t offset);

#endif
