// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "kernel/pagemap.h"
#include "kernel/probe.h"
#include "kernel/probe_trials.h"
#include "kernel/shmem_bpf.h"

const struct probe_feature_info probe_features[PROBE_FEATURES] = {
	[PROBE_PAGEMAP] = { "pagemap", "page-table entries (/proc/PID/pagemap)",
			    "the state of every page",
			    "mount /proc with pagemap (CONFIG_PROC_PAGE_MONITOR)" },
	[PROBE_PAGEMAP_SCAN] = { "pagemap_scan", "PAGEMAP_SCAN ioctl",
				 "fast samples, huge pages, zero pages without root",
				 "Linux 6.7 or newer" },
	[PROBE_SCAN_GUARD] = { "scan_guard", "guard category of PAGEMAP_SCAN",
			       "guard pages without a second look", "Linux 6.15 or newer" },
	[PROBE_SCAN_WP] = { "scan_wp", "write protection in PAGEMAP_SCAN",
			    "userfaultfd protection without a look at one word a mapping",
			    "Linux 6.7 to 7.2; others need nothing" },
	[PROBE_SOFT_DIRTY] = { "soft_dirty", "soft-dirty bits",
			       "which pages were written since the marks were cleared",
			       "a kernel with CONFIG_MEM_SOFT_DIRTY" },
	[PROBE_PFN] = { "sys_admin", "page frame numbers and swap slots in pagemap",
			"where a private page is in swap; swap told from markers and migrations",
			"run as root (CAP_SYS_ADMIN)" },
	[PROBE_CACHESTAT] = { "cachestat", "cachestat system call",
			      "exact states of shared pages in swap", "Linux 6.5 or newer" },
	[PROBE_MINCORE] = { "mincore", "mincore system call", "swap-cached pages", "" },
	[PROBE_SEEK_DATA] = { "seek_data", "SEEK_DATA on shared memory",
			      "data told from holes without cachestat", "Linux 3.8 or newer" },
	[PROBE_MAP_FILES] = { "map_files", "following /proc/PID/map_files",
			      "every shared object, also deleted ones",
			      "a kernel with /proc/PID/map_files" },
	[PROBE_BPF] = { "bpf", "BPF walk of shared memory",
			"the swap slot of every shared page, and the fastest samples",
			"Linux 6.1 or newer with BTF, /sys mounted, and a pmtop that was built with BPF" },
	[PROBE_KPAGEFLAGS] = { "kpageflags", "/proc/kpageflags",
			       "KSM, lazily freed and large pages, one by one",
			       "a whole /proc (no subset=pid), CONFIG_PROC_PAGE_MONITOR" },
	[PROBE_KPAGECOUNT] = { "kpagecount", "/proc/kpagecount", "how often a page is mapped",
			       "a whole /proc (no subset=pid), CONFIG_PROC_PAGE_MONITOR" },
	[PROBE_PAGEOUT] = { "pageout", "process_madvise(MADV_PAGEOUT)", "pushing pages out by hand",
			    "Linux 5.10 or newer" },
	[PROBE_OTHERS] = { "others", "processes of other users", "watching any process",
			   "run as root (CAP_SYS_PTRACE)" },
	[PROBE_SWAP] = { "swap", "swap space on this machine", "pages that can be swapped",
			 "swapon a file or partition, or pmtop run --make-swap" },
};

void probe_run(struct probe *ret_probe)
{
	struct probe *p = ret_probe;

	memset(p, 0, sizeof(*p));
	p->marker_swap_type = p->swap_areas = -1;
	p->zero_pfn = p->huge_zero_pfn = UINT64_MAX;
	for (int f = 0; f < PROBE_FEATURES; f++) {
		int result = probe_trials[f] ? probe_trials[f](p) : -ENOSYS;

		p->has[f] = result == 0;
		p->error[f] = result < 0 ? -result : 0;
	}
}

void probe_try_bpf(struct probe *probe)
{
	struct shmem_bpf *bpf = NULL;
	int result;

	if (!probe->has[PROBE_BPF])
		return;
	result = shmem_bpf_open(&bpf, probe->bpf_reason, sizeof(probe->bpf_reason));
	shmem_bpf_close(bpf);
	probe->has[PROBE_BPF] = result == 0;
	probe->error[PROBE_BPF] = result < 0 ? -result : 0;
}

int probe_take_away(struct probe *probe, const char *list, const char **ret_bad)
{
	while (*list) {
		size_t length = strcspn(list, ",");
		int f = 0;

		while (f < PROBE_FEATURES && (strlen(probe_features[f].key) != length ||
					      strncmp(probe_features[f].key, list, length) != 0))
			f++;
		if (f == PROBE_FEATURES) {
			*ret_bad = list;
			return -EINVAL;
		}
		probe->has[f] = false;
		probe->taken_away[f] = true;
		list += length + (list[length] == ',');
	}
	return 0;
}

/*
 * Where the kernel does not tell how many areas it can have, types below this are areas on every
 * configuration, and those above may be [include/linux/swap.h: MAX_SWAPFILES is 32 less at most
 * 10].
 */
#define CERTAIN_AREAS 22

/* Behind areas and broken memory come these, then devices [include/linux/swap.h, since 5.19]. */
#define MIGRATION_TYPES 3

/* Bits of a marker [include/linux/swapops.h], seen on 6.1, 6.12 and 6.18. */
#define MARKER_UFFD_WP 1
#define MARKER_POISON  2
#define MARKER_GUARD   4

/* Neither an area nor a marker. */
static int probe_special_type(const struct probe *probe, int type)
{
	int place = type - probe->swap_areas - probe->hwpoison_swap_types;

	if (probe->swap_areas < 0)
		return SWAP_TYPE_UNDECIDED;
	if (place < 0)
		return SWAP_TYPE_HWPOISON;
	/* Without markers (before 5.19) the order is another one. */
	return place < MIGRATION_TYPES || probe->marker_swap_type < 0 ? SWAP_TYPE_MIGRATION
								      : SWAP_TYPE_SPECIAL;
}

int probe_swap_type(const struct probe *probe, uint32_t type, uint64_t offset)
{
	if (!probe->has[PROBE_PFN])
		return SWAP_TYPE_HIDDEN;
	if ((int)type < (probe->swap_areas < 0 ? CERTAIN_AREAS : probe->swap_areas))
		return SWAP_TYPE_AREA;
	if ((int)type != probe->marker_swap_type)
		return probe_special_type(probe, (int)type);
	if (offset & MARKER_GUARD)
		return SWAP_TYPE_MARKER_GUARD;
	return offset & MARKER_POISON ? SWAP_TYPE_MARKER_POISON : SWAP_TYPE_MARKER_WP;
}
