/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SHMEM_BPF_IMPL_H
#define PMTOP_SHMEM_BPF_IMPL_H

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

/* Makes the program look at the task `pid`; nothing to do if it does. */
int shmem_bpf_bind(struct shmem_bpf *bpf, pid_t pid);
void shmem_bpf_unbind(struct shmem_bpf *bpf);

/*
 * One run over [addr, end) of the task: at most XARRAY_RECORDS records. The status that it left
 * (enum xarray_status), or -errno.
 */
int shmem_bpf_run(struct shmem_bpf *bpf, uint64_t addr, uint64_t end, bool flags);

#endif
