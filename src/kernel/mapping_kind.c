// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "kernel/mapping_kind.h"
#include "kernel/object_open.h"
#include "kernel/pagemap_scan_abi.h"
#include "model/cleanup.h"

static bool maps_starts_with(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* Names in brackets are the kernel's own [fs/proc/task_mmu.c: show_map_vma]. */
static enum mapping_kind maps_kind_by_name(const char *name)
{
	if (!strcmp(name, "[heap]"))
		return MAPPING_HEAP;
	if (maps_starts_with(name, "[stack"))
		return MAPPING_STACK;
	if (!name[0] || maps_starts_with(name, "[anon:"))
		return MAPPING_ANON;
	return MAPPING_SPECIAL; /* [vdso], [vvar], [vvar_vclock], [vsyscall], [uprobes], … */
}

/*
 * PAGEMAP_SCAN passes over mappings of raw page frames (VM_PFNMAP), and gives every other one at
 * least as a hole when nothing is filtered (measured on 6.18).
 */
static bool maps_is_raw_frames(const struct mapping *m, const struct target *target,
			       const struct probe *probe)
{
	struct pmscan_region region;
	struct pmscan_arg arg = { .size = sizeof(arg),
				  .vec = (uintptr_t)&region,
				  .vec_len = 1,
				  .start = m->start,
				  .end = m->start + PMTOP_PAGE_SIZE };

	return probe->has[PROBE_PAGEMAP_SCAN] && ioctl(target->pagemap, PMSCAN_IOCTL, &arg) == 0;
}

/* A device node: /dev/zero mapped privately is plain memory, any other is the driver's. */
static enum mapping_kind maps_kind_of_device(const struct mapping *m)
{
	return !strcmp(m->name, "/dev/zero") && mapping_is_private(m) ? MAPPING_ANON
								      : MAPPING_SPECIAL;
}

static bool maps_is_device(const struct mapping *m, const struct target *target)
{
	CLEANUP(cleanup_close) int fd = -1;
	struct stat st;

	if (!maps_starts_with(m->name, "/dev/") || maps_starts_with(m->name, "/dev/shm/"))
		return false;
	fd = object_open_path(target, m);
	return fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode);
}

/* What no mount shows: pseudo files of the kernel, or a mount of another namespace. */
static enum mapping_kind maps_kind_of_unknown(const struct mapping *m, const struct target *target,
					      const struct probe *probe)
{
	if (maps_starts_with(m->name, "anon_inode:") || maps_starts_with(m->name, "socket:") ||
	    maps_is_raw_frames(m, target, probe))
		return MAPPING_SPECIAL;
	if (maps_starts_with(m->name, "/anon_hugepage"))
		return MAPPING_HUGETLB;
	return MAPPING_FILE;
}

void mapping_find_kind(struct mapping *mapping, const struct target *target,
		       const struct probe *probe, struct filesystems *filesystems)
{
	struct mapping *m = mapping;
	bool internal =
		m->dev_major == probe->shmem_dev_major && m->dev_minor == probe->shmem_dev_minor;

	if (!m->inode && !m->dev_major && !m->dev_minor) {
		m->kind = (uint8_t)maps_kind_by_name(m->name);
		return;
	}
	/* The first SysV segment has inode 0, and a driver may keep its memory in shmem. */
	if (internal) {
		m->kind = MAPPING_SHMEM;
		return;
	}
	if (maps_is_device(m, target)) {
		m->kind = (uint8_t)maps_kind_of_device(m);
		return;
	}
	switch (filesystems_kind(filesystems, target, m->dev_major, m->dev_minor)) {
	case FILESYSTEM_SHMEM:
	case FILESYSTEM_DEVICE:
		m->kind = MAPPING_SHMEM;
		break;
	case FILESYSTEM_HUGETLB:
		m->kind = MAPPING_HUGETLB;
		m->hugetlb_file =
			!(probe->hugetlb_dev_known && m->dev_major == probe->hugetlb_dev_major &&
			  m->dev_minor == probe->hugetlb_dev_minor);
		break;
	case FILESYSTEM_LOCAL:
		m->kind = MAPPING_FILE;
		break;
	case FILESYSTEM_UNKNOWN:
	case FILESYSTEM_OTHER:
		m->kind = (uint8_t)maps_kind_of_unknown(m, target, probe);
		break;
	}
}
